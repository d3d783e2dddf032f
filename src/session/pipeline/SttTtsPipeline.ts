/**
 * Speech → text → agent → speech: voice activity, recognition, the agent and the voice of one session.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type BackendError, ConnectionFailed, normalize, Timeout } from "../../BackendError.ts"
import type { ReplySource } from "../../conversation/ConversationState.ts"
import type { SpeechToText } from "../../speech/SpeechToText.ts"
import type { TextToSpeech } from "../../speech/TextToSpeech.ts"
import type { TurnDetector } from "../../speech/TurnDetector.ts"
import type { VoiceActivityDetector } from "../../speech/VoiceActivityDetector.ts"
import type { TextTransform } from "../../text/TextTransform.ts"
import * as ReplyTrace from "../tracing/ReplyTrace.ts"
import type { Pipeline, PipelineContext, PipelineFactory } from "./Pipeline.ts"
import * as ReplyMilestones from "./ReplyMilestones.ts"
import * as SentenceStream from "./SentenceStream.ts"
import { StallWatch } from "./StallWatch.ts"

/**
 * The engines of the pipeline.
 *
 * @category models
 * @since 0.1.0
 */
export interface SttTtsEngines {
  readonly stt: SpeechToText["Service"]
  readonly tts: TextToSpeech["Service"]
  readonly vad: VoiceActivityDetector["Service"]
  readonly turn?: TurnDetector["Service"] | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SttTtsOptions {
  /** What becomes of the agent's text before it is spoken, after Markdown and signs have been made speakable. */
  readonly textTransforms?: ReadonlyArray<TextTransform> | undefined
  /** The recogniser decides when a turn is over; it must be one that tells. Default: silence does, and the detector. */
  readonly turnDetection?: "stt" | undefined
}

const within = (op: string, what: string, duration: Duration.Duration) =>
  Effect.timeoutOrElse({
    duration,
    orElse: () => Effect.fail(new Timeout({ op, message: `${what} took longer than ${Duration.format(duration)}` }))
  })

/** The session's recogniser, which tells what it hears until it fails; then the session has no ears, and ends. */
const makeRecogniser = Effect.fnUntraced(function*(stt: SpeechToText["Service"], context: PipelineContext) {
  const stream = yield* stt.open({ sessionId: context.sessionId, busy: context.busy }).pipe(
    within("SpeechToText.open", `opening ${stt.name}`, context.timeout)
  )
  yield* Stream.runForEach(stream.events, (event) => Effect.sync(() => context.dispatch(event))).pipe(
    Effect.andThen(
      Effect.suspend(() =>
        Effect.fail<BackendError>(
          new ConnectionFailed({ op: "SpeechToText.events", message: `${stt.name} ended its stream` })
        )
      )
    ),
    // an engine that dies is an engine that fails
    normalize("SpeechToText.events"),
    Effect.catch((error) =>
      Effect.sync(() => {
        context.dispatch({ _tag: "EngineDown", engine: stt.name, error })
        context.dispatch({ _tag: "Close", reason: "failed" })
      })
    ),
    Effect.forkScoped
  )
  return stream
})

/**
 * Opens the pipeline of one session on a backend's engines. Whether they can be relied on is the engines' affair
 * (`ResilientSpeechToText`): a recogniser that fails here ends the session.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { stt, tts, turn: turnDetector, vad }: SttTtsEngines,
  options?: SttTtsOptions
): PipelineFactory => {
  const sentences = SentenceStream.make(options?.textTransforms)
  return Effect.fnUntraced(function*(context) {
    const recogniser = yield* makeRecogniser(stt, context)
    const voice = yield* tts.open({ sessionId: context.sessionId }).pipe(
      within("TextToSpeech.open", `opening ${tts.name}`, context.timeout)
    )
    const detector = yield* vad.open({
      onActivity: (activity) => {
        recogniser.activity(activity)
        context.dispatch(activity)
      }
    }).pipe(within("VoiceActivityDetector.open", `opening ${vad.name}`, context.timeout))
    // the recogniser hears first: a change of activity then speaks of audio that it has
    yield* Effect.fromResult(context.input.add({ sampleRate: stt.sampleRate, push: (pcm) => recogniser.push(pcm) }))
    yield* Effect.fromResult(
      context.input.add({
        sampleRate: vad.sampleRate,
        branch: "vad",
        push: (pcm) => detector.push(pcm),
        settle: detector.settle,
        behind: detector.behind
      })
    )

    const text = (
      source: Exclude<ReplySource, { readonly _tag: "Audio" }>,
      { committed, history, trace, turn }: Parameters<typeof reply>[0],
      watch: StallWatch
    ): Stream.Stream<string, BackendError> => {
      switch (source._tag) {
        case "Answer":
          return context.agent().respond({
            transcript: source.transcript,
            history,
            sessionId: context.sessionId,
            userId: context.userId,
            turn,
            metadata: context.metadata(),
            committed,
            session: context.session
          }).pipe(ReplyTrace.thinking(trace), watch.over("Agent.respond", "the agent", context.timeout))
        case "Text":
          return Stream.succeed(source.text)
        case "ModelInitiated":
          return Stream.empty
      }
    }

    const reply: Pipeline["reply"] = (request) => {
      const { epoch, source } = request
      if (source._tag === "Audio") return Effect.void
      const watch = new StallWatch()
      const progress = ReplyMilestones.make(context.dispatch, epoch)
      const agent = Effect.sync(() => progress("agent"))
      const spoken = text(source, request, watch).pipe(
        // nothing is said while an agent waits for a tool: it shows that it does
        Stream.tap((piece) => piece === "" ? watch.alive : agent),
        Stream.filter((piece) => piece !== ""),
        sentences,
        Stream.tap((sentence) =>
          Effect.sync(() => {
            context.planned(epoch, sentence)
            progress("clause")
          })
        ),
        voice.speak,
        ReplyTrace.speaking(request.trace),
        watch.over("TextToSpeech.speak", tts.name, Duration.sum(context.timeout, Duration.seconds(1))),
        Stream.runForEachArray((chunks) => {
          progress("tts")
          return context.replyAudio.speak(epoch, chunks, tts.sampleRate)
        }),
        Effect.andThen(Effect.sync(() => context.replyAudio.finish(epoch)))
      )
      const fail = (error: BackendError) => context.dispatch({ _tag: "ReplyFailed", epoch, error })
      // not within the dispatch that began the reply: what happens to it could not be told before its first frame
      return Effect.yieldNow.pipe(Effect.andThen(Effect.forkChild(watch.run(fail))), Effect.andThen(spoken))
    }
    return {
      turnAuthority: options?.turnDetection ?? "own",
      textual: true,
      interims: stt.capabilities.interim,
      judge: turnDetector === undefined
        ? undefined
        : (transcript, agentSaid) => turnDetector.endOfTurn({ transcript, agentSaid }),
      finalize: recogniser.finalize,
      reply,
      ended: () => {}
    }
  })
}
