/**
 * Each cut, in each condition, with pauses of several lengths, to each detector: when was the turn taken to be over?
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ResamplerFactory } from "../../../src/audio/resampling/Resampler.ts"
import * as SmartTurn from "../../../src/engines/smart-turn/index.ts"
import * as Text from "../../../src/engines/text/index.ts"
import { SpeechToText } from "../../../src/speech/SpeechToText.ts"
import { TurnDetector } from "../../../src/speech/TurnDetector.ts"
import type { VoiceActivity } from "../../../src/speech/VoiceActivityDetector.ts"
import { detect, finals, frames, until } from "../../../test/engines/Recordings.ts"
import * as VirtualTurn from "../../../test/support/VirtualTurn.ts"
import type { Answers } from "./Answers.ts"
import { type Condition, type Cut, hear, LEAD_MS } from "./Cuts.ts"

const MS = 16

/** The lengths of a pause in the middle, in ms; silence alone ends a turn after 300. */
export const PAUSES = [150, 300, 450, 600, 900] as const
/** How long the user is heard to be silent at an end. */
export const END_MS = 3_000
/** So much of the turn, before its pause, is given to the voice activity detector. */
const HEARD_BEFORE_MS = 3_000
/** How far from the label it may find the user silent. */
const TOLERANCE_MS = 400

export const detectors = ["silence", "words", "audio", "both"] as const
export type Detector = typeof detectors[number]
export type Detectors = Readonly<Record<Detector, TurnDetector["Service"] | undefined>>

/**
 * `afterMs`: from the last word, as the voice activity detector places it, until the turn was taken to be over; undefined where
 * it was not, before the user went on.
 */
export interface Trial {
  readonly cut: Cut
  readonly condition: Condition
  readonly detector: Detector
  readonly pauseMs: number
  readonly afterMs: number | undefined
}

/** The engines of production. `audio` is the model alone; `both` is the default. */
export const load = Effect.fnUntraced(function*(answers: Answers) {
  const words = Context.get(yield* Layer.build(Text.layer()), TurnDetector)
  const smartTurn = Context.get(yield* Layer.build(SmartTurn.layer()), TurnDetector)
  const real = smartTurn.listen
  if (real === undefined) return yield* Effect.die("smart-turn listens")
  const listen = (audio: Int16Array) =>
    answers.of("smart-turn", audio, Effect.suspend(() => real(Int16Array.from(audio))))
  const both = { ...smartTurn, listen }
  const detectors: Detectors = {
    silence: undefined,
    words,
    audio: { ...both, endOfTurn: ({ heard }) => Effect.succeed(heard ?? 1) },
    both
  }
  return detectors
})

/** What the recogniser reads of a turn. */
export const transcribe = Effect.fnUntraced(function*(pcm: Int16Array, from: number) {
  const stt = yield* SpeechToText
  const stream = yield* stt.open({ sessionId: "bench" })
  stream.activity({ _tag: "SpeechStarted", atSample: from, decidedAtSample: from })
  for (const frame of frames(pcm)) {
    stream.push(frame)
    yield* Effect.yieldNow
  }
  stream.finalize(1, pcm.length)
  return finals(yield* until(stream, 1))
}, (once) => once.pipe(Effect.scoped, Effect.retry({ times: 3 })))

/** The voice activity of a turn: its beginning, the pause, and what follows. Without the pause where it was not noticed. */
const activityOf = Effect.fnUntraced(function*(pcm: Int16Array, pausedAt: number, leadMs: number) {
  const from = Math.max(0, Math.round((pausedAt - HEARD_BEFORE_MS) * MS))
  const found = yield* detect(pcm.subarray(from))
  const shifted = found.map((change): VoiceActivity => ({
    ...change,
    atSample: change.atSample + from,
    decidedAtSample: change.decidedAtSample + from
  }))
  const began: VoiceActivity = {
    _tag: "SpeechStarted",
    atSample: leadMs * MS,
    decidedAtSample: (leadMs + 96) * MS
  }
  const pause = shifted.findIndex(({ _tag, atSample }) =>
    _tag === "SpeechStopped" && Math.abs(atSample / MS - pausedAt) < TOLERANCE_MS
  )
  return pause < 0 ? [began] : [began, ...shifted.slice(pause)]
})

/** In place of words that are not known: about these no rule is sure. */
const UNREAD = "words that were not read"

/** How long a verdict and a transcript take on an idle core, in ms: the same in every run, so that no share depends on the load. */
const latencies = { verdictMs: 55, transcriptMs: 100 }

/** All the trials of a cut in one condition. */
export const trials = Effect.fnUntraced(function*(
  cut: Cut,
  condition: Condition,
  services: Detectors,
  answers: Answers,
  resamplers: ResamplerFactory
) {
  const done: Array<Trial> = []
  const leadMs = LEAD_MS - 60
  // the words of the clean recording in all conditions: what noise does to a recogniser is not measured here
  const longest = hear(cut, cut.kind === "end" ? END_MS : Math.max(...PAUSES), "clean", resamplers)
  const said = longest.pcm.subarray(0, Math.round(longest.pausedAt * MS))
  const read = cut.language === "en" ? yield* answers.of("moonshine", said, transcribe(said, leadMs * MS)) : ""
  // a turn without words is not answered: where the recogniser reads none, they are the table's
  const transcript = read !== "" ? read : cut.before !== "" ? cut.before : UNREAD
  for (const pauseMs of cut.kind === "end" ? [END_MS] : PAUSES) {
    const { pausedAt, pcm } = hear(cut, pauseMs, condition, resamplers)
    const activity = yield* activityOf(pcm, pausedAt, leadMs)
    const silentAt = (activity[1]?.atSample ?? 0) / MS
    // what the voice activity detector places elsewhere tells nothing about those that are asked at its pauses
    if (cut.kind === "end" && activity.length < 2) continue
    for (const detector of detectors) {
      const [decision] = yield* VirtualTurn.run({
        ...latencies,
        pcm,
        activity,
        transcript: () => transcript,
        language: cut.language,
        detector: services[detector]
      })
      done.push({
        cut,
        condition,
        detector,
        pauseMs,
        afterMs: decision === undefined ? undefined : decision - silentAt
      })
    }
  }
  return done
})
