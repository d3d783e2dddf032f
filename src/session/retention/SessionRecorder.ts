/**
 * Keeps a session's data while it runs: its recording, transcript, metadata and events, as far as they may be kept.
 *
 * What happens is noted synchronously, in memory that is bounded; one fiber carries it to the archive each second. When
 * the archive is slow or full the recording loses its middle, which is silent then, and the conversation goes on.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Pcm from "../../audio/Pcm.ts"
import type { Resampler, ResamplerFactory } from "../../audio/Resampler.ts"
import * as Wav from "../../audio/Wav.ts"
import { HistoryItem } from "../../conversation/History.ts"
import type { Periods } from "../../hooks/RetentionPolicy.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import type { AudioTap } from "../playout/AudioOutput.ts"
import type * as SessionEvent from "../SessionEvent.ts"
import type { SessionArchive } from "./SessionArchive.ts"
import { StereoTimeline } from "./StereoTimeline.ts"

/** What is so old is written: no voice comes so late, and no cut. */
const SETTLED_MS = 500
/** A disk may be silent so long before a recording loses anything. */
const CAPACITY_MS = 4_000
const FRAME_BYTES = 4
const MAX_WAV_BYTES = 0xfffffffe
/** Events that wait to be written; beyond this the oldest are lost. */
const MAX_EVENTS = 1_000
const FINISH_DEADLINE = "3 seconds"

/**
 * Where a session keeps its data, and what.
 *
 * @category models
 * @since 0.1.0
 */
export interface Retention {
  readonly archive: SessionArchive["Service"]
  readonly periods: Periods
  /** Unix time in ms: where its recording begins. */
  readonly keptSince: number
}

/**
 * What a session tells; synchronous.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionRecorder {
  readonly event: (event: SessionEvent.SessionEvent) => void
  /** The user's audio at 16 kHz; `undefined` when it is not kept. */
  readonly user: ((pcm: Int16Array) => void) | undefined
  readonly agent: AudioTap | undefined
}

const encodeHistory = Schema.encodeSync(Schema.fromJsonString(Schema.Array(HistoryItem)))

/** Without words, which must not outlive a transcript that expires earlier. */
const line = (event: SessionEvent.SessionEvent): string => {
  const { text: _, ...rest } = "text" in event ? event : { ...event, text: "" }
  return `${JSON.stringify(rest)}\n`
}

/**
 * Keeps a session in the present scope: closing it writes what is left.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: Retention & {
    readonly id: string
    readonly resamplers: ResamplerFactory
    readonly history: () => ReadonlyArray<HistoryItem>
    readonly about: () => { readonly [key: string]: unknown }
  }
) {
  const clock = yield* Clock.Clock
  const { archive, id, periods } = options
  const now = () => clock.currentTimeMillisUnsafe()
  const keeps = (period: Duration.Duration | undefined) => period !== undefined

  const startMs = now()
  let timeline = keeps(periods.audio)
    ? new StereoTimeline({ sampleRate: TIMELINE_RATE, startMs, capacityMs: CAPACITY_MS })
    : undefined
  // one that goes on after a crash leaves silence for the time between
  let at = Wav.headerBytes + FRAME_BYTES * Math.round((startMs - options.keptSince) * TIMELINE_RATE / 1000)
  // also of one that goes on: its length is unknown again
  let headed = false
  let lines: Array<string> | undefined = keeps(periods.events) ? [] : undefined
  let written: ReadonlyArray<HistoryItem> | undefined
  let about = ""

  const writeAudio = Effect.fnUntraced(function*(untilMs: number) {
    if (timeline === undefined) return
    if (!headed) {
      headed = yield* archive.append(id, "audio", Wav.header({ sampleRate: TIMELINE_RATE, channels: 2 }), 0)
      if (!headed) timeline = undefined
    }
    for (let pcm = timeline?.take(untilMs); pcm !== undefined && pcm.length > 0; pcm = timeline?.take(untilMs)) {
      const position = at
      // a piece that cannot be written leaves its place silent
      at += pcm.length * 2
      if (at > MAX_WAV_BYTES || !(yield* archive.append(id, "audio", Pcm.fromInt16(pcm), position))) {
        timeline = undefined
      }
    }
  })
  const writeEvents = Effect.suspend(() => {
    if (lines === undefined || lines.length === 0) return Effect.void
    const text = lines.join("")
    lines = []
    return Effect.map(archive.append(id, "events", new TextEncoder().encode(text)), (kept) => {
      if (!kept) lines = undefined
    })
  })
  const writeTranscript = Effect.suspend(() => {
    const history = options.history()
    if (!keeps(periods.transcript) || history === written || history.length === 0) return Effect.void
    return Effect.map(archive.write(id, "transcript", encodeHistory(history)), () => {
      written = history
    })
  })
  const writeMetadata = Effect.suspend(() => {
    if (!keeps(periods.metadata)) return Effect.void
    const next = JSON.stringify(options.about())
    if (next === about) return Effect.void
    return Effect.map(archive.write(id, "metadata", next), () => {
      about = next
    })
  })

  let silent = false
  const guarded = (effect: Effect.Effect<void, { readonly message: string }>) =>
    Effect.catch(effect, (error) => {
      if (silent) return Effect.void
      silent = true
      return Effect.logWarning("a part of what is kept of a session was lost", error.message)
    })
  const write = (untilMs: number) =>
    Effect.all([
      guarded(writeAudio(untilMs)),
      guarded(writeEvents),
      guarded(writeTranscript),
      guarded(writeMetadata)
    ], { discard: true })

  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => write(now())).pipe(
      Effect.andThen(archive.finish(id, periods)),
      Effect.interruptible,
      Effect.timeoutOption(FINISH_DEADLINE),
      Effect.ignore
    )
  )
  yield* Effect.suspend(() => write(now() - SETTLED_MS)).pipe(
    Effect.repeat(Schedule.spaced("1 second")),
    Effect.forkScoped
  )

  let resampler: Resampler | undefined
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      resampler?.free()
      resampler = undefined
    })
  )
  const atTimelineRate = (pcm: Int16Array, rate: number): Int16Array | undefined => {
    if (rate === TIMELINE_RATE) return pcm
    if (resampler?.inputRate !== rate) {
      resampler?.free()
      resampler = Result.getOrUndefined(options.resamplers.make(rate, TIMELINE_RATE))
    }
    return resampler?.process(pcm)
  }

  const retained: SessionRecorder = {
    event: (event) => {
      if (lines === undefined || event.type === "pong") return
      if (lines.length >= MAX_EVENTS) lines.shift()
      lines.push(line(event))
    },
    user: timeline === undefined ? undefined : (pcm) => timeline?.user(pcm, now()),
    agent: timeline === undefined ? undefined : {
      frame: (pcm, rate, atMs) => {
        if (timeline === undefined) return
        const converted = atTimelineRate(pcm, rate)
        if (converted !== undefined) timeline.agent(converted, atMs)
      },
      cut: (atMs) => timeline?.cut(atMs)
    }
  }
  return retained
})
