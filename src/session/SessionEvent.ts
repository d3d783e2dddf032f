/**
 * What happens in a session, as its owner, its user's page and its logs see it.
 *
 * The encoded form is the JSON of the WebSocket and of `talk --json`: `type`, a `seq` that grows by one, `at_ms` (Unix
 * time), and the fields of the type.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { BackendErrorCode } from "../BackendError.ts"
import { LatencyPart, SessionEnd, SessionState, SpeechEnd } from "../conversation/ConversationEvent.ts"

export { LatencyPart, SessionEnd, SessionState, SpeechEnd }

const base = { seq: Schema.Natural, atMs: Schema.Finite }
const format = Schema.Struct({ sampleRate: Schema.Int }).pipe(Schema.encodeKeys({ sampleRate: "sample_rate" }))

const event = <const Type extends string, Fields extends Schema.Struct.Fields>(type: Type, fields: Fields) =>
  Schema.Struct({ type: Schema.Literal(type), ...base, ...fields }).pipe(Schema.encodeKeys({ atMs: "at_ms" }))

/**
 * @category models
 * @since 0.1.0
 */
export const SessionEvent = Schema.Union([
  event("session.started", { input: format, output: format, resumed: Schema.Boolean }),
  event("session.state", { state: SessionState }),
  event("session.ended", { reason: SessionEnd }),
  event("session.saved", { through: Schema.Natural }),
  event("connection.attached", { connection: Schema.String, transport: Schema.String }),
  event("connection.detached", { connection: Schema.String, reason: Schema.String }),
  event("connection.slow", { connection: Schema.String }),
  event("user.speech_started", {}),
  event("user.speech_stopped", {}),
  event("user.away", {}),
  event("user.backchannel", { text: Schema.String }),
  event("user.transcript", { turn: Schema.Natural, text: Schema.String, final: Schema.Boolean }),
  event("agent.speech_started", { turn: Schema.Natural }),
  event("agent.speech_paused", { turn: Schema.Natural }),
  event("agent.speech_resumed", { turn: Schema.Natural }),
  event("agent.transcript", { turn: Schema.Natural, text: Schema.String }),
  event("agent.speech_stopped", { turn: Schema.Natural, reason: SpeechEnd, text: Schema.String }),
  event("agent.handed_over", { turn: Schema.Natural, from: Schema.optionalKey(Schema.String), to: Schema.String }),
  event("playout.clear", { turn: Schema.Natural }),
  Schema.Struct({
    type: Schema.Literal("turn.latency"),
    ...base,
    turn: Schema.Natural,
    totalMs: Schema.Finite,
    parts: Schema.Array(LatencyPart)
  }).pipe(Schema.encodeKeys({ atMs: "at_ms", totalMs: "total_ms" })),
  Schema.Struct({
    type: Schema.Literal("turn.latency_exceeded"),
    ...base,
    turn: Schema.Natural,
    totalMs: Schema.Finite,
    targetMs: Schema.Finite
  }).pipe(Schema.encodeKeys({ atMs: "at_ms", totalMs: "total_ms", targetMs: "target_ms" })),
  event("engine.incident", {
    engine: Schema.String,
    kind: Schema.String,
    what: Schema.Literals([
      "failed",
      "retrying",
      "switched",
      "opened_circuit",
      "recovered",
      "unavailable",
      "available"
    ]),
    to: Schema.optionalKey(Schema.String),
    code: Schema.optionalKey(BackendErrorCode)
  }),
  event("processor.incident", {
    name: Schema.String,
    what: Schema.Literals(["failed", "recovered", "bypassed", "stopped"]),
    code: Schema.optionalKey(BackendErrorCode)
  }),
  event("audio.dropped", { reason: Schema.String, ms: Schema.Finite }),
  event("tool.started", { turn: Schema.Natural, name: Schema.String, id: Schema.String }),
  event("tool.finished", { turn: Schema.Natural, name: Schema.String, id: Schema.String, ok: Schema.Boolean }),
  event("error", {
    code: BackendErrorCode,
    message: Schema.String,
    details: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
  }),
  event("pong", {})
])

/**
 * @category models
 * @since 0.1.0
 */
export type SessionEvent = typeof SessionEvent.Type

type WithoutBase<E> = E extends unknown ? Omit<E, "seq" | "atMs"> : never

/**
 * An event before the session gives it its number and time.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionEventBody = WithoutBase<SessionEvent>

const encode = Schema.encodeSync(Schema.toCodecJson(SessionEvent))

/**
 * The event as a JSON value, to stand in a larger one.
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
 * Reads an event back; its failure tells what is wrong.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromJson = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.toCodecJson(SessionEvent)))
