/**
 * `effect-voice talk`: plays a recording as the user, in real time, and waits for the reply.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { concat } from "../audio/Pcm.ts"
import * as Resampler from "../audio/resampling/Resampler.ts"
import * as Wav from "../audio/Wav.ts"
import * as PartNames from "../backend/PartNames.ts"
import { VoiceBackend } from "../backend/VoiceBackend.ts"
import { ConnectionFailed, InvalidConfig, PipelineError, Timeout } from "../BackendError.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import type { SessionEvent } from "../session/SessionEvent.ts"
import type { App } from "./app/App.ts"
import { LiveLine } from "./LiveLine.ts"
import * as Output from "./Output.ts"
import * as Setup from "./Setup.ts"
import * as TalkConnection from "./TalkConnection.ts"
import * as TalkPhone from "./TalkPhone.ts"
import { TalkState, type Verdict } from "./TalkState.ts"

const op = "talk"
const tickMs = 20

/** The longest greeting that is waited for; after it the user speaks over the agent. */
const greetingMs = 30_000

/** The most ticks that are caught up after a stall of the process. */
const maxBurst = 50

/** An hour, 173 MB at 24 kHz. */
const MAX_REPLY_SECONDS = 3_600

/** The agent's audio, as far as it will be written. */
class KeptAudio {
  readonly pieces: Array<Int16Array> = []
  readonly #maxSamples: number
  #samples = 0
  isCut = false

  constructor(maxSamples: number) {
    this.#maxSamples = maxSamples
  }

  push(pcm: Int16Array): void {
    this.isCut ||= this.#samples + pcm.length > this.#maxSamples
    if (this.isCut) return
    this.#samples += pcm.length
    this.pieces.push(pcm)
  }
}

const readRecording = Effect.fnUntraced(function*(file: string, sampleRate: number) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* fs.readFile(file).pipe(
    Effect.mapError((error) =>
      new InvalidConfig({
        op,
        message: `cannot read ${file}: ${error.reason._tag === "NotFound" ? "no such file" : error.message}`
      })
    )
  )
  const wav = yield* Effect.fromResult(Wav.parse(bytes)).pipe(
    Effect.mapError((error) =>
      new InvalidConfig({
        op,
        message: `${file} is not a valid WAV file: ${error.message}`,
        details: { reason: error.reason, at: error.at }
      })
    )
  )
  if (wav.samples.length === 0) {
    return yield* new InvalidConfig({ op, message: `${file} contains no audio`, details: { reason: "empty" } })
  }
  if (wav.truncated) yield* Output.note(`note: ${file} is truncated; the audio that it contains is played`)
  const resampler = yield* Resampler.load
  return yield* Effect.fromResult(resampler.convert(wav.samples, wav.sampleRate, sampleRate))
})

const writeReply = Effect.fnUntraced(function*(file: string, audio: ReadonlyArray<Int16Array>, sampleRate: number) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFile(file, Wav.encode(concat(audio), { sampleRate })).pipe(
    Effect.mapError((error) => new InvalidConfig({ op, message: `cannot write ${file}: ${error.message}` }))
  )
})

const checkOutput = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (yield* Effect.orElseSucceed(fs.exists(path.dirname(path.resolve(file))), () => false)) return
  return yield* new InvalidConfig({ op, message: `cannot write ${file}: its directory does not exist` })
})

const ms = (value: number): string => `${Math.round(value)} ms`

/** The line that is printed for an event; `undefined` for events that are not printed. */
const spoken = (event: SessionEvent): string | undefined => {
  switch (event.type) {
    case "user.transcript":
      return event.final && event.text !== "" ? `you    ${event.text}` : undefined
    case "agent.speech_stopped":
      return event.text === ""
        ? undefined
        : `agent  ${event.text}${event.reason === "completed" ? "" : ` [${event.reason}]`}`
    case "turn.latency":
      return `       answered after ${ms(event.totalMs)}: ${
        event.parts.map((part) => `${part.name} ${ms(part.ms)}`).join(", ")
      }`
    case "playout.clear":
      return "       [interrupted]"
    case "turn.unanswered":
      return `       [no answer: ${event.reason}]`
    case "error":
      return `       [${event.code}: ${event.message}]`
    default:
      return undefined
  }
}

/** Of the server's own words, as many as a person reads. */
const wordsOf = (text: string | undefined): string => text?.slice(0, 500) ?? "unknown"

const verdicts = (file: string, state: TalkState) =>
  ({
    silent: new Timeout({ op, message: "the session sent nothing" }),
    endless: new Timeout({ op, message: "the conversation did not end within 10 minutes of the recording's end" }),
    no_speech: new PipelineError({ op, message: `no speech was detected in ${file}`, retryable: false }),
    no_words: new PipelineError({
      op,
      message: `speech was detected in ${file}, but no words were recognised`,
      retryable: false
    }),
    no_reply: new Timeout({ op, message: "the agent did not reply" }),
    failed: new PipelineError({
      op,
      message: `the agent did not reply: ${wordsOf(state.error)}`,
      retryable: false
    }),
    closed: new ConnectionFailed({ op, message: `the session ended before a reply: ${wordsOf(state.closed)}` })
  }) satisfies Record<Exclude<Verdict, "replied">, unknown>

/** Plays the recording, then silence, until the verdict. */
const play = Effect.fnUntraced(function*(
  line: TalkConnection.Line,
  recording: Int16Array,
  sampleRate: number,
  state: TalkState
) {
  const frame = sampleRate * tickMs / 1_000
  const silence = new Int16Array(frame)
  const last = new Int16Array(frame)
  let start = yield* MonotonicTime.currentMs
  let ticks = 0
  let position = -1
  while (true) {
    const due = Math.floor((yield* MonotonicTime.currentMs) - start) / tickMs
    if (due - ticks > maxBurst) start += (due - ticks - maxBurst) * tickMs
    for (; ticks <= due; ticks++) {
      // a greeting is played to its end
      const isAgentsTurn = state.agentSpeaking || state.agentPreparing
      const greeted = ticks * tickMs >= 300 && (!isAgentsTurn || ticks * tickMs >= greetingMs)
      if (position < 0 && greeted) position = 0
      if (position >= 0 && position < recording.length) {
        const piece = recording.subarray(position, position + frame)
        last.fill(0)
        last.set(piece)
        line.send(last)
        position += frame
        if (state.closed === undefined) continue
      } else {
        line.send(silence)
      }
      const verdict = state.closed !== undefined || position >= recording.length ? state.wait(tickMs) : undefined
      if (verdict !== undefined) return verdict
    }
    yield* Effect.sleep(Math.max(1, start + ticks * tickMs - (yield* MonotonicTime.currentMs)))
  }
})

/**
 * Talks to a session in this process, or on a server at `url`; with `phone`, over a telephone line. Fails with the reason when
 * the agent did not reply.
 *
 * @category commands
 * @since 0.1.0
 */
export const talk = Effect.fnUntraced(function*(options: {
  readonly app: App
  readonly input: string
  readonly output: string | undefined
  readonly url: string | undefined
  readonly json: boolean
  readonly config: string | undefined
  readonly phone?: TalkPhone.PhoneOptions | undefined
}) {
  const rates = options.phone === undefined ? TalkConnection.WIDEBAND : TalkPhone.RATES
  const recording = yield* readRecording(options.input, rates.input)
  if (options.output !== undefined) yield* checkOutput(options.output)

  const state = new TalkState()
  const reply = new KeptAudio(options.output === undefined ? 0 : MAX_REPLY_SECONDS * rates.output)
  const phone = options.phone === undefined
    ? undefined
    : yield* TalkPhone.make(options.phone, (pcm) => reply.push(pcm.slice()))
  const live = new LiveLine()
  const listener: TalkConnection.Listener = {
    event: (event, json) => {
      if (event !== undefined) state.event(event)
      if (event?.type === "playout.clear") phone?.clear()
      if (options.json) return Output.writeJson(json)
      if (event === undefined) return
      const text = spoken(event)
      const now = live.after(event)
      if (text !== undefined || now !== undefined) Output.progress("")
      if (text !== undefined) Output.write(text)
      if (now !== undefined) Output.progress(now)
    },
    audio: (pcm) => {
      state.audio(pcm.length * 1000 / rates.output)
      if (phone === undefined) reply.push(pcm)
      else phone.send(pcm)
    },
    closed: (reason) => state.close(reason)
  }

  const key = process.env["EFFECT_VOICE_API_KEY"]
  const converse = Effect.fnUntraced(function*(connection: TalkConnection.Line) {
    const line = phone === undefined ? connection : yield* phone.over(connection)
    const verdict = yield* play(line, recording, rates.input, state)
    yield* line.hangup
    return verdict
  })
  const local = Effect.gen(function*() {
    const loaded = yield* Setup.loadConfig(options.config, { app: options.app })
    yield* Setup.fetchModels(loaded.config, options.app)
    return yield* Effect.gen(function*() {
      const { engines } = yield* VoiceBackend
      yield* Output.note(PartNames.inWords(engines, loaded.config.agent))
      return yield* Effect.flatMap(TalkConnection.inProcess(listener, key, rates), converse)
    }).pipe(Effect.scoped, Effect.provide(Setup.backend(loaded, options.app)))
  })
  const verdict = yield* options.url === undefined
    ? local
    : Effect.scoped(
      Effect.flatMap(TalkConnection.remote(options.url, key, listener, rates), converse)
    )

  if (options.output !== undefined) {
    if (reply.isCut) yield* Output.note("note: only the first hour of the agent's speech is written")
    yield* writeReply(options.output, reply.pieces, rates.output)
  }
  if (verdict !== "replied") return yield* verdicts(options.input, state)[verdict]
})
