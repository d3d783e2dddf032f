/**
 * A reply whose text the pipeline has: the agent's answer to a turn, or a given text, spoken sentence by sentence.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { BackendError } from "../../BackendError.ts"
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { ReplySource } from "../../conversation/ConversationState.ts"
import * as ReplyTrace from "../tracing/ReplyTrace.ts"
import type { PipelineContext, ReplyRequest } from "./Pipeline.ts"
import * as ReplyMilestones from "./ReplyMilestones.ts"
import type { SentenceSplitter } from "./SentenceStream.ts"
import { StallWatch } from "./StallWatch.ts"

/**
 * A source that has a text.
 *
 * @category models
 * @since 0.1.0
 */
export type TextSource = Extract<ReplySource, { readonly _tag: "Answer" | "Text" }>

/**
 * How a pipeline speaks sentences. `stalls` watches the steps of the reply; `reached` reports its milestones.
 *
 * @category models
 * @since 0.1.0
 */
export type SpeakSentences = (
  sentences: Stream.Stream<string, BackendError>,
  stalls: StallWatch,
  reached: (stage: Extract<ConversationInput, { readonly _tag: "ReplyProgress" }>["stage"]) => void
) => Effect.Effect<void, BackendError>

/** White space alone is not a word. */
const word = /\S/u

const textOf = (
  { agent, metadata, session, sessionId, timeout, userId }: PipelineContext,
  { committed, history, trace, turn }: ReplyRequest,
  source: TextSource,
  stalls: StallWatch
): Stream.Stream<string, BackendError> =>
  source._tag === "Text"
    ? Stream.succeed(source.text)
    // suspended: an agent that throws fails its reply, not the session
    : Stream.suspend(() =>
      agent().respond({
        transcript: source.transcript,
        history,
        sessionId,
        userId,
        turn,
        metadata: metadata(),
        committed,
        session
      })
    ).pipe(ReplyTrace.thinking(trace), stalls.over("Agent.respond", "the agent", timeout))

/**
 * Speaks a text as it is written. Fails the reply when a step of it stalls.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (
  context: PipelineContext,
  request: ReplyRequest,
  source: TextSource,
  split: SentenceSplitter,
  speak: SpeakSentences
): Effect.Effect<void, BackendError> => {
  const { epoch } = request
  const stalls = new StallWatch()
  const reached = ReplyMilestones.make(context.dispatch, epoch)
  const reachedAgent = Effect.sync(() => reached("agent"))
  const sentences = textOf(context, request, source, stalls).pipe(
    // an agent that waits for a tool shows by an empty piece that it is alive
    Stream.tap((piece) => piece === "" ? stalls.alive : word.test(piece) ? reachedAgent : Effect.void),
    Stream.filter((piece) => piece !== ""),
    split,
    Stream.tap((sentence) =>
      Effect.sync(() => {
        context.planned(epoch, sentence)
        reached("clause")
      })
    )
  )
  const fail = (error: BackendError) => context.dispatch({ _tag: "ReplyFailed", epoch, error })
  return Effect.suspend(() => speak(sentences, stalls, reached)).pipe(
    Effect.andThen(Effect.sync(() => context.replyAudio.finish(epoch))),
    (spoken) => Effect.andThen(Effect.forkChild(stalls.run(fail)), spoken),
    // not within the dispatch that started the reply: its events would be emitted after its first frame
    (whole) => Effect.andThen(Effect.yieldNow, whole)
  )
}
