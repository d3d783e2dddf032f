/**
 * Spanish. Pure data.
 *
 * @since 0.1.0
 */
import { currencies, noun, nouns } from "./CountedNouns.ts"
import { spanishNumbers } from "./SpanishNumbers.ts"
import type { DateWords, SpokenWords, TextLanguage } from "./TextLanguage.ts"

const words: SpokenWords = {
  and: "y",
  at: "arroba",
  dot: "punto",
  slash: "barra",
  backslash: "barra invertida",
  dash: "guion",
  underscore: "guion bajo",
  colon: "dos puntos",
  plus: "más",
  minus: "menos",
  plusOrMinus: "más o menos",
  times: "por",
  timesAsMuch: "veces",
  by: "por",
  ratio: "a",
  over: "sobre",
  outOf: "de",
  dividedBy: "entre",
  equals: "igual a",
  notEqual: "distinto de",
  approximatelyEqual: "aproximadamente igual a",
  lessThan: "menor que",
  moreThan: "mayor que",
  atMost: "menor o igual que",
  atLeast: "mayor o igual que",
  percent: "por ciento",
  perMille: "por mil",
  degrees: "grados",
  celsius: "Celsius",
  fahrenheit: "Fahrenheit",
  about: "aproximadamente",
  number: "número",
  to: "a",
  per: "por",
  squared: "al cuadrado",
  cubed: "al cubo",
  toThePowerOf: "elevado a",
  root: "raíz de",
  infinity: "infinito",
  sum: "suma de",
  pi: "pi",
  ohm: "ohmio",
  micro: "micro",
  paragraph: "párrafo",
  hash: "almohadilla",
  hashKey: "almohadilla",
  starKey: "asterisco",
  copyright: "copyright",
  registered: "marca registrada",
  trademark: "marca",
  tilde: "tilde",
  caret: "acento circunflejo",
  pipe: "barra vertical",
  arrow: "a",
  elementOf: "pertenece a",
  notElementOf: "no pertenece a",
  minutes: "minutos",
  seconds: "segundos",
  port: "puerto",
  extension: "extensión",
  forExample: "por ejemplo",
  thatIs: "es decir",
  versus: "contra",
  codeOmitted: "(código omitido)"
}

const months = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(" ")
const numbers = spanishNumbers("coma")

const clock = (hours: number, minutes: number, mark: string | undefined): string => {
  const half = mark === undefined || !/^[ap]/iu.test(mark)
    ? ""
    : /^a/iu.test(mark)
    ? " de la mañana"
    : hours >= 8 && hours < 12
    ? " de la noche"
    : " de la tarde"
  const hour = numbers.cardinal(hours, "feminine")
  if (minutes > 0) return `${hour} ${minutes < 10 ? "cero " : ""}${numbers.cardinal(minutes)}${half}`
  if (half !== "" || (hours === 1 && mark === undefined)) return hour + half
  return `${hour} ${hours === 1 ? "hora" : "horas"}`
}

const datesWith = (first: string): DateWords => {
  const day = (day: number) => day === 1 ? first : numbers.cardinal(day)
  return {
    months,
    shortMonths: "ene feb mar abr may jun jul ago sept? oct nov dic".split(" "),
    dayMark: "(?:\\.?[ºo°])?",
    monthJoin: " (?:de )?",
    yearJoin: " (?:de |del )?",
    ofYear: " de ",
    monthFirst: false,
    timeMark: "[AaPp]\\.? ?[Mm]\\b\\.?|horas?|hrs\\.?|hs\\.?",
    hourBefore: /(?:^|\s)(?:a|de|desde|hasta|sobre|es|era|son) las?\s+$/iu,
    hourMark: "h",
    day,
    date: (value, month, year) =>
      `${day(value)} de ${months[month - 1] ?? ""}${year === undefined ? "" : ` de ${year}`}`,
    time: clock,
    hour: noun("hora/horas/f"),
    minute: noun("minuto/minutos"),
    second: noun("segundo/segundos")
  }
}

const units = nouns({
  km: "kilómetro/kilómetros",
  m: "metro/metros",
  dm: "decímetro/decímetros",
  cm: "centímetro/centímetros",
  mm: "milímetro/milímetros",
  "µm μm": "micrómetro/micrómetros",
  nm: "nanómetro/nanómetros",
  mi: "milla/millas/f",
  ft: "pie/pies",
  "″": "pulgada/pulgadas/f",
  "km² km2": "kilómetro cuadrado/kilómetros cuadrados",
  "m² m2": "metro cuadrado/metros cuadrados",
  "cm² cm2": "centímetro cuadrado/centímetros cuadrados",
  "mm²": "milímetro cuadrado/milímetros cuadrados",
  "m³ m3": "metro cúbico/metros cúbicos",
  "cm³ cm3": "centímetro cúbico/centímetros cúbicos",
  ha: "hectárea/hectáreas/f",
  kg: "kilogramo/kilogramos",
  g: "gramo/gramos",
  mg: "miligramo/miligramos",
  "µg μg": "microgramo/microgramos",
  t: "tonelada/toneladas/f",
  "lb lbs": "libra/libras/f",
  oz: "onza/onzas/f",
  "l L": "litro/litros",
  "dl dL": "decilitro/decilitros",
  "cl cL": "centilitro/centilitros",
  "ml mL": "mililitro/mililitros",
  hl: "hectolitro/hectolitros",
  "km/h kmh": "kilómetro por hora/kilómetros por hora",
  "m/s": "metro por segundo/metros por segundo",
  "m/s²": "metro por segundo al cuadrado/metros por segundo al cuadrado",
  mph: "milla por hora/millas por hora/f",
  min: "minuto/minutos",
  "s seg": "segundo/segundos",
  ms: "milisegundo/milisegundos",
  "µs μs": "microsegundo/microsegundos",
  ns: "nanosegundo/nanosegundos",
  Hz: "hercio/hercios",
  kHz: "kilohercio/kilohercios",
  MHz: "megahercio/megahercios",
  GHz: "gigahercio/gigahercios",
  W: "vatio/vatios",
  kW: "kilovatio/kilovatios",
  MW: "megavatio/megavatios",
  GW: "gigavatio/gigavatios",
  Wh: "vatio hora/vatios hora",
  kWh: "kilovatio hora/kilovatios hora",
  MWh: "megavatio hora/megavatios hora",
  V: "voltio/voltios",
  mV: "milivoltio/milivoltios",
  kV: "kilovoltio/kilovoltios",
  mA: "miliamperio/miliamperios",
  mAh: "miliamperio hora/miliamperios hora",
  "Ω Ω": "ohmio/ohmios",
  "kΩ kΩ": "kiloohmio/kiloohmios",
  kJ: "kilojulio/kilojulios",
  kcal: "kilocaloría/kilocalorías/f",
  hPa: "hectopascal/hectopascales",
  bar: "bar/bares",
  Nm: "newton metro/newton metros",
  CV: "caballo/caballos",
  dB: "decibelio/decibelios",
  "kB KB": "kilobyte/kilobytes",
  MB: "megabyte/megabytes",
  GB: "gigabyte/gigabytes",
  TB: "terabyte/terabytes",
  "kbit/s kbps": "kilobit por segundo/kilobits por segundo",
  "Mbit/s Mbps": "megabit por segundo/megabits por segundo",
  "Gbit/s Gbps": "gigabit por segundo/gigabits por segundo",
  px: "píxel/píxeles",
  "°C ℃": "grado Celsius/grados Celsius",
  "°F ℉": "grado Fahrenheit/grados Fahrenheit",
  "°": "grado/grados",
  "%": "por ciento/por ciento/-",
  "‰": "por mil/por mil/-"
})

const money = currencies({
  EUR: "euro/euros céntimo/céntimos",
  USD: "dólar/dólares centavo/centavos",
  US$: "dólar_estadounidense/dólares_estadounidenses centavo/centavos",
  GBP: "libra/libras/f penique/peniques",
  JPY: "yen/yenes",
  CHF: "franco_suizo/francos_suizos céntimo/céntimos",
  INR: "rupia/rupias/f",
  CNY: "yuan/yuanes",
  KRW: "won/wones",
  RUB: "rublo/rublos kopek/kopeks",
  BRL: "real/reales centavo/centavos",
  SEK: "corona_sueca/coronas_suecas/f",
  NOK: "corona_noruega/coronas_noruegas/f",
  DKK: "corona_danesa/coronas_danesas/f",
  kr: "corona/coronas/f",
  PLN: "esloti/eslotis",
  CZK: "corona_checa/coronas_checas/f",
  HUF: "forinto/forintos",
  TRY: "lira_turca/liras_turcas/f",
  CAD: "dólar_canadiense/dólares_canadienses centavo/centavos",
  AUD: "dólar_australiano/dólares_australianos centavo/centavos",
  MXN: "peso/pesos centavo/centavos",
  ARS: "peso/pesos centavo/centavos",
  COP: "peso/pesos centavo/centavos",
  CLP: "peso/pesos",
  ILS: "séquel/séqueles",
  UAH: "grivna/grivnas/f",
  BTC: "bitcóin/bitcoines",
  cent: "centavo/centavos"
})

/**
 * Spanish.
 *
 * @category constants
 * @since 0.1.0
 */
export const spanish: TextLanguage = {
  tag: "es",
  words,
  abbreviations:
    ("Sr Sra Srta Sres Sras D Dña Dr Dra Dres Prof Profa Lic Ing Arq Ud Uds Vd Vds Fco Gral Cap Cnel Sto Sta S Av " +
      "Avda C p.ej p ej aprox art cap cf núm n.º nº pág págs tel tlf vol vs máx mín ene feb mar abr may jun jul ago sept set oct nov " +
      "dic lun mié jue vie sáb dom EE Excmo Ilmo Mons").split(" "),
  finalAbbreviations: "etc EE.UU UU S.A S.L Cía a.C d.C p.m a.m P.D".split(" "),
  expansions: [
    ["a. C.", "antes de Cristo"],
    ["d. C.", "después de Cristo"],
    ["a.C.", "antes de Cristo"],
    ["d.C.", "después de Cristo"],
    ["EE. UU.", "Estados Unidos"],
    ["EE.UU.", "Estados Unidos"],
    ["c/", "calle"],
    ["C/", "calle"],
    ["p. ej.", "por ejemplo"],
    ["p.ej.", "por ejemplo"],
    ["aprox.", "aproximadamente"],
    ["Sr.", "señor"],
    ["Sra.", "señora"],
    ["Srta.", "señorita"],
    ["Ud.", "usted"],
    ["Uds.", "ustedes"],
    ["núm.", "número"],
    ["pág.", "página"],
    ["tel.", "teléfono"],
    ["Avda.", "avenida"],
    ["vs.", "contra"]
  ],
  numbered: [
    ["n.º", "número"],
    ["N.º", "número"],
    ["págs.", "páginas"],
    ["art.", "artículo"],
    ["cap.", "capítulo"],
    ["fig.", "figura"],
    ["figs.", "figuras"],
    ["vol.", "volumen"]
  ],
  format: { group: ".", decimal: ",", spaceGroups: true, dateOrder: "dmy" },
  numbers,
  scales: [
    { written: "mil", exponent: 3, noun: noun("mil") },
    { written: "k", exponent: 3, noun: noun("mil"), attached: true },
    { written: "millones|millón|mill\\.|mm", exponent: 6, noun: noun("millón/millones") },
    { written: "M", exponent: 6, noun: noun("millón/millones"), money: true },
    { written: "billones|billón", exponent: 12, noun: noun("billón/billones") }
  ],
  dates: datesWith("uno"),
  currencies: money,
  currencySigns: {},
  units,
  ofMillions: (noun) => ` de ${noun}`,
  joinMoney: " con "
}

const latinAmerican = (tag: string, dollar: string, point: boolean): TextLanguage => ({
  ...spanish,
  tag,
  format: point ? { group: ",", decimal: ".", spaceGroups: true, dateOrder: "dmy" } : spanish.format,
  numbers: spanishNumbers(point ? "punto" : "coma"),
  dates: datesWith("primero"),
  currencySigns: { $: dollar }
})

/**
 * Spanish of Mexico, and of the other countries that write a decimal point.
 *
 * @category constants
 * @since 0.1.0
 */
export const mexicanSpanish: TextLanguage = latinAmerican("es-MX", "MXN", true)

/**
 * Spanish of the United States: dollars, and a decimal point.
 *
 * @category constants
 * @since 0.1.0
 */
export const americanSpanish: TextLanguage = latinAmerican("es-US", "USD", true)

/**
 * Spanish of Argentina, and of the other countries with pesos and a decimal comma.
 *
 * @category constants
 * @since 0.1.0
 */
export const argentineSpanish: TextLanguage = latinAmerican("es-AR", "ARS", false)
