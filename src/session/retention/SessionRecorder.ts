/**
 * Records a session while it runs: its audio, transcript, metadata and events, as far as the retention policy allows.
 *
 * Audio and events are buffered synchronously in bounded memory; one fiber writes them to the archive every second. When the
 * archive fails, the conversation goes on, and the session is recorded again when it works: the transcript and the metadata as
 * a whole, the recording with a silent gap that its manifest names.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type { Resampler, ResamplerFactory } from "../../audio/resampling/Resampler.ts"
import * as Wav from "../../audio/Wav.ts"
import type { BackendError } from "../../BackendError.ts"
import type { HistoryItem } from "../../conversation/History.ts"
import { deadline, finalizeWithin } from "../../Deadline.ts"
import type { Periods } from "../../hooks/RetentionPolicy.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import type { AudioTap } from "../playout/AudioOutput.ts"
import type * as SessionEvent from "../SessionEvent.ts"
import type { ArchiveOutage } from "./ArchiveOutage.ts"
import { AudioFile } from "./AudioFile.ts"
import { EventFile } from "./EventFile.ts"
import type { Gap, SessionArchive } from "./SessionArchive.ts"
import { StereoTimeline } from "./StereoTimeline.ts"
import { TranscriptFile } from "./TranscriptFile.ts"

/** Audio older than this is written, in ms: no audio arrives later, and no cut reaches further back. */
const SETTLED_MS = 500
/** How long the archive may take before the recording loses audio, in ms. */
const CAPACITY_MS = 4_000
/** An archive that takes longer for one write has failed. */
const WRITE_DEADLINE = "5 seconds"
const FINISH_DEADLINE = "3 seconds"
const RENEW_MS = Duration.toMillis("15 seconds")

/**
 * What of a session is recorded, and where.
 *
 * @category models
 * @since 0.1.0
 */
export interface Retention {
  readonly archive: SessionArchive["Service"]
  readonly userId: string
  readonly periods: Periods
  /**
   * Unix time in ms at which the recording begins: earlier than now for a restored session. `undefined` when the archive could
   * not begin it yet: the recorder does, as soon as the archive works.
   */
  readonly startedAtMs: number | undefined
  /** Finishes the recording in the archive. Default: the archive does, with these periods. */
  readonly finish?: Effect.Effect<void, BackendError> | undefined
  /** Is told when the archive fails and when it works. */
  readonly outage: ArchiveOutage
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

const isLost = (error: BackendError): boolean => error.details?.["reason"] === "lost"

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
  const { archive, id, outage, periods, userId } = options
  const now = () => MonotonicTime.nowMs(clock)

  const startMs = now()
  const startedAtMs = clock.currentTimeMillisUnsafe()
  let timeline = periods.audio === undefined
    ? undefined
    : new StereoTimeline({ sampleRate: TIMELINE_RATE, startMs, capacityMs: CAPACITY_MS })
  const audio = timeline === undefined ? undefined : new AudioFile({
    timeline,
    append: (content, at) => archive.append(id, "audio", content, at)
  })
  let events = periods.events === undefined ? undefined : new EventFile()
  const transcript = periods.transcript === undefined ? undefined : new TranscriptFile()
  let writtenMetadata = ""
  let keptSince = options.startedAtMs
  /** Whether the archive has begun the session, and nothing has been lost since. */
  let isBegun = keptSince !== undefined
  /** Whether it is known where the files end, and whether it ever was. */
  let needsPlace = true
  let isPlaced = false
  let hasToldFull = false
  let renewedMs = startMs
  let renewedGaps: ReadonlyArray<Gap> = []

  /**
   * Goes on where the stored files end: those of a restored session, with silence for the time between, and those that are left
   * of one that was partly lost.
   */
  const place = Effect.gen(function*() {
    const stored = yield* archive.list(id)
    const bytesOf = (type: string) => stored.find(({ dataType }) => dataType === type)?.bytes ?? 0
    const text = transcript === undefined || archive.read === undefined
      ? undefined
      : yield* archive.read(id, "transcript")
    const audioBytes = bytesOf("audio")
    // the wall clock may have been set back since a restored session was begun
    if (!isPlaced) audio?.startAt(Math.max(0, startedAtMs - (keptSince ?? startedAtMs)), audioBytes)
    else if (audioBytes < Wav.headerBytes) audio?.lost()
    events?.startAt(bytesOf("events"))
    transcript?.startWith(text)
    writtenMetadata = ""
    renewedGaps = []
    isPlaced = true
  })
  const begin = Effect.gen(function*() {
    if (!isBegun) {
      keptSince = yield* archive.begin({ session: id, userId, periods, startedAtMs: keptSince ?? startedAtMs })
      isBegun = true
      needsPlace = true
    }
    if (!needsPlace) return
    yield* place
    needsPlace = false
  })

  const writeAudio = Effect.fnUntraced(function*(untilMs: number) {
    if (audio === undefined || timeline === undefined) return
    if (!(yield* audio.write(untilMs))) timeline = undefined
    if (!audio.isFull || hasToldFull) return
    hasToldFull = true
    yield* Effect.annotateLogs(
      Effect.logWarning("the recording of a session has 4 GiB, the most of a WAV file: the rest is not recorded"),
      { session: id }
    )
  })
  const writeEvents = Effect.gen(function*() {
    const change = events?.change()
    if (change === undefined) return
    if (yield* archive.append(id, "events", change.content, change.at)) change.done()
    else events = undefined
  })
  const writeTranscript = Effect.suspend(() => {
    const change = transcript?.change(options.history())
    if (change === undefined) return Effect.void
    const writing = change.at === undefined
      ? archive.write(id, "transcript", change.text)
      : archive.append(id, "transcript", new TextEncoder().encode(change.text), change.at)
    return writing.pipe(
      Effect.onError(() => Effect.sync(() => change.failed())),
      Effect.map(() => change.done())
    )
  })
  const writeMetadata = Effect.suspend(() => {
    if (periods.metadata === undefined) return Effect.void
    const next = JSON.stringify(options.describe())
    if (next === writtenMetadata) return Effect.void
    return Effect.map(archive.write(id, "metadata", next), () => {
      writtenMetadata = next
    })
  })
  const renew = Effect.suspend(() => {
    const gaps = audio?.gaps ?? renewedGaps
    if (archive.renew === undefined || (gaps === renewedGaps && now() - renewedMs < RENEW_MS)) return Effect.void
    return Effect.map(archive.renew(id, gaps), () => {
      renewedMs = now()
      renewedGaps = gaps
    })
  })

  /** Tries all of them: what keeps one kind of data from being written need not keep the others. */
  const write = Effect.fnUntraced(function*(untilMs: number) {
    const begun = yield* Effect.result(begin.pipe(deadline("SessionArchive.begin", "the archive", WRITE_DEADLINE)))
    if (Result.isFailure(begun)) return yield* outage.failed(id, begun.failure)
    let failure: BackendError | undefined
    for (const part of [writeAudio(untilMs), writeEvents, writeTranscript, writeMetadata, renew]) {
      const done = yield* Effect.result(part.pipe(deadline("SessionArchive.write", "the archive", WRITE_DEADLINE)))
      if (Result.isSuccess(done)) continue
      failure ??= done.failure
      if (isLost(done.failure)) isBegun = false
      // one that hangs is not waited for again and again
      if (done.failure.code === "timeout" || !isBegun) break
    }
    yield* failure === undefined ? outage.worked(id) : outage.failed(id, failure)
  })
  /** What nobody has written since, and so nobody has missed. */
  const findMissing = Effect.gen(function*() {
    const stored = (yield* archive.list(id)).map(({ dataType }) => dataType)
    if (stored.length === 0) return
    if (!stored.includes("transcript")) transcript?.startWith(undefined)
    if (!stored.includes("metadata")) writtenMetadata = ""
  })
  const writeAll = Effect.gen(function*() {
    if (isBegun) yield* Effect.ignore(findMissing)
    yield* write(now())
    // what was lost is begun again at once: there is no next second
    if (!isBegun) yield* write(now())
  })

  yield* Effect.addFinalizer(() =>
    writeAll.pipe(
      Effect.andThen(options.finish ?? archive.finish(id, periods)),
      Effect.catch((error) => outage.failed(id, error)),
      finalizeWithin(FINISH_DEADLINE),
      Effect.andThen(outage.ended(id))
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
    event: (event) => events?.push(event),
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
