/**
 * German. Pure data.
 *
 * @since 0.1.0
 */
import { currencies, noun, nouns } from "./CountedNouns.ts"
import { germanNumbers as numbers } from "./GermanNumbers.ts"
import type { DateWords, SpokenWords, TextLanguage } from "./TextLanguage.ts"

const words: SpokenWords = {
  and: "und",
  at: "ät",
  dot: "Punkt",
  slash: "Schrägstrich",
  backslash: "umgekehrter Schrägstrich",
  dash: "Strich",
  underscore: "Unterstrich",
  colon: "Doppelpunkt",
  plus: "plus",
  minus: "minus",
  plusOrMinus: "plus minus",
  times: "mal",
  by: "mal",
  ratio: "zu",
  over: "zu",
  outOf: "von",
  dividedBy: "geteilt durch",
  equals: "gleich",
  notEqual: "ungleich",
  approximatelyEqual: "ungefähr gleich",
  lessThan: "kleiner als",
  moreThan: "größer als",
  atMost: "höchstens",
  atLeast: "mindestens",
  percent: "Prozent",
  perMille: "Promille",
  degrees: "Grad",
  celsius: "Celsius",
  fahrenheit: "Fahrenheit",
  about: "etwa",
  number: "Nummer",
  to: "bis",
  per: "pro",
  squared: "hoch zwei",
  cubed: "hoch drei",
  toThePowerOf: "hoch",
  root: "Wurzel aus",
  infinity: "unendlich",
  sum: "Summe",
  pi: "Pi",
  ohm: "Ohm",
  micro: "Mikro",
  paragraph: "Paragraf",
  hash: "Raute",
  hashKey: "Raute",
  starKey: "Stern",
  copyright: "Copyright",
  registered: "eingetragene Marke",
  trademark: "Trademark",
  tilde: "Tilde",
  caret: "Zirkumflex",
  pipe: "senkrechter Strich",
  arrow: "nach",
  elementOf: "Element von",
  notElementOf: "nicht Element von",
  minutes: "Minuten",
  seconds: "Sekunden",
  port: "Port",
  extension: "Durchwahl",
  forExample: "zum Beispiel",
  thatIs: "das heißt",
  versus: "gegen",
  codeOmitted: "(Code ausgelassen)"
}

const months = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split(" ")

const datesWith = (months: ReadonlyArray<string>): DateWords => ({
  months,
  shortMonths: "J[aä]n Feb(?:r)? Mrz Apr Mai Jun Jul Aug Sept? Okt Nov Dez".split(" "),
  dayMark: "\\.",
  monthJoin: " ?",
  yearJoin: " ",
  ofYear: " ",
  monthFirst: false,
  dayDotMonth: true,
  timeBefore: /\b(?:um|gegen)\s+$/iu,
  timeMark: "Uhr",
  day: (day, form) => numbers.ordinal(day, { ...form, after: form?.after || " " }),
  date: (day, month, year, form) =>
    `${numbers.ordinal(day, { ...form, after: form?.after || " " })} ${months[month - 1] ?? ""}${
      year === undefined ? "" : ` ${year}`
    }`,
  time: (hours, minutes) =>
    `${numbers.cardinal(hours, "neuter")} Uhr${minutes === 0 ? "" : ` ${numbers.cardinal(minutes)}`}`,
  hour: noun("Stunde/Stunden/f"),
  minute: noun("Minute/Minuten/f"),
  second: noun("Sekunde/Sekunden/f")
})

const units = nouns({
  km: "Kilometer",
  m: "Meter",
  dm: "Dezimeter",
  cm: "Zentimeter",
  mm: "Millimeter",
  "µm μm": "Mikrometer",
  nm: "Nanometer",
  mi: "Meile/Meilen/f",
  ft: "Fuß",
  "″": "Zoll",
  "km² km2 qkm": "Quadratkilometer",
  "m² m2 qm": "Quadratmeter",
  "cm² cm2": "Quadratzentimeter",
  "mm²": "Quadratmillimeter",
  "m³ m3": "Kubikmeter",
  "cm³ cm3 ccm": "Kubikzentimeter",
  ha: "Hektar",
  kg: "Kilogramm/Kilogramm/n",
  g: "Gramm/Gramm/n",
  mg: "Milligramm/Milligramm/n",
  "µg μg": "Mikrogramm/Mikrogramm/n",
  t: "Tonne/Tonnen/f",
  "lb lbs": "Pfund/Pfund/n",
  oz: "Unze/Unzen/f",
  EL: "Esslöffel",
  TL: "Teelöffel",
  "l L": "Liter",
  "dl dL": "Deziliter",
  "cl cL": "Zentiliter",
  "ml mL": "Milliliter",
  hl: "Hektoliter",
  "km/h kmh": "Kilometer pro Stunde",
  "m/s": "Meter pro Sekunde",
  mph: "Meile pro Stunde/Meilen pro Stunde/f",
  "h Std Std.": "Stunde/Stunden/f",
  "min Min Min.": "Minute/Minuten/f",
  "s sec Sek Sek.": "Sekunde/Sekunden/f",
  ms: "Millisekunde/Millisekunden/f",
  "µs μs": "Mikrosekunde/Mikrosekunden/f",
  ns: "Nanosekunde/Nanosekunden/f",
  Hz: "Hertz",
  kHz: "Kilohertz",
  MHz: "Megahertz",
  GHz: "Gigahertz",
  W: "Watt",
  kW: "Kilowatt",
  MW: "Megawatt",
  GW: "Gigawatt",
  Wh: "Wattstunde/Wattstunden/f",
  kWh: "Kilowattstunde/Kilowattstunden/f",
  MWh: "Megawattstunde/Megawattstunden/f",
  V: "Volt",
  mV: "Millivolt",
  kV: "Kilovolt",
  mA: "Milliampere",
  mAh: "Milliamperestunde/Milliamperestunden/f",
  Ah: "Amperestunde/Amperestunden/f",
  "Ω Ω": "Ohm",
  "kΩ kΩ": "Kiloohm",
  kJ: "Kilojoule",
  kcal: "Kilokalorie/Kilokalorien/f",
  hPa: "Hektopascal",
  kPa: "Kilopascal",
  bar: "Bar",
  Nm: "Newtonmeter",
  PS: "PS",
  dB: "Dezibel",
  "kB KB": "Kilobyte",
  MB: "Megabyte",
  GB: "Gigabyte",
  TB: "Terabyte",
  "kbit/s": "Kilobit pro Sekunde",
  "Mbit/s": "Megabit pro Sekunde",
  "Gbit/s": "Gigabit pro Sekunde",
  "MB/s": "Megabyte pro Sekunde",
  ct: "Cent",
  px: "Pixel",
  "°C ℃": "Grad Celsius",
  "°F ℉": "Grad Fahrenheit",
  "° º": "Grad",
  "%": "Prozent",
  "‰": "Promille"
})

const money = currencies({
  EUR: "Euro Cent",
  USD: "Dollar Cent",
  US$: "US-Dollar Cent",
  GBP: "Pfund/Pfund/n Penny/Pence",
  JPY: "Yen",
  CHF: "Franken Rappen",
  INR: "Rupie/Rupien/f",
  CNY: "Yuan",
  KRW: "Won",
  RUB: "Rubel Kopeke/Kopeken/f",
  BRL: "Real/Real Centavo/Centavos",
  SEK: "schwedische_Krone/schwedische_Kronen/f",
  NOK: "norwegische_Krone/norwegische_Kronen/f",
  DKK: "dänische_Krone/dänische_Kronen/f",
  kr: "Krone/Kronen/f",
  PLN: "Złoty",
  CZK: "tschechische_Krone/tschechische_Kronen/f",
  HUF: "Forint",
  TRY: "Lira/Lira/f",
  CAD: "kanadischer_Dollar/kanadische_Dollar Cent",
  AUD: "australischer_Dollar/australische_Dollar Cent",
  MXN: "Peso/Pesos",
  ILS: "Schekel",
  UAH: "Hrywnja/Hrywnja/f",
  BTC: "Bitcoin",
  cent: "Cent"
})

/**
 * German.
 *
 * @category constants
 * @since 0.1.0
 */
export const german: TextLanguage = {
  tag: "de",
  words,
  abbreviations:
    ("z z. z.B B d d.h h Dr Prof Dipl Ing Hr Hrn Fr Frl St Nr Nrn bzw ca ggf evtl inkl exkl zzgl vgl Abs Art Aufl Bd Bsp " +
      "Str Tel Abb Kap max min mind sog u u.a u.U u.ä o o.ä o.g i i.d.R i.A i.V gem geb gest verh jr sen vs Mio Mrd Tsd Std Min " +
      "Sek Jh Mo Di Mi Do Fr Sa So Jan Feb Febr Apr Jun Jul Aug Sep Sept Okt Nov Dez S Z lt usf allg bes entspr insb jew " +
      "urspr versch wg zul zw Hbf bayr dt engl frz lat österr schweiz").split(" "),
  finalAbbreviations: "usw etc usf u.a.m u.dgl o.ä GmbH Co v.Chr n.Chr Chr a.D e.V".split(" "),
  expansions: [
    ["z. B.", "zum Beispiel"],
    ["z.B.", "zum Beispiel"],
    ["d. h.", "das heißt"],
    ["d.h.", "das heißt"],
    ["u. a.", "unter anderem"],
    ["u.a.", "unter anderem"],
    ["u. U.", "unter Umständen"],
    ["o. ä.", "oder ähnliche"],
    ["o.ä.", "oder ähnliche"],
    ["i. d. R.", "in der Regel"],
    ["i.d.R.", "in der Regel"],
    ["bzw.", "beziehungsweise"],
    ["usw.", "und so weiter"],
    ["ca.", "circa"],
    ["ggf.", "gegebenenfalls"],
    ["evtl.", "eventuell"],
    ["inkl.", "inklusive"],
    ["zzgl.", "zuzüglich"],
    ["vgl.", "vergleiche"],
    ["sog.", "sogenannte"],
    ["mind.", "mindestens"],
    ["max.", "maximal"],
    ["Nr.", "Nummer"],
    ["Str.", "Straße"],
    ["Tel.", "Telefon"],
    ["vs.", "gegen"]
  ],
  format: { group: ".", decimal: ",", spaceGroups: true, dateOrder: "dmy" },
  numbers,
  scales: [
    { written: "Tsd\\.?|[Tt]ausend", exponent: 3, noun: noun("tausend") },
    { written: "Mio\\.?|Millionen|Million", exponent: 6, noun: noun("Million/Millionen/f") },
    { written: "Mrd\\.?|Milliarden|Milliarde", exponent: 9, noun: noun("Milliarde/Milliarden/f") },
    { written: "Bio\\.?|Billionen|Billion", exponent: 12, noun: noun("Billion/Billionen/f") }
  ],
  dates: datesWith(months),
  currencies: money,
  currencySigns: {},
  units,
  ofMillions: (noun) => ` ${noun}`,
  joinMoney: " und "
}

/**
 * Austrian German.
 *
 * @category constants
 * @since 0.1.0
 */
export const austrianGerman: TextLanguage = {
  ...german,
  tag: "de-AT",
  dates: datesWith(["Jänner", ...months.slice(1)])
}
