/**
 * The voice of a session with a speech-to-speech model: it speaks what the model wrote instead of speaking it, and given
 * texts where the model cannot.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as AgentThoughts from "../../agent/AgentThoughts.ts"
import type { BackendError } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"
import type { TextToSpeech } from "../../speech/TextToSpeech.ts"
import * as ReplyTrace from "../tracing/ReplyTrace.ts"
import * as AgentReply from "./AgentReply.ts"
import type { PipelineContext, ReplyRequest } from "./Pipeline.ts"
import * as ReplyMilestones from "./ReplyMilestones.ts"
import type { SplitSentences } from "./SentenceStream.ts"
import { StallWatch } from "./StallWatch.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface S2sVoice {
  /** Speaks a reply whose text the pipeline has: the agent's answer, or a given text. */
  readonly reply: (request: ReplyRequest, source: AgentReply.TextSource) => Effect.Effect<void, BackendError>
  /** Speaks a text that the model writes, within its reply. `handedOver` is told how many ms were given to playout. */
  readonly text: (
    request: ReplyRequest,
    text: Stream.Stream<string, BackendError>,
    handedOver: (ms: number) => void
  ) => Effect.Effect<void, BackendError>
}

/**
 * Opens the session's voice. It speaks the session's language where it can, in its own voice: the session's names a voice of
 * the model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function*(
  tts: TextToSpeech["Service"],
  split: SplitSentences,
  context: PipelineContext
): Effect.fn.Return<S2sVoice, BackendError, Scope.Scope> {
  const { languages, onIncident, planned, replyAudio, sessionId, speech, textSettings, timeout } = context
  const { language, voice } = SessionSpeech.supportedBy(tts, speech)
  const currentLanguage = languages.ofVoice
  const stream = yield* tts.open({ sessionId, voice, language, onIncident, textSettings, currentLanguage }).pipe(
    deadline("TextToSpeech.open", `opening ${tts.name}`, timeout)
  )
  const speak = (
    { epoch, trace }: ReplyRequest,
    sentences: Stream.Stream<string, BackendError>,
    stalls: StallWatch,
    onSpeech: (ms: number) => void,
    finished: Effect.Effect<void> = Effect.void
  ) =>
    stream.speak(sentences).pipe(
      ReplyTrace.speaking(trace),
      // a second more than the engine's own limit, whose error says more
      stalls.over("TextToSpeech.speak", tts.name, Duration.sum(timeout, Duration.seconds(1))),
      Stream.onEnd(finished),
      Stream.runForEachArray((chunks) => {
        onSpeech(chunks.reduce((samples, { pcm }) => samples + pcm.length, 0) * 1_000 / tts.sampleRate)
        return replyAudio.speak(epoch, chunks, tts.sampleRate)
      })
    )
  return {
    reply: (request, source) =>
      AgentReply.run(
        context,
        request,
        source,
        split,
        ({ finished, reached, sentences, stalls }) => speak(request, sentences, stalls, () => reached("tts"), finished)
      ),
    text: (request, text, handedOver) => {
      const { epoch } = request
      const reached = ReplyMilestones.make(context.dispatch, epoch)
      const stalls = new StallWatch()
      const stalled = Deferred.makeUnsafe<never, BackendError>()
      let failure: BackendError | undefined
      const sentences = split(AgentThoughts.without(text), {
        timeout,
        aheadMs: () => replyAudio.aheadMs(epoch),
        onText: (piece, nowMs) => {
          stalls.alive(nowMs)
          if (piece.trim() !== "") reached("agent")
        },
        onFailure: (error) => {
          failure = error
        }
      }).pipe(
        Stream.tap((sentence) =>
          Effect.sync(() => {
            planned(epoch, sentence)
            reached("clause")
          })
        )
      )
      return speak(request, sentences, stalls, (ms) => {
        reached("tts")
        handedOver(ms)
      }).pipe(
        // the whole sentences that the model wrote have been spoken
        Effect.andThen(Effect.suspend(() => failure === undefined ? Effect.void : Effect.fail(failure))),
        Effect.raceFirst(
          Effect.andThen(
            stalls.run((error) => void Deferred.doneUnsafe(stalled, Effect.fail(error))),
            Deferred.await(stalled)
          )
        )
      )
    }
  }
})
