/** Engines that fail, hang, die and lie as a script tells them, call by call. */
import { Cause, Effect, Queue, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type BackendError, ConnectionFailed, PipelineError } from "../../src/BackendError.ts"
import type { EngineIncident } from "../../src/EngineIncident.ts"
import type { SpeechToText, SpeechToTextStream, TranscriptEvent } from "../../src/speech/SpeechToText.ts"
import type { SpeechChunk, TextToSpeech, TextToSpeechOptions } from "../../src/speech/TextToSpeech.ts"
import { SPEECH_LEVEL } from "../../src/testing/scripted/ScriptedEngines.ts"

export const down = new ConnectionFailed({ op: "test", message: "down" })
export const fatal = new PipelineError({ op: "test", message: "fatal", retryable: false })

/** Lets time pass, in steps, and each fiber have its turns before each. */
export const pass = Effect.fnUntraced(function*(ms: number) {
  const turns = Effect.repeat(TestClock.adjust(0), { times: 10 })
  const step = Math.max(1, ms / 10)
  yield* turns
  for (let at = 0; at < ms; at += step) {
    yield* TestClock.adjust(Math.min(step, ms - at))
    yield* turns
  }
})

/** What happens to one sentence, or to one opening. */
export type TtsFault =
  | "ok"
  | "fail"
  | "fatal"
  | "hang"
  | "die"
  | "silent"
  | "empty"
  | "part"
  | "part-hang"
  | "refuse"
  | "refuse-hang"

export interface Counts {
  opened: number
  closed: number
  /** Streams that are running. */
  running: number
  /** The most that ran at a time. */
  most: number
}

const counted = (counts: Counts) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      counts.opened++
      counts.most = Math.max(counts.most, counts.opened - counts.closed)
    }),
    () => Effect.sync(() => void counts.closed++)
  )

/** A voice of two chunks a sentence: all samples are `level`, 10 for each character. */
export const tts = (
  name: string,
  level: number,
  faults: () => TtsFault,
  options: { readonly sampleRate?: number; readonly onOpen?: () => TtsFault } = {}
): {
  readonly engine: TextToSpeech["Service"]
  readonly counts: Counts
  readonly asked: Array<string>
  /** What each opened voice was asked to be. */
  readonly wanted: Array<TextToSpeechOptions>
} => {
  const wanted: Array<TextToSpeechOptions> = []
  const counts: Counts = { opened: 0, closed: 0, running: 0, most: 0 }
  const asked: Array<string> = []
  const speak = (text: string): Stream.Stream<SpeechChunk, BackendError> => {
    const fault = faults()
    asked.push(`${text}:${fault}`)
    const pcm = new Int16Array(text.length * 5).fill(level)
    const first: SpeechChunk = { pcm, text }
    const second: SpeechChunk = { pcm, text: "" }
    switch (fault) {
      case "fail":
        return Stream.fail(down)
      case "fatal":
        return Stream.fail(fatal)
      case "hang":
        return Stream.never
      case "die":
        return Stream.die(new Error("bug"))
      case "silent":
        return Stream.empty
      case "empty":
        return Stream.forever(Stream.succeed({ pcm: new Int16Array(0), text }))
      case "part":
        return Stream.concat(Stream.succeed(first), Stream.fail(down))
      case "part-hang":
        return Stream.concat(Stream.succeed(first), Stream.never)
      default:
        return Stream.make(first, second)
    }
  }
  return {
    counts,
    asked,
    wanted,
    engine: {
      name,
      sampleRate: options.sampleRate ?? 24_000,
      capabilities: { voices: [name], languages: [] },
      open: (session) =>
        Effect.gen(function*() {
          wanted.push(session)
          const fault = options.onOpen?.() ?? "ok"
          if (fault === "refuse") return yield* Effect.fail(down)
          if (fault === "refuse-hang") return yield* Effect.never
          yield* counted(counts)
          return {
            speak: (sentences) =>
              Stream.flatMap(sentences, (text) =>
                Stream.unwrap(Effect.as(
                  Effect.acquireRelease(
                    Effect.sync(() => void counts.running++),
                    () => Effect.sync(() => void counts.running--)
                  ),
                  speak(text)
                )))
          }
        })
    }
  }
}

/** What a recogniser does when it is asked, or while it listens. */
export type SttFault = "ok" | "fail" | "fatal" | "mute" | "end" | "half" | "lie" | "throw"

/**
 * A recogniser that "hears" the level of loud samples: each run of equal loud samples is a word, `w<level>`. It gives an
 * interim when a word begins (if told to) and, when asked, all words that ended or are under way before the question.
 */
export const stt = (
  name: string,
  faults: () => SttFault,
  options: {
    readonly sampleRate?: number
    readonly sampleRates?: ReadonlyArray<number>
    readonly interim?: boolean
    readonly words?: boolean
    readonly endOfTurn?: boolean
    readonly onOpen?: () => "ok" | "refuse" | "hang"
  } = {}
): {
  readonly engine: SpeechToText["Service"]
  readonly counts: Counts
  readonly heard: Array<string>
  /** Fails the running streams. */
  readonly kill: (error?: BackendError) => void
  /** The running streams take the turn for over. */
  readonly endTurn: () => void
} => {
  const counts: Counts = { opened: 0, closed: 0, running: 0, most: 0 }
  const heard: Array<string> = []
  const running = new Set<Queue.Queue<TranscriptEvent, BackendError | Cause.Done>>()
  const enders = new Map<object, () => void>()
  return {
    endTurn: () => {
      for (const end of enders.values()) end()
    },
    counts,
    heard,
    kill: (error = down) => {
      for (const queue of running) Queue.failCauseUnsafe(queue, Cause.fail(error))
    },
    engine: {
      name,
      sampleRate: options.sampleRate ?? 16_000,
      sampleRates: options.sampleRates,
      capabilities: {
        interim: options.interim ?? false,
        endOfTurn: options.endOfTurn ?? false,
        languages: []
      },
      open: (): Effect.Effect<
        SpeechToTextStream,
        BackendError,
        Scope.Scope
      > =>
        Effect.gen(function*() {
          const fault = options.onOpen?.() ?? "ok"
          if (fault === "refuse") return yield* Effect.fail(down)
          if (fault === "hang") return yield* Effect.never
          yield* counted(counts)
          const events = yield* Queue.unbounded<TranscriptEvent, BackendError | Cause.Done>()
          yield* Effect.acquireRelease(
            Effect.sync(() => void running.add(events)),
            () => Effect.sync(() => void running.delete(events))
          )
          let position = 0
          let level = 0
          let words: Array<{ readonly text: string; readonly startSample: number; endSample: number }> = []
          const emit = (event: TranscriptEvent) => void Queue.offerUnsafe(events, event)
          yield* Effect.acquireRelease(
            Effect.sync(() =>
              enders.set(events, () => {
                const said = words.splice(0)
                emit({ _tag: "Final", text: said.map(({ text }) => text).join(" "), words: said })
                emit({ _tag: "EndOfTurn" })
              })
            ),
            () => Effect.sync(() => enders.delete(events))
          )
          return {
            push: (pcm) => {
              for (const sample of pcm) {
                position++
                if (Math.abs(sample) < SPEECH_LEVEL) {
                  level = 0
                } else if (sample === level) {
                  const word = words.at(-1)
                  if (word !== undefined) word.endSample = position
                } else {
                  level = sample
                  words.push({ text: `w${level}`, startSample: position - 1, endSample: position })
                  heard.push(`w${level}`)
                  if (options.interim === true) emit({ _tag: "Interim", text: words.map(({ text }) => text).join(" ") })
                }
              }
            },
            activity: (activity) => void heard.push(activity._tag === "SpeechStarted" ? "+" : "-"),
            finalize: (id, untilSample) => {
              const fault = faults()
              heard.push(`?${id}`)
              if (fault === "throw") throw new Error("bug")
              if (fault === "mute") return
              if (fault === "fail") return void Queue.failCauseUnsafe(events, Cause.fail(down))
              if (fault === "fatal") return void Queue.failCauseUnsafe(events, Cause.fail(fatal))
              if (fault === "end") return void Queue.endUnsafe(events)
              const done = words.filter((word) => word.startSample < untilSample)
              words = words.filter((word) => word.startSample >= untilSample)
              if (done.length > 0) {
                emit({
                  _tag: "Final",
                  text: done.map(({ text }) => text).join(" "),
                  ...(options.words === true ? { words: done } : {})
                })
              }
              if (fault === "half") return void Queue.failCauseUnsafe(events, Cause.fail(down))
              if (fault === "lie") emit({ _tag: "Finalized", id: id + 1_000 })
              emit({ _tag: "Finalized", id })
              if (fault === "lie") emit({ _tag: "Finalized", id })
            },
            events: Stream.fromQueue(events)
          }
        })
    }
  }
}

/** Gives the items in turn, then the last for ever. */
export const inTurn = <A>(...items: ReadonlyArray<A>): () => A => {
  let at = 0
  return () => {
    const item = items[Math.min(at++, items.length - 1)]
    if (item === undefined) throw new RangeError("no item")
    return item
  }
}

export const recorder = () => {
  const incidents: Array<EngineIncident> = []
  return {
    incidents,
    onIncident: (incident: EngineIncident) => void incidents.push(incident),
    /** `tts1 failed`, `tts1 switched tts2`. */
    lines: () => incidents.map(({ engine, to, what }) => `${engine} ${what}${to === undefined ? "" : ` ${to}`}`)
  }
}
