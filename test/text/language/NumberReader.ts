/**
 * The inverse of the languages' cardinals, written without them: reads number words by the longest word first, adds what is below a
 * hundred, multiplies by "hundred" and "thousand", and sums the millions.
 */

interface Lexicon {
  readonly add: Readonly<Record<string, number>>
  /** Multiplies what came before it in the group: "hundred". */
  readonly hundred: Readonly<Record<string, number>>
  readonly scale: Readonly<Record<string, number>>
  readonly skip: ReadonlyArray<string>
}

const rows = (text: string, from: number, step = 1): Readonly<Record<string, number>> =>
  Object.fromEntries(
    text.split(" ").flatMap((words, index) => words.split("/").map((word) => [word, from + index * step]))
  )

const lexicons: Readonly<Record<string, Lexicon>> = {
  en: {
    add: {
      ...rows(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
        0
      ),
      ...rows("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10)
    },
    hundred: { hundred: 100 },
    scale: { thousand: 1e3, million: 1e6, billion: 1e9 },
    skip: ["and"]
  },
  de: {
    add: {
      ...rows(
        "null ein/eins/eine zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn",
        0
      ),
      ...rows("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig", 20, 10)
    },
    hundred: { hundert: 100 },
    scale: { tausend: 1e3, million: 1e6, millionen: 1e6, milliarde: 1e9, milliarden: 1e9 },
    skip: ["und"]
  },
  fr: {
    add: {
      ...rows("zéro un/une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize", 0),
      ...rows("vingt trente quarante cinquante soixante", 20, 10),
      quatrevingt: 80,
      quatrevingts: 80
    },
    hundred: { cent: 100, cents: 100 },
    scale: { mille: 1e3, million: 1e6, millions: 1e6, milliard: 1e9, milliards: 1e9 },
    skip: ["et"]
  },
  es: {
    add: {
      ...rows(
        "cero uno/un/una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve veinte veintiuno/veintiún/veintiuna veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve",
        0
      ),
      ...rows("treinta cuarenta cincuenta sesenta setenta ochenta noventa", 30, 10),
      ...rows(
        "cien/ciento doscientos/doscientas trescientos/trescientas cuatrocientos/cuatrocientas quinientos/quinientas seiscientos/seiscientas setecientos/setecientas ochocientos/ochocientas novecientos/novecientas",
        100,
        100
      )
    },
    hundred: {},
    scale: { mil: 1e3, millón: 1e6, millones: 1e6 },
    skip: ["y"]
  },
  it: {
    add: {
      ...rows(
        "zero uno/un/una due tre/tré quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici diciassette diciotto diciannove",
        0
      ),
      ...rows(
        "venti/vent trenta/trent quaranta/quarant cinquanta/cinquant sessanta/sessant settanta/settant ottanta/ottant novanta/novant",
        20,
        10
      )
    },
    hundred: { cento: 100 },
    scale: { mille: 1e3, mila: 1e3, milione: 1e6, milioni: 1e6, miliardo: 1e9, miliardi: 1e9 },
    skip: []
  },
  pt: {
    add: {
      ...rows(
        "zero um/uma dois/duas três quatro cinco seis sete oito nove dez onze doze treze quatorze/catorze quinze dezesseis/dezasseis dezessete/dezassete dezoito dezenove/dezanove",
        0
      ),
      ...rows("vinte trinta quarenta cinquenta sessenta setenta oitenta noventa", 20, 10),
      ...rows(
        "cem/cento duzentos/duzentas trezentos/trezentas quatrocentos/quatrocentas quinhentos/quinhentas seiscentos/seiscentas setecentos/setecentas oitocentos/oitocentas novecentos/novecentas",
        100,
        100
      )
    },
    hundred: {},
    scale: { mil: 1e3, milhão: 1e6, milhões: 1e6, bilhão: 1e9, bilhões: 1e9 },
    skip: ["e"]
  },
  nl: {
    add: {
      ...rows(
        "nul één/een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien achttien negentien",
        0
      ),
      ...rows("twintig dertig veertig vijftig zestig zeventig tachtig negentig", 20, 10)
    },
    hundred: { honderd: 100 },
    scale: { duizend: 1e3, miljoen: 1e6, miljard: 1e9 },
    skip: ["en", "ën"]
  },
  frCH: {
    add: {
      ...rows("zéro un/une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize", 0),
      ...rows("vingt trente quarante cinquante soixante septante huitante nonante", 20, 10)
    },
    hundred: { cent: 100, cents: 100 },
    scale: { mille: 1e3, million: 1e6, millions: 1e6, milliard: 1e9, milliards: 1e9 },
    skip: ["et"]
  }
}

/** The value of a cardinal; `undefined` if a part of it is no number word. */
export const readCardinal = (language: string, said: string): number | undefined => {
  const lexicon = lexicons[language]
  if (lexicon === undefined) return undefined
  const { add, hundred, scale, skip } = lexicon
  const words = [...Object.keys(add), ...Object.keys(hundred), ...Object.keys(scale), ...skip].sort((a, b) =>
    b.length - a.length
  )
  // "mil milhões" is a thousand millions: the thousands stay open until a million comes
  let [total, thousands, group] = [0, 0, 0]
  for (
    const part of said.toLowerCase().replaceAll("quatre-vingt", "quatrevingt").replaceAll("centott", "centoott").split(
      /[ -]/u
    )
  ) {
    let rest = part
    while (rest !== "") {
      const word = words.find((word) => rest.startsWith(word))
      if (word === undefined) return undefined
      rest = rest.slice(word.length)
      if (skip.includes(word)) continue
      const factor = scale[word]
      if (add[word] !== undefined) group += add[word]
      else if (hundred[word] !== undefined) group = Math.max(group, 1) * hundred[word]
      else if (factor === 1e3) [thousands, group] = [thousands + Math.max(group, 1) * 1e3, 0]
      else if (factor !== undefined) [total, thousands, group] = [total + Math.max(thousands + group, 1) * factor, 0, 0]
    }
  }
  return total + thousands + group
}
