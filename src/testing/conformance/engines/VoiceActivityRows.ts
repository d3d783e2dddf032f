/**
 * Rows of voice activity detectors.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Pcm from "../../../audio/Pcm.ts"
import type { BackendError } from "../../../BackendError.ts"
import {
  TIMELINE_RATE,
  type VoiceActivity,
  VoiceActivityDetector,
  type VoiceActivityStream
} from "../../../speech/VoiceActivityDetector.ts"
import { assertCompletesWithin, assertEqual, assertThat, fail, type Failure } from "../Assertions.ts"
import * as Case from "../Case.ts"
import type { PartRow } from "../PartSuite.ts"
import { assertDescribed, assertRate, assertReleases, failureRow, probeRow } from "./EngineChecks.ts"
import { heldBytes, MAX_HELD } from "./HeldMemory.ts"
import { cut, noise, ODD_SIZES, pushThenOverwrite, silence } from "./TestAudio.ts"

/**
 * What the check of a row has.
 *
 * @category models
 * @since 0.1.0
 */
export interface VadPart {
  readonly engine: VoiceActivityDetector["Service"]
  /** An utterance at the engine's rate. */
  readonly speech: Int16Array
  readonly toleranceMs: number
  readonly failing: Layer.Layer<VoiceActivityDetector, BackendError> | undefined
}

const BEFORE_MS = 1_000
const AFTER_MS = 1_500
const MINUTES = 60
/** How much audio may wait for a detector in another thread before the suite waits for it, in ms. */
const MAX_BEHIND_MS = 100

interface Listening {
  readonly stream: VoiceActivityStream
  readonly found: ReadonlyArray<VoiceActivity>
  readonly push: (pcm: Int16Array, sizes?: ReadonlyArray<number>) => Effect.Effect<void, Failure>
  /** Until everything that was pushed has been classified. */
  readonly settled: Effect.Effect<void, Failure>
}

const settledOf = ({ settle }: VoiceActivityStream): Effect.Effect<void, Failure> =>
  settle === undefined ? Effect.void : Effect.gen(function*() {
    let calls = 0
    yield* assertCompletesWithin(
      "1 minute",
      "the call back of settle",
      Effect.callback<void>((resume) =>
        settle(() => {
          calls++
          resume(Effect.void)
        })
      )
    )
    yield* Effect.yieldNow
    yield* assertEqual(calls, 1, "how often one settle calls back")
  })

const open = (engine: VoiceActivityDetector["Service"]): Effect.Effect<Listening, Failure, Scope.Scope> => {
  const found: Array<VoiceActivity> = []
  const opened = assertCompletesWithin(
    "1 minute",
    "opening a stream",
    engine.open({ onActivity: (activity) => found.push(activity) })
  )
  return Effect.map(opened, (stream) => ({
    stream,
    found,
    settled: settledOf(stream),
    push: (pcm, sizes) =>
      Effect.forEach(cut(pcm, engine.sampleRate, sizes), (frame) => {
        pushThenOverwrite((pcm) => stream.push(pcm), frame)
        return (stream.behind?.() ?? 0) > engine.sampleRate * MAX_BEHIND_MS / 1000 ? settledOf(stream) : Effect.void
      }, { discard: true })
  }))
}

/** The utterance with a quiet room around it. */
const inRoom = ({ engine: { sampleRate }, speech }: VadPart): Int16Array =>
  Pcm.concat([noise(BEFORE_MS, sampleRate, 18), speech, noise(AFTER_MS, sampleRate, 18)])

const detect = (part: VadPart, pcm: Int16Array, sizes?: ReadonlyArray<number>) =>
  Effect.scoped(Effect.gen(function*() {
    const { found, push, settled } = yield* open(part.engine)
    yield* push(pcm, sizes)
    yield* settled
    return found
  }))

const inMs = (sample: number): number => Math.round(sample * 1000 / TIMELINE_RATE)
const show = (found: ReadonlyArray<VoiceActivity>): string =>
  found.length === 0 ? "nothing" : found.map(({ _tag, atSample }) => `${_tag} at ${inMs(atSample)} ms`).join(", ")

/** Fails unless the activity is that of the utterance, which begins at `beginMs`. */
const assertUtterance = (part: VadPart, found: ReadonlyArray<VoiceActivity>, beginMs: number, what: string) =>
  Effect.gen(function*() {
    const endMs = beginMs + part.speech.length * 1000 / part.engine.sampleRate
    const [first, last] = [found[0], found.at(-1)]
    const near = (activity: VoiceActivity | undefined, tag: VoiceActivity["_tag"], ms: number) =>
      activity?._tag === tag && Math.abs(inMs(activity.atSample) - ms) <= part.toleranceMs
    if (!near(first, "SpeechStarted", beginMs) || !near(last, "SpeechStopped", endMs)) {
      return yield* fail(
        `${what}: expected speech from ${Math.round(beginMs)} to ${Math.round(endMs)} ms, give or take ` +
          `${part.toleranceMs}, found ${show(found)}`
      )
    }
  })

/**
 * The rows.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<PartRow<VadPart>> = [
  {
    id: "vad.Describe",
    title: "has a name and a rate",
    check: ({ engine }) => Effect.andThen(assertDescribed(engine.name), assertRate("sampleRate", engine.sampleRate))
  },
  {
    id: "vad.Speech",
    title: "finds where speech begins and ends, in samples of the timeline of 16 kHz",
    check: (part) =>
      Effect.flatMap(detect(part, inRoom(part)), (found) => assertUtterance(part, found, BEFORE_MS, "an utterance"))
  },
  {
    id: "vad.Silence",
    title: "finds no speech in silence and in a quiet room",
    check: (part) =>
      Effect.gen(function*() {
        const { sampleRate } = part.engine
        for (const pcm of [silence(5_000, sampleRate), noise(5_000, sampleRate, 18)]) {
          yield* assertEqual(show(yield* detect(part, pcm)), "nothing", "what is found in silence")
        }
      })
  },
  {
    id: "vad.Order",
    title: "alternates between start and stop, forward in time, and decides on audio that it has received",
    check: (part) =>
      Effect.gen(function*() {
        const { found, push, settled } = yield* open(part.engine)
        const pcm = inRoom(part)
        for (let i = 0; i < 3; i++) yield* push(pcm)
        yield* settled
        yield* assertThat(
          found.length >= 6 && found.length % 2 === 0,
          `three utterances start and stop: ${show(found)}`
        )
        const pushed = 3 * pcm.length * TIMELINE_RATE / part.engine.sampleRate
        let last = 0
        for (const [i, { _tag, atSample, decidedAtSample }] of found.entries()) {
          yield* assertEqual(_tag, i % 2 === 0 ? "SpeechStarted" : "SpeechStopped", `change ${i + 1} of ${show(found)}`)
          if (!Number.isInteger(atSample) || !Number.isInteger(decidedAtSample)) {
            return yield* fail(
              `change ${i + 1} is at whole samples, and not at ${atSample}, decided at ${decidedAtSample}`
            )
          }
          if (atSample < last || decidedAtSample < atSample || decidedAtSample > pushed) {
            return yield* fail(
              `change ${
                i + 1
              } is at sample ${atSample}, decided at ${decidedAtSample}, after one at ${last}; ${pushed} were pushed`
            )
          }
          last = atSample
        }
      })
  },
  {
    id: "vad.Frames",
    title: "finds the same whatever the frames are, and keeps none of the buffers that it is given",
    check: (part) =>
      Effect.gen(function*() {
        const pcm = inRoom(part)
        const empty = yield* Effect.scoped(
          Effect.flatMap(open(part.engine), ({ found, stream }) => {
            stream.push(new Int16Array(0))
            return Effect.succeed(found.length)
          })
        )
        yield* assertEqual(empty, 0, "what is found in no samples at all")
        const even = yield* detect(part, pcm)
        yield* assertUtterance(part, even, BEFORE_MS, "an utterance in frames of 20 ms")
        const placed = (found: ReadonlyArray<VoiceActivity>) => found.map(({ _tag, atSample }) => ({ _tag, atSample }))
        for (const sizes of [ODD_SIZES, [pcm.length]]) {
          yield* assertEqual(
            placed(yield* detect(part, pcm, sizes)),
            placed(even),
            `the changes in frames of ${sizes.join(", ")} samples`
          )
        }
      })
  },
  {
    id: "vad.Sessions",
    title: "keeps sessions apart: one that is silent beside one that speaks hears nothing",
    check: (part) =>
      Effect.gen(function*() {
        const [speaks, listens] = yield* Effect.all([open(part.engine), open(part.engine)])
        const pcm = inRoom(part)
        const frames = cut(pcm, part.engine.sampleRate)
        for (const frame of frames) {
          yield* speaks.push(frame)
          yield* listens.push(new Int16Array(frame.length))
        }
        yield* Effect.all([speaks.settled, listens.settled])
        yield* assertEqual(show(listens.found), "nothing", "what the silent session heard")
        yield* assertUtterance(part, speaks.found, BEFORE_MS, "the session that speaks")
      })
  },
  {
    id: "vad.Fresh",
    title: "begins each session in silence, and its samples at 0, also after one that ended in the middle of speech",
    check: (part) =>
      Effect.gen(function*() {
        for (let i = 0; i < 3; i++) yield* detect(part, part.speech)
        yield* assertEqual(
          show(yield* detect(part, silence(2_000, part.engine.sampleRate))),
          "nothing",
          "what a silent session hears after others that spoke"
        )
        yield* assertUtterance(part, yield* detect(part, inRoom(part)), BEFORE_MS, "an utterance after other sessions")
      })
  },
  {
    id: "vad.Settle",
    title: "has classified all that was pushed when it says that it has settled",
    check: (part) =>
      Effect.gen(function*() {
        const { found, push, settled, stream } = yield* open(part.engine)
        if (stream.settle === undefined) {
          yield* assertThat(stream.behind === undefined, "a detector with behind has settle")
          return yield* Case.skip("the detector classifies within push")
        }
        yield* settled
        yield* push(inRoom(part))
        yield* settled
        yield* assertUtterance(part, found, BEFORE_MS, "what it has found when it has settled")
        yield* assertEqual(stream.behind?.() ?? 0, 0, "samples that are not classified when it has settled")
      })
  },
  probeRow("vad"),
  failureRow(
    "vad",
    (failing: NonNullable<VadPart["failing"]>) =>
      Effect.flatMap(Layer.build(failing), (context) => open(Context.get(context, VoiceActivityDetector)))
  ),
  {
    id: "vad.Release",
    title: "releases a session that is closed in the middle of speech, and works on",
    check: (part) =>
      Effect.gen(function*() {
        const { sampleRate } = part.engine
        yield* assertReleases(() =>
          Effect.flatMap(open(part.engine), ({ push }) => push(part.speech.subarray(0, sampleRate / 2)))
        )
        yield* assertUtterance(part, yield* detect(part, inRoom(part)), BEFORE_MS, "a session after others were closed")
      })
  },
  {
    id: "vad.Hour",
    title: "finds speech after an hour as in the first minute, at its place, and keeps no audio",
    check: (part) =>
      Effect.gen(function*() {
        const { engine: { sampleRate } } = part
        const { found, push, settled, stream } = yield* open(part.engine)
        if (stream.settle !== undefined) {
          return yield* Case.skip("the detector works in another thread, where an hour takes long")
        }
        const pcm = inRoom(part)
        const quiet = silence(60_000, sampleRate)
        let before = 0
        for (let minute = 0; minute < MINUTES; minute++) {
          if (minute === 10) before = heldBytes()
          yield* push(quiet)
        }
        const after = heldBytes()
        yield* assertEqual(show(found), "nothing", "what is found in an hour of silence")
        yield* push(pcm)
        yield* settled
        yield* assertUtterance(part, found, MINUTES * 60_000 + BEFORE_MS, "an utterance after an hour")
        yield* assertThat(
          after - before < MAX_HELD,
          `an hour of audio is not kept: ${Math.round((after - before) / 1e6)} MB more are held after it`
        )
      })
  }
]
