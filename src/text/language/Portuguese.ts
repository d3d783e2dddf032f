/**
 * Portuguese. Pure data.
 *
 * @since 0.1.0
 */
import { currencies, noun, nouns } from "./CountedNouns.ts"
import { portugueseNumbers } from "./PortugueseNumbers.ts"
import type { DateWords, NumberWords, SpokenWords, TextLanguage } from "./TextLanguage.ts"

const words: SpokenWords = {
  and: "e",
  at: "arroba",
  dot: "ponto",
  slash: "barra",
  backslash: "barra invertida",
  dash: "hífen",
  underscore: "sublinhado",
  colon: "dois pontos",
  plus: "mais",
  minus: "menos",
  plusOrMinus: "mais ou menos",
  times: "vezes",
  timesAsMuch: "vezes",
  by: "por",
  ratio: "a",
  over: "por",
  outOf: "de",
  dividedBy: "dividido por",
  equals: "igual a",
  notEqual: "diferente de",
  approximatelyEqual: "aproximadamente igual a",
  lessThan: "menor que",
  moreThan: "maior que",
  atMost: "menor ou igual a",
  atLeast: "maior ou igual a",
  percent: "por cento",
  perMille: "por mil",
  degrees: "graus",
  celsius: "Celsius",
  fahrenheit: "Fahrenheit",
  about: "cerca de",
  number: "número",
  to: "a",
  per: "por",
  squared: "ao quadrado",
  cubed: "ao cubo",
  toThePowerOf: "elevado a",
  root: "raiz de",
  infinity: "infinito",
  sum: "soma de",
  pi: "pi",
  ohm: "ohm",
  micro: "micro",
  paragraph: "parágrafo",
  hash: "cerquilha",
  hashKey: "jogo da velha",
  starKey: "asterisco",
  copyright: "copyright",
  registered: "marca registrada",
  trademark: "marca",
  tilde: "til",
  caret: "acento circunflexo",
  pipe: "barra vertical",
  arrow: "para",
  elementOf: "pertence a",
  notElementOf: "não pertence a",
  minutes: "minutos",
  seconds: "segundos",
  port: "porta",
  extension: "ramal",
  forExample: "por exemplo",
  thatIs: "isto é",
  versus: "contra",
  codeOmitted: "(código omitido)"
}

const months = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro".split(" ")
const brazilian = portugueseNumbers(true)
const european = portugueseNumbers(false)

const datesWith = (numbers: NumberWords, first: string): DateWords => {
  const day = (day: number) => day === 1 ? first : numbers.cardinal(day)
  return {
    months,
    shortMonths: "jan fev mar abr mai jun jul ago set out nov dez".split(" "),
    dayMark: "(?:\\.?[ºo°])?",
    monthJoin: " (?:de )?",
    yearJoin: " (?:de )?",
    ofYear: " de ",
    monthFirst: false,
    timeMark: "horas?|hs\\.?|hrs\\.?",
    hourBefore: /(?:^|\s)(?:às|à)\s+$/iu,
    hourMark: "h",
    day,
    date: (value, month, year) =>
      `${day(value)} de ${months[month - 1] ?? ""}${year === undefined ? "" : ` de ${year}`}`,
    time: (hours, minutes) => {
      const hour = numbers.cardinal(hours, "feminine")
      return minutes === 0 ? `${hour} ${hours === 1 ? "hora" : "horas"}` : `${hour} e ${numbers.cardinal(minutes)}`
    },
    hour: noun("hora/horas/f"),
    minute: noun("minuto/minutos"),
    second: noun("segundo/segundos")
  }
}

const units = nouns({
  km: "quilômetro/quilômetros",
  m: "metro/metros",
  dm: "decímetro/decímetros",
  cm: "centímetro/centímetros",
  mm: "milímetro/milímetros",
  "µm μm": "micrômetro/micrômetros",
  nm: "nanômetro/nanômetros",
  mi: "milha/milhas/f",
  ft: "pé/pés",
  "″": "polegada/polegadas/f",
  "km² km2": "quilômetro quadrado/quilômetros quadrados",
  "m² m2": "metro quadrado/metros quadrados",
  "cm² cm2": "centímetro quadrado/centímetros quadrados",
  "mm²": "milímetro quadrado/milímetros quadrados",
  "m³ m3": "metro cúbico/metros cúbicos",
  "cm³ cm3": "centímetro cúbico/centímetros cúbicos",
  ha: "hectare/hectares",
  kg: "quilograma/quilogramas",
  g: "grama/gramas",
  mg: "miligrama/miligramas",
  "µg μg": "micrograma/microgramas",
  t: "tonelada/toneladas/f",
  "lb lbs": "libra/libras/f",
  oz: "onça/onças/f",
  "l L": "litro/litros",
  "dl dL": "decilitro/decilitros",
  "cl cL": "centilitro/centilitros",
  "ml mL": "mililitro/mililitros",
  hl: "hectolitro/hectolitros",
  "km/h kmh": "quilômetro por hora/quilômetros por hora",
  "m/s": "metro por segundo/metros por segundo",
  "m/s²": "metro por segundo ao quadrado/metros por segundo ao quadrado",
  mph: "milha por hora/milhas por hora/f",
  min: "minuto/minutos",
  "s seg": "segundo/segundos",
  ms: "milissegundo/milissegundos",
  "µs μs": "microssegundo/microssegundos",
  ns: "nanossegundo/nanossegundos",
  Hz: "hertz",
  kHz: "quilohertz",
  MHz: "megahertz",
  GHz: "gigahertz",
  W: "watt/watts",
  kW: "quilowatt/quilowatts",
  MW: "megawatt/megawatts",
  GW: "gigawatt/gigawatts",
  Wh: "watt-hora/watts-hora",
  kWh: "quilowatt-hora/quilowatts-hora",
  MWh: "megawatt-hora/megawatts-hora",
  V: "volt/volts",
  mV: "milivolt/milivolts",
  kV: "quilovolt/quilovolts",
  mA: "miliampere/miliamperes",
  mAh: "miliampere-hora/miliamperes-hora",
  "Ω Ω": "ohm/ohms",
  "kΩ kΩ": "quilo-ohm/quilo-ohms",
  kJ: "quilojoule/quilojoules",
  kcal: "quilocaloria/quilocalorias/f",
  hPa: "hectopascal/hectopascais",
  bar: "bar/bares",
  Nm: "newton-metro/newtons-metro",
  cv: "cavalo/cavalos",
  dB: "decibel/decibéis",
  "kB KB": "quilobyte/quilobytes",
  MB: "megabyte/megabytes",
  GB: "gigabyte/gigabytes",
  TB: "terabyte/terabytes",
  "kbit/s": "quilobit por segundo/quilobits por segundo",
  "Mbit/s Mbps": "megabit por segundo/megabits por segundo",
  "Gbit/s Gbps": "gigabit por segundo/gigabits por segundo",
  px: "pixel/pixels",
  "°C ℃": "grau Celsius/graus Celsius",
  "°F ℉": "grau Fahrenheit/graus Fahrenheit",
  "°": "grau/graus",
  "%": "por cento",
  "‰": "por mil"
})

/** In Portugal "quilómetro" and "micrómetro" have another accent. */
const europeanUnits = Object.fromEntries(
  Object.entries(units).map(([symbol, { gender, many, one }]) => [
    symbol,
    { one: one.replace(/ômetro/gu, "ómetro"), many: many.replace(/ômetro/gu, "ómetro"), gender }
  ])
)

const money = currencies({
  EUR: "euro/euros centavo/centavos",
  USD: "dólar/dólares centavo/centavos",
  US$: "dólar_americano/dólares_americanos centavo/centavos",
  GBP: "libra/libras/f pêni/pence",
  JPY: "iene/ienes",
  CHF: "franco_suíço/francos_suíços centavo/centavos",
  INR: "rupia/rupias/f",
  CNY: "yuan/yuans",
  KRW: "won/wons",
  RUB: "rublo/rublos copeque/copeques",
  BRL: "real/reais centavo/centavos",
  SEK: "coroa_sueca/coroas_suecas/f",
  NOK: "coroa_norueguesa/coroas_norueguesas/f",
  DKK: "coroa_dinamarquesa/coroas_dinamarquesas/f",
  kr: "coroa/coroas/f",
  PLN: "zloty/zlotys",
  CZK: "coroa_tcheca/coroas_tchecas/f",
  HUF: "florim/florins",
  TRY: "lira_turca/liras_turcas/f",
  CAD: "dólar_canadense/dólares_canadenses centavo/centavos",
  AUD: "dólar_australiano/dólares_australianos centavo/centavos",
  MXN: "peso/pesos centavo/centavos",
  ILS: "shekel/shekels",
  UAH: "hryvnia/hryvnias/f",
  BTC: "bitcoin/bitcoins",
  cent: "centavo/centavos"
})

/**
 * Portuguese of Brazil.
 *
 * @category constants
 * @since 0.1.0
 */
export const brazilianPortuguese: TextLanguage = {
  tag: "pt-BR",
  words,
  abbreviations:
    ("Sr Sra Srta Srs Dr Dra Drs D Dona Prof Profa Eng Exmo Exma Ilmo V V.Exa Exa S Sto Sta Av R Rua Pça Trav " +
      "p.ex p ex art arts cap cf fig n nº núm pág págs séc tel vol vs aprox máx mín jan fev mar abr mai jun jul ago set out nov dez " +
      "seg ter qua qui sex sáb dom Cel Gen Cap Ten Sgt Gov Dep Sen Min").split(" "),
  finalAbbreviations: "etc Ltda S.A Cia a.C d.C E.U.A EUA p.m a.m".split(" "),
  expansions: [
    ["a.C.", "antes de Cristo"],
    ["d.C.", "depois de Cristo"],
    ["p. ex.", "por exemplo"],
    ["p.ex.", "por exemplo"],
    ["aprox.", "aproximadamente"],
    ["Sr.", "senhor"],
    ["Sra.", "senhora"],
    ["Dra.", "doutora"],
    ["Dr.", "doutor"],
    ["Av.", "avenida"],
    ["pág.", "página"],
    ["séc.", "século"],
    ["tel.", "telefone"],
    ["vs.", "contra"]
  ],
  numbered: [["n.º", "número"], ["N.º", "número"], ["págs.", "páginas"], ["art.", "artigo"], ["cap.", "capítulo"], [
    "fig.",
    "figura"
  ], ["vol.", "volume"]],
  format: { group: ".", decimal: ",", spaceGroups: true, dateOrder: "dmy" },
  numbers: brazilian,
  scales: [
    { written: "mil", exponent: 3, noun: noun("mil") },
    { written: "k", exponent: 3, noun: noun("mil"), attached: true },
    { written: "milhões|milhão|mi\\.?", exponent: 6, noun: noun("milhão/milhões") },
    { written: "M", exponent: 6, noun: noun("milhão/milhões"), money: true },
    { written: "bilhões|bilhão|bi\\.?", exponent: 9, noun: noun("bilhão/bilhões") },
    { written: "trilhões|trilhão|tri\\.?", exponent: 12, noun: noun("trilhão/trilhões") }
  ],
  dates: datesWith(brazilian, "primeiro"),
  currencies: money,
  currencySigns: {},
  units,
  ofMillions: (noun) => ` de ${noun}`,
  joinMoney: " e "
}

/**
 * Portuguese of Portugal.
 *
 * @category constants
 * @since 0.1.0
 */
export const europeanPortuguese: TextLanguage = {
  ...brazilianPortuguese,
  tag: "pt-PT",
  words: { ...words, hash: "cardinal", hashKey: "cardinal", extension: "extensão", registered: "marca registada" },
  numbers: european,
  scales: [
    { written: "mil", exponent: 3, noun: noun("mil") },
    { written: "k", exponent: 3, noun: noun("mil"), attached: true },
    { written: "milhões|milhão", exponent: 6, noun: noun("milhão/milhões") },
    { written: "M", exponent: 6, noun: noun("milhão/milhões"), money: true },
    { written: "biliões|bilião", exponent: 12, noun: noun("bilião/biliões") }
  ],
  dates: datesWith(european, "um"),
  currencies: { ...money, EUR: { major: noun("euro/euros"), minor: noun("cêntimo/cêntimos") } },
  units: europeanUnits
}
