/** Names and phrases that were replaced are found in module names, exports, comments and text. */
import { assert, describe, it } from "@effect/vitest"
import { check, endings, names, phrases } from "../../scripts/check/Vocabulary.ts"

const found = (file: string, text: string) => check(file, text).map(({ line, message }) => `${line}: ${message}`)

describe("Vocabulary", () => {
  it("finds a module by its name, in src and in the tests that mirror it", () => {
    assert.deepStrictEqual(found("src/session/Outlet.ts", ""), [
      "1: module name Outlet: the field's word is InputBranch"
    ])
    assert.deepStrictEqual(found("test/session/Keeper.full.test.ts", ""), [
      "1: module name Keeper: the field's word is SessionLeases"
    ])
    assert.deepStrictEqual(found("src/engines/deepgram/ListenTalk.ts", ""), [
      "1: module name ListenTalk: the field's word is ListenProtocol"
    ])
  })

  it("finds the names that a module exports, and leaves alone what it only uses", () => {
    assert.deepStrictEqual(
      found(
        "src/a/A.ts",
        "export interface B {\n}\nexport interface Tape {}\nconst Keeper = 1\nexport class SpeakWire {}"
      ),
      [
        "3: export Tape: the field's word is UtteranceBuffer, SampleBuffer",
        "5: export SpeakWire: the field's word is SpeakProtocol"
      ]
    )
  })

  it("finds a phrase whatever its case, and over the lines of a comment", () => {
    const [phrase = "", better = ""] = Object.entries(phrases).find(([phrase]) => phrase.includes(" ")) ?? []
    const message = `"${phrase}": write "${better}"`
    assert.isNotEmpty(phrase)
    assert.deepStrictEqual(found("src/a/A.ts", `const a = 1\n// ${phrase.toUpperCase()}`), [`2: ${message}`])
    assert.deepStrictEqual(found("README.md", phrase.replace(" ", "\n")), [`1: ${message}`])
    assert.deepStrictEqual(found("src/a/A.ts", `/**\n * ${phrase.replace(" ", "\n * ")}\n */`), [`2: ${message}`])
  })

  it("lets the talk command have its name, and words that only contain a replaced one", () => {
    assert.deepStrictEqual(found("src/cli/Talk.ts", "export const layerTalk = 1"), [])
    assert.deepStrictEqual(found("src/session/Attachments.ts", "export class OutletStore {}"), [])
  })

  it("names another word for each, which is not itself on the list", () => {
    for (const [name, better] of Object.entries({ ...names, ...endings })) {
      for (const word of better.split(", ")) assert.notProperty(names, word, `${name}: ${better}`)
    }
    for (const [phrase, better] of Object.entries(phrases)) {
      assert.deepStrictEqual(found("README.md", better), [], phrase)
    }
  })
})
