import { assert, describe, it } from "@effect/vitest"
import * as LetterNet from "../../../../src/engines/hibari/text/LetterNet.ts"
import type { PhonemeReader } from "../../../../src/engines/hibari/text/PhonemeReader.ts"
import * as UnknownWords from "../../../../src/engines/hibari/text/UnknownWords.ts"

const letters: LetterNet.LetterTables = {
  input: new Map(Array.from("abcdefghijklmnopqrstuvwxyz", (sign, i) => [sign, i + 1])),
  output: ["w", "ˈ", "ʌ", "ɡ"],
  longest: 24
}

/** A network that answers every letter with the first sign, and lists what it is asked. */
const network = () => {
  const asked: Array<string> = []
  const run: UnknownWords.RunLetters = (chars) => {
    asked.push(Array.from(chars, (id) => String.fromCharCode(96 + Number(id))).join(""))
    return Promise.resolve(Array.from(chars).flatMap(() => [1n, 0n, 0n, 0n]))
  }
  return { asked, ask: UnknownWords.ask(letters, run) }
}

describe("LetterNet", () => {
  it("encodes at most 24 letters that it knows", () => {
    assert.deepStrictEqual(LetterNet.encode(letters, "cA'b😀a"), BigInt64Array.of(3n, 2n, 1n))
    assert.strictEqual(LetterNet.encode(letters, "a".repeat(40))?.length, 24)
    assert.isUndefined(LetterNet.encode(letters, "東京"))
    assert.isUndefined(LetterNet.encode(letters, ""))
  })

  it("decodes each id once until another or a gap comes", () => {
    assert.strictEqual(LetterNet.decode(letters, [1, 1, 0, 0, 2, 3, 3, 0, 4, 0, 4, 4]), "wˈʌɡɡ")
    assert.strictEqual(LetterNet.decode(letters, BigInt64Array.of(0n, 99n, -1n, 1n)), "w")
    assert.strictEqual(LetterNet.decode(letters, []), "")
  })
})

describe("UnknownWords", () => {
  it("asks for a word once, and not for one without letters", async () => {
    const { ask, asked } = network()
    assert.strictEqual(await ask("wug"), "www")
    assert.strictEqual(await ask("wug"), "www")
    assert.strictEqual(await ask("東京"), "")
    assert.deepStrictEqual(asked, ["wug"])
  })

  it("remembers 4,096 words", async () => {
    const { ask, asked } = network()
    const word = (n: number) => Array.from(String(n), (digit) => "abcdefghij"[Number(digit)]).join("")
    for (let n = 0; n < 4_097; n++) await ask(word(n))
    await ask(word(1))
    assert.strictEqual(asked.length, 4_097)
    await ask(word(0))
    assert.strictEqual(asked.length, 4_098)
  })

  it("reads again with the answers, and stops when a reader never has enough", async () => {
    const { ask, asked } = network()
    const seen: Array<string | undefined> = []
    const reader: PhonemeReader = {
      sentences: () => [],
      read: (_, said) => {
        seen.push(said("wug"))
        return { pieces: [], unknown: ["wug"] }
      }
    }
    assert.deepStrictEqual(await UnknownWords.read(reader, ask, { text: "wug", start: 0 }), [])
    assert.deepStrictEqual(seen, [undefined, "www", "www"])
    assert.deepStrictEqual(asked, ["wug"])
  })

  it("hands on what the network fails with", async () => {
    const ask = UnknownWords.ask(letters, () => Promise.reject(new Error("no memory")))
    const failed = await ask("wug").catch((cause: unknown) => String(cause))
    assert.strictEqual(failed, "Error: no memory")
  })

  it("asks for a few words at a time, so that others have their turn", async () => {
    const words = Array.from({ length: 20 }, (_, i) => `wug${i}`)
    const reader: PhonemeReader = {
      sentences: () => [],
      read: (_, said) => ({
        pieces: [{ phonemes: words.map(said).join(""), ids: [0, 1, 0], words: [] }],
        unknown: words.filter((word) => said(word) === undefined)
      })
    }
    const asked: Array<string> = []
    const next = UnknownWords.reading(reader, async (word) => {
      asked.push(word)
      return "z"
    }, { text: "", start: 0 })
    const counts: Array<number> = []
    let pieces = await next()
    while (pieces === undefined) {
      counts.push(asked.length)
      pieces = await next()
    }
    assert.deepStrictEqual(counts, [0, 8, 16])
    assert.deepStrictEqual(asked, words)
    assert.strictEqual(pieces[0]?.phonemes, "z".repeat(20))
  })
})
