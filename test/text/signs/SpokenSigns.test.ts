/**
 * What is heard of signs, addresses, keys and abbreviations, in each language; numbers stay as they are written.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { spoken, transform } from "../../../src/text/SpokenText.ts"

const golden: { readonly [language: string]: ReadonlyArray<readonly [written: string, said: string]> } = {
  en: [
    ["Press *1 or #2, or #. We are #1.", "Press star 1 or pound 2, or pound. We are number 1."],
    ["###Title and #tag", "Title and hashtag tag."],
    ["⬆️ 5%, ▲ 5%, ▼3%", "up 5 percent, up 5 percent, down 3 percent"],
    ["B♭ and C♯", "B flat and C sharp"],
    ["𝐁𝐨𝐥𝐝 𝟏𝟐 ﬁne ＡＢＣ１２", "Bold 12 fine ABC12"],
    ["10 000 people, 5 kg, a b", "10 000 people, 5 kg, a b"],
    ["i <3 u, x <3", "i love u, x less than 3"],
    ["[INST] hi [/INST] you", "hi you"],
    ["x[0] is so[1].", "x0 is so."],
    ["_sighs_ Fine. **laughs** Yes.", "Fine. Yes."],
    ["*laughs softly, then nods* Well", "Well"],
    ["[happy] Hi, [happy hour]", "Hi, happy hour"],
    ["<pause 1s>Hi", "Hi"],
    ["2 * x * y, a * b. Press * or x.", "2 times x times y, a times b. Press star or x."],
    ["a 10″ pizza, 1″ thick", "a 10 inches pizza, 1 inch thick"],
    ["see bit.ly/x or x.us", "see bit dot ly slash x or x dot us"],
    [
      "50%-60%, 5%–10%, 5°C–10°C",
      "50 percent to 60 percent, 5 percent to 10 percent, 5 degrees Celsius to 10 degrees Celsius"
    ],
    [
      "5 µm², 1 µm², 3 mm³, 5 m/s²",
      "5 square micrometers, 1 square micrometer, 3 cubic millimeters, 5 meters per second squared"
    ],
    ["if a && b || c, x||y", "if a and b or c, x or y"],
    ["HashMap<String, Vec<u8>> and List<String>", "HashMap String, Vec u8 and List String"],
    ["Run ./run.sh or ../x.", "Run dot slash run dot sh or dot dot slash x."],
    ["std::vector, a::b", "std::vector, a::b"],
    ["I'm glad :) <3 wow :smile: :+1: ok", "I'm glad wow ok"],
    ["He is 5′10″ tall. 6′1″!", "He is 5 feet 10 inches tall. 6 feet 1 inch!"],
    ["No. 5, Nos. 5 and 6, no. I do not. No. Yes.", "Number 5, Numbers 5 and 6, no. I do not. No. Yes."],
    ["see fig. 3 on p. 5, pp. 5–7, Ch.4, vol. 2", "see figure 3 on page 5, pages 5 to 7, Chapter 4, volume 2"],
    ["tea w/ milk, w/o sugar", "tea with milk, without sugar"],
    ["Good for us, e.g.  \nfor you, e.g.   \tthem", "Good for us, for example.\nfor you, for example them"],
    ["20° and 1° east", "20 degrees and 1 degree east"],
    ["a ≠ b, x ≥ 5 and y ≤ 3, 5 ± 2", "a is not equal to b, x at least 5 and y at most 3, 5 plus or minus 2"],
    ["a ≮ b, a ≯ b, a ≰ b, a ≱ b", "a at least b, a at most b, a more than b, a less than b"],
    ["a != b, a <= b, a >= b", "a is not equal to b, a at most b, a at least b"],
    ["x ∈ A, y ∉ A", "x in A, y not in A"],
    ["x = y + z", "x equals y plus z"],
    ["2^10, x^2, x³, 10⁻³, H₂O", "2 to the power of 10, x squared, x cubed, 10 to the power of minus 3, H2O"],
    ["-5 −5 5−3", "-5 minus 5 5 minus 3"],
    ["5*3, 5 * 3, 5 × 3 ÷ 2", "5 times 3, 5 times 3, 5 times 3 divided by 2"],
    ["√16, ∞, π, 5 Ω", "the square root of 16, infinity, pi, 5 ohms"],
    ["30 m², 1 m², 10 µg, 5 m/s²", "30 square meters, 1 square meter, 10 micrograms, 5 meters per second squared"],
    ["1 °C, 20°C, 70 °F, 90°", "1 degree Celsius, 20 degrees Celsius, 70 degrees Fahrenheit, 90 degrees"],
    ["40° 26′ 46″", "40 degrees 26 minutes 46 seconds"],
    ["5%, 5 %, 5 ‰", "5 percent, 5 percent, 5 per mille"],
    ["AT&T, R&D", "AT and T, R and D"],
    ["Paris → Rome ← Oslo ↔ Bern, a -> b => c", "Paris to Rome from Oslo and Bern, a to b to c"],
    ["↑ 5%, ↓ 3%", "up 5 percent, down 3 percent"],
    ["© 2026 Acme™ Foo®", "copyright 2026 Acme trademark Foo registered"],
    ["§ 5, №5, #5", "section 5, number 5, number 5"],
    ["~5, ≈5, a ≈ b", "about 5, about 5, a is approximately b"],
    ["C#, F#, C++, A+, 50+", "C sharp, F sharp, C plus plus, A plus, 50 plus"],
    ["@joe, #effect, me @ home", "at joe, hashtag effect, me at home"],
    ["Press * or #.", "Press star or pound."],
    ["Press * to hear it again or *9 for help.", "Press star to hear it again or star 9 for help."],
    ["Dial **31# or *#06#.", "Dial star star 31 pound or star pound 06 pound."],
    ["Press `*` or '#'.", "Press star or 'pound'."],
    ["*9 lives* and **31 people**", "9 lives and 31 people"],
    ["Call us, or *9.", "Call us, or star 9."],
    ["the .env file, .NET 8, Node.js", "the dot env file, dot NET 8, Node.js"],
    ["/etc/hosts, ~/x, src/a.ts", "slash etc slash hosts, tilde slash x, src slash a dot ts"],
    ["C:\\Users\\me", "C colon backslash Users backslash me"],
    ["and/or, 24/7, km/h, he/she", "and/or, 24/7, km/h, he/she"],
    ["5:30, U.S., v1.2.3, 192.168.0.1", "5:30, U.S., v1.2.3, 192.168.0.1"],
    ["jo.x@mail.example.com", "jo dot x at mail dot example dot com"],
    ["€1,234.56, $5, £3m, ₹500, 50¢", "€1,234.56, $5, £3m, ₹500, 50¢"],
    ["x<y, y>3, a < b", "x less than y, y more than 3, a less than b"],
    ["List<String>", "List String"],
    ["I <3 you :) ;-)", "I love you"],
    ["½ cup, 2½", "½ cup, 2½"],
    ["e.g. this, i.e. that, approx. 5", "for example this, that is that, approximately 5"]
  ],
  xx: [
    ["Press *1 or #2.", "Press *1 or #2."],
    ["B♭ and C♯, ▲ 5%", "B♭ and C♯, ▲ 5%"],
    ["a != b || c && d", "a != b || c && d"],
    ["See <https://example.com>. And <jo@x.com>", "See https://example.com. And jo@x.com"],
    ["ok :) :smile: <3", "ok"],
    ["20 % & 5 °C", "20 % & 5 °C"],
    ["**Fett** und `code` 😀 hier", "Fett und code hier"],
    ["# Titel\n- eins\n- zwei", "Titel.\neins.\nzwei."],
    ["[Text](https://x.org)", "Text"],
    ["info@firma.de, https://x.org/a?b=1", "info@firma.de, https://x.org/a?b=1"],
    ["a < b, x<y, List<String>, a ≠ b", "a < b, x<y, List<String>, a ≠ b"],
    ["C#, .env, 5*3, 2^10, -5, −5, a/b, 24/7", "C#, .env, 5*3, 2^10, -5, −5, a/b, 24/7"],
    ["Taste * oder #, *9", "Taste * oder #, *9"],
    ["© ® ™ → ← ↔ ⇒ ≥ π ‰ № § @ + = ~ ^", "© ® ™ → ← ↔ ⇒ ≥ π ‰ № § @ + = ~ ^"],
    ["<b>fett</b> und <foo bar=\"1\">x</foo>", "fett und x"],
    ["z. B. e.g. vs. 5–10", "z. B. e.g. vs. 5–10"]
  ],
  de: [
    ["100%ig, 10%-Rabatt, 90°-Kurve", "100 prozentig, 10 Prozent-Rabatt, 90 Grad-Kurve"],
    ["5 µm², 9,81 m/s²", "5 Quadratmikrometer, 9,81 Meter pro Quadratsekunde"],
    [
      "S. 5, Abb. 3, Kap. 4, § 5 Abs. 2, Nrn. 5 und 6",
      "Seite 5, Abbildung 3, Kapitel 4, Paragraf 5 Absatz 2, Nummern 5 und 6"
    ],
    ["v. a. hier, m. E. gut, s. o., o. Ä.", "vor allem hier, meines Erachtens gut, siehe oben, oder Ähnliches."],
    ["a || b", "a oder b"],
    ["Das kostet 20 % mehr & dauert 3–5 Tage.", "Das kostet 20 Prozent mehr und dauert 3 bis 5 Tage."],
    ["Es sind 5 °C, 1 °C, −3 °C.", "Es sind 5 Grad Celsius, 1 Grad Celsius, minus 3 Grad Celsius."],
    [
      "x ≠ y, x ≥ 5, y ≤ 3, 5 ± 1, a ≈ b",
      "x ungleich y, x mindestens 5, y höchstens 3, 5 plus minus 1, a ungefähr gleich b"
    ],
    ["30 m², 2 m³, 5 µg, 10 kΩ, 50 km/h", "30 Quadratmeter, 2 Kubikmeter, 5 Mikrogramm, 10 Kiloohm, 50 km/h"],
    ["Drücken Sie * oder #.", "Drücken Sie Stern oder Raute."],
    ["Wählen Sie *9.", "Wählen Sie Stern 9."],
    ["info@firma.de, www.firma.de/hilfe", "info ät firma Punkt de, firma Punkt de Schrägstrich hilfe"],
    ["Berlin → Bonn ← Köln", "Berlin nach Bonn von Köln"],
    ["z. B. so, d. h. ja, u. a. hier", "zum Beispiel so, das heißt ja, unter anderem hier"],
    ["§ 5, §§ 3–5, Nr. 5, № 5", "Paragraf 5, Paragraf 3 bis 5, Nummer 5, Nummer 5"],
    ["C#, .NET, #1, #wetter, @max", "C sharp, Punkt NET, Nummer 1, hashtag wetter, ät max"],
    ["5 × 3 ÷ 2 = 7,5", "5 mal 3 geteilt durch 2 gleich 7,5"],
    ["2^10, x², 10³, √16, ∞, π", "2 hoch 10, x hoch zwei, 10 hoch drei, Wurzel aus 16, unendlich, Pi"],
    ["© 2026 Firma®", "Copyright 2026 Firma eingetragene Marke"],
    ["5 ‰", "5 Promille"],
    ["a < b, b > a", "a kleiner als b, b größer als a"]
  ],
  fr: [
    [
      "C'est le n°1. N° 5, nº 3, nos 5 enfants, p. 5, al. 2",
      "C'est le numéro 1. Numéro 5, numéro 3, nos 5 enfants, page 5, alinéa 2"
    ],
    ["5 µm², 9,81 m/s²", "5 micromètres carrés, 9,81 mètres par seconde au carré"],
    ["en 50 av. J.-C. et 50 apr. J.-C. déjà", "en 50 avant Jésus-Christ et 50 après Jésus-Christ déjà"],
    ["Cela coûte 20 % de plus & dure 3–5 jours.", "Cela coûte 20 pour cent de plus et dure 3 à 5 jours."],
    ["Il fait 5 °C.", "Il fait 5 degrés Celsius."],
    [
      "x ≠ y, x ≥ 5, y ≤ 3, 5 ± 1",
      "x différent de y, x supérieur ou égal à 5, y inférieur ou égal à 3, 5 plus ou moins 1"
    ],
    ["30 m², 5 µg", "30 mètres carrés, 5 microgrammes"],
    ["Appuyez sur * ou #.", "Appuyez sur étoile ou dièse."],
    ["Composez le *9.", "Composez le étoile 9."],
    ["info@societe.fr, www.societe.fr/aide", "info arobase societe point fr, societe point fr barre oblique aide"],
    ["Paris → Lyon ← Nice", "Paris vers Lyon de Nice"],
    ["p. ex. lundi, c.-à-d. demain", "par exemple lundi, c'est-à-dire demain"],
    ["n° 5, § 3, C#, #1, @max", "numéro 5, paragraphe 3, C sharp, numéro 1, arobase max"],
    ["5 × 3 ÷ 2 = 7,5", "5 fois 3 divisé par 2 égale 7,5"],
    ["x², √16", "x au carré, racine de 16"]
  ],
  es: [
    ["El 1° de mayo, el 3° piso, 20° bajo cero, a 5°", "El 1º de mayo, el 3º piso, 20 grados bajo cero, a 5 grados"],
    ["art. 5, págs. 5–7, fig. 3, n.º 5, nº 5", "artículo 5, páginas 5 a 7, figura 3, número 5, número 5"],
    ["en el 5 a. C. y en EE. UU. hoy, c/ Mayor 5", "en el 5 antes de Cristo y en Estados Unidos hoy, calle Mayor 5"],
    ["Cuesta un 5% más & dura 3–5 días.", "Cuesta un 5 por ciento más y dura 3 a 5 días."],
    ["Hace 30 °C.", "Hace 30 grados Celsius."],
    ["x ≠ y, x ≥ 5, y ≤ 3, 5 ± 1", "x distinto de y, x mayor o igual que 5, y menor o igual que 3, 5 más o menos 1"],
    ["30 m², 5 µg", "30 metros cuadrados, 5 microgramos"],
    ["Pulse * o #.", "Pulse asterisco o almohadilla."],
    ["Marque el *9.", "Marque el asterisco 9."],
    ["info@empresa.es, www.empresa.es/ayuda", "info arroba empresa punto es, empresa punto es barra ayuda"],
    ["Madrid → Vigo", "Madrid a Vigo"],
    ["p. ej. hoy", "por ejemplo hoy"],
    ["n.º 5, § 3, C#, #1", "número 5, párrafo 3, C sharp, número 1"],
    ["5 × 3 ÷ 2 = 7,5", "5 por 3 entre 2 igual a 7,5"],
    ["x², √16", "x al cuadrado, raíz de 16"]
  ],
  it: [
    [
      "1° maggio, il 3° piano, l'8° posto, 20° sotto zero, a 180°",
      "1º maggio, il 3º piano, l'8º posto, 20 gradi sotto zero, a 180 gradi"
    ],
    ["art. 5, n. 5, pagg. 5–7, cap. 2", "articolo 5, numero 5, pagine 5 a 7, capitolo 2"],
    ["5 µm²", "5 micrometri quadrati"],
    ["Costa il 20 % in più & dura 3–5 giorni.", "Costa il 20 per cento in più e dura 3 a 5 giorni."],
    ["Ci sono 5 °C.", "Ci sono 5 gradi Celsius."],
    ["x ≠ y, x ≥ 5, y ≤ 3, 5 ± 1", "x diverso da y, x maggiore o uguale a 5, y minore o uguale a 3, 5 più o meno 1"],
    ["30 m², 5 µg", "30 metri quadrati, 5 microgrammi"],
    ["Prema * o #.", "Prema asterisco o cancelletto."],
    ["Digiti *9.", "Digiti asterisco 9."],
    ["info@azienda.it, www.azienda.it/aiuto", "info chiocciola azienda punto it, azienda punto it barra aiuto"],
    ["Roma → Bari", "Roma a Bari"],
    ["p. es. oggi", "per esempio oggi"],
    ["5 × 3 ÷ 2 = 7,5", "5 per 3 diviso 2 uguale 7,5"],
    ["x², √16", "x al quadrato, radice di 16"]
  ],
  pt: [
    ["O 1° de maio, o 3° andar, 20° abaixo", "O 1º de maio, o 3º andar, 20 graus abaixo"],
    ["art. 5, págs. 5–7, cap. 2, nº 5, n.º 5", "artigo 5, páginas 5 a 7, capítulo 2, número 5, número 5"],
    ["5 µm²", "5 micrômetros quadrados"],
    ["Custa 20 % a mais & dura 3–5 dias.", "Custa 20 por cento a mais e dura 3 a 5 dias."],
    ["Faz 30 °C.", "Faz 30 graus Celsius."],
    ["x ≠ y, x ≥ 5, y ≤ 3, 5 ± 1", "x diferente de y, x maior ou igual a 5, y menor ou igual a 3, 5 mais ou menos 1"],
    ["30 m², 5 µg", "30 metros quadrados, 5 microgramas"],
    ["Pressione * ou #.", "Pressione asterisco ou jogo da velha."],
    ["Disque *9.", "Disque asterisco 9."],
    [
      "info@empresa.com.br, www.empresa.pt/ajuda",
      "info arroba empresa ponto com ponto br, empresa ponto pt barra ajuda"
    ],
    ["Lisboa → Porto", "Lisboa para Porto"],
    ["p. ex. hoje", "por exemplo hoje"],
    ["5 × 3 ÷ 2 = 7,5", "5 vezes 3 dividido por 2 igual a 7,5"],
    ["x², √16", "x ao quadrado, raiz de 16"]
  ],
  nl: [
    ["art. 5, hfst. 2, t/m 5, nº 5", "artikel 5, hoofdstuk 2, tot en met 5, nummer 5"],
    ["5 µm²", "5 vierkante micrometer"],
    ["Dat kost 20 % meer & duurt 3–5 dagen.", "Dat kost 20 procent meer en duurt 3 tot 5 dagen."],
    ["Het is 5 °C.", "Het is 5 graden Celsius."],
    ["x ≠ y, x ≥ 5, y ≤ 3, 5 ± 1", "x is niet gelijk aan y, x minstens 5, y hoogstens 3, 5 plus of min 1"],
    ["30 m², 5 µg", "30 vierkante meter, 5 microgram"],
    ["Toets * of #.", "Toets sterretje of hekje."],
    ["Kies *9.", "Kies sterretje 9."],
    ["info@bedrijf.nl, www.bedrijf.nl/hulp", "info apenstaartje bedrijf punt nl, bedrijf punt nl schuine streep hulp"],
    ["Utrecht → Gouda", "Utrecht naar Gouda"],
    ["bijv. nu, d.w.z. straks, m.b.t. dit", "bijvoorbeeld nu, dat wil zeggen straks, met betrekking tot dit"],
    ["5 × 3 ÷ 2 = 7,5", "5 keer 3 gedeeld door 2 is gelijk aan 7,5"],
    ["x², √16", "x kwadraat, wortel van 16"]
  ]
}

const say = (language: string, text: string) => transform(spoken({ language }), text)
const inUnits = (language: string, text: string) => {
  const transformer = spoken({ language })()
  return text.split("").map((unit) => transformer.push(unit)).join("") + transformer.flush()
}
const languages = ["en", "en-GB", "de", "de-CH", "fr", "es", "it", "pt", "nl"] as const

describe("SpokenSigns", () => {
  for (const [language, lines] of Object.entries(golden)) {
    it.each(lines)(`${language}: %s`, (written, said) => {
      assert.strictEqual(say(language, written), said)
      assert.strictEqual(inUnits(language, written), said)
    })
  }

  it.prop("no sign vanishes, nor turns into another's words", [
    Schema.Literals(languages),
    Schema.Literals([..."≠≮≯≰≱≤≥±²³µΩ°₹₩¢£€¥→←↔⇒×÷√∞∑π%‰№§©®™&@#+=^½⅓"]),
    Schema.Literals([..."≠≮≯≰≱≤≥±²³°→←↔×÷√∞%‰§©®™&@+="])
  ], ([language, sign, other]) => {
    const said = say(language, `a ${sign} b`)
    assert.match(said, /^a .+ b$/u)
    const opposite: { readonly [sign: string]: string } = { "≮": "≥", "≯": "≤", "≰": ">", "≱": "<", "⇒": "→", "↔": "&" }
    const same = (one: string) => opposite[one] ?? one
    if (same(sign) !== same(other)) assert.notStrictEqual(said, say(language, `a ${other} b`))
  }, { arbitrary: { runs: 1_000 } })

  it.prop("leaves the signs of an unknown language, however they come", [
    Schema.Array(Schema.Literals([
      ..."≠≥≤±²µΩ°₹¢€→←↔⇒×÷√∞π%‰№§©®™&@#+=½/",
      "word",
      "5",
      " ",
      "C#",
      "a < b",
      "x<y",
      "a != b",
      "a || b",
      "./run",
      "../x",
      "a::b",
      ".env",
      "jo@x.com",
      "www.x.com/a",
      "z. B."
    ])).check(Schema.isMaxLength(12))
  ], ([parts]) => {
    const text = `a ${parts.join(" ")} b`.replace(/ {2,}/gu, " ")
    assert.strictEqual(say("xx", text), text)
    assert.strictEqual(inUnits("xx", text), text)
  }, { arbitrary: { runs: 500 } })

  it.prop("leaves plain text as it is, in every language", [
    Schema.Literals([...languages, "xx"]),
    Schema.Array(Schema.Literals(["Haus", "über", "word", "casa", "été", "5", "17:30", "1,234.56", "well-known"]))
      .check(
        Schema.isMinLength(1)
      )
  ], ([language, words]) => {
    const text = `${words.join(" ")} so.`
    assert.strictEqual(say(language, text), text)
  })

  it("changes nothing when it is off", () => {
    const text = "**a** & <b>5 %</b> 😀  x\n\n\ny"
    assert.strictEqual(transform(spoken({ off: true }), text), text)
  })

  it("says pronunciations, whole words and the longest first, and not inside tags", () => {
    const said = transform(
      spoken({
        keepTags: ["break"],
        pronunciations: {
          SQL: "sequel",
          "sql server": "sequel server",
          "AT&T": "A T and T",
          break: "brake",
          ".NET": "dot net"
        }
      }),
      "Sql, MySQL, SQL Server, AT&T, .NET and a <break time=\"1s\"/> break."
    )
    assert.strictEqual(
      said,
      "sequel, MySQL, sequel server, A T and T, dot net and a <break time=\"1s\"/> brake."
    )
  })
})
