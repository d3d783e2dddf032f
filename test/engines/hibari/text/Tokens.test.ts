import { assert, describe, it } from "@effect/vitest"
import * as MappedText from "../../../../src/engines/hibari/text/MappedText.ts"
import { subTokens } from "../../../../src/engines/hibari/text/tokens/SubTokens.ts"
import * as TaggedLine from "../../../../src/engines/hibari/text/tokens/TaggedLine.ts"
import * as Tagger from "../../../../src/engines/hibari/text/tokens/Tagger.ts"
import { tokeniser, tokens } from "../../../../src/engines/hibari/text/tokens/Tokens.ts"
import * as Goldens from "./Goldens.ts"

const tokenise = () => tokeniser(Goldens.shared().exceptions)

type Strings = readonly [text: string, parts: ReadonlyArray<string>]
type Tagged = readonly [text: string, tokens: ReadonlyArray<readonly [token: string, tag: string, space: string]>]

describe("Tokens", () => {
  it("are the reference's", () => Goldens.assertEqual(Goldens.json<Strings>("tokens.jsonl"), [], tokenise()))

  it.prop("hold all of a line but its white space, and know where they stand", [Goldens.hostileParts], ([parts]) => {
    const text = parts.join("")
    const found = tokens(tokenise(), MappedText.make(text, 3))
    for (const token of found) assert.isTrue(text.startsWith(token.text, token.origin - 3), JSON.stringify(token))
    assert.strictEqual(
      found.map((token) => token.text).join(""),
      text.replace(/[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/gu, "")
    )
  })

  it("cuts a run without spaces at 1,000 characters, not within one", () => {
    const found = tokens(tokenise(), MappedText.make("😀".repeat(1_001) + " a".repeat(3), 0))
    assert.deepStrictEqual(found.map(({ space, text }) => [text.length, space]), [
      [1_000, true],
      [1_000, true],
      [2, true],
      [1, true],
      [1, true],
      [1, false]
    ])
  })
})

describe("SubTokens", () => {
  it("are the reference's", () =>
    Goldens.assertEqual(
      Goldens.json<Strings>("subtokens.jsonl"),
      [],
      (token) => subTokens(token).map(({ text }) => text)
    ))
})

describe("Tagger", () => {
  it("gives the tags of the reference", () => {
    const tag = Tagger.make(Goldens.shared().tagger)
    return Goldens.assertEqual(
      Goldens.json<Tagged>("tagger.jsonl"),
      [],
      (text) =>
        TaggedLine.read(tokenise(), tag, MappedText.make(text, 0)).map((token) =>
          [token.text, token.tag, token.space ? " " : ""] as const
        )
    )
  })

  it("names words as any others that objects inherit", () => {
    const tag = Tagger.make(Goldens.shared().tagger)
    assert.deepStrictEqual(
      tag(["__proto__", "hasOwnProperty", "valueOf"]).map((name) => typeof name),
      ["string", "string", "string"]
    )
  })
})
