/**
 * Why the voice gets numbers as words (`normalisesText: false`): what is said of texts of many kinds by the rules of `src/text`
 * before the voice's own, and by the voice's own alone, beside how people read them.
 */
import { assert, describe, it } from "@effect/vitest"
import * as EnglishReader from "../../../../src/engines/hibari/text/EnglishReader.ts"
import * as UnknownWords from "../../../../src/engines/hibari/text/UnknownWords.ts"
import * as SpokenText from "../../../../src/text/SpokenText.ts"
import { tagSet } from "../../../../src/text/tags/SpeechTags.ts"
import * as TextWords from "../../../../src/text/TextWords.ts"
import * as VoiceText from "../../../../src/text/VoiceText.ts"
import { american, americanLetters, rows, shared } from "./Goldens.ts"

/** What the voice is given of a text in a session. */
const given = (text: string, expandsNumbers: boolean): string => {
  const spoken = SpokenText.transform(SpokenText.spoken(), text)
  const prepared = VoiceText.prepare(spoken, {
    context: TextWords.make("en"),
    kept: tagSet([]),
    understood: tagSet([]),
    pronounce: undefined,
    saysSigns: false,
    expandsNumbers
  })
  return prepared?.spoken ?? spoken
}

/** Sounds alone: without stress and pauses, and with the weak forms of small words as one. */
const sounds = (phonemes: string): string =>
  phonemes.replace(/[^\p{L}]|[ˈˌ]/gu, "").replace(/tə|tʊ/gu, "tu").replace(/ðə/gu, "ði").replace(/ænd/gu, "ɐnd")

describe("the readings of numbers", () => {
  it("are right by the rules of src/text, more often than by those of the voice", async () => {
    const reader = EnglishReader.make(shared(), american())
    const letters = await americanLetters()
    const say = async (text: string) => {
      const pieces = []
      for (const sentence of reader.sentences(text)) pieces.push(...await UnknownWords.read(reader, letters, sentence))
      return sounds(pieces.map(({ phonemes }) => phonemes).join(" "))
    }
    const table = rows("readings.tsv")
    const wrong: Array<string> = []
    let wrongAlone = 0
    for (const [, text = "", readings = ""] of table) {
      const right = new Set<string>()
      for (const reading of readings.split(" | ")) right.add(await say(reading))
      if (!right.has(await say(given(text, true)))) wrong.push(text)
      if (!right.has(await say(given(text, false)))) wrongAlone++
    }
    assert.isAtLeast(table.length, 120)
    assert.isAtLeast(new Set(table.map(([kind]) => kind)).size, 25)
    // its letters are said as one word
    assert.deepStrictEqual(wrong, ["Use the code AB12CD."])
    assert.isAtLeast(wrongAlone, 20)
  })
})
