/**
 * English. Pure data.
 *
 * @since 0.1.0
 */
import { currencies, noun, nouns } from "./CountedNouns.ts"
import { englishNumbers } from "./EnglishNumbers.ts"
import type { DateWords, SpokenWords, TextLanguage } from "./TextLanguage.ts"

const words: SpokenWords = {
  and: "and",
  at: "at",
  dot: "dot",
  slash: "slash",
  backslash: "backslash",
  dash: "dash",
  underscore: "underscore",
  colon: "colon",
  plus: "plus",
  minus: "minus",
  plusOrMinus: "plus or minus",
  times: "times",
  timesAsMuch: "times",
  by: "by",
  ratio: "to",
  over: "over",
  outOf: "out of",
  dividedBy: "divided by",
  equals: "equals",
  notEqual: "is not equal to",
  approximatelyEqual: "is approximately",
  lessThan: "less than",
  moreThan: "more than",
  atMost: "at most",
  atLeast: "at least",
  percent: "percent",
  perMille: "per mille",
  degrees: "degrees",
  celsius: "Celsius",
  fahrenheit: "Fahrenheit",
  about: "about",
  number: "number",
  to: "to",
  per: "per",
  squared: "squared",
  cubed: "cubed",
  toThePowerOf: "to the power of",
  root: "the square root of",
  infinity: "infinity",
  sum: "the sum of",
  pi: "pi",
  ohm: "ohm",
  micro: "micro",
  paragraph: "section",
  hash: "hash",
  hashKey: "pound",
  starKey: "star",
  copyright: "copyright",
  registered: "registered",
  trademark: "trademark",
  tilde: "tilde",
  caret: "caret",
  pipe: "pipe",
  arrow: "to",
  elementOf: "in",
  notElementOf: "not in",
  minutes: "minutes",
  seconds: "seconds",
  port: "port",
  extension: "extension",
  forExample: "for example",
  thatIs: "that is",
  versus: "versus",
  codeOmitted: "(code omitted)"
}

const numbers = englishNumbers(false)
const months = ("January February March April May June July August September October November December").split(" ")

const clock = (hours: number, minutes: number, mark: string | undefined): string => {
  const half = mark === undefined ? "" : /^a/iu.test(mark) ? " a.m." : " p.m."
  const hour = numbers.cardinal(hours)
  if (minutes > 0) return `${hour} ${minutes < 10 ? "oh " : ""}${numbers.cardinal(minutes)}${half}`
  if (half !== "") return hour + half
  return hours === 0 ? "zero hundred" : hours > 12 ? `${hour} hundred` : `${hour} o'clock`
}

const day = (day: number) => numbers.ordinal(day)

const dates: DateWords = {
  months,
  shortMonths: "Jan Feb Mar Apr May June? July? Aug Sept? Oct Nov Dec".split(" "),
  dayMark: "(?:st|nd|rd|th)?",
  monthJoin: " (?:of )?",
  yearJoin: ",? ",
  ofYear: " ",
  monthFirst: true,
  timeMark: "[AaPp]\\.? ?[Mm]\\b\\.?",
  day,
  date: (value, month, year, form) => {
    const name = months[month - 1] ?? ""
    if (form?.dayFirst !== true) return `${name} ${day(value)}${year === undefined ? "" : `, ${year}`}`
    const the = /\b(?:the|this|that|every|on a)\s+$/iu.test(form.before ?? "") ? "" : "the "
    return `${the}${day(value)} of ${name}${year === undefined ? "" : ` ${year}`}`
  },
  time: clock,
  hour: noun("hour/hours"),
  minute: noun("minute/minutes"),
  second: noun("second/seconds")
}

const units = nouns({
  km: "kilometer/kilometers",
  m: "meter/meters",
  dm: "decimeter/decimeters",
  cm: "centimeter/centimeters",
  mm: "millimeter/millimeters",
  "µm μm": "micrometer/micrometers",
  nm: "nanometer/nanometers",
  mi: "mile/miles",
  ft: "foot/feet",
  "″": "inch/inches",
  yd: "yard/yards",
  "km² km2": "square kilometer/square kilometers",
  "m² m2 sqm": "square meter/square meters",
  "cm² cm2": "square centimeter/square centimeters",
  "mm²": "square millimeter/square millimeters",
  "ft² sqft": "square foot/square feet",
  "m³ m3": "cubic meter/cubic meters",
  "cm³ cm3": "cubic centimeter/cubic centimeters",
  ha: "hectare/hectares",
  kg: "kilogram/kilograms",
  g: "gram/grams",
  mg: "milligram/milligrams",
  "µg μg mcg": "microgram/micrograms",
  t: "ton/tons",
  "lb lbs": "pound/pounds",
  oz: "ounce/ounces",
  "l L": "liter/liters",
  "dl dL": "deciliter/deciliters",
  "cl cL": "centiliter/centiliters",
  "ml mL": "milliliter/milliliters",
  gal: "gallon/gallons",
  "km/h kmh kph": "kilometer per hour/kilometers per hour",
  "m/s": "meter per second/meters per second",
  "m/s²": "meter per second squared/meters per second squared",
  mph: "mile per hour/miles per hour",
  "h hr hrs": "hour/hours",
  mo: "month/months",
  wk: "week/weeks",
  "yr yrs": "year/years",
  min: "minute/minutes",
  "s sec": "second/seconds",
  ms: "millisecond/milliseconds",
  "µs μs": "microsecond/microseconds",
  ns: "nanosecond/nanoseconds",
  Hz: "hertz",
  kHz: "kilohertz",
  MHz: "megahertz",
  GHz: "gigahertz",
  W: "watt/watts",
  kW: "kilowatt/kilowatts",
  MW: "megawatt/megawatts",
  GW: "gigawatt/gigawatts",
  Wh: "watt-hour/watt-hours",
  kWh: "kilowatt-hour/kilowatt-hours",
  MWh: "megawatt-hour/megawatt-hours",
  V: "volt/volts",
  mV: "millivolt/millivolts",
  kV: "kilovolt/kilovolts",
  mA: "milliamp/milliamps",
  mAh: "milliamp-hour/milliamp-hours",
  Ah: "amp-hour/amp-hours",
  "Ω Ω": "ohm/ohms",
  "kΩ kΩ": "kilohm/kilohms",
  kJ: "kilojoule/kilojoules",
  kcal: "kilocalorie/kilocalories",
  hPa: "hectopascal/hectopascals",
  kPa: "kilopascal/kilopascals",
  bar: "bar/bars",
  psi: "pound per square inch/pounds per square inch",
  Nm: "newton meter/newton meters",
  hp: "horsepower",
  rpm: "revolution per minute/revolutions per minute",
  dB: "decibel/decibels",
  "kB KB": "kilobyte/kilobytes",
  MB: "megabyte/megabytes",
  GB: "gigabyte/gigabytes",
  TB: "terabyte/terabytes",
  "kbit/s kbps": "kilobit per second/kilobits per second",
  "Mbit/s Mbps": "megabit per second/megabits per second",
  "Gbit/s Gbps": "gigabit per second/gigabits per second",
  "MB/s": "megabyte per second/megabytes per second",
  MP: "megapixel/megapixels",
  px: "pixel/pixels",
  dpi: "dot per inch/dots per inch",
  fps: "frame per second/frames per second",
  ppm: "part per million/parts per million",
  "°C ℃": "degree Celsius/degrees Celsius",
  "°F ℉": "degree Fahrenheit/degrees Fahrenheit",
  "° º": "degree/degrees",
  "%": "percent",
  "‰": "per mille"
})

/** The units of length and volume are spelt as in Britain. */
const britishUnits = Object.fromEntries(
  Object.entries(units).map(([symbol, { gender, many, one }]) => {
    const british = (text: string) => text.replace(/meter/gu, "metre").replace(/liter/gu, "litre")
    return [symbol, { one: british(one), many: british(many), gender }]
  })
)

const money = currencies({
  EUR: "euro/euros cent/cents",
  USD: "dollar/dollars cent/cents",
  GBP: "pound/pounds penny/pence",
  JPY: "yen",
  CHF: "Swiss_franc/Swiss_francs centime/centimes",
  INR: "rupee/rupees paisa/paise",
  CNY: "yuan",
  KRW: "won",
  RUB: "ruble/rubles kopeck/kopecks",
  BRL: "real/reais centavo/centavos",
  SEK: "Swedish_krona/Swedish_kronor",
  NOK: "Norwegian_krone/Norwegian_kroner",
  DKK: "Danish_krone/Danish_kroner",
  kr: "krone/kroner",
  PLN: "zloty/zlotys",
  CZK: "Czech_koruna/Czech_korunas",
  HUF: "forint/forints",
  TRY: "Turkish_lira/Turkish_lira",
  CAD: "Canadian_dollar/Canadian_dollars cent/cents",
  AUD: "Australian_dollar/Australian_dollars cent/cents",
  NZD: "New_Zealand_dollar/New_Zealand_dollars cent/cents",
  HKD: "Hong_Kong_dollar/Hong_Kong_dollars cent/cents",
  SGD: "Singapore_dollar/Singapore_dollars cent/cents",
  MXN: "peso/pesos centavo/centavos",
  ILS: "shekel/shekels",
  UAH: "hryvnia/hryvnias",
  THB: "baht",
  VND: "dong",
  NGN: "naira",
  BTC: "bitcoin/bitcoins",
  US$: "US_dollar/US_dollars cent/cents",
  cent: "cent/cents"
})

/**
 * American English.
 *
 * @category constants
 * @since 0.1.0
 */
export const english: TextLanguage = {
  tag: "en",
  words,
  abbreviations:
    ("Mr Mrs Ms Mx Messrs Dr Drs Prof St Ste Gov Lt Col Gen Sgt Capt Cpl Pvt Maj Adm Cmdr Brig Sen Rep Rev Hon Pres " +
      "Supt Det Fr Sr Jr Mt Mts Ft No Nos vs approx dept est e.g i.e cf viz al Ave Blvd Rd Hwy Rte Apt Ste Univ Assn Bros " +
      "Fig Figs Eq Sec Ch Vol Vols Art p pp ed eds trans ext tel min max avg incl excl Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun " +
      "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Ala Ariz Ark Calif Colo Conn Del Fla Ill Ind Kan Ky La Mass Md Mich Minn " +
      "Miss Mo Mont Neb Nev Okla Ore Pa Penn Tenn Tex Va Vt Wash Wis Wyo").split(" "),
  finalAbbreviations:
    "etc Inc Corp Ltd Co LLC Bros Jr Sr U.S U.K U.N E.U U.S.A D.C a.m p.m A.M P.M Ph.D M.D B.A M.A B.C A.D Esq"
      .split(" "),
  expansions: [["w/", "with"], ["e.g.", "for example"], ["i.e.", "that is"], ["vs.", "versus"], [
    "approx.",
    "approximately"
  ], [
    "w/o",
    "without"
  ]],
  numbered: [
    ["No.", "number"],
    ["Nos.", "numbers"],
    ["Fig.", "figure"],
    ["fig.", "figure"],
    ["Figs.", "figures"],
    ["figs.", "figures"],
    ["p.", "page"],
    ["pp.", "pages"],
    ["pg.", "page"],
    ["pgs.", "pages"],
    ["Ch.", "chapter"],
    ["ch.", "chapter"],
    ["Vol.", "volume"],
    ["vol.", "volume"],
    ["Sec.", "section"],
    ["Eq.", "equation"],
    ["Art.", "article"],
    ["Apt.", "apartment"],
    ["Rte.", "route"],
    ["Hwy.", "highway"],
    ["Rm.", "room"],
    ["Ext.", "extension"],
    ["ext.", "extension"]
  ],
  format: { group: ",", decimal: ".", spaceGroups: false, dateOrder: "mdy" },
  numbers,
  scales: [
    { written: "thousand", exponent: 3, noun: noun("thousand") },
    { written: "k|(?<=\\d\\d)K", exponent: 3, noun: noun("thousand"), attached: true },
    { written: "K", exponent: 3, noun: noun("thousand"), attached: true, money: true },
    { written: "lakhs?", exponent: 5, noun: noun("lakh") },
    { written: "crores?", exponent: 7, noun: noun("crore") },
    { written: "million|mill|mio|mln", exponent: 6, noun: noun("million") },
    { written: "mn|M", exponent: 6, noun: noun("million"), attached: true },
    { written: "m|mm|MM", exponent: 6, noun: noun("million"), attached: true, money: true },
    { written: "billion|bln", exponent: 9, noun: noun("billion") },
    { written: "bn", exponent: 9, noun: noun("billion"), attached: true },
    { written: "B|b", exponent: 9, noun: noun("billion"), attached: true, money: true },
    { written: "trillion", exponent: 12, noun: noun("trillion") },
    { written: "tn|trn|T", exponent: 12, noun: noun("trillion"), attached: true, money: true }
  ],
  dates,
  currencies: money,
  currencySigns: {},
  units,
  ofMillions: (noun) => ` ${noun}`,
  joinMoney: " and "
}

/**
 * British English, also for the other regions in which a date begins with the day.
 *
 * @category constants
 * @since 0.1.0
 */
export const britishEnglish: TextLanguage = {
  ...english,
  tag: "en-GB",
  words: { ...words, percent: "per cent", hash: "hash", hashKey: "hash" },
  format: { ...english.format, dateOrder: "dmy" },
  numbers: englishNumbers(true),
  units: { ...britishUnits, p: noun("penny/pence"), "%": noun("per cent") }
}
