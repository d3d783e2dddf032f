/**
 * The messages that a voice session and its user exchange beside the audio, as types and as a tolerant parser.
 *
 * Pure: nothing here touches a socket, the DOM or the clock, so it runs in a browser, in a worklet and in Node. The
 * same JSON travels in WebSocket text frames and over the WebRTC data channel. Unknown types and unknown fields are
 * ignored, so an older client keeps working with a newer server.
 *
 * @since 0.1.0
 */

/**
 * What every message of the server carries: `seq` grows by one per message of a session, `at_ms` is Unix time in
 * milliseconds on the server's clock. Both are 0 when the server left them out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Envelope {
  readonly seq: number
  readonly at_ms: number
}

/**
 * One direction's PCM format: signed 16-bit little-endian mono at `sample_rate` Hz.
 *
 * @category models
 * @since 0.1.0
 */
export interface PcmFormat {
  readonly sample_rate: number
}

/**
 * The state of a session as the server names it; `closed` is final.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionState = "idle" | "listening" | "processing" | "speaking" | "error" | "closed"

/**
 * The first message of every attachment. `resumed` is true when the session already talked with this user before.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionStarted extends Envelope {
  readonly type: "session.started"
  readonly input: PcmFormat
  readonly output: PcmFormat
  readonly resumed: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionStateChanged extends Envelope {
  readonly type: "session.state"
  readonly state: SessionState
}

/**
 * The last message of a session; the link closes after it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionEnded extends Envelope {
  readonly type: "session.ended"
  readonly reason: string
}

/**
 * The link over which it comes is given up: `reason` is `replaced` when the conversation goes on over another one.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionDetached extends Envelope {
  readonly type: "connection.detached"
  readonly reason: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface UserSpeech extends Envelope {
  readonly type: "user.speech_started" | "user.speech_stopped"
  readonly turn?: number | undefined
}

/**
 * What the user said so far in a turn; `final` false means the words may still change.
 *
 * @category models
 * @since 0.1.0
 */
export interface UserTranscript extends Envelope {
  readonly type: "user.transcript"
  readonly turn?: number | undefined
  readonly text: string
  readonly final: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface AgentSpeech extends Envelope {
  readonly type: "agent.speech_started" | "agent.speech_paused" | "agent.speech_resumed"
  readonly turn: number
}

/**
 * The next words of the agent's reply, to be appended to those of the same turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentTranscript extends Envelope {
  readonly type: "agent.transcript"
  readonly turn: number
  readonly text: string
}

/**
 * The reply is over; `text` holds the words the user heard (not all that were planned, when interrupted).
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentSpeechStopped extends Envelope {
  readonly type: "agent.speech_stopped"
  readonly turn: number
  readonly reason: "completed" | "interrupted" | "failed"
  readonly text?: string | undefined
}

/**
 * Another agent answers from here on; `from` is left out where the former one has no name.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentHandedOver extends Envelope {
  readonly type: "agent.handed_over"
  readonly turn: number
  readonly from?: string | undefined
  readonly to: string
}

/**
 * The user said something that shows attention and takes no turn ("mhm").
 *
 * @category models
 * @since 0.1.0
 */
export interface UserBackchannel extends Envelope {
  readonly type: "user.backchannel"
  readonly text: string
}

/**
 * The user has been silent for as long as the server waits.
 *
 * @category models
 * @since 0.1.0
 */
export interface UserAway extends Envelope {
  readonly type: "user.away"
}

/**
 * Drop what is buffered of this turn's audio, at once.
 *
 * @category models
 * @since 0.1.0
 */
export interface PlayoutClear extends Envelope {
  readonly type: "playout.clear"
  readonly turn?: number | undefined
}

/**
 * Where the time of a turn went, from the end of the user's speech to the first audio of the answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnLatency extends Envelope {
  readonly type: "turn.latency"
  readonly turn: number
  readonly total_ms: number
  readonly parts: ReadonlyArray<LatencyPart>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface LatencyPart {
  readonly name: string
  readonly ms: number
}

/**
 * The agent uses a tool (`tool.started`, `tool.completed`, …); `body` is the message as it came.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolActivity extends Envelope {
  readonly type: `tool.${string}`
  readonly body: Readonly<Record<string, unknown>>
}

/**
 * Something failed. `code` is one of the thirteen codes of the backend; the session goes on unless
 * `session.ended` follows.
 *
 * @category models
 * @since 0.1.0
 */
export interface ErrorReport extends Envelope {
  readonly type: "error"
  readonly code: string
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>> | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Pong extends Envelope {
  readonly type: "pong"
}

/**
 * Every message this client understands.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerMessage =
  | SessionStarted
  | SessionStateChanged
  | SessionEnded
  | ConnectionDetached
  | UserSpeech
  | UserTranscript
  | UserBackchannel
  | UserAway
  | AgentSpeech
  | AgentTranscript
  | AgentSpeechStopped
  | AgentHandedOver
  | PlayoutClear
  | TurnLatency
  | ToolActivity
  | ErrorReport
  | Pong

/**
 * Every message the client sends.
 *
 * @category models
 * @since 0.1.0
 */
export type ClientMessage =
  | { readonly type: "user.text"; readonly text: string }
  | { readonly type: "agent.interrupt" }
  | { readonly type: "playout.position"; readonly turn: number; readonly played_ms: number }
  | { readonly type: "session.end" }
  | { readonly type: "ping" }

/**
 * The WebSocket subprotocol that both sides speak; the token is offered beside it as `token.<token>`.
 *
 * @category constants
 * @since 0.1.0
 */
export const SUBPROTOCOL = "effect-voice.v1"

/**
 * The label of the WebRTC data channel that carries these messages; the client creates it.
 *
 * @category constants
 * @since 0.1.0
 */
export const EVENTS_CHANNEL = "events"

/**
 * The longest text message either side accepts, 64 KiB; the server closes a longer one with 1009.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_MESSAGE_BYTES = 65_536

/**
 * The sample rates of a session that does not say otherwise: 16 kHz towards the server, 24 kHz from it.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_RATES = { input: 16_000, output: 24_000 } as const

/**
 * Reads one text message of the server. Returns `undefined` for an unknown type and for a malformed or oversize
 * message; never throws.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parseServerMessage = (data: string): ServerMessage | undefined => {
  if (data.length > MAX_MESSAGE_BYTES) return undefined
  const body = parseObject(data)
  if (body === undefined) return undefined
  const type = body["type"]
  if (typeof type !== "string") return undefined
  const envelope: Envelope = { seq: number(body["seq"]) ?? 0, at_ms: number(body["at_ms"]) ?? 0 }
  const turn = number(body["turn"])
  switch (type) {
    case "session.started":
      return {
        ...envelope,
        type,
        input: format(body["input"], DEFAULT_RATES.input),
        output: format(body["output"], DEFAULT_RATES.output),
        resumed: body["resumed"] === true
      }
    case "session.state": {
      const state = body["state"]
      return isSessionState(state) ? { ...envelope, type, state } : undefined
    }
    case "session.ended":
      return { ...envelope, type, reason: string(body["reason"]) ?? "ended" }
    case "connection.detached":
      return { ...envelope, type, reason: string(body["reason"]) ?? "closed" }
    case "user.speech_started":
    case "user.speech_stopped":
      return { ...envelope, type, turn }
    case "user.transcript": {
      const text = string(body["text"])
      return text === undefined ? undefined : { ...envelope, type, turn, text, final: body["final"] === true }
    }
    case "agent.speech_started":
    case "agent.speech_paused":
    case "agent.speech_resumed":
      return turn === undefined ? undefined : { ...envelope, type, turn }
    case "agent.transcript": {
      const text = string(body["text"])
      return turn === undefined || text === undefined ? undefined : { ...envelope, type, turn, text }
    }
    case "agent.speech_stopped": {
      const reason = body["reason"]
      if (turn === undefined) return undefined
      return {
        ...envelope,
        type,
        turn,
        reason: reason === "interrupted" || reason === "failed" ? reason : "completed",
        text: string(body["text"])
      }
    }
    case "agent.handed_over": {
      const to = string(body["to"])
      if (turn === undefined || to === undefined) return undefined
      return { ...envelope, type, turn, from: string(body["from"]), to }
    }
    case "user.backchannel": {
      const text = string(body["text"])
      return text === undefined ? undefined : { ...envelope, type, text }
    }
    case "user.away":
      return { ...envelope, type }
    case "playout.clear":
      return { ...envelope, type, turn }
    case "turn.latency": {
      if (turn === undefined) return undefined
      const parts = latencyParts(body["parts"])
      const total_ms = number(body["total_ms"]) ?? parts.reduce((sum, part) => sum + part.ms, 0)
      return { ...envelope, type, turn, total_ms, parts }
    }
    case "error": {
      const code = string(body["code"])
      if (code === undefined) return undefined
      const details = body["details"]
      return {
        ...envelope,
        type,
        code,
        message: string(body["message"]) ?? code,
        details: isRecord(details) ? details : undefined
      }
    }
    case "pong":
      return { ...envelope, type }
    default:
      return isToolType(type) ? { ...envelope, type, body } : undefined
  }
}

/**
 * Whether a message of the user's text, once encoded, fits into one frame.
 *
 * @category guards
 * @since 0.1.0
 */
export const fitsMessage = (message: ClientMessage): boolean =>
  new TextEncoder().encode(JSON.stringify(message)).byteLength <= MAX_MESSAGE_BYTES

/**
 * Reads a JSON object; `undefined` for anything else.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parseObject = (data: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(data)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const number = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

const string = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)

const isToolType = (type: string): type is `tool.${string}` => type.startsWith("tool.")

const states: ReadonlyArray<SessionState> = ["idle", "listening", "processing", "speaking", "error", "closed"]

const isSessionState = (value: unknown): value is SessionState => states.some((state) => state === value)

// A rate outside of what Web Audio must support (8-96 kHz) would only fail later, and less clearly.
const format = (value: unknown, fallback: number): PcmFormat => {
  const rate = isRecord(value) ? number(value["sample_rate"]) : undefined
  return { sample_rate: rate !== undefined && rate >= 8_000 && rate <= 96_000 ? Math.round(rate) : fallback }
}

const latencyParts = (value: unknown): ReadonlyArray<LatencyPart> => {
  if (!Array.isArray(value)) return []
  const parts: Array<LatencyPart> = []
  for (const item of value.slice(0, 32)) {
    if (!isRecord(item)) continue
    const name = string(item["name"])
    const ms = number(item["ms"])
    if (name !== undefined && ms !== undefined) parts.push({ name, ms: Math.max(0, ms) })
  }
  return parts
}
