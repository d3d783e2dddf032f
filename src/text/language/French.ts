/**
 * French. Pure data.
 *
 * @since 0.1.0
 */
import { currencies, noun, nouns } from "./CountedNouns.ts"
import { frenchNumbers } from "./FrenchNumbers.ts"
import type { DateWords, SpokenWords, TextLanguage } from "./TextLanguage.ts"

const words: SpokenWords = {
  and: "et",
  at: "arobase",
  dot: "point",
  slash: "barre oblique",
  backslash: "barre oblique inversée",
  dash: "tiret",
  underscore: "tiret bas",
  colon: "deux-points",
  plus: "plus",
  minus: "moins",
  plusOrMinus: "plus ou moins",
  times: "fois",
  timesAsMuch: "fois",
  by: "sur",
  ratio: "à",
  over: "sur",
  outOf: "sur",
  dividedBy: "divisé par",
  equals: "égale",
  notEqual: "différent de",
  approximatelyEqual: "environ égal à",
  lessThan: "inférieur à",
  moreThan: "supérieur à",
  atMost: "inférieur ou égal à",
  atLeast: "supérieur ou égal à",
  percent: "pour cent",
  perMille: "pour mille",
  degrees: "degrés",
  celsius: "Celsius",
  fahrenheit: "Fahrenheit",
  about: "environ",
  number: "numéro",
  to: "à",
  per: "par",
  squared: "au carré",
  cubed: "au cube",
  toThePowerOf: "puissance",
  root: "racine de",
  infinity: "l'infini",
  sum: "somme de",
  pi: "pi",
  ohm: "ohm",
  micro: "micro",
  paragraph: "paragraphe",
  hash: "dièse",
  hashKey: "dièse",
  starKey: "étoile",
  copyright: "copyright",
  registered: "marque déposée",
  trademark: "marque",
  tilde: "tilde",
  caret: "accent circonflexe",
  pipe: "barre verticale",
  arrow: "vers",
  elementOf: "appartient à",
  notElementOf: "n'appartient pas à",
  minutes: "minutes",
  seconds: "secondes",
  port: "port",
  extension: "poste",
  forExample: "par exemple",
  thatIs: "c'est-à-dire",
  versus: "contre",
  codeOmitted: "(code omis)"
}

const numbers = frenchNumbers("FR")
const months = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(" ")
const hour = noun("heure/heures/f")

const dates: DateWords = {
  months,
  shortMonths: "janv f[ée]vr? mars avr mai juin juil ao[ûu]t sept oct nov d[ée]c".split(" "),
  dayMark: "(?:er)?",
  monthJoin: " ",
  yearJoin: " ",
  ofYear: " ",
  monthFirst: false,
  timeMark: "heures?",
  hourMark: "h|heures?",
  day: (day) => day === 1 ? "premier" : numbers.cardinal(day),
  date: (day, month, year) =>
    `${day === 1 ? "premier" : numbers.cardinal(day)} ${months[month - 1] ?? ""}${
      year === undefined ? "" : ` ${year}`
    }`,
  time: (hours, minutes) =>
    `${numbers.cardinal(hours, "feminine")} ${hours < 2 ? hour.one : hour.many}${
      minutes === 0 ? "" : ` ${numbers.cardinal(minutes)}`
    }`,
  hour,
  minute: noun("minute/minutes/f"),
  second: noun("seconde/secondes/f")
}

const units = nouns({
  km: "kilomètre/kilomètres",
  m: "mètre/mètres",
  dm: "décimètre/décimètres",
  cm: "centimètre/centimètres",
  mm: "millimètre/millimètres",
  "µm μm": "micromètre/micromètres",
  nm: "nanomètre/nanomètres",
  mi: "mile/miles",
  ft: "pied/pieds",
  "″": "pouce/pouces",
  "km² km2": "kilomètre carré/kilomètres carrés",
  "m² m2": "mètre carré/mètres carrés",
  "cm² cm2": "centimètre carré/centimètres carrés",
  "mm²": "millimètre carré/millimètres carrés",
  "m³ m3": "mètre cube/mètres cubes",
  "cm³ cm3": "centimètre cube/centimètres cubes",
  ha: "hectare/hectares",
  kg: "kilogramme/kilogrammes",
  g: "gramme/grammes",
  mg: "milligramme/milligrammes",
  "µg μg": "microgramme/microgrammes",
  t: "tonne/tonnes/f",
  "lb lbs": "livre/livres/f",
  oz: "once/onces/f",
  "l L": "litre/litres",
  "dl dL": "décilitre/décilitres",
  "cl cL": "centilitre/centilitres",
  "ml mL": "millilitre/millilitres",
  hl: "hectolitre/hectolitres",
  "km/h kmh": "kilomètre par heure/kilomètres par heure",
  "m/s": "mètre par seconde/mètres par seconde",
  "m/s²": "mètre par seconde au carré/mètres par seconde au carré",
  mph: "mile par heure/miles par heure",
  j: "jour/jours",
  "min mn": "minute/minutes/f",
  "s sec": "seconde/secondes/f",
  ms: "milliseconde/millisecondes/f",
  "µs μs": "microseconde/microsecondes/f",
  ns: "nanoseconde/nanosecondes/f",
  Hz: "hertz",
  kHz: "kilohertz",
  MHz: "mégahertz",
  GHz: "gigahertz",
  W: "watt/watts",
  kW: "kilowatt/kilowatts",
  MW: "mégawatt/mégawatts",
  GW: "gigawatt/gigawatts",
  Wh: "wattheure/wattheures",
  kWh: "kilowattheure/kilowattheures",
  MWh: "mégawattheure/mégawattheures",
  V: "volt/volts",
  mV: "millivolt/millivolts",
  kV: "kilovolt/kilovolts",
  mA: "milliampère/milliampères",
  mAh: "milliampère-heure/milliampères-heures",
  "Ω Ω": "ohm/ohms",
  "kΩ kΩ": "kiloohm/kiloohms",
  kJ: "kilojoule/kilojoules",
  kcal: "kilocalorie/kilocalories/f",
  hPa: "hectopascal/hectopascals",
  bar: "bar/bars",
  Nm: "newton-mètre/newtons-mètres",
  ch: "cheval/chevaux",
  dB: "décibel/décibels",
  "ko Ko kB KB": "kilooctet/kilooctets",
  "Mo MB": "mégaoctet/mégaoctets",
  "Go GB": "gigaoctet/gigaoctets",
  "To TB": "téraoctet/téraoctets",
  "kbit/s": "kilobit par seconde/kilobits par seconde",
  "Mbit/s": "mégabit par seconde/mégabits par seconde",
  "Gbit/s": "gigabit par seconde/gigabits par seconde",
  px: "pixel/pixels",
  "°C ℃": "degré Celsius/degrés Celsius",
  "°F ℉": "degré Fahrenheit/degrés Fahrenheit",
  "°": "degré/degrés",
  "%": "pour cent",
  "‰": "pour mille"
})

const money = currencies({
  EUR: "euro/euros centime/centimes",
  USD: "dollar/dollars cent/cents",
  US$: "dollar_américain/dollars_américains cent/cents",
  GBP: "livre/livres/f penny/pence",
  JPY: "yen/yens",
  CHF: "franc_suisse/francs_suisses centime/centimes",
  INR: "roupie/roupies/f",
  CNY: "yuan/yuans",
  KRW: "won/wons",
  RUB: "rouble/roubles kopeck/kopecks",
  BRL: "réal/réaux centavo/centavos",
  SEK: "couronne_suédoise/couronnes_suédoises/f",
  NOK: "couronne_norvégienne/couronnes_norvégiennes/f",
  DKK: "couronne_danoise/couronnes_danoises/f",
  kr: "couronne/couronnes/f",
  PLN: "zloty/zlotys",
  CZK: "couronne_tchèque/couronnes_tchèques/f",
  HUF: "forint/forints",
  TRY: "livre_turque/livres_turques/f",
  CAD: "dollar_canadien/dollars_canadiens cent/cents",
  AUD: "dollar_australien/dollars_australiens cent/cents",
  MXN: "peso/pesos centavo/centavos",
  ILS: "shekel/shekels",
  UAH: "hryvnia/hryvnias/f",
  BTC: "bitcoin/bitcoins",
  cent: "cent/cents"
})

/**
 * French.
 *
 * @category constants
 * @since 0.1.0
 */
export const french: TextLanguage = {
  tag: "fr",
  words,
  abbreviations:
    ("M MM Mr Mme Mmes Mlle Mlles Dr Drs Me Mgr Pr Prof St Ste p.ex p ex c.-à-d cf env art av bd boul chap éd ex " +
      "fig min max mn n° no nos pp réf tél vol vs janv févr avr juil sept oct nov déc lun mar mer jeu ven sam dim approx hab " +
      "l.c op trad").split(" "),
  finalAbbreviations: "etc J.-C Cie S.A S.A.R.L".split(" "),
  expansions: [
    ["av. J.-C.", "avant Jésus-Christ"],
    ["apr. J.-C.", "après Jésus-Christ"],
    ["ap. J.-C.", "après Jésus-Christ"],
    ["p. ex.", "par exemple"],
    ["p.ex.", "par exemple"],
    ["c.-à-d.", "c'est-à-dire"],
    ["env.", "environ"],
    ["M.", "Monsieur"],
    ["Mme", "Madame"],
    ["Mmes", "Mesdames"],
    ["Mlle", "Mademoiselle"],
    ["MM.", "Messieurs"],
    ["n°", "numéro"],
    ["tél.", "téléphone"],
    ["vs.", "contre"]
  ],
  numbered: [
    ["p.", "page"],
    ["pp.", "pages"],
    ["fig.", "figure"],
    ["art.", "article"],
    ["chap.", "chapitre"],
    ["vol.", "volume"],
    ["al.", "alinéa"],
    ["appt.", "appartement"]
  ],
  format: { group: ".", decimal: ",", spaceGroups: true, dateOrder: "dmy" },
  numbers,
  scales: [
    { written: "mille", exponent: 3, noun: noun("mille") },
    { written: "k", exponent: 3, noun: noun("mille"), attached: true },
    { written: "millions?", exponent: 6, noun: noun("million/millions") },
    { written: "M", exponent: 6, noun: noun("million/millions"), money: true },
    { written: "milliards?|Mds?", exponent: 9, noun: noun("milliard/milliards") },
    { written: "billions?", exponent: 12, noun: noun("billion/billions") }
  ],
  dates,
  currencies: money,
  currencySigns: {},
  units,
  ofMillions: (noun) => /^[aeiouéh]/u.test(noun) ? ` d'${noun}` : ` de ${noun}`,
  joinMoney: " et "
}

/**
 * French of Belgium.
 *
 * @category constants
 * @since 0.1.0
 */
export const belgianFrench: TextLanguage = { ...french, tag: "fr-BE", numbers: frenchNumbers("BE") }

/**
 * French of Switzerland.
 *
 * @category constants
 * @since 0.1.0
 */
export const swissFrench: TextLanguage = {
  ...french,
  tag: "fr-CH",
  numbers: frenchNumbers("CH"),
  currencies: { ...money, CHF: { major: noun("franc/francs"), minor: noun("centime/centimes") } }
}
