/**
 * Records a session while it runs: its audio, transcript, metadata and events, as far as the retention policy allows.
 *
 * Audio and events are buffered synchronously in bounded memory; one fiber writes them to the archive every second. When
 * the archive is slow or full, the recording gets a silent gap and the conversation goes on.
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
import type { Resampler, ResamplerFactory } from "../../audio/resampling/Resampler.ts"
import * as Wav from "../../audio/Wav.ts"
import { HistoryItem } from "../../conversation/History.ts"
import type { Periods } from "../../hooks/RetentionPolicy.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import type { AudioTap } from "../playout/AudioOutput.ts"
import type * as SessionEvent from "../SessionEvent.ts"
import type { SessionArchive } from "./SessionArchive.ts"
import { StereoTimeline } from "./StereoTimeline.ts"

/** Audio older than this is written, in ms: no audio arrives later, and no cut reaches further back. */
const SETTLED_MS = 500
/** How long the archive may take before the recording loses audio, in ms. */
const CAPACITY_MS = 4_000
const FRAME_BYTES = 4
const MAX_WAV_BYTES = 0xfffffffe
/** Events that wait to be written; the oldest of more are lost. */
const MAX_EVENTS = 1_000
const FINISH_DEADLINE = "3 seconds"

/**
 * What of a session is recorded, and where.
 *
 * @category models
 * @since 0.1.0
 */
export interface Retention {
  readonly archive: SessionArchive["Service"]
  readonly periods: Periods
  /** Unix time in ms at which the recording begins: earlier than now for a restored session. */
  readonly startedAtMs: number
}

/**
 * The inputs of the recorder; synchronous.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionRecorder {
  readonly event: (event: SessionEvent.SessionEvent) => void
  /** The user's audio at 16 kHz; `undefined` when it is not recorded. */
  readonly user: ((pcm: Int16Array) => void) | undefined
  readonly agent: AudioTap | undefined
}

const encodeHistory = Schema.encodeSync(Schema.fromJsonString(Schema.Array(HistoryItem)))

/** Without words: events may be retained for longer than the transcript. */
const encodeEvent = (event: SessionEvent.SessionEvent): string => {
  const { text: _, ...rest } = "text" in event ? event : { ...event, text: "" }
  return `${JSON.stringify(rest)}\n`
}

/**
 * Records a session in the present scope; closing the scope writes what is left.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: Retention & {
    readonly id: string
    readonly resamplers: ResamplerFactory
    readonly history: () => ReadonlyArray<HistoryItem>
    readonly describe: () => { readonly [key: string]: unknown }
  }
) {
  const clock = yield* Clock.Clock
  const { archive, id, periods } = options
  const now = () => MonotonicTime.nowMs(clock)
  const isRecorded = (period: Duration.Duration | undefined) => period !== undefined

  // the wall clock may have been set back since a restored session was begun
  const beganMs = Math.max(0, clock.currentTimeMillisUnsafe() - options.startedAtMs)
  const startMs = now()
  let timeline = isRecorded(periods.audio)
    ? new StereoTimeline({ sampleRate: TIMELINE_RATE, startMs, capacityMs: CAPACITY_MS })
    : undefined
  // a session that is restored after a crash leaves silence for the time between
  let at = Wav.headerBytes + FRAME_BYTES * Math.round(beganMs * TIMELINE_RATE / 1000)
  // also for a restored session: the length in its header is no longer right
  let hasHeader = false
  let lines: Array<string> | undefined = isRecorded(periods.events) ? [] : undefined
  let writtenHistory: ReadonlyArray<HistoryItem> | undefined
  let writtenMetadata = ""

  const writeAudio = Effect.fnUntraced(function*(untilMs: number) {
    if (timeline === undefined) return
    if (!hasHeader) {
      hasHeader = yield* archive.append(id, "audio", Wav.header({ sampleRate: TIMELINE_RATE, channels: 2 }), 0)
      if (!hasHeader) timeline = undefined
    }
    for (let pcm = timeline?.take(untilMs); pcm !== undefined && pcm.length > 0; pcm = timeline?.take(untilMs)) {
      const position = at
      // a piece that cannot be written leaves a silent gap
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
    return Effect.map(archive.append(id, "events", new TextEncoder().encode(text)), (isRetained) => {
      if (!isRetained) lines = undefined
    })
  })
  const writeTranscript = Effect.suspend(() => {
    const history = options.history()
    if (!isRecorded(periods.transcript) || history === writtenHistory || history.length === 0) return Effect.void
    return Effect.map(archive.write(id, "transcript", encodeHistory(history)), () => {
      writtenHistory = history
    })
  })
  const writeMetadata = Effect.suspend(() => {
    if (!isRecorded(periods.metadata)) return Effect.void
    const next = JSON.stringify(options.describe())
    if (next === writtenMetadata) return Effect.void
    return Effect.map(archive.write(id, "metadata", next), () => {
      writtenMetadata = next
    })
  })

  let isLossLogged = false
  const orLogLoss = (effect: Effect.Effect<void, { readonly message: string }>) =>
    Effect.catch(effect, (error) => {
      if (isLossLogged) return Effect.void
      isLossLogged = true
      return Effect.logWarning("some data of the session was not recorded", error.message)
    })
  const write = (untilMs: number) =>
    Effect.all([
      orLogLoss(writeAudio(untilMs)),
      orLogLoss(writeEvents),
      orLogLoss(writeTranscript),
      orLogLoss(writeMetadata)
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

  const recorder: SessionRecorder = {
    event: (event) => {
      if (lines === undefined || event.type === "pong") return
      if (lines.length >= MAX_EVENTS) lines.shift()
      lines.push(encodeEvent(event))
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
  return recorder
})
