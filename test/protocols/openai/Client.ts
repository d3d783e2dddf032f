/**
 * A client of the OpenAI Realtime protocol and a scripted session behind it: what each of them gets, in order.
 */
import { Effect, Result } from "effect"
import type { InvalidConfig } from "../../../src/BackendError.ts"
import * as OpenAiProtocol from "../../../src/protocols/openai/OpenAiProtocol.ts"
import * as RealtimeSession from "../../../src/protocols/openai/RealtimeSession.ts"
import { isRecord, type JsonRecord, parseRecord } from "../../../src/schema/Json.ts"
import type { SessionControl } from "../../../src/session/SessionControl.ts"
import type { SessionEvent, SessionEventBody } from "../../../src/session/SessionEvent.ts"
import type { UserConnection } from "../../../src/session/UserConnection.ts"
import type { FrameListener } from "../../../src/transport/websocket/WebSocketProtocol.ts"

const encoder = new TextEncoder()
let connections = 0

export interface ClientOptions {
  readonly given?: unknown
  readonly type?: "realtime" | "transcription"
  readonly transport?: "websocket" | "webrtc"
  /** What the session does when it is asked for something; what is returned refuses it. */
  readonly onControl?: (control: SessionControl, client: Client) => InvalidConfig | undefined
}

export const sessionOf = (given?: unknown, type: "realtime" | "transcription" = "realtime") =>
  Result.getOrThrow(
    RealtimeSession.initial(given, { id: "sess_1", model: "gpt-realtime", expiresAt: 1_796_000_000, type })
  )

export class Client {
  /** All events that the client got. */
  readonly events: Array<JsonRecord> = []
  readonly controls: Array<SessionControl> = []
  readonly heard: Array<Int16Array> = []
  /** Takes what the client gets, as it comes. */
  onFrame: (frame: string) => void = () => {}
  nowMs = 1_000_000
  costMs = 0
  readonly #codec: ReturnType<ReturnType<typeof OpenAiProtocol.make>>
  #listener: FrameListener
  #seq = 0

  constructor({ given, onControl, transport = "websocket", type }: ClientOptions = {}) {
    let ids = 0
    this.#listener = {
      audio: (pcm) => void this.heard.push(pcm.slice()),
      message: () => {},
      malformed: () => {},
      control: (control) => {
        this.controls.push(control)
        return onControl?.(control, this)
      }
    }
    this.#codec = OpenAiProtocol.make({
      session: sessionOf(given, type),
      isGiven: given !== undefined,
      transport,
      newId: (prefix) => `${prefix}_${++ids}`,
      now: () => this.nowMs
    })(OpenAiProtocol.rates, (frame) => this.#got(frame))
  }

  #got(frame: string | Uint8Array | undefined): void {
    if (frame === undefined) return
    const event = typeof frame === "string" ? parseRecord(frame) : undefined
    if (event === undefined) throw new Error("a frame that is no JSON object")
    this.events.push(event)
    if (typeof frame === "string") this.onFrame(frame)
  }

  sendsBytes(bytes: Uint8Array, isBinary: boolean): void {
    this.costMs = this.#codec.receive(bytes, isBinary, this.#listener)
  }

  sendsText(text: string): void {
    this.sendsBytes(encoder.encode(text), false)
  }

  sends(event: JsonRecord): void {
    this.sendsText(JSON.stringify(event))
  }

  /** The session tells something. */
  tells(...events: ReadonlyArray<SessionEventBody>): void {
    for (const event of events) {
      const whole: SessionEvent = { ...event, seq: this.#seq++, atMs: this.nowMs }
      for (const frame of this.#codec.event(whole)) this.#got(frame)
    }
  }

  /** The session attaches the connection, and listens to it. */
  starts(resumed = false): this {
    this.tells({ type: "session.started", input: { sampleRate: 24_000 }, output: { sampleRate: 24_000 }, resumed })
    this.#codec.listening?.(this.#listener)
    return this
  }

  /** The session sends audio of its reply, in frames of 20 ms. */
  plays(frames: number, untilMs?: number): void {
    for (let i = 0; i < frames; i++) this.#got(this.#codec.audio(new Int16Array(480)))
    if (untilMs !== undefined) this.#codec.mark?.(1, untilMs, false)
  }

  calls(id: string, name = "get_weather", args = "{\"city\":\"Paris\"}"): void {
    for (const frame of this.#codec.callTool?.({ id, name, arguments: args }) ?? []) this.#got(frame)
  }

  clears(): void {
    this.#got(this.#codec.clear())
  }

  /** The connection of a real session, whose far end is this client. */
  connection(): UserConnection {
    const { callTool, listening, mark } = this.#codec
    return {
      id: `openai-${++connections}`,
      transport: "websocket",
      format: { input: { sampleRate: 24_000 }, output: { sampleRate: 24_000 } },
      listen: (listener) => {
        this.#listener = {
          ...listener,
          control: (control) => {
            this.controls.push(control)
            return listener.control?.(control)
          }
        }
        listening?.(this.#listener)
      },
      send: (frame, epoch = 0, positionMs = 0) => {
        this.#got(this.#codec.audio(frame))
        mark?.(epoch, positionMs + 20, false)
        return true
      },
      clear: () => {
        this.#got(this.#codec.clear())
        return 0
      },
      notify: (event) => this.#codec.event(event).forEach((frame) => this.#got(frame)),
      callTool: (call) => callTool?.(call).forEach((frame) => this.#got(frame)),
      close: () => Effect.void
    }
  }

  /** The types of what the client got since it was last asked; audio deltas in a row count once. */
  types(): ReadonlyArray<string> {
    const types = this.events.splice(0).map(({ type }) => String(type))
    return types.filter((type, i) => type !== "response.output_audio.delta" || types[i - 1] !== type)
  }

  /** The last event of a type. */
  last(type: string): JsonRecord {
    const found = this.events.findLast((event) => event["type"] === type)
    if (found === undefined) throw new Error(`no ${type}`)
    return found
  }
}

/** A field inside of an event, by its path. */
export const at = (value: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>(
    (inner, key) => Array.isArray(inner) ? inner[Number(key)] : isRecord(inner) ? inner[key] : undefined,
    value
  )

export const samples = (ms: number, value = 0): string =>
  Buffer.from(new Int16Array(24 * ms).fill(value).buffer).toString("base64")
