import { assert, describe, it } from "@effect/vitest"
import { gunzipSync } from "node:zlib"
import * as TaggerFile from "../../../../src/engines/hibari/text/TaggerFile.ts"
import * as Goldens from "./Goldens.ts"

type Weights = { readonly [feature: string]: { readonly [tag: string]: number } }

describe("TaggerFile", () => {
  it("has the weights that JSON has, to the last bit and in the same order", () => {
    const json = gunzipSync(Goldens.file("tagger.json.gz"))
    const { tags, weights: { features, starts, tags: numbers, tenths } } = TaggerFile.parse(json)
    const { weights } = JSON.parse(json.toString()) as { readonly weights: Weights }
    const expected = Object.entries(weights)
    assert.strictEqual(features.size, expected.length)
    let at = 0
    for (const [feature, byTag] of expected) {
      assert.strictEqual(starts[features.get(feature)!], at)
      for (const [tag, weight] of Object.entries(byTag)) {
        if (tags[numbers[at]!] !== tag || tenths[at]! / 10 !== weight) assert.fail(`${feature} ${tag} ${weight}`)
        at++
      }
    }
    assert.strictEqual(starts.at(-1), at)
    assert.strictEqual(tenths.length, at)
  })

  it.each([
    "{}",
    "{\"tags\":[\"NN\"],\"tagdict\":{},\"vocab\":[],\"weights\":{\"b\":{\"NN\":1.25}}}",
    "{\"tags\":[\"NN\"],\"tagdict\":{},\"vocab\":[],\"weights\":{\"b\":{\"VB\":1.2}}}",
    "{\"tags\":[\"NN\"],\"tagdict\":{},\"vocab\":[],\"weights\":{\"b\":{\"NN\":1.2",
    "{\"tags\":[\"NN\"],\"tagdict\":{},\"vocab\":[],\"weights\":{\"b"
  ])("refuses another form: %s", (json) => {
    assert.throws(() => TaggerFile.parse(Buffer.from(json)), /the tagger's file/u)
  })

  it("reads names with signs that JSON escapes", () => {
    const json = "{\"tags\":[\"``\"],\"tagdict\":{},\"vocab\":[],\"weights\":{\"w=\\\"\\\\é\":{\"``\":-12}}}"
    const { weights } = TaggerFile.parse(Buffer.from(json))
    assert.deepStrictEqual([...weights.features], [["w=\"\\é", 0]])
    assert.deepStrictEqual([...weights.tenths], [-120])
  })
})
