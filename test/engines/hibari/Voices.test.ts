/** Voices that do not come with the package: by path and by address, in one worker. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Hibari from "../../../src/engines/hibari/index.ts"
import * as ModelFiles from "../../../src/engines/hibari/ModelFiles.ts"
import { ModelStore } from "../../../src/models/ModelStore.ts"
import { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import { serve } from "../../models/FileServer.ts"

const modelFile = (name: ModelFiles.FileName) =>
  fileURLToPath(new URL(`../../../src/engines/hibari/model/${name}`, import.meta.url))
const shipped = modelFile("hibari.onnx")
const { sha256 } = ModelFiles.voices.heart

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "hibari-voices-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

/** Builds the engine, with a cache of its own for what it fetches. */
const built = (options: Partial<Hibari.HibariOptions>, cache: string) =>
  Layer.build(Layer.provide(Hibari.layer(options), ModelStore.layerDir(cache))).pipe(
    Effect.flatMap((context) => Effect.provide(TextToSpeech, context))
  )

const say = (
  tts: TextToSpeech["Service"],
  session: { readonly voice?: string; readonly language?: string },
  text = "I can't park the car."
) =>
  Effect.gen(function*() {
    const stream = yield* tts.open({ sessionId: "s", ...session })
    const chunks = yield* stream.speak(Stream.make(text)).pipe(Stream.runCollect)
    return Pcm.concat(chunks.map(({ pcm }) => pcm))
  }).pipe(Effect.scoped)

describe("voices of hibari", () => {
  it.live("are fetched once from an address, and chosen by name and by language", () =>
    Effect.gen(function*() {
      const cache = yield* temporary
      const server = yield* serve(readFileSync(shipped))
      const model = { url: `${server.url}/mine.onnx`, sha256 }
      const options = { voices: { lady: { model, accent: "gb" }, twin: { model: shipped } } } as const
      for (let start = 1; start <= 2; start++) {
        yield* Effect.scoped(Effect.gen(function*() {
          const tts = yield* built(options, cache)
          assert.deepEqual(tts.capabilities.voices, ["heart", "lady", "twin"])
          assert.strictEqual(tts.capabilities.language, "en-US")
          const american = yield* say(tts, {})
          const british = yield* say(tts, { voice: "lady" })
          assert.isAbove(american.length, 12_000)
          assert.notDeepEqual(british, american)
          assert.deepEqual(yield* say(tts, { voice: "twin" }), american)
          assert.deepEqual(yield* say(tts, { language: "en-GB" }), british)
          assert.deepEqual(yield* say(tts, { language: "en-US" }), american)
          assert.deepEqual(yield* say(tts, { language: "en-AU" }), american)
          assert.deepEqual(yield* say(tts, { voice: "heart", language: "en-GB" }), american)
          assert.strictEqual((yield* Effect.flip(say(tts, { voice: "emma" }))).code, "invalid_config")
        }))
        assert.lengthOf(server.requests, 1)
      }
    }), 120_000)

  it.live("of one's own are refused, typed, when they are something else", () =>
    Effect.gen(function*() {
      const cache = yield* temporary
      const server = yield* serve(readFileSync(modelFile("oov.onnx")))
      const refused = (options: Partial<Hibari.HibariOptions>, why: RegExp) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(Effect.scoped(built(options, cache)))
          assert.strictEqual(error.code, "invalid_config")
          assert.match(error.message, why)
        })
      const other = { url: `${server.url}/a.onnx`, sha256: ModelFiles.files["oov.onnx"].sha256 }
      yield* refused(
        { voice: "mine", model: other },
        /a\.onnx: the model file is not a voice of hibari: it has no input ids/u
      )
      yield* refused({ voice: "mine", model: { ...other, sha256: "0".repeat(64) } }, /does not match its SHA-256/u)
      yield* refused(
        { voice: "mine", model: modelFile("vocab.json") },
        /not a voice of hibari: the model file is damaged/u
      )
      yield* refused({ voice: "mine", model: tmpdir() }, /cannot be read/u)
      yield* refused({ voice: "mine", model: "/no/such/file" }, /there is no file/u)
      yield* refused({ voice: "mine" }, /mine is no known voice/u)
      yield* refused({ voices: { constructor: {} } }, /constructor is no known voice/u)
      yield* refused({ voices: { emma: { model: shipped } } }, /is not the expected file/u)
      const many = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`v${i}`, { model: shipped }]))
      yield* refused({ voices: many }, /7/u)
    }), 120_000)
})
