/**
 * Speech-to-speech composed of a recogniser and a voice: the session's agent answers in between. With the embedded engines
 * it needs no key and no network.
 *
 * It is what a hosted model is to a session, built of our own parts: it hears, tells the words, and speaks what it is told.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import {
  type BackendError,
  ConnectionFailed,
  type InvalidConfig,
  normalize,
  PipelineError
} from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { Options } from "../../schema/Secret.ts"
import type * as Resilience from "../../speech/Resilience.ts"
import * as ResilientSpeechToText from "../../speech/ResilientSpeechToText.ts"
import * as ResilientTextToSpeech from "../../speech/ResilientTextToSpeech.ts"
import { SpeechToSpeech, type SpeechToSpeechEvent, type SpeechToSpeechOptions } from "../../speech/SpeechToSpeech.ts"
import { SpeechToText, type TranscriptEvent } from "../../speech/SpeechToText.ts"
import { TextToSpeech } from "../../speech/TextToSpeech.ts"

/** Events that the session has not taken yet; speech waits beyond that. */
const MAX_EVENTS = 1_024
/** Texts that wait to be spoken; more fail. */
const MAX_SAYS = 64

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))

/**
 * - `stt`: the engine that hears. `moonshine`.
 * - `sttOptions`: its options.
 * - `tts`: the engine that speaks. `flite`.
 * - `ttsOptions`: its options.
 *
 * @category models
 * @since 0.1.0
 */
export const CascadeOptions = Schema.Struct({
  stt: Name.pipe(withDefault("moonshine")),
  sttOptions: Options.pipe(withDefault({})),
  tts: Name.pipe(withDefault("flite")),
  ttsOptions: Options.pipe(withDefault({}))
}).pipe(Schema.encodeKeys({ sttOptions: "stt_options", ttsOptions: "tts_options" }))

/**
 * What it is composed of.
 *
 * @category models
 * @since 0.1.0
 */
export interface CascadeEngines {
  readonly stt: SpeechToText["Service"]
  readonly tts: TextToSpeech["Service"]
}

interface Say {
  readonly reply: string
  readonly text: string
  /** Completes when nobody wants to hear it any more. */
  readonly stop: Deferred.Deferred<void>
}

const open = Effect.fnUntraced(function*({ stt, tts }: CascadeEngines, { sessionId }: SpeechToSpeechOptions) {
  const events = yield* Queue.bounded<SpeechToSpeechEvent, BackendError | Cause.Done>(MAX_EVENTS)
  const emit = (event: SpeechToSpeechEvent) => Queue.offer(events, event)

  const recogniser = yield* stt.open({ sessionId })
  const hear = (event: TranscriptEvent) => {
    switch (event._tag) {
      case "Interim":
      case "Final":
        return emit({ _tag: "UserTranscript", text: event.text, final: event._tag === "Final" })
      case "Finalized":
        return emit({ _tag: "UserTurnTranscribed" })
      case "EndOfTurn":
        return Effect.void
    }
  }
  yield* Stream.runForEach(recogniser.events, hear).pipe(
    Effect.andThen(
      Effect.suspend(() =>
        Effect.fail<BackendError>(
          new ConnectionFailed({ op: "SpeechToText.events", message: `${stt.name} ended its stream` })
        )
      )
    ),
    normalize("SpeechToText.events"),
    Effect.catch((error) => Queue.fail(events, error)),
    Effect.forkScoped
  )

  const voice = yield* tts.open({ sessionId })
  const says = yield* Queue.dropping<Say>(MAX_SAYS)
  const wanted = new Map<string, Say>()
  let count = 0
  let finalizeId = 0
  const speak = ({ reply, stop, text }: Say) =>
    Stream.runForEach(
      voice.speak(Stream.succeed(text)),
      (chunk) => emit({ _tag: "ReplyAudio", reply, pcm: chunk.pcm, text: chunk.text })
    ).pipe(
      Effect.raceFirst(Deferred.await(stop)),
      (speech) => Effect.andThen(emit({ _tag: "ReplyStarted", reply }), speech),
      normalize("TextToSpeech.speak"),
      Effect.matchEffect({
        onFailure: (error) => emit({ _tag: "ReplyFailed", reply, error }),
        onSuccess: () => emit({ _tag: "ReplyEnded", reply })
      }),
      Effect.ensuring(Effect.sync(() => wanted.delete(reply)))
    )
  yield* Queue.take(says).pipe(Effect.flatMap(speak), Effect.forever, Effect.forkScoped)

  return {
    push: recogniser.push,
    activity: recogniser.activity,
    commit: (untilSample: number) => recogniser.finalize(++finalizeId, untilSample),
    // the agent answers what is typed
    userText: () => {},
    say: (text: string) => {
      const say = { reply: `say-${++count}`, text, stop: Deferred.makeUnsafe<void>() }
      wanted.set(say.reply, say)
      if (Queue.offerUnsafe(says, say)) return
      wanted.delete(say.reply)
      const error = new PipelineError({
        op: "SpeechToSpeech.say",
        message: `more than ${MAX_SAYS} texts wait to be spoken`,
        retryable: false
      })
      Queue.offerUnsafe(events, { _tag: "ReplyStarted", reply: say.reply })
      Queue.offerUnsafe(events, { _tag: "ReplyFailed", reply: say.reply, error })
    },
    // it remembers nothing: what was heard is the session's to know
    truncate: (reply: string) => {
      const say = wanted.get(reply)
      if (say !== undefined) Deferred.doneUnsafe(say.stop, Effect.void)
    },
    toolResult: () => {},
    events: Stream.fromQueue(events)
  }
})

/**
 * Composes the engine. Both parts are made dependable: what they lose by a dead or silent connection is said and heard
 * again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { stt, tts }: CascadeEngines,
  options: Resilience.ResilienceOptions = {}
): Effect.fn.Return<SpeechToSpeech["Service"], InvalidConfig> {
  const engines = {
    stt: ResilientSpeechToText.isResilient(stt) ? stt : yield* ResilientSpeechToText.make([stt], options),
    tts: ResilientTextToSpeech.isResilient(tts) ? tts : yield* ResilientTextToSpeech.make([tts], options)
  }
  return {
    name: "cascade",
    members: [engines.stt, engines.tts],
    inputSampleRate: engines.stt.sampleRate,
    outputSampleRate: engines.tts.sampleRate,
    capabilities: {
      turnAuthority: "own",
      agentInLoop: true,
      answers: false,
      tools: false,
      interims: engines.stt.capabilities.interim,
      say: true
    },
    open: (given) => open(engines, given)
  }
})

/**
 * The engine of whatever recogniser and voice there are.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options?: Resilience.ResilienceOptions
): Layer.Layer<SpeechToSpeech, InvalidConfig, SpeechToText | TextToSpeech> =>
  Layer.effect(
    SpeechToSpeech,
    Effect.flatMap(Effect.all([SpeechToText, TextToSpeech]), ([stt, tts]) => make({ stt, tts }, options))
  )
