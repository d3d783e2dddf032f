import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { forTag } from "../../../src/text/language/Languages.ts"
import { endsInAbbreviation } from "../../../src/text/sentences/AbbreviationEnd.ts"
import { SentenceTokenizer } from "../../../src/text/sentences/SentenceTokenizer.ts"

/** The pieces of a text, after a first one: the first clause is cut off for another reason. */
const cut = (language: string, parts: Iterable<string>): ReadonlyArray<string> => {
  const tables = forTag(language)
  const sentences = new SentenceTokenizer(() => tables)
  const pieces = [...sentences.push("Begin.\n")]
  for (const part of parts) pieces.push(...sentences.push(part))
  return [...pieces, ...sentences.flush()].slice(1)
}

/** Sentences as they are to be cut, at "|". */
const golden: { readonly [language: string]: ReadonlyArray<string> } = {
  en: [
    "Gov. Brown of Mass. met Lt. Gen. Cho at the U.S. Senate on Dec. 5.|It rained.",
    "Sen. Lee, Rep. Park, Rev. Jones and Sgt. Cole came.|Capt. Hook did not.",
    "Ask Dr. Who.|J. R. R. Tolkien knows, e.g. by heart.|Fine.",
    "Mr. and Mrs. Smith of St. Paul drove to Mt. Hood and Ft. Worth.|Good.",
    "It is 5 p.m.|We close.",
    "It is 5 p.m. in Paris.|It is 11 a.m. Eastern here.",
    "We meet at 5 p.m. Monday.|Be there.",
    "He lives in the U.S.|The rest live in the U.K.|They write.",
    "The U.S. Army and the U.N. Council met.|So did we.",
    "Apple Inc. CEO Tim Cook spoke.|Acme Corp. and Foo Ltd. listened.",
    "Ask Martin Luther King Jr. about it.|He knows.",
    "See No. 5 and Fig. 3.|No.|I will not.",
    "It is approx. 5 miles from the dept. store.|Walk.",
    "We sell apples, pears, etc.|Come in.",
    "Apples, pears, etc. are fresh.|Yes.",
    "It was on Mon. Dec. 5.|In Jan. it snowed.",
    "He sat.|Then he stood.",
    "I like the sun.|It is warm.",
    "It costs 3.50.|Then 4.|Fine.",
    "Is it 98.6?|Yes!|It is 3.14, i.e. pi.",
    "She said \"No.\"|Then she left.",
    "“Go!” she said, and “why?” he asked.|“Stop.”|He did.",
    "1. Milk 2. Bread 3. Eggs.|Then more.",
    "It is version 2.|It is good.",
    "Prof. Ph.D. holders vs. others.|Done."
  ],
  de: [
    "Er wohnt in der Hauptstr. 5 seit Mai.|Gut.",
    "Er sagt: »Ja.«|Dann »Nein!« rief sie.|Gut.",
    "Dr. Weiß und Prof. Lang kommen am 3. Oktober.|Gut.",
    "Das ist z. B. gut, d. h. sehr gut.|Ja.",
    "Das ist z.B. gut, d.h. sehr gut.|Ja.",
    "Wir haben Äpfel, Birnen usw.|Der Rest kommt morgen.",
    "Äpfel usw. sind da.|Gut.",
    "Er wohnt in der Nr. 5, bzw. in der Str. 7.|Das ist nah.",
    "Die 2. Auflage ist da.|Sie kostet ca. 5 Euro.",
    "Es sind 3.|Der nächste ist da.",
    "Im Jahr 2026.|Danach mehr.",
    "Am 24. Dezember und am 1. Januar ist zu.|Bitte warten.",
    "Karl V. regierte hier.|Ja."
  ],
  fr: [
    "« Bonjour ! » dit-il.|« Ça va ? »|Oui.",
    "Il dit : « Oui. »|Puis il part.|Quoi ?!|Non !",
    "M. Dupont et Mme Curie, p. ex., sont là.|Oui.",
    "C'est à env. 5 km, cf. la carte.|Merci.",
    "Des pommes, des poires, etc.|Le reste suit.",
    "Il est né en janv. 1990.|Puis il partit."
  ],
  es: [
    "El Sr. López y la Sra. Gil, p. ej., vienen.|Sí.",
    "Ud. tiene la pág. 5.|Gracias.",
    "Vive en EE. UU. desde 1990.|Bien.",
    "¿Viene el Dr. Ruiz?|No."
  ],
  it: [
    "Il Sig. Rossi e la Dott.ssa Bianchi ci sono.|Bene.",
    "Pane, latte, ecc.|Il resto dopo.",
    "È a pag. 5, cfr. sopra.|Grazie."
  ],
  pt: [
    "S. Paulo fica longe.|Sim.",
    "O Sr. Silva e a Dra. Costa, p. ex., vêm.|Sim.",
    "Fica na Av. Brasil, aprox. no fim.|Obrigado.",
    "Pão, leite, etc.|O resto depois."
  ],
  nl: [
    "Dhr. Jansen en mevr. De Vries komen bijv. morgen.|Goed.",
    "Dat geldt m.b.t. de regels, o.a. hier.|Ja.",
    "Appels, peren, enz.|De rest komt."
  ],
  // a language without tables: what is an abbreviation in any
  xx: [
    "Ask Dr. Who and Lt. Gen. Cho of the U.S. Senate.|Gov. Brown left.",
    "Das ist z. B. Brot, u. a. hier, bzw. Kuchen usw.|Gut.",
    "Улица Ленина, д. 5, кв. 7.|Да.",
    "Ser du Dr. Berg kl. 10 f.m. i dag?|Ja.",
    "Vi stänger kl. 10 f.m.|Välkommen.",
    "Äpplen, päron osv.|Det är allt.",
    "To jest np. Warszawa, ul. Długa, ok.|Tak.",
    "Sayfa s. 5, Nr. 7, Fig. 3, Okt. 5.|Evet.",
    "Nej.|No.|Si.|Art.|Noen.|Jan.|Sun.",
    "Apple Inc. is big.|Acme Inc.|Another one.",
    "Mr. Smith, St. Paul, Mme. Curie, Sig. Rossi, Sr. Gil.|Ok."
  ]
}

describe("AbbreviationEnd", () => {
  for (const [language, lines] of Object.entries(golden)) {
    it.each(lines.map((line) => [line]))(`${language}: %s`, (line) => {
      const pieces = line.split("|")
      const text = pieces.join(" ")
      assert.deepStrictEqual(cut(language, [text]), pieces)
      assert.deepStrictEqual(cut(language, text), pieces)
    })
  }

  it("takes a text for English unless it is told the language", () => {
    const text = "Gov. Brown of Mass. met Lt. Gen. Cho at the U.S. Senate on Dec. 5."
    const sentences = new SentenceTokenizer()
    assert.deepStrictEqual([...sentences.push(text), ...sentences.flush()], [text])
  })

  it("leaves what opens a quotation to the sentence that follows", () => {
    assert.deepStrictEqual(cut("zh", ["好吗？「是的。」他说。（完）"]), ["好吗？", "「是的。」", "他说。", "（完）"])
  })

  it("says what a text ends with", () => {
    const ends = (text: string, language: string) => endsInAbbreviation(text, forTag(language))
    assert.deepStrictEqual(
      [
        ends("Ask Dr.", "en"),
        ends("at 5 p.m.", "en"),
        ends("the U.S. ", "en"),
        ends("Yes.", "en"),
        ends("am 3.", "de")
      ],
      [true, true, true, false, true]
    )
  })

  it("cuts after a quotation at the end of a line, whatever begins the next one", () => {
    for (const parts of [["\"So.\" \netc. and more.\n"], ["\"So.\" ", "\n", "etc. and more.\n"]]) {
      assert.deepStrictEqual(cut("de", parts), ["\"So.\"", "etc. and more."])
    }
  })

  it.prop(
    "cuts at the same places however the text comes",
    [
      Schema.Literals(["en", "de", "fr", "es", "it", "pt", "nl", "xx"]),
      Schema.Array(
        Schema.Literals([
          "Dr. ",
          "U.S. ",
          "p.m. ",
          "No. ",
          "5. ",
          "3. ",
          "Oktober ",
          "usw. ",
          "z. B. ",
          "etc. ",
          "Der ",
          "The ",
          "El ",
          "Senate ",
          "word ",
          "Mon. ",
          "Dec. ",
          "Inc. ",
          "! ",
          "\"So.\" ",
          "(e.g. ",
          "\n",
          "A. "
        ])
      ).check(Schema.isMaxLength(24))
    ],
    ([language, tokens]) => {
      const whole = tokens.join("")
      assert.deepStrictEqual(cut(language, tokens), cut(language, [whole]))
      assert.deepStrictEqual(cut(language, whole), cut(language, [whole]))
    },
    { arbitrary: { runs: 500 } }
  )
})
