/**
 * A reply whose text the pipeline has: the agent's answer to a turn, or a given text, spoken sentence by sentence.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as AgentAnswer from "../../agent/AgentAnswer.ts"
import * as AgentThoughts from "../../agent/AgentThoughts.ts"
import * as CallContext from "../../agent/CallContext.ts"
import { type BackendError, fromCause } from "../../BackendError.ts"
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { ReplySource } from "../../conversation/ConversationState.ts"
import * as ReplyTrace from "../tracing/ReplyTrace.ts"
import type { PipelineContext, ReplyRequest } from "./Pipeline.ts"
import * as ReplyMilestones from "./ReplyMilestones.ts"
import type { SplitSentences } from "./SentenceStream.ts"
import { StallWatch } from "./StallWatch.ts"

/**
 * A source that has a text.
 *
 * @category models
 * @since 0.1.0
 */
export type TextSource = Extract<ReplySource, { readonly _tag: "Answer" | "Text" }>

/**
 * How a pipeline speaks sentences, in a reply of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpokenReply {
  readonly sentences: Stream.Stream<string>
  /** Watches the steps of the reply. */
  readonly stalls: StallWatch
  /** Reports its milestones. */
  readonly reached: (stage: Extract<ConversationInput, { readonly _tag: "ReplyProgress" }>["stage"]) => void
  /** To be run when all speech has been handed over, and before the agent's stream is closed, which may take long. */
  readonly finished: Effect.Effect<void>
}

/** White space alone is not a word. */
const word = /\S/u

const textOf = (
  { agent, call, languages, session }: PipelineContext,
  { committed, history, trace, turn }: ReplyRequest,
  source: TextSource
): Stream.Stream<string, BackendError> =>
  source._tag === "Text"
    ? Stream.succeed(source.text)
    // suspended: an agent that throws fails its reply, not the session
    : Stream.suspend(() => {
      const language = source.kind === "speech" ? languages.heard() ?? languages.ofUser() : languages.ofUser()
      const { transcript } = source
      // one object: what the call reads of the session is read at each use
      const input = Object.assign(call({ turn, history, language }), {
        transcript,
        committed,
        session,
        instructions: source.instructions ?? session.client?.instructions
      })
      return CallContext.within(input)(AgentAnswer.make(() => agent().respond(input)))
    }).pipe(AgentThoughts.without, ReplyTrace.thinking(trace))

/**
 * Speaks a text as it is written. When the text fails or stalls, the whole sentences that were written are spoken to their
 * end; when the voice stalls, what it has spoken is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (
  context: PipelineContext,
  request: ReplyRequest,
  source: TextSource,
  split: SplitSentences,
  speak: (reply: SpokenReply) => Effect.Effect<void, BackendError>
): Effect.Effect<void, BackendError> => {
  const { epoch } = request
  const { dispatch, replyAudio, timeout } = context
  const stalls = new StallWatch()
  const reached = ReplyMilestones.make(dispatch, epoch)
  const failed = (error: BackendError) => dispatch({ _tag: "ReplyFailed", epoch, error })
  const sentences = split(textOf(context, request, source), {
    timeout,
    aheadMs: () => replyAudio.aheadMs(epoch),
    onText: (text, nowMs) => {
      // an agent that waits for a tool shows by an empty piece that it works; the voice then waits for it
      stalls.alive(nowMs)
      if (word.test(text)) reached("agent")
    },
    onFailure: failed
  }).pipe(
    Stream.tap((sentence) =>
      Effect.sync(() => {
        context.planned(epoch, sentence)
        reached("clause")
      })
    )
  )
  const breakOff = (error: BackendError) => {
    failed(error)
    replyAudio.breakOff(epoch)
    replyAudio.finish(epoch)
  }
  return Effect.suspend(() =>
    speak({ sentences, stalls, reached, finished: Effect.sync(() => replyAudio.finish(epoch)) })
  ).pipe(
    // a voice that interrupts itself has failed, too
    Effect.catchCause((cause) => Effect.sync(() => breakOff(fromCause("VoiceSession.reply", cause)))),
    (spoken) => Effect.andThen(Effect.forkChild(stalls.run(breakOff)), spoken),
    // not within the dispatch that started the reply: its events would be emitted after its first frame
    (whole) => Effect.andThen(Effect.yieldNow, whole)
  )
}
