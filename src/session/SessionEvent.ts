/**
 * The events of a session, as its owner, its user's client and its logs see them.
 *
 * The encoded form is the JSON of the wire, the same on every transport and in `talk --json`. These schemas are its one
 * source: `effect-voice/client`, `/asyncapi.json` and `src/server/README.md` are made from them and their descriptions.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import {
  conversationEvents,
  ErrorCode,
  LatencyPart,
  SessionEnd,
  SessionState,
  SpeechEnd,
  UnansweredReason
} from "../conversation/ConversationEvent.ts"

export { LatencyPart, SessionEnd, SessionState, SpeechEnd, UnansweredReason }

const envelope = {
  seq: Schema.Natural.annotateKey({ description: "Grows by one with every event of the session." }),
  atMs: Schema.Finite.annotateKey({
    description: "Unix time in milliseconds, on the server's clock when the session began; monotonic from then on."
  })
}

const event = <const Type extends string, Fields extends Schema.Struct.Fields>(
  type: Type,
  description: string,
  fields: Fields
) =>
  Schema.Struct({ type: Schema.Literal(type), ...envelope, ...fields }).pipe(
    Schema.encodeKeys({ atMs: "at_ms" }),
    Schema.annotate({ description })
  )

/** An event of the conversation's state machine. */
const ofConversation = <const Type extends string, Fields extends Schema.Struct.Fields>(
  type: Type,
  { description, fields }: { readonly description: string; readonly fields: Fields }
) => event(type, description, fields)

const { "turn.latency": latency, "turn.latency_exceeded": exceeded } = conversationEvents
const turn = Schema.Natural.annotateKey({ description: "The number of the turn, from 1." })
const connection = Schema.String.annotateKey({ description: "The connection's id, unique in the server's process." })
const code = Schema.optionalKey(ErrorCode).annotateKey({
  description: "The code of the error, where there was one."
})

const format = (description: string) =>
  Schema.Struct({ sampleRate: Schema.Int.annotateKey({ description }) }).pipe(
    Schema.encodeKeys({ sampleRate: "sample_rate" })
  )

const toolCall = {
  turn,
  name: Schema.String.annotateKey({ description: "The tool's name." }),
  id: Schema.String.annotateKey({ description: "The id of the call, the same when it starts and when it finishes." })
}

/**
 * @category models
 * @since 0.1.0
 */
export const SessionEvent = Schema.Union([
  event("session.started", "The first event of every connection.", {
    input: format("Samples per second of the PCM that the server takes: signed 16-bit little-endian mono."),
    output: format("Samples per second of the PCM that the server sends: signed 16-bit little-endian mono."),
    resumed: Schema.Boolean.annotateKey({
      description: "Whether the user was connected before: the conversation goes on."
    })
  }),
  ofConversation("session.state", conversationEvents["session.state"]),
  ofConversation("session.ended", conversationEvents["session.ended"]),
  event(
    "session.moved",
    "Another node has the session: the only event of a connection to the wrong node, which is then closed with 4301. Only" +
      " a client that offers the subprotocol `effect-voice.moved` gets it; it connects to the URL as it did here.",
    { url: Schema.String.annotateKey({ description: "The session's WebSocket at that node, without a token." }) }
  ),
  event("session.saved", "Everything up to an event is stored, and survives a crash of the server.", {
    through: Schema.Natural.annotateKey({ description: "The `seq` of the last event that is stored." })
  }),
  event("connection.attached", "A connection of the user belongs to the session.", {
    connection,
    transport: Schema.String.annotateKey({ description: "`websocket`, `webrtc`, `memory` or a provider's name." })
  }),
  event("connection.detached", "The session has detached a connection, or the connection was lost.", {
    connection,
    reason: Schema.String.annotateKey({
      description:
        "Why; `replaced` when another connection has taken over: a client must not reconnect then, or it would take it back."
    })
  }),
  event("connection.slow", "The connection has not accepted the agent's audio for more than a second.", {
    connection
  }),
  ofConversation("user.speech_started", conversationEvents["user.speech_started"]),
  ofConversation("user.speech_stopped", conversationEvents["user.speech_stopped"]),
  ofConversation("user.away", conversationEvents["user.away"]),
  ofConversation("user.backchannel", conversationEvents["user.backchannel"]),
  ofConversation("user.transcript", conversationEvents["user.transcript"]),
  ofConversation("agent.speech_started", conversationEvents["agent.speech_started"]),
  ofConversation("agent.speech_paused", conversationEvents["agent.speech_paused"]),
  ofConversation("agent.speech_resumed", conversationEvents["agent.speech_resumed"]),
  ofConversation("agent.transcript", conversationEvents["agent.transcript"]),
  ofConversation("agent.speech_stopped", conversationEvents["agent.speech_stopped"]),
  event("agent.handed_over", "Another agent answers from now on.", {
    turn,
    from: Schema.optionalKey(Schema.String).annotateKey({
      description: "The name of the former agent, where it has one."
    }),
    to: Schema.String.annotateKey({ description: "The name of the new agent." })
  }),
  ofConversation("agent.transcript_cut", conversationEvents["agent.transcript_cut"]),
  ofConversation("playout.clear", conversationEvents["playout.clear"]),
  Schema.Struct({ type: Schema.Literal("turn.latency"), ...envelope, ...latency.fields }).pipe(
    Schema.encodeKeys({ atMs: "at_ms", totalMs: "total_ms" }),
    Schema.annotate({ description: latency.description })
  ),
  Schema.Struct({ type: Schema.Literal("turn.latency_exceeded"), ...envelope, ...exceeded.fields }).pipe(
    Schema.encodeKeys({ atMs: "at_ms", totalMs: "total_ms", targetMs: "target_ms" }),
    Schema.annotate({ description: exceeded.description })
  ),
  ofConversation("turn.unanswered", conversationEvents["turn.unanswered"]),
  event("engine.incident", "Something happened to an engine or an agent that the session uses; the session goes on.", {
    engine: Schema.String.annotateKey({ description: "The name of the engine or agent." }),
    kind: Schema.String.annotateKey({ description: "`stt`, `tts`, `s2s` or `agent`." }),
    what: Schema.Literals([
      "failed",
      "retrying",
      "switched",
      "opened_circuit",
      "recovered",
      "unavailable",
      "available"
    ]).annotateKey({
      description: "What happened. `unavailable`: the session has no such engine until `available`." +
        " `opened_circuit`: no session uses it before its cool-down is over."
    }),
    to: Schema.optionalKey(Schema.String).annotateKey({
      description: "With `switched`: the engine that takes over."
    }),
    code
  }),
  event("processor.incident", "Something happened to an audio processor.", {
    name: Schema.String.annotateKey({ description: "The name of the processor." }),
    what: Schema.Literals(["failed", "recovered", "bypassed", "stopped"]).annotateKey({
      description: "What happened. `bypassed`: audio goes on without it. `stopped`: the session ends because of it."
    }),
    code
  }),
  event("audio.dropped", "Audio of the user was dropped. At most one event a second.", {
    reason: Schema.String.annotateKey({ description: "`rate limit` or `faster than real time`." }),
    ms: Schema.Finite.annotateKey({ description: "Milliseconds of audio dropped since the last such event." })
  }),
  event("tool.started", "The agent calls a tool.", toolCall),
  event("tool.finished", "A call of a tool has ended.", {
    ...toolCall,
    ok: Schema.Boolean.annotateKey({ description: "Whether it succeeded." })
  }),
  event("dtmf.received", "The user has pressed a key of the telephone.", {
    digit: Schema.String.annotateKey({ description: "`0` to `9`, `*`, `#`, or `A` to `D`." })
  }),
  event("call.ringing", "The call that was made rings.", {}),
  event("call.answered", "The call that was made is answered.", {}),
  event("call.machine", "What has answered the call that was made.", {
    result: Schema.Literals(["human", "machine", "unknown", "beep"]).annotateKey({
      description: "A human, an answering machine, or it could not be told. `beep`: the machine records from now on."
    }),
    by: Schema.Literals(["carrier", "audio", "words"]).annotateKey({
      description: "Who has found it out: the carrier, or the server from the audio or from what was said."
    })
  }),
  event("call.held", "The call is on hold: the agent is neither heard nor hears.", {}),
  event("call.resumed", "The call is not on hold any more.", {}),
  event("call.muted", "The agent does not hear the user.", {}),
  event("call.unmuted", "The agent hears the user again.", {}),
  event("call.transferring", "The call is being transferred.", {
    warm: Schema.Boolean.annotateKey({
      description: "Whether whoever answers hears a summary before they are connected."
    })
  }),
  event("call.transfer_failed", "The call could not be transferred: the agent has it again.", {
    cause: Schema.Literals(["busy", "no_answer", "rejected", "failed"]).annotateKey({ description: "Why." })
  }),
  event("call.ended", "The call is over; the session ends with it.", {
    cause: Schema.Literals([
      "user_hung_up",
      "agent_hung_up",
      "transferred",
      "machine",
      "busy",
      "no_answer",
      "rejected",
      "failed"
    ]).annotateKey({
      description: "How it ended. `machine`: an answering machine, with which the application does not talk." +
        " `busy`, `no_answer`, `rejected` and `failed`: of a call that was made and did not come about."
    })
  }),
  ofConversation("error", conversationEvents.error),
  event("pong", "The answer to `ping`.", {})
])

/**
 * @category models
 * @since 0.1.0
 */
export type SessionEvent = typeof SessionEvent.Type

type WithoutEnvelope<E> = E extends unknown ? Omit<E, "seq" | "atMs"> : never

/**
 * An event before the session gives it its number and time.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionEventBody = WithoutEnvelope<SessionEvent>

const encode = Schema.encodeSync(Schema.toCodecJson(SessionEvent))

/**
 * The event as a JSON value, to be part of a larger one.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toJsonValue = (value: SessionEvent): unknown => encode(value)

/**
 * The event as one line of JSON.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toJson = (value: SessionEvent): string => JSON.stringify(encode(value))

/**
 * Decodes an event from JSON; the failure says what is wrong.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromJson = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.toCodecJson(SessionEvent)))
