/**
 * Plays the replies of a session's speech-to-speech model: their audio, the texts that the model wrote, their tool calls.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { BackendError } from "../../BackendError.ts"
import type { PipelineContext, ReplyRequest } from "./Pipeline.ts"
import * as ReplyMilestones from "./ReplyMilestones.ts"
import type { S2sReplies } from "./S2sReplies.ts"
import type { S2sReply } from "./S2sReply.ts"
import type * as S2sTools from "./S2sTools.ts"
import type { S2sVoice } from "./S2sVoice.ts"

/**
 * What playback needs: the model's replies, the sample rate of its audio in Hz, what runs a tool call, and the voice that
 * speaks its texts.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sPlaybackOptions {
  readonly replies: S2sReplies
  readonly sampleRate: number
  readonly call: ReturnType<typeof S2sTools.make>
  readonly voice: S2sVoice | undefined
}

/**
 * Plays a reply of the model to its end. Fails with the reply; its tool calls are interrupted with it.
 *
 * @category models
 * @since 0.1.0
 */
export type PlayReply = (request: ReplyRequest, reply: S2sReply) => Effect.Effect<void, BackendError>

/**
 * Makes the function that plays a session's replies.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { call, replies, sampleRate, voice }: S2sPlaybackOptions,
  context: PipelineContext
): PlayReply => {
  /** Runs the tool calls of a reply as they come, which may be minutes before its audio is played up to them. */
  const runCalls = ({ history, trace, turn }: ReplyRequest, reply: S2sReply): Effect.Effect<never> => {
    const { call: callOf, languages } = context
    return Effect.flatMap(
      reply.nextCall,
      (event) =>
        call(event, callOf({ turn, history, language: languages.heard() ?? languages.ofUser() }), trace?.think).pipe(
          Effect.ensuring(Effect.sync(() => reply.callFinished())),
          Effect.forkChild
        )
    ).pipe(Effect.forever)
  }

  const speakText = (request: ReplyRequest, reply: S2sReply, first: string): Effect.Effect<void, BackendError> => {
    const rest = Stream.unfold(
      undefined,
      () => Effect.map(reply.nextText, (text) => text === undefined ? undefined : [text, undefined] as const)
    )
    return voice === undefined
      ? Effect.void
      : voice.text(
        request,
        Stream.concat(Stream.succeed(first), rest),
        (ms) => replies.handedOver(request.epoch, reply, ms, false)
      )
  }

  const playPieces = Effect.fnUntraced(function*(request: ReplyRequest, reply: S2sReply) {
    const { epoch } = request
    const reached = ReplyMilestones.make(context.dispatch, epoch)
    while (true) {
      const piece = yield* reply.next
      switch (piece._tag) {
        case "Audio": {
          reached("tts")
          const samples = piece.chunks.reduce((sum, { pcm }) => sum + pcm.length, 0)
          replies.handedOver(epoch, reply, samples * 1_000 / sampleRate, true)
          yield* context.replyAudio.speak(epoch, piece.chunks, sampleRate)
          break
        }
        case "Text":
          yield* speakText(request, reply, piece.text)
          break
        case "End":
          if (piece.error !== undefined) return yield* piece.error
          return
      }
    }
  })

  return (request, reply) =>
    Effect.raceFirst(playPieces(request, reply), runCalls(request, reply)).pipe(
      Effect.tapError(() =>
        Effect.sync(() => {
          if (!reply.isEmpty) context.replyAudio.breakOff(request.epoch)
        })
      )
    )
}
