/**
 * A speech-to-speech engine composed of a speech-to-text and a text-to-speech engine; the session's agent answers. With the
 * embedded engines it needs no key and no network.
 *
 * It transcribes the user and speaks what `say` is given, as a hosted speech-to-speech model does.
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
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { Options } from "../../schema/Secret.ts"
import type * as Resilience from "../../speech/resilience/Resilience.ts"
import * as ResilientSpeechToText from "../../speech/resilience/ResilientSpeechToText.ts"
import * as ResilientTextToSpeech from "../../speech/resilience/ResilientTextToSpeech.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"
import { SpeechToSpeech, type SpeechToSpeechEvent, type SpeechToSpeechOptions } from "../../speech/SpeechToSpeech.ts"
import { SpeechToText, type TranscriptEvent } from "../../speech/SpeechToText.ts"
import { TextToSpeech } from "../../speech/TextToSpeech.ts"

/** Events that the session has not consumed; a full queue holds the speech back. */
const MAX_EVENTS = 1_024
/** Texts that may be queued for speech; more fail. */
const MAX_QUEUED = 64

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))

/**
 * Options of the engine, with defaults.
 *
 * - `stt`: the speech-to-text engine. Default `moonshine`.
 * - `sttOptions`: its options.
 * - `tts`: the text-to-speech engine. Default `hibari`.
 * - `ttsOptions`: its options.
 *
 * @category models
 * @since 0.1.0
 */
export const CascadeOptions = Schema.Struct({
  stt: Name.pipe(withDefault("moonshine")),
  sttOptions: Options.pipe(withDefault({})),
  tts: Name.pipe(withDefault("hibari")),
  ttsOptions: Options.pipe(withDefault({}))
}).pipe(encodeKeys({ sttOptions: "stt_options", ttsOptions: "tts_options" }))

/**
 * The two engines of a cascade.
 *
 * @category models
 * @since 0.1.0
 */
export interface CascadeEngines {
  readonly stt: SpeechToText["Service"]
  readonly tts: TextToSpeech["Service"]
}

interface Utterance {
  readonly reply: string
  readonly request: string
  readonly text: string
  /** Completed when the reply is truncated. */
  readonly stop: Deferred.Deferred<void>
}

const open = Effect.fnUntraced(function*(
  { stt, tts }: CascadeEngines,
  { currentLanguage, keyterms, language, onIncident, sessionId, textSettings, voice }: SpeechToSpeechOptions
) {
  const events = yield* Queue.bounded<SpeechToSpeechEvent, BackendError | Cause.Done>(MAX_EVENTS)
  const emit = (event: SpeechToSpeechEvent) => Queue.offer(events, event)

  /** The requests whose transcripts are awaited, by the recogniser's ids. */
  const transcribing = new Map<number, string>()
  const recogniser = yield* stt.open({ sessionId, language, keyterms, onIncident })
  const onTranscript = (event: TranscriptEvent) => {
    switch (event._tag) {
      case "Interim":
      case "Final":
        return emit({ _tag: "UserTranscript", text: event.text, final: event._tag === "Final" })
      case "Finalized":
        return Effect.suspend(() => {
          const request = transcribing.get(event.id)
          transcribing.delete(event.id)
          return emit({ _tag: "UserTurnTranscribed", request })
        })
      case "EndOfTurn":
        return Effect.void
    }
  }
  yield* Stream.runForEach(recogniser.events, onTranscript).pipe(
    Effect.andThen(
      Effect.suspend(() =>
        Effect.fail<BackendError>(
          new ConnectionFailed({ op: "SpeechToText.events", message: `${stt.name} ended its event stream` })
        )
      )
    ),
    normalize("SpeechToText.events"),
    Effect.catch((error) => Queue.fail(events, error)),
    Effect.forkScoped
  )

  const synthesizer = yield* tts.open({ sessionId, voice, language, onIncident, textSettings, currentLanguage })
  const queue = yield* Queue.dropping<Utterance>(MAX_QUEUED)
  const pending = new Map<string, Utterance>()
  let count = 0
  let finalizeId = 0
  const failure = (message: string) => new PipelineError({ op: "SpeechToSpeech.say", message, retryable: false })
  const speak = ({ reply, request, stop, text }: Utterance) => {
    let samples = 0
    return Stream.runForEach(
      synthesizer.speak(Stream.succeed(text)),
      (chunk) => {
        samples += chunk.pcm.length
        return emit({ _tag: "ReplyAudio", reply, pcm: chunk.pcm, text: chunk.text })
      }
    ).pipe(
      Effect.andThen(Effect.suspend(() =>
        samples > 0 || !/[\p{L}\p{N}]/u.test(text)
          ? Effect.void
          : Effect.fail<BackendError>(failure(`${tts.name} made no audio of a text`))
      )),
      Effect.raceFirst(Deferred.await(stop)),
      (speech) => Effect.andThen(emit({ _tag: "ReplyStarted", reply, request }), speech),
      normalize("TextToSpeech.speak"),
      Effect.matchEffect({
        onFailure: (error) => emit({ _tag: "ReplyFailed", reply, error }),
        onSuccess: () => emit({ _tag: "ReplyEnded", reply })
      }),
      Effect.ensuring(Effect.sync(() => pending.delete(reply)))
    )
  }
  yield* Queue.take(queue).pipe(
    Effect.flatMap((utterance) => Deferred.isDoneUnsafe(utterance.stop) ? Effect.void : speak(utterance)),
    Effect.forever,
    Effect.forkScoped
  )
  const stop = (utterance: Utterance) => {
    pending.delete(utterance.reply)
    Deferred.doneUnsafe(utterance.stop, Effect.void)
  }

  return {
    push: recogniser.push,
    // the voice reads `currentLanguage` before each sentence
    setLanguage: recogniser.setLanguage,
    activity: recogniser.activity,
    commit: (untilSample: number, request: string) => {
      for (const oldest of transcribing.keys()) {
        if (transcribing.size < MAX_QUEUED) break
        transcribing.delete(oldest)
      }
      transcribing.set(++finalizeId, request)
      recogniser.finalize(finalizeId, untilSample)
    },
    // the session's agent answers typed text
    userText: (_: string, request: string) =>
      void Queue.offerUnsafe(events, {
        _tag: "RequestFailed",
        request,
        error: failure("cascade has no answers of its own")
      }),
    say: (text: string, request: string) => {
      const utterance = { reply: `say-${++count}`, request, text, stop: Deferred.makeUnsafe<void>() }
      pending.set(utterance.reply, utterance)
      if (Queue.offerUnsafe(queue, utterance)) return
      pending.delete(utterance.reply)
      const error = failure(`cascade: speech queue is full (${MAX_QUEUED} texts)`)
      Queue.offerUnsafe(events, { _tag: "RequestFailed", request, error })
    },
    cancel: (request: string) => {
      for (const utterance of pending.values()) if (utterance.request === request) stop(utterance)
    },
    // the session keeps the history; only the speech has to be stopped
    truncate: (reply: string) => {
      const utterance = pending.get(reply)
      if (utterance !== undefined) stop(utterance)
    },
    toolResult: () => {},
    events: Stream.fromQueue(events)
  }
})

/** The tags that both engines take: `en` and `en-GB` make `en-GB`. */
const commonLanguages = ({ stt, tts }: CascadeEngines): ReadonlyArray<string> | undefined => {
  const [one, other] = [stt.capabilities.languages, tts.capabilities.languages]
  if (one === undefined || other === undefined) return undefined
  if (one.length === 0) return other
  if (other.length === 0) return one
  const common = new Set([
    ...one.filter((tag) => SessionSpeech.supportsLanguage(tts.capabilities, tag)),
    ...other.filter((tag) => SessionSpeech.supportsLanguage(stt.capabilities, tag))
  ])
  return common.size === 0 ? undefined : Array.from(common)
}

/**
 * What it can do, whatever it is composed of.
 *
 * @category constants
 * @since 0.1.0
 */
export const capabilities = {
  turnAuthority: "own",
  agentInLoop: true,
  answers: false,
  tools: false,
  say: true
} as const

/**
 * Composes the engine. Both engines are made resilient: after a lost or silent connection, audio is recognised again and
 * sentences are spoken again.
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
      ...capabilities,
      interims: engines.stt.capabilities.interim,
      languages: commonLanguages(engines),
      language: engines.tts.capabilities.language,
      tags: engines.tts.capabilities.tags,
      voices: engines.tts.capabilities.voices,
      keyterms: engines.stt.capabilities.keyterms
    },
    open: (session) => open(engines, session)
  }
})

/**
 * Provides `SpeechToSpeech` composed of the `SpeechToText` and `TextToSpeech` in the context.
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
