/**
 * The events that the conversation's state machine emits, and the states and reasons that they name.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { BackendErrorCode } from "../BackendError.ts"

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
  "failed"
]).annotate({
  identifier: "SessionEnd",
  description: "Why a session ended. `taken_over`: another process continues it, so reconnect." +
    " `link_ended`: the provider cannot reach the user any more, as when a room is deleted."
})

/**
 * @category models
 * @since 0.1.0
 */
export type SessionEnd = typeof SessionEnd.Type

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

/**
 * An event of the conversation; the session gives it its number and time.
 *
 * @category models
 * @since 0.1.0
 */
export type ConversationEvent =
  | { readonly type: "session.state"; readonly state: SessionState }
  | { readonly type: "session.ended"; readonly reason: SessionEnd }
  | { readonly type: "user.speech_started" }
  | { readonly type: "user.speech_stopped" }
  | { readonly type: "user.away" }
  | { readonly type: "user.backchannel"; readonly text: string }
  | { readonly type: "user.transcript"; readonly turn: number; readonly text: string; readonly final: boolean }
  | { readonly type: "agent.speech_started"; readonly turn: number }
  | { readonly type: "agent.speech_paused"; readonly turn: number }
  | { readonly type: "agent.speech_resumed"; readonly turn: number }
  | { readonly type: "agent.transcript"; readonly turn: number; readonly text: string }
  | {
    readonly type: "agent.speech_stopped"
    readonly turn: number
    readonly reason: SpeechEnd
    readonly text: string
  }
  | { readonly type: "playout.clear"; readonly turn: number }
  | {
    readonly type: "turn.latency"
    readonly turn: number
    readonly totalMs: number
    readonly parts: ReadonlyArray<LatencyPart>
  }
  | {
    readonly type: "turn.latency_exceeded"
    readonly turn: number
    readonly totalMs: number
    readonly targetMs: number
  }
  | {
    readonly type: "error"
    readonly code: BackendErrorCode
    readonly message: string
    readonly details?: { readonly [key: string]: unknown }
  }
