/**
 * Speech → text → agent → speech: voice activity, recognition, the agent and the voice of one session.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ConnectionFailed } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import { rateFor } from "../../speech/RecogniserRate.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"
import type { SpeechToText } from "../../speech/SpeechToText.ts"
import type { TextToSpeech } from "../../speech/TextToSpeech.ts"
import type { TurnDetector } from "../../speech/TurnDetector.ts"
import type { VoiceActivityDetector } from "../../speech/VoiceActivityDetector.ts"
import * as AgentText from "../../text/AgentText.ts"
import type { TextTransform } from "../../text/TextTransform.ts"
import * as ReplyTrace from "../tracing/ReplyTrace.ts"
import * as AgentReply from "./AgentReply.ts"
import type { Pipeline, PipelineContext, PipelineFactory } from "./Pipeline.ts"
import * as PipelineInput from "./PipelineInput.ts"
import * as SentenceStream from "./SentenceStream.ts"
import * as TurnPrediction from "./TurnPrediction.ts"
import * as WrittenReply from "./WrittenReply.ts"

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
  /** Applied to the agent's text before it is spoken, after Markdown and symbols have been made speakable. */
  readonly textTransforms?: ReadonlyArray<TextTransform> | undefined
  /**
   * `stt`: the speech-to-text engine decides when a turn is over; it must have endpointing. Default: silence decides, and
   * the turn detector.
   */
  readonly turnDetection?: "stt" | undefined
}

const openStt = Effect.fnUntraced(function*(
  stt: SpeechToText["Service"],
  sampleRate: number,
  context: PipelineContext
) {
  const { busy, dispatch, languages, onIncident, sessionId, speech, timeout } = context
  const { keyterms, language } = SessionSpeech.inLanguage(stt, speech, languages.changed())
  const recogniser = yield* stt.open({ sessionId, busy, language, keyterms, sampleRate, onIncident }).pipe(
    deadline("SpeechToText.open", `opening ${stt.name}`, timeout)
  )
  const op = "SpeechToText.events"
  yield* PipelineInput.takeEvents(stt.name, recogniser.events, {
    op,
    take: (event) => {
      if (event._tag === "Final" && event.language !== undefined) languages.hear(event.language)
      dispatch(event)
    },
    ended: () => new ConnectionFailed({ op, message: `${stt.name} ended its stream` }),
    dispatch
  })
  return recogniser
})

const openTts = (
  tts: TextToSpeech["Service"],
  { languages, onIncident, sessionId, speech, textSettings, timeout }: PipelineContext
) => {
  const { language, voice } = speech
  return tts.open({ sessionId, voice, language, onIncident, textSettings, currentLanguage: languages.ofVoice }).pipe(
    deadline("TextToSpeech.open", `opening ${tts.name}`, timeout)
  )
}

/**
 * The pipeline of the sessions on a backend's engines. Opening fails `invalid_config` for a session whose language, voice
 * or key terms an engine does not support.
 *
 * Retries and fallbacks belong to the engines (`ResilientSpeechToText`): a recogniser that fails here ends the session.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { stt, tts, turn: turnDetector, vad }: SttTtsEngines,
  options?: SttTtsOptions
): PipelineFactory => {
  AgentText.warmUp(tts.capabilities.language)
  const open = Effect.fnUntraced(function*(context: PipelineContext) {
    const sampleRate = rateFor(stt, context.inputSampleRate)
    const recogniser = yield* openStt(stt, sampleRate, context)
    const voice = yield* openTts(tts, context)
    // the recogniser hears first: a change of activity then refers to audio that it has
    yield* Effect.fromResult(context.input.add({ sampleRate, push: (pcm) => recogniser.push(pcm) }))
    // a recogniser that decides turns needs no detector
    const turns = turnDetector === undefined || options?.turnDetection === "stt"
      ? undefined
      : yield* TurnPrediction.make(turnDetector, context, stt.capabilities.language)
    const activity: typeof recogniser.activity = turns === undefined ? recogniser.activity : (change) => {
      turns.activity(change)
      recogniser.activity(change)
    }
    yield* PipelineInput.addDetector(vad, { activity }, context)

    const settings = SentenceStream.settingsOf(context, tts.capabilities)
    AgentText.warmUp(settings().language)
    const reply: Pipeline["reply"] = (request) => {
      const { epoch, source, trace } = request
      if (source._tag === "Audio") return Effect.void
      // only a speech-to-speech model begins replies itself
      if (source._tag === "ModelInitiated") return Effect.sync(() => context.replyAudio.finish(epoch))
      if (context.output?.() === "text") return WrittenReply.run(context, request, source)
      return AgentReply.run(
        context,
        request,
        source,
        SentenceStream.make(AgentText.make(settings), options?.textTransforms),
        ({ finished, reached, sentences, stalls }) =>
          voice.speak(sentences).pipe(
            ReplyTrace.speaking(trace),
            // a second more than the engine's own limit, whose error says more
            stalls.over("TextToSpeech.speak", tts.name, Duration.sum(context.timeout, Duration.seconds(1))),
            Stream.onEnd(finished),
            Stream.runForEachArray((chunks) => {
              reached("tts")
              return context.replyAudio.speak(epoch, chunks, tts.sampleRate)
            })
          )
      )
    }
    const hears = (language: string) =>
      recogniser.setLanguage !== undefined && SessionSpeech.takesLanguage(stt, context.speech, language)
    return {
      turnAuthority: options?.turnDetection ?? "own",
      transcriptBased: true,
      endsTurns: true,
      writesText: true,
      interimTranscripts: stt.capabilities.interim,
      turnDetector: turnDetector?.name,
      hearsTurns: turns?.hearsAudio,
      predictEndOfTurn: turns?.predict,
      finalize: recogniser.finalize,
      abandon: recogniser.abandon,
      enginesIn: (language) => [
        { kind: "stt", engine: stt.name, follows: hears(language) },
        { kind: "tts", engine: tts.name, follows: SessionSpeech.takesLanguage(tts, context.speech, language) }
      ],
      // a fallback may have it where the first choice has not
      setLanguage: (language) => recogniser.setLanguage?.(language),
      reply,
      ended: () => {}
    } satisfies Pipeline
  })
  return { checkSpeech: (speech) => SessionSpeech.check("VoiceBackend.createSession", speech, { stt, tts }), open }
}
