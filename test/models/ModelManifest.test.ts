import { assert, describe, it } from "@effect/vitest"
import * as Manifest from "../../src/models/ModelManifest.ts"
import * as MoonshineTokens from "../../src/models/MoonshineTokens.ts"

describe("ModelManifest", () => {
  it("pins every file and archive, and names no file twice or outside its directory", () => {
    assert.strictEqual(new Set(Manifest.models.map(Manifest.directoryName)).size, Manifest.models.length)
    for (const model of Manifest.models) {
      const names = Manifest.filesOf(model).map((file) => file.name)
      assert.strictEqual(new Set(names).size, names.length)
      for (const source of model.sources) {
        assert.match(source.version, /^\d+\.\d+\.\d+$/)
        assert.strictEqual(Buffer.from(source.integrity.replace("sha512-", ""), "base64").length, 64)
        for (const file of source.files) {
          assert.match(file.name, /^\w[\w.]*$/)
          for (const pin of [file, ...(file.derived === undefined ? [] : [file.derived.from])]) {
            assert.match(pin.sha256, /^[0-9a-f]{64}$/)
            assert.isAbove(pin.bytes, 0)
          }
        }
      }
    }
  })

  it("takes nothing from the non-commercial folder of the base package", () => {
    for (const file of Manifest.filesOf(Manifest.moonshineBaseEn)) assert.notInclude(file.entry, "non-commercial")
  })
})

describe("MoonshineTokens", () => {
  const source = (pieces: ReadonlyArray<string>) =>
    new TextEncoder().encode(
      `const llama_vocab_base64 = "${
        Buffer.from(pieces.join("\n"), "utf8").toString("base64")
      }"\nthrow new Error("run")`
    )

  it("writes each piece in base64 with its number, and fills up to the model's outputs", () => {
    const made = MoonshineTokens.fromTokenizerSource(source(["<unk>", "▁the", "é"]))
    assert.isNotString(made)
    const lines = new TextDecoder().decode(made as Uint8Array).split("\n") // asserted above
    assert.strictEqual(lines.length, 32_769)
    assert.deepEqual(lines.slice(0, 4), ["PHVuaz4= 0", "4paBdGhl 1", "w6k= 2", `${btoa("<u3>")} 3`])
    assert.deepEqual(lines.slice(-2), [`${btoa("<u32767>")} 32767`, ""])
  })

  it("says what is wrong with an invalid source", () => {
    assert.match(String(MoonshineTokens.fromTokenizerSource(new Uint8Array([1, 2, 3]))), /no llama_vocab_base64/)
    assert.match(
      String(MoonshineTokens.fromTokenizerSource(source(Array.from({ length: 32_769 }, () => "a")))),
      /more than the model's 32768/
    )
  })
})
