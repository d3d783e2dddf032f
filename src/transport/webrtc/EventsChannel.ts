/**
 * The data channel of a WebRTC call: events out and messages in, as its protocol has them.
 *
 * The client creates the channel; until it is open, the newest 256 messages are buffered. Messages beyond the flood limit are
 * dropped, because SCTP has no backpressure that an application could apply, and the client is told.
 *
 * @since 0.1.0
 */
import type { DataChannel } from "node-datachannel"
import { FloodLimit } from "../../session/FloodLimit.ts"
import type { ClientToolCall } from "../../session/SessionControl.ts"
import type { SessionEvent } from "../../session/SessionEvent.ts"
import type { Inbox } from "../Inbox.ts"
import type { ChannelProtocol } from "./ChannelProtocol.ts"

/**
 * The label of the channel in the native protocol.
 *
 * @category constants
 * @since 0.1.0
 */
export const LABEL = "events"

/**
 * The part of a data channel that is used here.
 *
 * @category models
 * @since 0.1.0
 */
export type Channel = Pick<
  DataChannel,
  | "bufferedAmount"
  | "close"
  | "getLabel"
  | "isOpen"
  | "maxMessageSize"
  | "onError"
  | "onMessage"
  | "onOpen"
  | "sendMessage"
  | "sendMessageBinary"
>

const MAX_WAITING_MESSAGES = 256
/** A client with so many bytes of unread messages has stopped reading. */
const MAX_BACKLOG_BYTES = 1_048_576
/** Messages that are kept until the session listens, of a protocol that waits for it; those that come then are lost. */
const MAX_HELD_MESSAGES = 64

/** The shortest time between two errors about dropped messages. */
const REPORT_INTERVAL_MS = 1_000

type Message = string | Buffer | ArrayBuffer

interface Waiting {
  readonly message: string | Uint8Array
  readonly event: SessionEvent | undefined
}

/**
 * - `label`: of the channel that the client creates.
 * - `maxMessageBytes`: the longest message that a client may send.
 * - `protocol`: makes the connection's protocol.
 * - `onFailed`: is called when the channel cannot be used any more: `"too_slow"`, `"connection_lost"`.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventsChannelOptions {
  readonly label: string
  readonly maxMessageBytes: number
  readonly protocol: (reply: (message: string | Uint8Array) => void) => ChannelProtocol
  readonly inbox: Inbox
  readonly onFailed: (reason: string) => void
  readonly nowMs: () => number
}

/**
 * @category models
 * @since 0.1.0
 */
export class EventsChannel {
  readonly #options: EventsChannelOptions
  readonly #protocol: ChannelProtocol
  readonly #floodLimit = new FloodLimit()
  #reportedAt = Number.NEGATIVE_INFINITY
  #channel: Channel | undefined
  #waiting: Array<Waiting> = []
  /** `undefined`: messages are received as they come. */
  #held: Array<Message> | undefined
  #heldBytes = 0

  constructor(options: EventsChannelOptions) {
    this.#options = options
    this.#protocol = options.protocol((message) => this.#send(message))
    this.#held = this.#protocol.afterListening === true ? [] : undefined
  }

  /** Has the client run a tool, where the protocol can. */
  get callTool(): ((call: ClientToolCall) => void) | undefined {
    const { callTool } = this.#protocol
    return callTool === undefined ? undefined : (call) => callTool(call).forEach((message) => this.#send(message))
  }

  /** Is called after each frame of audio that is sent; `undefined` where the protocol does not need it. */
  get mark(): ((epoch: number, untilMs: number, last: boolean) => void) | undefined {
    const { mark } = this.#protocol
    return mark === undefined
      ? undefined
      : (epoch, untilMs, last) => {
        const message = mark(epoch, untilMs, last)
        if (message !== undefined) this.#send(message)
      }
  }

  /**
   * Accepts a channel that the client created; closes all but the first with the right label. A channel that opens while
   * the connection is closing still gets the last events.
   */
  accept(channel: Channel): void {
    if (channel.getLabel() !== this.#options.label || this.#channel !== undefined) return channel.close()
    this.#channel = channel
    channel.onError(() => {})
    channel.onMessage((message) => this.#receive(message))
    channel.onOpen(() => this.#flush())
    if (channel.isOpen()) this.#flush()
  }

  /** Sends an event, or keeps it until the channel is open. */
  send(event: SessionEvent): void {
    for (const message of this.#protocol.event(event)) this.#send(message, event)
  }

  /** Tells the client to drop what it has not played, where the protocol does that by a message of its own. */
  clear(): void {
    const message = this.#protocol.clear()
    if (message !== undefined) this.#send(message)
  }

  /** The last message of a session that has ended. */
  farewell(): void {
    const message = this.#protocol.farewell?.()
    if (message !== undefined) this.#send(message)
  }

  /** The session listens: what was held back for it is received. */
  listening(): void {
    const held = this.#held ?? []
    this.#held = undefined
    this.#protocol.listening?.(this.#options.inbox)
    for (const message of held) this.#receive(message)
  }

  #send(message: string | Uint8Array, event?: SessionEvent): void {
    try {
      if (this.#channel?.isOpen() !== true) {
        if (this.#waiting.length === MAX_WAITING_MESSAGES) this.#waiting.shift()
        this.#waiting.push({ message, event })
      } else if (this.#channel.bufferedAmount() > MAX_BACKLOG_BYTES) this.#options.onFailed("too_slow")
      else this.#write(this.#channel, message, event)
    } catch {
      this.#options.onFailed("connection_lost")
    }
  }

  #write(channel: Channel, message: string | Uint8Array, event: SessionEvent | undefined): void {
    const limit = channel.maxMessageSize()
    const fitting = sizeOf(message) <= limit
      ? message
      : event === undefined
      ? undefined
      : this.#protocol.leftOut?.(event, limit)
    if (fitting === undefined) return
    if (typeof fitting === "string") channel.sendMessage(fitting)
    else channel.sendMessageBinary(fitting)
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { event, message } of waiting) this.#send(message, event)
  }

  #receive(message: Message): void {
    const { inbox, maxMessageBytes, nowMs } = this.#options
    const now = nowMs()
    const bytes = typeof message === "string" ? Buffer.from(message) : new Uint8Array(message)
    if (this.#held !== undefined) {
      this.#heldBytes += bytes.length
      if (this.#held.length < MAX_HELD_MESSAGES && this.#heldBytes <= MAX_BACKLOG_BYTES) this.#held.push(message)
      return
    }
    if (this.#floodLimit.waitMs(now) > 0) return this.#reportDrop(now)
    if (bytes.length > maxMessageBytes) {
      this.#floodLimit.frame(now)
      return inbox.malformed(`a message of more than ${maxMessageBytes} bytes`)
    }
    this.#floodLimit.spend(this.#protocol.receive(bytes, typeof message !== "string", inbox), now)
  }

  #reportDrop(nowMs: number): void {
    if (nowMs - this.#reportedAt < REPORT_INTERVAL_MS) return
    this.#reportedAt = nowMs
    this.#options.inbox.malformed("flood limit exceeded; messages were dropped")
  }
}

const sizeOf = (message: string | Uint8Array): number =>
  typeof message === "string" ? Buffer.byteLength(message) : message.length
