/**
 * What an idle session holds (B5): heap and external memory after garbage collection, and what its larger parts take of
 * it when they are made alone.
 *
 * Usage: `npm run bench -- sessions`; `EFFECT_VOICE_SESSIONS` sets how many are opened (500).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import * as Scope from "effect/Scope"
import { setTimeout as sleep } from "node:timers/promises"
import * as Resampler from "../../src/audio/resampling/Resampler.ts"
import { AudioInput } from "../../src/session/input/AudioInput.ts"
import { ReceivedAudio } from "../../src/session/input/ReceivedAudio.ts"
import { AudioOutput } from "../../src/session/playout/AudioOutput.ts"
import * as ResilientSpeechToText from "../../src/speech/resilience/ResilientSpeechToText.ts"
import * as ResilientTextToSpeech from "../../src/speech/resilience/ResilientTextToSpeech.ts"
import { UtteranceReplay } from "../../src/speech/resilience/UtteranceReplay.ts"
import { SpeechToText } from "../../src/speech/SpeechToText.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import * as EffectVoice from "./peers/EffectVoice.ts"
import { type Load, Meter, Sink } from "./peers/Load.ts"

const count = Number(process.env["EFFECT_VOICE_SESSIONS"] ?? 500)

const memory = async () => {
  await sleep(300)
  for (let i = 0; i < 3; i++) globalThis.gc?.()
  const { external, heapUsed } = process.memoryUsage()
  return { heap: heapUsed, external }
}

const kb = (bytes: number) => (bytes / count / 1024).toFixed(1).padStart(6)
const measure = async (name: string, open: () => Promise<unknown>) => {
  // allocations of the first use do not count
  await open()
  const before = await memory()
  const kept: Array<unknown> = []
  for (let i = 0; i < count; i++) kept.push(await open())
  const after = await memory()
  const heap = after.heap - before.heap
  const external = after.external - before.external
  process.stdout.write(
    `${name.padEnd(44)} ${kb(heap + external)} KB: heap ${kb(heap)}, external ${kb(external)}${
      kept.length === count ? "" : "?"
    }\n`
  )
}

const load: Load = {
  peer: "effect-voice",
  sessions: count,
  cycle: 200,
  speech: 50,
  warmSeconds: 0,
  seconds: 0,
  replyMs: 2_000,
  chunkMs: 20,
  pause: false,
  patient: true
}
const peer = await EffectVoice.connect(load)
await measure("session, attached and idle", () => peer.open(new Sink(new Meter())))
const heard = new Int16Array(320)
await measure("session, after 2 s of silence", async () => {
  const driven = await peer.open(new Sink(new Meter()))
  for (let i = 0; i < 100; i++) driven.push(heard)
  return driven
})
await peer.close()

const part = <A, E>(name: string, make: Effect.Effect<A, E, Scope.Scope>) =>
  measure(
    `  ${name}`,
    () =>
      Effect.runPromise(Effect.flatMap(Scope.make(), (scope) =>
        Effect.map(Scope.provide(make, scope), (made) => ({
          made,
          end: () => Scope.close(scope, Exit.void)
        }))))
  )

const factory = await Effect.runPromise(Resampler.load)
const clock = { now: () => 0, add: () => {}, remove: () => {} }
const quiet = {
  audible: () => {},
  text: () => {},
  played: () => {},
  slow: () => {},
  dead: () => {},
  drained: () => {},
  failed: () => {}
}
const stt = await Effect.runPromise(Effect.provide(SpeechToText, ScriptedEngines.layerStt([])))
const tts = await Effect.runPromise(Effect.provide(TextToSpeech, ScriptedEngines.layerTts()))
const dependableStt = await Effect.runPromise(ResilientSpeechToText.make([stt]))
const dependableTts = await Effect.runPromise(ResilientTextToSpeech.make([tts]))
await part("nothing but its scope", Effect.void)
await part("recogniser, scripted", stt.open({ sessionId: "bench" }))
await part("recogniser, the same made dependable", dependableStt.open({ sessionId: "bench" }))
await part(
  "  its memory of what was heard",
  Effect.sync(() => {
    const replay = new UtteranceReplay()
    for (let i = 0; i < 100; i++) replay.push(heard)
    return replay
  })
)
await part("voice, scripted", tts.open({ sessionId: "bench" }))
await part("voice, the same made dependable", dependableTts.open({ sessionId: "bench" }))
await part("its fibers", FiberMap.make<string>())
await part("audio for readers", Effect.sync(() => new ReceivedAudio()))
await part("audio input", Effect.sync(() => new AudioInput(factory, () => {})))
await part("audio output", Effect.sync(() => new AudioOutput(clock, quiet)))
