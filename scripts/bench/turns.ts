/**
 * A user's recordings against the embedded engines in real time: words, and where each turn's time goes (B9).
 *
 * Each recording is played as a microphone would deliver it, 20 ms at a time, silence in between, to one session in this
 * process; the agent answers in one short sentence. End of speech is where the detector found it in the audio, so the
 * figures are what a user waits after the last word.
 *
 * Usage: `npm run bench -- turns`; `EFFECT_VOICE_ROUNDS` sets how often the five recordings are played (4).
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Agent from "../../src/agent/Agent.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Wav from "../../src/audio/Wav.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as Builtin from "../../src/builtin/index.ts"
import * as MonotonicTime from "../../src/MonotonicTime.ts"
import * as Wer from "../../test/support/Wer.ts"
import { quantile } from "./Statistics.ts"

const rounds = Number(process.env["EFFECT_VOICE_ROUNDS"] ?? 4)
const clips = [
  ["ill-disposed", "he was not an ill disposed young man"],
  ["cold-hearted", "unless to be rather cold hearted and rather selfish is to be ill disposed"],
  [
    "prudently",
    "and mister john dashwood had then leisure to consider how much there might be prudently in his power to do for them"
  ],
  ["queen-of-clubs", "four queen of clubs"],
  ["eight-of-spades", "eight of spades four of clubs seven of hearts"]
] as const

const read = (name: string): Int16Array => {
  const wav = Wav.parse(readFileSync(join("test", "fixtures", `${name}.wav`)))
  if (wav._tag === "Failure") throw wav.failure
  return wav.success.samples
}

const FRAME = 320

/** 20 ms frames at the speed of speech: the recordings, each followed by silence until the reply has been heard. */
const microphone = (replies: () => number): Stream.Stream<Uint8Array> => {
  const frames = function*() {
    const silence = new Uint8Array(2 * FRAME)
    let turns = 0
    for (let round = 0; round < rounds; round++) {
      for (const [name] of clips) {
        const samples = read(name)
        for (let at = 0; at < samples.length; at += FRAME) {
          yield Pcm.fromInt16(samples.slice(at, at + FRAME))
        }
        turns++
        while (replies() < turns) yield silence
        for (let i = 0; i < 10; i++) yield silence
      }
    }
  }
  return Stream.unwrap(Effect.clockWith((clock) =>
    Effect.sync(() => {
      const start = MonotonicTime.nowMs(clock)
      let n = 0
      return Stream.fromIterable(frames(), { chunkSize: 1 }).pipe(
        Stream.tap(() => Effect.sleep(Math.max(0, start + 20 * n++ - MonotonicTime.nowMs(clock))))
      )
    })
  ))
}

const program = Effect.gen(function*() {
  const backend = yield* VoiceBackend
  const loaded = process.memoryUsage().rss
  const session = yield* backend.createSession({
    userId: "bench",
    transport: "websocket",
    agent: Agent.fromCallback(() => Effect.succeed("Okay, I got that."))
  })
  let replies = 0
  const said: Array<string> = []
  const totals: Array<number> = []
  const parts = new Map<string, Array<number>>()
  yield* session.pipeline(microphone(() => replies)).pipe(
    Stream.runForEach((output) =>
      Effect.sync(() => {
        if (output._tag === "Audio") return
        const { event } = output
        if (event.type === "agent.speech_stopped") replies++
        if (event.type === "user.transcript" && event.final) said.push(event.text)
        if (event.type !== "turn.latency") return
        totals.push(event.totalMs)
        for (const { ms, name } of event.parts) parts.set(name, [...parts.get(name) ?? [], ms])
      })
    )
  )
  let edits = 0
  let words = 0
  for (const [index, [name, reference]] of clips.entries()) {
    const first = said[index] ?? ""
    const wanted = Wer.words(reference)
    const wrong = Wer.edits(wanted, Wer.words(first))
    edits += wrong
    words += wanted.length
    yield* Console.log(`${name}: ${wrong}/${wanted.length} words wrong: ${first}`)
  }
  yield* Console.log(`WER ${(100 * edits / words).toFixed(1)} % (${edits}/${words})`)
  const row = (name: string, values: ReadonlyArray<number>) =>
    `${name.padEnd(14)} p50 ${quantile(values, 0.5).toFixed(0).padStart(5)} ms   p95 ${
      quantile(values, 0.95).toFixed(0).padStart(5)
    } ms`
  yield* Console.log(`${totals.length} turns, end of speech to first audio:`)
  for (const [name, values] of parts) yield* Console.log(row(name, values))
  yield* Console.log(row("total", totals))
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`
  yield* Console.log(`memory: ${mb(loaded)} with the engines loaded, ${mb(process.memoryUsage().rss)} at the end`)
})

const config = BackendConfig.decode({
  provider: "local",
  pipeline_type: "stt_tts",
  stt_provider: "moonshine",
  tts_provider: "flite",
  vad_provider: "silero"
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(
      Layer.unwrap(Effect.map(config, VoiceBackend.layerConfig)).pipe(Layer.provide(Builtin.layer))
    )
  )
)
