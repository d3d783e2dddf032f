/**
 * What a deployment gets: the packed package with its dependencies alone. There is no native ONNX runtime; the neural voice and
 * the turn detector run on the copy of WebAssembly's that the package carries.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as PackedProject from "./PackedProject.ts"

/** In MB of the files; measured: 225. */
const CEILING = 300

const megabytes = (directory: string): number => {
  let bytes = 0
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size
  }
  return bytes / 2 ** 20
}

/** Declares the tests; the project has the package and nothing that its user did not ask for. */
export const tests = (projectOf: () => string) =>
  describe("a production install", () => {
    it(`is smaller than ${CEILING} MB`, () => {
      const modules = join(projectOf(), "node_modules")
      for (const name of ["onnxruntime-node", "onnxruntime-web"]) assert.isFalse(existsSync(join(modules, name)), name)
      assert.isBelow(megabytes(modules), CEILING)
    })

    it("speaks with hibari and listens with smart-turn", () => {
      const project = projectOf()
      const recording = join(PackedProject.root, "test", "fixtures", "cold-hearted.wav")
      writeFileSync(
        join(project, "hears-and-speaks.mjs"),
        `import { Effect, Stream } from "effect"
import { TextToSpeech, TurnDetector } from "effect-voice"
import * as Wav from "effect-voice/audio/Wav"
import * as Hibari from "effect-voice/engines/hibari"
import * as SmartTurn from "effect-voice/engines/smart-turn"
import { readFileSync } from "node:fs"

const speaking = Effect.gen(function*() {
  const tts = yield* TextToSpeech.TextToSpeech
  const voice = yield* tts.open({ sessionId: "test" })
  const chunks = yield* Stream.runCollect(voice.speak(Stream.make("Good morning.")))
  return { loudest: Math.max(...chunks.flatMap(({ pcm }) => Array.from(pcm, Math.abs))) }
}).pipe(Effect.scoped, Effect.provide(Hibari.layer()))

const listening = Effect.gen(function*() {
  const turns = yield* TurnDetector.TurnDetector
  yield* turns.probe
  const { samples } = Wav.parse(readFileSync(${JSON.stringify(recording)})).success
  return { whole: yield* turns.listen(samples.slice()), half: yield* turns.listen(samples.slice(0, samples.length / 2)) }
}).pipe(Effect.provide(SmartTurn.layer()), Effect.scoped)

const result = await Effect.runPromise(Effect.all([speaking, listening]))
process.stdout.write(JSON.stringify(Object.assign({}, ...result)))
`
      )
      const printed = PackedProject.run(project, process.execPath, [
        "--disable-warning=ExperimentalWarning",
        "hears-and-speaks.mjs"
      ])
      const { half, loudest, whole } = JSON.parse(printed)
      assert.isAbove(loudest, 3_000)
      assert.isAbove(whole, 0.7)
      assert.isBelow(half, 0.5)
    }, 120_000)
  })
