/**
 * A user's recordings against the embedded engines in real time: words, and where each turn's time goes (B9).
 *
 * Each recording is played as a microphone would deliver it, 20 ms at a time, silence in between, to one session in this
 * process; the agent answers in one short sentence. End of speech is where the detector found it in the audio, so the
 * figures are what a user waits after the last word. One recording is cut from the middle of a sentence, which its melody says:
 * its turn may wait for more, and is listed apart.
 *
 * Usage: `npm run bench -- turns`, with `--runtime web` as if `onnxruntime-node` were not installed; `EFFECT_VOICE_ROUNDS` sets how often the five recordings are played (4),
 * `EFFECT_VOICE_TURNS` another turn detector, and `EFFECT_VOICE_TRACE` prints the parts of each turn.
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
import * as Recordings from "../../test/engines/Recordings.ts"
import * as Wer from "../../test/support/Wer.ts"
import { paced } from "./RealTime.ts"
import { quantile } from "./Statistics.ts"

const rounds = Number(process.env["EFFECT_VOICE_ROUNDS"] ?? 4)
const turns = process.env["EFFECT_VOICE_TURNS"]
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
/** "… young man, unless …" */
const UNFINISHED = "ill-disposed"

const read = (name: string): Int16Array => {
  const wav = Wav.parse(readFileSync(join("test", "fixtures", `${name}.wav`)))
  if (wav._tag === "Failure") throw wav.failure
  return wav.success.samples
}

const FRAME = 320

/** What the session has said of itself. */
interface Heard {
  /** Replies that are over. */
  replies: number
  /** Turns that began before their recording was over. */
  cut: number
  isSpeaking: boolean
  /** The transcripts of each recording. */
  readonly said: Array<Array<string>>
}

/** 20 ms frames at the speed of speech: the recordings, each followed by a room's noise until the reply has been heard. */
const microphone = (heard: Heard): Stream.Stream<Uint8Array> => {
  const frames = function*() {
    const noise = Recordings.frames(Recordings.room(2)).map((frame) => Pcm.fromInt16(frame.slice()))
    let at = 0
    const room = () => noise[at++ % 100] ?? new Uint8Array(2 * FRAME)
    for (let round = 0; round < rounds; round++) {
      for (const [name] of clips) {
        heard.said.push([])
        const samples = read(name)
        for (let from = 0; from < samples.length; from += FRAME) {
          yield Pcm.fromInt16(samples.slice(from, from + FRAME))
        }
        const before = heard.replies
        if (heard.isSpeaking) heard.cut++
        while (heard.replies === before) yield room()
        for (let i = 0; i < 10; i++) yield room()
      }
    }
  }
  return paced(frames())
}

const program = Effect.gen(function*() {
  const backend = yield* VoiceBackend
  const loaded = process.memoryUsage().rss
  const session = yield* backend.createSession({
    userId: "bench",
    transport: "websocket",
    agent: Agent.fromCallback(() => Effect.succeed("Okay, I got that."))
  })
  const heard: Heard = { replies: 0, cut: 0, isSpeaking: false, said: [] }
  const totals: Array<number> = []
  const unfinished: Array<number> = []
  const trace: Array<string> = []
  const parts = new Map<string, Array<number>>()
  yield* session.pipeline(microphone(heard)).pipe(
    Stream.runForEach((output) =>
      Effect.sync(() => {
        if (output._tag === "Audio") return
        const { event } = output
        if (event.type === "agent.speech_started") heard.isSpeaking = true
        if (event.type === "agent.speech_stopped") {
          heard.isSpeaking = false
          heard.replies++
        }
        if (event.type === "user.transcript" && event.final) heard.said.at(-1)?.push(event.text)
        if (event.type !== "turn.latency") return
        const name = clips[(heard.said.length - 1) % clips.length]?.[0]
        trace.push(`${name}: ${event.parts.map(({ ms, name }) => `${name} ${ms.toFixed(0)}`).join(", ")}`)
        if (name === UNFINISHED) return unfinished.push(event.totalMs)
        totals.push(event.totalMs)
        for (const { ms, name } of event.parts) parts.set(name, [...parts.get(name) ?? [], ms])
      })
    )
  )
  if (process.env["EFFECT_VOICE_TRACE"] !== undefined) {
    for (const line of trace) yield* Console.log(line)
  }
  let edits = 0
  let words = 0
  for (const [index, [name, reference]] of clips.entries()) {
    const first = (heard.said[index] ?? []).join(" ")
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
  yield* Console.log(`${heard.said.length} recordings, ${heard.cut} answered before their end`)
  yield* Console.log(`${totals.length} turns, end of speech to first audio:`)
  for (const [name, values] of parts) yield* Console.log(row(name, values))
  yield* Console.log(row("total", totals))
  yield* Console.log(row("mid-sentence", unfinished))
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`
  yield* Console.log(`memory: ${mb(loaded)} with the engines loaded, ${mb(process.memoryUsage().rss)} at the end`)
})

const config = BackendConfig.decode({
  provider: "local",
  pipeline_type: "stt_tts",
  stt_provider: "moonshine",
  tts_provider: "hibari",
  tts_fallback: ["flite"],
  vad_provider: "silero",
  ...(turns === undefined ? {} : { turn_detection_provider: turns })
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(
      Layer.unwrap(Effect.map(config, VoiceBackend.layerConfig)).pipe(Layer.provide(Builtin.layer))
    )
  )
)
