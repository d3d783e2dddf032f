/**
 * The input side of a pipeline: the voice activity detector, and the events of the engine that recognises speech.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { BackendError } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as EngineFailure from "../../speech/EngineFailure.ts"
import type { VoiceActivity, VoiceActivityDetector } from "../../speech/VoiceActivityDetector.ts"
import type { PipelineContext } from "./Pipeline.ts"

/**
 * Opens the session's detector and gives it the user's audio. `engine` gets each change before the conversation does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const addDetector = Effect.fnUntraced(function*(
  vad: VoiceActivityDetector["Service"],
  engine: { readonly activity: (activity: VoiceActivity) => void },
  { dispatch, input, timeout }: Pick<PipelineContext, "dispatch" | "input" | "timeout">
) {
  const op = "VoiceActivityDetector.open"
  const onActivity = (activity: VoiceActivity) => {
    engine.activity(activity)
    dispatch(activity)
  }
  const detector = yield* EngineFailure.asked(op, vad.name, () => vad.open({ onActivity })).pipe(
    deadline(op, `opening ${vad.name}`, timeout)
  )
  yield* Effect.fromResult(
    input.add({
      sampleRate: vad.sampleRate,
      branch: "vad",
      push: (pcm) => detector.push(pcm),
      settle: detector.settle,
      behind: detector.behind
    })
  )
})

/**
 * Takes an engine's events in the session's scope. When they fail or end, the session has no recogniser, and closes as
 * `failed`; retries and fallbacks before that belong to `ResilientSpeechToText`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const takeEvents = <A>(
  engine: string,
  events: Stream.Stream<A, BackendError>,
  options: {
    readonly op: string
    readonly take: (event: A) => void
    /** What is wrong with an event, which is the engine's failure. Default: nothing. */
    readonly fault?: ((event: A) => BackendError | undefined) | undefined
    /** The error of a stream that ends. */
    readonly ended: () => BackendError
    readonly dispatch: PipelineContext["dispatch"]
  }
): Effect.Effect<void, never, Scope.Scope> =>
  Stream.runForEach(events, (event) =>
    Effect.suspend(() => {
      const fault = options.fault?.(event)
      return fault === undefined ? Effect.sync(() => options.take(event)) : Effect.fail(fault)
    })).pipe(
      Effect.andThen(Effect.suspend(() => Effect.fail(options.ended()))),
      EngineFailure.caught(options.op, engine),
      Effect.catch((error) =>
        Effect.sync(() => {
          options.dispatch({ _tag: "EngineDown", engine, error })
          options.dispatch({ _tag: "Close", reason: "failed" })
        })
      ),
      Effect.forkScoped,
      Effect.asVoid
    )
