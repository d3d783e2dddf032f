/**
 * How a pipeline hears: the voice activity detector on the user's audio, and the events of the engine that understands it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type BackendError, normalize } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import type { VoiceActivity, VoiceActivityDetector } from "../../speech/VoiceActivityDetector.ts"
import type { PipelineContext } from "./Pipeline.ts"

/**
 * Opens the session's detector and gives it the user's audio. `engine` is told of each change before the conversation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const addDetector = Effect.fnUntraced(function*(
  vad: VoiceActivityDetector["Service"],
  engine: { readonly activity: (activity: VoiceActivity) => void },
  { dispatch, input, timeout }: Pick<PipelineContext, "dispatch" | "input" | "timeout">
) {
  const detector = yield* vad.open({
    onActivity: (activity) => {
      engine.activity(activity)
      dispatch(activity)
    }
  }).pipe(deadline("VoiceActivityDetector.open", `opening ${vad.name}`, timeout))
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
 * Takes an engine's events in the session's scope. When they fail or end, the session cannot hear any more, and closes as
 * `failed`; whether an engine is retried or replaced before that is the affair of `ResilientSpeechToText`.
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
    /** The error of a stream that ends. */
    readonly ended: () => BackendError
    readonly dispatch: PipelineContext["dispatch"]
  }
): Effect.Effect<void, never, Scope.Scope> =>
  Stream.runForEach(events, (event) => Effect.sync(() => options.take(event))).pipe(
    Effect.andThen(Effect.suspend(() => Effect.fail(options.ended()))),
    normalize(options.op),
    Effect.catch((error) =>
      Effect.sync(() => {
        options.dispatch({ _tag: "EngineDown", engine, error })
        options.dispatch({ _tag: "Close", reason: "failed" })
      })
    ),
    Effect.forkScoped,
    Effect.asVoid
  )
