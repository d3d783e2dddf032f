/**
 * The wire protocol: events, messages, close codes and limits.
 *
 * Made by `npm run fix` from the schemas of `src/session/SessionEvent.ts` and
 * `src/session/ClientMessage.ts` and from `src/transport/websocket/CloseCodes.ts`. Change those, not
 * this file.
 *
 * @since 0.1.0
 */
import type { Fields } from "./WireShape.ts"

/**
 * The state of a session. `error`: an engine is down and the session waits for it. `closed` is final.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionState = "idle" | "listening" | "processing" | "speaking" | "error" | "closed" | (string & {})

/**
 * Why a session ended. `taken_over`: another process continues it, so reconnect. `link_ended`: the
 * provider cannot reach the user any more, as when a room is deleted. `hung_up`: the agent or the
 * application has ended the call. `transferred`: the call goes on without the agent. `not_reached`:
 * nobody has answered a call that we made.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionEnd =
  | "user_ended"
  | "closed"
  | "never_connected"
  | "resume_expired"
  | "input_ended"
  | "drained"
  | "drain_deadline"
  | "longest"
  | "user_away"
  | "taken_over"
  | "link_ended"
  | "hung_up"
  | "transferred"
  | "not_reached"
  | "failed"
  | (string & {})

/**
 * Why the agent's speech ended.
 *
 * @category models
 * @since 0.1.0
 */
export type SpeechEnd = "completed" | "interrupted" | "failed" | (string & {})

/**
 * One part of the latency of a turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface LatencyPart {
  /** `vad`, `endpointing`, `transcript`, `agent`, `clause`, `tts` or `playout`, in this order. */
  readonly name: string
  /** Milliseconds. */
  readonly ms: number
}

/**
 * Why a turn got no answer. `empty`: the agent or the model ended without a word. `nothing_to_speak`:
 * it wrote something, but nothing that can be spoken, such as emoji or markup alone. `no_reply`: a
 * model that decides turns began no reply. `failed`: it failed before anything was heard; an `error`
 * event says why, and the apology follows, if there is one. `interrupted`: it was stopped before
 * anything was heard.
 *
 * @category models
 * @since 0.1.0
 */
export type UnansweredReason = "empty" | "nothing_to_speak" | "no_reply" | "failed" | "interrupted" | (string & {})

/**
 * What kind of error it is.
 *
 * @category models
 * @since 0.1.0
 */
export type ErrorCode =
  | "invalid_config"
  | "provider_not_found"
  | "connection_failed"
  | "connection_timeout"
  | "session_not_found"
  | "session_limit_exceeded"
  | "rate_limit_exceeded"
  | "authentication_failed"
  | "authorization_failed"
  | "pipeline_error"
  | "agent_error"
  | "timeout"
  | "context_canceled"
  | (string & {})

/**
 * What every event carries.
 *
 * @category models
 * @since 0.1.0
 */
export interface Envelope {
  /** Grows by one with every event of the session. */
  readonly seq: number
  /** Unix time in milliseconds, on the server's clock when the session began; monotonic from then on. */
  readonly at_ms: number
}

/**
 * Every event of the server, by its `type`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerEvents {
  /** The first event of every connection. */
  readonly "session.started": Envelope & {
    readonly type: "session.started"
    readonly input: {
      /** Samples per second of the PCM that the server takes: signed 16-bit little-endian mono. */
      readonly sample_rate: number
    }
    readonly output: {
      /** Samples per second of the PCM that the server sends: signed 16-bit little-endian mono. */
      readonly sample_rate: number
    }
    /** Whether the user was connected before: the conversation goes on. */
    readonly resumed: boolean
  }
  /** The state of the session has changed, or a client has connected. */
  readonly "session.state": Envelope & {
    readonly type: "session.state"
    readonly state: SessionState
  }
  /** The last event of a session; the connection is closed after it. */
  readonly "session.ended": Envelope & {
    readonly type: "session.ended"
    readonly reason: SessionEnd
  }
  /**
   * Another node has the session: the only event of a connection to the wrong node, which is then closed
   * with 4301. Only a client that offers the subprotocol `effect-voice.moved` gets it; it connects to
   * the URL as it did here.
   */
  readonly "session.moved": Envelope & {
    readonly type: "session.moved"
    /** The session's WebSocket at that node, without a token. */
    readonly url: string
  }
  /** Everything up to an event is stored, and survives a crash of the server. */
  readonly "session.saved": Envelope & {
    readonly type: "session.saved"
    /** The `seq` of the last event that is stored. */
    readonly through: number
  }
  /** A connection of the user belongs to the session. */
  readonly "connection.attached": Envelope & {
    readonly type: "connection.attached"
    /** The connection's id, unique in the server's process. */
    readonly connection: string
    /** `websocket`, `webrtc`, `memory` or a provider's name. */
    readonly transport: string
  }
  /** The session has detached a connection, or the connection was lost. */
  readonly "connection.detached": Envelope & {
    readonly type: "connection.detached"
    /** The connection's id, unique in the server's process. */
    readonly connection: string
    /**
     * Why; `replaced` when another connection has taken over: a client must not reconnect then, or it
     * would take it back.
     */
    readonly reason: string
  }
  /** The connection has not accepted the agent's audio for more than a second. */
  readonly "connection.slow": Envelope & {
    readonly type: "connection.slow"
    /** The connection's id, unique in the server's process. */
    readonly connection: string
  }
  /** The user has started to speak. */
  readonly "user.speech_started": Envelope & {
    readonly type: "user.speech_started"
  }
  /** The user has stopped speaking; the turn may go on. */
  readonly "user.speech_stopped": Envelope & {
    readonly type: "user.speech_stopped"
  }
  /** The user has been silent for as long as the server is configured to wait. */
  readonly "user.away": Envelope & {
    readonly type: "user.away"
  }
  /** The user said something that needs no answer ("mhm"). */
  readonly "user.backchannel": Envelope & {
    readonly type: "user.backchannel"
    /** The words. */
    readonly text: string
  }
  /** What the user has said so far in a turn; it replaces the former transcript of the turn. */
  readonly "user.transcript": Envelope & {
    readonly type: "user.transcript"
    /** The number of the turn, from 1. */
    readonly turn: number
    /** All words of the turn so far. */
    readonly text: string
    /** Whether the words are final; an interim transcript may change. */
    readonly final: boolean
  }
  /** The audio of a reply begins. */
  readonly "agent.speech_started": Envelope & {
    readonly type: "agent.speech_started"
    /** The number of the turn, from 1. */
    readonly turn: number
  }
  /** The reply is paused, because the user may be interrupting. */
  readonly "agent.speech_paused": Envelope & {
    readonly type: "agent.speech_paused"
    /** The number of the turn, from 1. */
    readonly turn: number
  }
  /** The reply goes on after a pause. */
  readonly "agent.speech_resumed": Envelope & {
    readonly type: "agent.speech_resumed"
    /** The number of the turn, from 1. */
    readonly turn: number
  }
  /** The next words of the reply, to be appended to those of the same turn. */
  readonly "agent.transcript": Envelope & {
    readonly type: "agent.transcript"
    /** The number of the turn, from 1. */
    readonly turn: number
    /** The words that are about to be played. */
    readonly text: string
  }
  /** The reply is over. */
  readonly "agent.speech_stopped": Envelope & {
    readonly type: "agent.speech_stopped"
    /** The number of the turn, from 1. */
    readonly turn: number
    readonly reason: SpeechEnd
    /** The words that were played: not all of the reply when it was interrupted. */
    readonly text: string
  }
  /** Another agent answers from now on. */
  readonly "agent.handed_over": Envelope & {
    readonly type: "agent.handed_over"
    /** The number of the turn, from 1. */
    readonly turn: number
    /** The name of the former agent, where it has one. */
    readonly from?: string
    /** The name of the new agent. */
    readonly to: string
  }
  /**
   * The client has told that less of an answer was heard than the conversation had: the text of the
   * turn's last answer is this.
   */
  readonly "agent.transcript_cut": Envelope & {
    readonly type: "agent.transcript_cut"
    /** The number of the turn, from 1. */
    readonly turn: number
    /** The words that were heard; empty when none were. */
    readonly text: string
  }
  /** The reply was interrupted: drop all audio of this turn that is buffered, at once. */
  readonly "playout.clear": Envelope & {
    readonly type: "playout.clear"
    /** The number of the turn, from 1. */
    readonly turn: number
  }
  /** How long the user waited for the reply of a turn. */
  readonly "turn.latency": Envelope & {
    readonly type: "turn.latency"
    /** The number of the turn, from 1. */
    readonly turn: number
    /** Milliseconds from the end of the user's speech to the first audio of the reply. */
    readonly total_ms: number
    /** Where the time went, in order and without gaps. */
    readonly parts: ReadonlyArray<LatencyPart>
  }
  /** The user waited longer than the configured target. Nothing is cut. */
  readonly "turn.latency_exceeded": Envelope & {
    readonly type: "turn.latency_exceeded"
    /** The number of the turn, from 1. */
    readonly turn: number
    /** Milliseconds from the end of the user's speech to the first audio of the reply. */
    readonly total_ms: number
    /** The configured `latency_target` in milliseconds. */
    readonly target_ms: number
  }
  /** Nothing was heard in answer to a turn, and nothing more will be: the session listens again. */
  readonly "turn.unanswered": Envelope & {
    readonly type: "turn.unanswered"
    /** The number of the turn, from 1. */
    readonly turn: number
    readonly reason: UnansweredReason
  }
  /** Something happened to an engine or an agent that the session uses; the session goes on. */
  readonly "engine.incident": Envelope & {
    readonly type: "engine.incident"
    /** The name of the engine or agent. */
    readonly engine: string
    /** `stt`, `tts`, `s2s` or `agent`. */
    readonly kind: string
    /**
     * What happened. `unavailable`: the session has no such engine until `available`. `opened_circuit`: no
     * session uses it before its cool-down is over.
     */
    readonly what:
      | "failed"
      | "retrying"
      | "switched"
      | "opened_circuit"
      | "recovered"
      | "unavailable"
      | "available"
      | (string & {})
    /** With `switched`: the engine that takes over. */
    readonly to?: string
    /** The code of the error, where there was one. */
    readonly code?: ErrorCode
  }
  /** Something happened to an audio processor. */
  readonly "processor.incident": Envelope & {
    readonly type: "processor.incident"
    /** The name of the processor. */
    readonly name: string
    /** What happened. `bypassed`: audio goes on without it. `stopped`: the session ends because of it. */
    readonly what: "failed" | "recovered" | "bypassed" | "stopped" | (string & {})
    /** The code of the error, where there was one. */
    readonly code?: ErrorCode
  }
  /** Audio of the user was dropped. At most one event a second. */
  readonly "audio.dropped": Envelope & {
    readonly type: "audio.dropped"
    /** `rate limit` or `faster than real time`. */
    readonly reason: string
    /** Milliseconds of audio dropped since the last such event. */
    readonly ms: number
  }
  /** The agent calls a tool. */
  readonly "tool.started": Envelope & {
    readonly type: "tool.started"
    /** The number of the turn, from 1. */
    readonly turn: number
    /** The tool's name. */
    readonly name: string
    /** The id of the call, the same when it starts and when it finishes. */
    readonly id: string
  }
  /** A call of a tool has ended. */
  readonly "tool.finished": Envelope & {
    readonly type: "tool.finished"
    /** The number of the turn, from 1. */
    readonly turn: number
    /** The tool's name. */
    readonly name: string
    /** The id of the call, the same when it starts and when it finishes. */
    readonly id: string
    /** Whether it succeeded. */
    readonly ok: boolean
  }
  /** The user has pressed a key of the telephone. */
  readonly "dtmf.received": Envelope & {
    readonly type: "dtmf.received"
    /** `0` to `9`, `*`, `#`, or `A` to `D`. */
    readonly digit: string
  }
  /** The call that was made rings. */
  readonly "call.ringing": Envelope & {
    readonly type: "call.ringing"
  }
  /** The call that was made is answered. */
  readonly "call.answered": Envelope & {
    readonly type: "call.answered"
  }
  /** What has answered the call that was made. */
  readonly "call.machine": Envelope & {
    readonly type: "call.machine"
    /** A human, an answering machine, or it could not be told. `beep`: the machine records from now on. */
    readonly result: "human" | "machine" | "unknown" | "beep" | (string & {})
    /** Who has found it out: the carrier, or the server from the audio or from what was said. */
    readonly by: "carrier" | "audio" | "words" | (string & {})
  }
  /** The call is on hold: the agent is neither heard nor hears. */
  readonly "call.held": Envelope & {
    readonly type: "call.held"
  }
  /** The call is not on hold any more. */
  readonly "call.resumed": Envelope & {
    readonly type: "call.resumed"
  }
  /** The agent does not hear the user. */
  readonly "call.muted": Envelope & {
    readonly type: "call.muted"
  }
  /** The agent hears the user again. */
  readonly "call.unmuted": Envelope & {
    readonly type: "call.unmuted"
  }
  /** The call is being transferred. */
  readonly "call.transferring": Envelope & {
    readonly type: "call.transferring"
    /** Whether whoever answers hears a summary before they are connected. */
    readonly warm: boolean
  }
  /** The call could not be transferred: the agent has it again. */
  readonly "call.transfer_failed": Envelope & {
    readonly type: "call.transfer_failed"
    /** Why. */
    readonly cause: "busy" | "no_answer" | "rejected" | "failed" | (string & {})
  }
  /** The call is over; the session ends with it. */
  readonly "call.ended": Envelope & {
    readonly type: "call.ended"
    /**
     * How it ended. `machine`: an answering machine, with which the application does not talk. `busy`,
     * `no_answer`, `rejected` and `failed`: of a call that was made and did not come about.
     */
    readonly cause:
      | "user_hung_up"
      | "agent_hung_up"
      | "transferred"
      | "machine"
      | "busy"
      | "no_answer"
      | "rejected"
      | "failed"
      | (string & {})
  }
  /** Something failed, or a message of the client was malformed. The session goes on unless it ends next. */
  readonly "error": Envelope & {
    readonly type: "error"
    readonly code: ErrorCode
    /** What is wrong, as a sentence for people. */
    readonly message: string
    /** Further facts about the error, for programs. */
    readonly details?: Readonly<Record<string, unknown>>
  }
  /** The answer to `ping`. */
  readonly "pong": Envelope & {
    readonly type: "pong"
  }
}

/**
 * An event of the server that this client knows.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerEvent = ServerEvents[keyof ServerEvents]

/**
 * Every message of the client, by its `type`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientMessages {
  /** The user typed a turn; the agent answers aloud. */
  readonly "user.text": {
    readonly type: "user.text"
    /** What the user typed. Characters are counted in UTF-16 code units. */
    readonly text: string
  }
  /**
   * Stop the agent's reply now. What may not be interrupted goes on, and an `error` with
   * `details.reason` `uninterruptible` follows.
   */
  readonly "agent.interrupt": {
    readonly type: "agent.interrupt"
  }
  /** How much of a turn's audio the user has heard. */
  readonly "playout.position": {
    readonly type: "playout.position"
    /** The number of the turn. */
    readonly turn: number
    /** Milliseconds of the turn's audio that have left the loudspeaker. */
    readonly played_ms: number
  }
  /** The user has pressed a key; `dtmf.received` follows. */
  readonly "user.dtmf": {
    readonly type: "user.dtmf"
    /** `0` to `9`, `*`, `#`, or `A` to `D`. */
    readonly digit: string
  }
  /** The user hangs up; `session.ended` follows. */
  readonly "session.end": {
    readonly type: "session.end"
  }
  /** Answered by `pong`. */
  readonly "ping": {
    readonly type: "ping"
  }
}

/**
 * A message of the client.
 *
 * @category models
 * @since 0.1.0
 */
export type ClientMessage = ClientMessages[keyof ClientMessages]

/**
 * What the fields of each event hold, for the parser.
 *
 * @category constants
 * @since 0.1.0
 */
export const eventFields: { readonly [Type in keyof ServerEvents]: Fields } = {
  "session.started": {
    seq: "integer",
    at_ms: "number",
    input: { sample_rate: "integer" },
    output: { sample_rate: "integer" },
    resumed: "boolean"
  },
  "session.state": { seq: "integer", at_ms: "number", state: "string" },
  "session.ended": { seq: "integer", at_ms: "number", reason: "string" },
  "session.moved": { seq: "integer", at_ms: "number", url: "string" },
  "session.saved": { seq: "integer", at_ms: "number", through: "integer" },
  "connection.attached": { seq: "integer", at_ms: "number", connection: "string", transport: "string" },
  "connection.detached": { seq: "integer", at_ms: "number", connection: "string", reason: "string" },
  "connection.slow": { seq: "integer", at_ms: "number", connection: "string" },
  "user.speech_started": { seq: "integer", at_ms: "number" },
  "user.speech_stopped": { seq: "integer", at_ms: "number" },
  "user.away": { seq: "integer", at_ms: "number" },
  "user.backchannel": { seq: "integer", at_ms: "number", text: "string" },
  "user.transcript": { seq: "integer", at_ms: "number", turn: "integer", text: "string", final: "boolean" },
  "agent.speech_started": { seq: "integer", at_ms: "number", turn: "integer" },
  "agent.speech_paused": { seq: "integer", at_ms: "number", turn: "integer" },
  "agent.speech_resumed": { seq: "integer", at_ms: "number", turn: "integer" },
  "agent.transcript": { seq: "integer", at_ms: "number", turn: "integer", text: "string" },
  "agent.speech_stopped": { seq: "integer", at_ms: "number", turn: "integer", reason: "string", text: "string" },
  "agent.handed_over": { seq: "integer", at_ms: "number", turn: "integer", "from?": "string", to: "string" },
  "agent.transcript_cut": { seq: "integer", at_ms: "number", turn: "integer", text: "string" },
  "playout.clear": { seq: "integer", at_ms: "number", turn: "integer" },
  "turn.latency": {
    seq: "integer",
    at_ms: "number",
    turn: "integer",
    total_ms: "number",
    parts: [{ name: "string", ms: "number" }]
  },
  "turn.latency_exceeded": {
    seq: "integer",
    at_ms: "number",
    turn: "integer",
    total_ms: "number",
    target_ms: "number"
  },
  "turn.unanswered": { seq: "integer", at_ms: "number", turn: "integer", reason: "string" },
  "engine.incident": {
    seq: "integer",
    at_ms: "number",
    engine: "string",
    kind: "string",
    what: "string",
    "to?": "string",
    "code?": "string"
  },
  "processor.incident": { seq: "integer", at_ms: "number", name: "string", what: "string", "code?": "string" },
  "audio.dropped": { seq: "integer", at_ms: "number", reason: "string", ms: "number" },
  "tool.started": { seq: "integer", at_ms: "number", turn: "integer", name: "string", id: "string" },
  "tool.finished": { seq: "integer", at_ms: "number", turn: "integer", name: "string", id: "string", ok: "boolean" },
  "dtmf.received": { seq: "integer", at_ms: "number", digit: "string" },
  "call.ringing": { seq: "integer", at_ms: "number" },
  "call.answered": { seq: "integer", at_ms: "number" },
  "call.machine": { seq: "integer", at_ms: "number", result: "string", by: "string" },
  "call.held": { seq: "integer", at_ms: "number" },
  "call.resumed": { seq: "integer", at_ms: "number" },
  "call.muted": { seq: "integer", at_ms: "number" },
  "call.unmuted": { seq: "integer", at_ms: "number" },
  "call.transferring": { seq: "integer", at_ms: "number", warm: "boolean" },
  "call.transfer_failed": { seq: "integer", at_ms: "number", cause: "string" },
  "call.ended": { seq: "integer", at_ms: "number", cause: "string" },
  "error": { seq: "integer", at_ms: "number", code: "string", message: "string", "details?": "object" },
  "pong": { seq: "integer", at_ms: "number" }
}

/**
 * The close codes that the server sends. After `stop` the session cannot or must not be reached again;
 * after `reconnect`, and after a connection that was lost without a close code, it can be resumed.
 *
 * @category constants
 * @since 0.1.0
 */
export const closeCodes: {
  readonly [code: number]: { readonly reason: string; readonly client: "stop" | "reconnect" }
} = {
  /** The session is over; `session.ended` says why. */
  1000: { reason: "session_ended", client: "stop" },
  /** The server is going away. Another process, or this one after a restart, may continue the session. */
  1001: { reason: "server_closed", client: "reconnect" },
  /** The client violated the WebSocket protocol (RFC 6455). */
  1002: { reason: "", client: "reconnect" },
  /** A text frame was not valid UTF-8. */
  1007: { reason: "", client: "reconnect" },
  /** A frame was larger than 64 KiB. */
  1009: { reason: "", client: "reconnect" },
  /** The server failed to process what the client sent. */
  1011: { reason: "internal_error", client: "reconnect" },
  /** Another node has the session; `session.moved` says where. */
  4301: { reason: "moved", client: "reconnect" },
  /** Another connection of the same user has taken over the session. Reconnecting would take it back. */
  4408: { reason: "replaced", client: "stop" },
  /** The client did not read: it accepted no audio for 10 s. */
  4409: { reason: "too_slow", client: "reconnect" },
  /** The user has used up the audio that the server's rate limit allows. */
  4429: { reason: "rate_limited", client: "stop" }
}

/**
 * The WebSocket subprotocol that both sides speak; the token is offered beside it as `token.<token>`.
 *
 * @category constants
 * @since 0.1.0
 */
export const SUBPROTOCOL = "effect-voice.v1"

/**
 * The subprotocol that a client offers beside it when it follows `session.moved`. A server that
 * selects it sends that event alone.
 *
 * @category constants
 * @since 0.1.0
 */
export const MOVED_SUBPROTOCOL = "effect-voice.moved"

/**
 * The label of the WebRTC data channel that carries events and messages; the client creates it.
 *
 * @category constants
 * @since 0.1.0
 */
export const EVENTS_CHANNEL = "events"

/**
 * The topic of events and messages in a LiveKit room.
 *
 * @category constants
 * @since 0.1.0
 */
export const LIVEKIT_TOPIC = "effect-voice"

/**
 * The largest text message that the server accepts; it closes the socket of a larger one with 1009.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_MESSAGE_BYTES = 65_536

/**
 * The longest text of a `user.text` message, in UTF-16 code units.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_TEXT_LENGTH = 16_384

/**
 * The longest text of a `user.text` message, in bytes of JSON; only control characters make it the
 * limit.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_TEXT_BYTES = 49_152

/**
 * The sample rates of a session that asks for no others, in Hz, as the server takes and sends them.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_RATES = { input: 16_000, output: 24_000 }
