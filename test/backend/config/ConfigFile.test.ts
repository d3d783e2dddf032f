import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as ConfigFile from "../../../src/backend/config/ConfigFile.ts"

const text = "agent: builtin\n# für Grüße\nconversation: { greeting: \"Grüß Gott\" }\n"
const config = { agent: "builtin", conversation: { greeting: "Grüß Gott" } }

const read = (bytes: Uint8Array) =>
  ConfigFile.read("voice.yaml").pipe(
    Effect.provide(FileSystem.layerNoop({ readFile: () => Effect.succeed(bytes) }))
  )

const swapped = (bytes: Buffer) => Buffer.from(bytes).swap16()

describe("ConfigFile", () => {
  it.effect("reads UTF-8 with and without a mark at its beginning", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* read(Buffer.from(text)), config)
      assert.deepStrictEqual(yield* read(Buffer.from(`\ufeff${text}`)), config)
      assert.deepStrictEqual(yield* read(new Uint8Array()), {})
    }))

  const others: { readonly [name: string]: readonly [bytes: Uint8Array, told: string] } = {
    "Latin-1": [Buffer.from(text, "latin1"), "is not encoded in UTF-8 at line 2, but in something like Latin-1"],
    "UTF-16": [Buffer.from(`\ufeff${text}`, "utf16le"), "is encoded in UTF-16"],
    "UTF-16 in network order": [swapped(Buffer.from(`\ufeff${text}`, "utf16le")), "is encoded in UTF-16"],
    "UTF-16 without a mark": [Buffer.from(text, "utf16le"), "is encoded in UTF-16"]
  }
  for (const [name, [bytes, told]] of Object.entries(others)) {
    it.effect(`says what is wrong with a file in ${name}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(read(bytes))
        assert.strictEqual(error.message, `the config voice.yaml ${told}: save it as UTF-8`)
        assert.deepStrictEqual(error.details, { file: "voice.yaml", reason: "encoding" })
      }))
  }
})
