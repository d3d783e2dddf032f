/**
 * Asks a backend's turn detector about one session's turn: by the words, and by the audio where the detector hears it.
 *
 * The audio of a pause is judged once; the words of the same pause may change, and are judged each time.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { type BackendError, PipelineError } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as EngineFailure from "../../speech/EngineFailure.ts"
import type { TurnDetector, TurnDetectorInput } from "../../speech/TurnDetector.ts"
import { TIMELINE_RATE, type VoiceActivity } from "../../speech/VoiceActivityDetector.ts"
import { TurnAudio } from "../input/TurnAudio.ts"
import type { EndOfTurnPrediction, EndOfTurnQuestion, PipelineContext } from "./Pipeline.ts"

/**
 * A session's way to its turn detector.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnPrediction {
  readonly hearsAudio: boolean
  /** Gives no prediction where there is nothing to judge by: no words, and no verdict on the audio. */
  readonly predict: (question: EndOfTurnQuestion) => Effect.Effect<EndOfTurnPrediction | undefined, BackendError>
  /** Takes each change of the voice activity, before the conversation does. */
  readonly activity: (activity: VoiceActivity) => void
}

type Context = Pick<PipelineContext, "input" | "languages">

/** The verdict on the audio of one pause. */
interface Hearing {
  readonly pausedAt: number | undefined
  readonly verdict: Deferred.Deferred<number | undefined>
  readonly fiber: Fiber.Fiber<unknown, unknown>
}

/** A later answer is of no use: silence has decided. */
const DEADLINE = "2 seconds"

/** Asks the detector. Fails when it gives no probability in time. */
const ask = (
  { endOfTurn, name }: TurnDetector["Service"],
  input: TurnDetectorInput
): Effect.Effect<number, BackendError> => {
  const op = "TurnDetector.endOfTurn"
  return EngineFailure.asked(op, name, () => endOfTurn(input)).pipe(
    Effect.filterOrFail(
      (probability) => typeof probability === "number" && probability >= 0 && probability <= 1,
      () => new PipelineError({ op, message: `${name} gave no number between 0 and 1`, retryable: false })
    ),
    deadline(op, name, DEADLINE)
  )
}

const byWords = (detector: TurnDetector["Service"], language: () => string | undefined): TurnPrediction => ({
  hearsAudio: false,
  predict: ({ agentSaid, transcript }) =>
    Effect.suspend(() => ask(detector, { transcript, agentSaid, language: language() })).pipe(
      Effect.map((probability) => ({ probability, heard: false }))
    ),
  activity: () => {}
})

/**
 * Makes it in the session's scope. A detector that listens gets the audio that the recogniser gets. The words are of the
 * session's language, else of the recogniser's own, else of what it says that it heard last.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  detector: TurnDetector["Service"],
  context: Context,
  recognised?: string
): Effect.fn.Return<TurnPrediction, BackendError, Scope.Scope> {
  const { input, languages } = context
  const { listen } = detector
  const language = () => languages.ofUser() ?? recognised ?? languages.heard()
  if (listen === undefined) return byWords(detector, language)
  const audio = new TurnAudio(input.position)
  const listener = { sampleRate: TIMELINE_RATE, push: (pcm: Int16Array) => audio.push(pcm) }
  yield* Effect.acquireRelease(
    Effect.fromResult(input.add(listener)),
    () =>
      Effect.sync(() => {
        input.remove(listener)
        audio.free()
      })
  )
  const fork = yield* FiberSet.makeRuntime<never>()
  let hearing: Hearing | undefined

  const hear = (
    pausedAt: number | undefined,
    sinceSample: number | undefined
  ): Deferred.Deferred<number | undefined> => {
    if (hearing !== undefined && hearing.pausedAt === pausedAt) return hearing.verdict
    // nobody waits for the verdict on an earlier pause
    hearing?.fiber.interruptUnsafe()
    const verdict = Deferred.makeUnsafe<number | undefined>()
    const listening = Effect.suspend(() => listen(audio.read(sinceSample))).pipe(
      Effect.catchCause((cause): Effect.Effect<undefined> =>
        Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.undefined
      ),
      Effect.flatMap((probability) => Deferred.succeed(verdict, probability))
    )
    hearing = { pausedAt, verdict, fiber: fork(listening) }
    return verdict
  }

  return {
    hearsAudio: true,
    activity: (activity) => audio.activity(activity),
    predict: Effect.fnUntraced(function*({ agentSaid, pausedAt, sinceSample, transcript }) {
      const heard = yield* Deferred.await(hear(pausedAt, sinceSample))
      if (heard === undefined && transcript === "") return undefined
      const probability = yield* ask(detector, { transcript, agentSaid, language: language(), heard })
      return { probability, heard: heard !== undefined }
    })
  }
})
