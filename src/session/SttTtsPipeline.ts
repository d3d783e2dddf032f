/**
 * Speech → text → agent → speech: voice activity, recognition, the agent and the voice of one session.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type BackendError, ConnectionFailed, normalize, Timeout } from "../BackendError.ts"
import type { ReplySource } from "../conversation/ConversationState.ts"
import { Sentences } from "../conversation/Sentences.ts"
import { spoken } from "../conversation/SpokenText.ts"
import { compose, type TextTransform, type Transformer } from "../conversation/TextTransform.ts"
import type { SpeechToText, SpeechToTextStream, TranscriptEvent } from "../speech/SpeechToText.ts"
import type { TextToSpeech } from "../speech/TextToSpeech.ts"
import type { TurnDetector } from "../speech/TurnDetector.ts"
import type { VoiceActivity, VoiceActivityDetector } from "../speech/VoiceActivityDetector.ts"
import type { Pipeline, PipelineContext, PipelineFactory } from "./Pipeline.ts"
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
}

const within = (op: string, what: string, duration: Duration.Duration) =>
  Effect.timeoutOrElse({
    duration,
    orElse: () => Effect.fail(new Timeout({ op, message: `${what} took longer than ${Duration.format(duration)}` }))
  })

/**
 * The recogniser of a session, kept alive: a stream that fails is replaced, and what was asked of it is answered, so that
 * a failure costs at most the words of one turn.
 */
const makeRecogniser = Effect.fnUntraced(function*(stt: SpeechToText["Service"], context: PipelineContext) {
  const parent = yield* Effect.scope
  let stream: SpeechToTextStream | undefined
  // where the timeline was when the stream was opened: it counts from there
  let openedAt = 0
  const pending = new Set<number>()
  // streams in a row that failed without a word
  let failures = 0

  const deliver = (event: TranscriptEvent) => {
    failures = 0
    if (event._tag === "Finalized") pending.delete(event.id)
    context.dispatch(event)
  }
  const open = Effect.gen(function*() {
    const scope = yield* Scope.fork(parent)
    const opened = yield* stt.open({ sessionId: context.sessionId }).pipe(
      Scope.provide(scope),
      within("SpeechToText.open", `opening ${stt.name}`, context.timeout),
      normalize("SpeechToText.open"),
      Effect.onError(() => Scope.close(scope, Exit.void))
    )
    stream = opened
    openedAt = context.input.position
    return { opened, scope }
  })
  // listens until the stream fails; ending by itself is a failure too
  const listen = ({ opened, scope }: { readonly opened: SpeechToTextStream; readonly scope: Scope.Closeable }) =>
    Stream.runForEach(opened.events, (event) => Effect.sync(() => deliver(event))).pipe(
      Effect.andThen(
        Effect.fail(
          new ConnectionFailed({ op: "SpeechToText.events", message: `${stt.name} ended its stream` })
        )
      ),
      // an engine that dies is an engine that fails
      normalize("SpeechToText.events"),
      Effect.catch((error: BackendError) =>
        Effect.sync(() => {
          stream = undefined
          context.dispatch({ _tag: "EngineDown", engine: stt.name, error })
          const unanswered = Array.from(pending)
          pending.clear()
          for (const id of unanswered) context.dispatch({ _tag: "Finalized", id })
          return error
        })
      ),
      Effect.ensuring(Scope.close(scope, Exit.void))
    )
  const first = yield* open
  const backoff = Schedule.exponential(context.retryDelay).pipe(
    Schedule.jittered,
    Schedule.upTo({ times: context.maxRetries })
  )
  yield* Effect.gen(function*() {
    let current = first
    while (true) {
      const error = yield* listen(current)
      // what has worked may work again, whatever it says
      if (failures++ >= context.maxRetries) return yield* error
      // the first time at once
      if (failures > 1) yield* Effect.sleep(Duration.times(context.retryDelay, 2 ** (failures - 2)))
      current = yield* open.pipe(Effect.retry({ schedule: backoff, while: (failure) => failure.retryable }))
      context.dispatch({ _tag: "EngineUp", engine: stt.name })
    }
  }).pipe(
    Effect.catch(() => Effect.sync(() => context.dispatch({ _tag: "Close", reason: "failed" }))),
    Effect.forkScoped
  )

  return {
    push: (pcm: Int16Array) => stream?.push(pcm),
    activity: (activity: VoiceActivity) =>
      stream?.activity({
        ...activity,
        atSample: Math.max(0, activity.atSample - openedAt),
        decidedAtSample: Math.max(0, activity.decidedAtSample - openedAt)
      }),
    finalize: (id: number, untilSample: number) => {
      if (stream === undefined) {
        context.dispatch({ _tag: "Finalized", id })
        return
      }
      pending.add(id)
      stream.finalize(id, Math.max(0, untilSample - openedAt))
    }
  }
})

/**
 * Opens the pipeline of one session on a backend's engines.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { stt, tts, turn: turnDetector, vad }: SttTtsEngines,
  options?: SttTtsOptions
): PipelineFactory => {
  const transform = compose([spoken(), ...options?.textTransforms ?? []])
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
    yield* Effect.fromResult(context.input.add({ sampleRate: stt.sampleRate, push: recogniser.push }))
    yield* Effect.fromResult(context.input.add({ sampleRate: vad.sampleRate, branch: "vad", push: detector.push }))

    const text = (
      source: Exclude<ReplySource, { readonly _tag: "Audio" }>,
      { committed, history, turn }: Parameters<typeof reply>[0],
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
            committed
          }).pipe(watch.over("Agent.respond", "the agent", context.timeout))
        case "Text":
          return Stream.succeed(source.text)
        case "Remote":
          return Stream.empty
      }
    }

    const reply: Pipeline["reply"] = (request) => {
      const { epoch, source } = request
      if (source._tag === "Audio") return Effect.void
      const watch = new StallWatch()
      const spoken = text(source, request, watch).pipe(
        Stream.filter((piece) => piece !== ""),
        Stream.tap(() => progress(epoch, "agent")),
        Stream.mapAccum(() => new Speaker(transform()), (speaker, piece: string) => [speaker, speaker.push(piece)], {
          onHalt: (speaker) => speaker.flush()
        }),
        Stream.tap((sentence) =>
          Effect.sync(() => {
            context.planned(epoch, sentence)
            context.dispatch({ _tag: "ReplyProgress", epoch, stage: "clause" })
          })
        ),
        voice.speak,
        watch.over("TextToSpeech.speak", tts.name, Duration.sum(context.timeout, Duration.seconds(1))),
        Stream.runForEach((chunk) =>
          Effect.andThen(progress(epoch, "tts"), context.voice.speak(epoch, chunk, tts.sampleRate))
        ),
        Effect.andThen(Effect.sync(() => context.voice.finish(epoch)))
      )
      const fail = (error: BackendError) => context.dispatch({ _tag: "ReplyFailed", epoch, error })
      // not within the dispatch that began the reply: what happens to it could not be told before its first frame
      return Effect.yieldNow.pipe(Effect.andThen(Effect.forkChild(watch.run(fail))), Effect.andThen(spoken))
    }
    const progress = (epoch: number, stage: "agent" | "clause" | "tts") =>
      Effect.sync(() => context.dispatch({ _tag: "ReplyProgress", epoch, stage }))

    return {
      authority: "own",
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

/** Text for the ear, cut into what is spoken at once. */
class Speaker {
  readonly #transformer: Transformer
  readonly #sentences = new Sentences()

  constructor(transformer: Transformer) {
    this.#transformer = transformer
  }

  push(text: string): ReadonlyArray<string> {
    return this.#sentences.push(this.#transformer.push(text))
  }

  flush(): ReadonlyArray<string> {
    return [...this.#sentences.push(this.#transformer.flush()), ...this.#sentences.flush()]
  }
}
