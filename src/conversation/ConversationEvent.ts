/**
 * The events that the conversation's state machine emits, and the states and reasons that they name.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { BackendErrorCode } from "../BackendError.ts"

/**
 * The public state of a session: the contract's five, and `closed`.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionState = Schema.Literals(["idle", "listening", "processing", "speaking", "error", "closed"])
  .annotate({
    identifier: "SessionState",
    description: "The state of a session. `error`: an engine is down and the session waits for it. `closed` is final."
  })

/**
 * @category models
 * @since 0.1.0
 */
export type SessionState = typeof SessionState.Type

/**
 * Why an agent's speech ended.
 *
 * @category models
 * @since 0.1.0
 */
export const SpeechEnd = Schema.Literals(["completed", "interrupted", "failed"]).annotate({
  identifier: "SpeechEnd",
  description: "Why the agent's speech ended."
})

/**
 * @category models
 * @since 0.1.0
 */
export type SpeechEnd = typeof SpeechEnd.Type

/**
 * Why a turn got no answer.
 *
 * @category models
 * @since 0.1.0
 */
export const UnansweredReason = Schema.Literals(["empty", "nothing_to_speak", "no_reply", "failed", "interrupted"])
  .annotate({
    identifier: "UnansweredReason",
    description: "Why a turn got no answer. `empty`: the agent or the model ended without a word." +
      " `nothing_to_speak`: it wrote something, but nothing that can be spoken, such as emoji or markup alone." +
      " `no_reply`: a model that decides turns began no reply." +
      " `failed`: it failed before anything was heard; an `error` event says why, and the apology follows, if there is one." +
      " `interrupted`: it was stopped before anything was heard."
  })

/**
 * @category models
 * @since 0.1.0
 */
export type UnansweredReason = typeof UnansweredReason.Type

/**
 * Why a session ended.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionEnd = Schema.Literals([
  "user_ended",
  "closed",
  "never_connected",
  "resume_expired",
  "input_ended",
  "drained",
  "drain_deadline",
  "longest",
  "user_away",
  "taken_over",
  "link_ended",
  "hung_up",
  "transferred",
  "not_reached",
  "failed"
]).annotate({
  identifier: "SessionEnd",
  description: "Why a session ended. `taken_over`: another process continues it, so reconnect." +
    " `link_ended`: the provider cannot reach the user any more, as when a room is deleted." +
    " `hung_up`: the agent or the application has ended the call. `transferred`: the call goes on without the agent." +
    " `not_reached`: nobody has answered a call that we made."
})

/**
 * @category models
 * @since 0.1.0
 */
export type SessionEnd = typeof SessionEnd.Type

/**
 * The code of an error, as events carry it.
 *
 * @category models
 * @since 0.1.0
 */
export const ErrorCode = BackendErrorCode.annotate({
  identifier: "ErrorCode",
  description: "What kind of error it is."
})

/**
 * One part of a turn's latency.
 *
 * @category models
 * @since 0.1.0
 */
export const LatencyPart = Schema.Struct({
  name: Schema.String.annotateKey({
    description: "`vad`, `endpointing`, `transcript`, `agent`, `clause`, `tts` or `playout`, in this order."
  }),
  ms: Schema.Finite.annotateKey({ description: "Milliseconds." })
}).annotate({ identifier: "LatencyPart", description: "One part of the latency of a turn." })

/**
 * @category models
 * @since 0.1.0
 */
export type LatencyPart = typeof LatencyPart.Type

const turn = Schema.Natural.annotateKey({ description: "The number of the turn, from 1." })
const totalMs = Schema.Finite.annotateKey({
  description: "Milliseconds from the end of the user's speech to the first audio of the reply."
})

const event = <Fields extends Schema.Struct.Fields>(description: string, fields: Fields) => ({ description, fields })

/**
 * The events of the conversation by type: what they mean, and their fields.
 *
 * @category models
 * @since 0.1.0
 */
export const conversationEvents = {
  "session.state": event("The state of the session has changed, or a client has connected.", { state: SessionState }),
  "session.ended": event("The last event of a session; the connection is closed after it.", { reason: SessionEnd }),
  "user.speech_started": event("The user has started to speak.", {}),
  "user.speech_stopped": event("The user has stopped speaking; the turn may go on.", {}),
  "user.away": event("The user has been silent for as long as the server is configured to wait.", {}),
  "user.backchannel": event("The user said something that needs no answer (\"mhm\").", {
    text: Schema.String.annotateKey({ description: "The words." })
  }),
  "user.transcript": event(
    "What the user has said so far in a turn; it replaces the former transcript of the turn.",
    {
      turn,
      text: Schema.String.annotateKey({ description: "All words of the turn so far." }),
      final: Schema.Boolean.annotateKey({
        description: "Whether the words are final; an interim transcript may change."
      })
    }
  ),
  "agent.speech_started": event("The audio of a reply begins.", { turn }),
  "agent.speech_paused": event("The reply is paused, because the user may be interrupting.", { turn }),
  "agent.speech_resumed": event("The reply goes on after a pause.", { turn }),
  "agent.transcript": event("The next words of the reply, to be appended to those of the same turn.", {
    turn,
    text: Schema.String.annotateKey({ description: "The words that are about to be played." })
  }),
  "agent.speech_stopped": event("The reply is over.", {
    turn,
    reason: SpeechEnd,
    text: Schema.String.annotateKey({
      description: "The words that were played: not all of the reply when it was interrupted."
    })
  }),
  "agent.transcript_cut": event(
    "The client has told that less of an answer was heard than the conversation had: the text of the turn's last answer is this.",
    { turn, text: Schema.String.annotateKey({ description: "The words that were heard; empty when none were." }) }
  ),
  "playout.clear": event("The reply was interrupted: drop all audio of this turn that is buffered, at once.", { turn }),
  "turn.latency": event("How long the user waited for the reply of a turn.", {
    turn,
    totalMs,
    parts: Schema.Array(LatencyPart).annotateKey({ description: "Where the time went, in order and without gaps." })
  }),
  "turn.latency_exceeded": event("The user waited longer than the configured target. Nothing is cut.", {
    turn,
    totalMs,
    targetMs: Schema.Finite.annotateKey({ description: "The configured `latency_target` in milliseconds." })
  }),
  "turn.unanswered": event(
    "Nothing was heard in answer to a turn, and nothing more will be: the session listens again.",
    { turn, reason: UnansweredReason }
  ),
  error: event("Something failed, or a message of the client was malformed. The session goes on unless it ends next.", {
    code: ErrorCode,
    message: Schema.String.annotateKey({ description: "What is wrong, as a sentence for people." }),
    details: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)).annotateKey({
      description: "Further facts about the error, for programs."
    })
  })
}

type Events = typeof conversationEvents

/**
 * An event of the conversation; the session gives it its number and time.
 *
 * @category models
 * @since 0.1.0
 */
export type ConversationEvent = {
  [Type in keyof Events]: { readonly type: Type } & Schema.Struct.Type<Events[Type]["fields"]>
}[keyof Events]
