/**
 * The data channel of a WebRTC call: events out and messages in, as the same JSON that a WebSocket carries.
 *
 * The client creates the channel; until it is open, the newest 256 events are buffered. An event that is larger than the client
 * takes is left out, and an `error` says so in its place. Messages beyond the flood limit are dropped, because SCTP has no
 * backpressure that an application could apply, and the client gets an `error` event.
 *
 * @since 0.1.0
 */
import type { DataChannel } from "node-datachannel"
import * as ClientMessage from "../../session/ClientMessage.ts"
import { costOf, FloodLimit } from "../../session/FloodLimit.ts"
import * as SessionEvent from "../../session/SessionEvent.ts"
import type { Inbox } from "../Inbox.ts"

/**
 * The label of the channel.
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
>

const MAX_WAITING_EVENTS = 256
/** A client with so many bytes of unread events has stopped reading. */
const MAX_BACKLOG_BYTES = 1_048_576

/** The shortest time between two errors about dropped messages. */
const REPORT_INTERVAL_MS = 1_000

/** The event as JSON, or what stands for one that has more than `limit` bytes: clients announce how much they take in their SDP. */
const encode = (event: SessionEvent.SessionEvent, limit: number): string => {
  const text = SessionEvent.toJson(event)
  if (Buffer.byteLength(text) <= limit) return text
  return SessionEvent.toJson({
    type: "error",
    code: "invalid_config",
    message: `an event was left out, because the data channel takes at most ${limit} bytes: ${event.type}`,
    details: { reason: "too_large", limit },
    seq: event.seq,
    atMs: event.atMs
  })
}

/**
 * @category models
 * @since 0.1.0
 */
export class EventsChannel {
  readonly #inbox: Inbox
  readonly #onFailed: (reason: string) => void
  readonly #nowMs: () => number
  readonly #floodLimit = new FloodLimit()
  #reportedAt = Number.NEGATIVE_INFINITY
  #channel: Channel | undefined
  #waiting: Array<SessionEvent.SessionEvent> = []

  /** `onFailed` is called when the channel cannot be used any more: `"too_slow"`, `"connection_lost"`. */
  constructor(inbox: Inbox, onFailed: (reason: string) => void, nowMs: () => number) {
    this.#inbox = inbox
    this.#onFailed = onFailed
    this.#nowMs = nowMs
  }

  /**
   * Accepts a channel that the client created; closes all but the first with the right label. A channel that opens while
   * the connection is closing still gets the last events.
   */
  accept(channel: Channel): void {
    if (channel.getLabel() !== LABEL || this.#channel !== undefined) return channel.close()
    this.#channel = channel
    channel.onError(() => {})
    channel.onMessage((message) => this.#receive(message))
    channel.onOpen(() => this.#flush())
    if (channel.isOpen()) this.#flush()
  }

  /** Sends an event, or keeps it until the channel is open. */
  send(event: SessionEvent.SessionEvent): void {
    try {
      if (this.#channel?.isOpen() !== true) {
        if (this.#waiting.length === MAX_WAITING_EVENTS) this.#waiting.shift()
        this.#waiting.push(event)
      } else if (this.#channel.bufferedAmount() > MAX_BACKLOG_BYTES) this.#onFailed("too_slow")
      else this.#channel.sendMessage(encode(event, this.#channel.maxMessageSize()))
    } catch {
      this.#onFailed("connection_lost")
    }
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const event of waiting) this.send(event)
  }

  #receive(message: string | Buffer | ArrayBuffer): void {
    const nowMs = this.#nowMs()
    if (this.#floodLimit.waitMs(nowMs) > 0) return this.#reportDrop(nowMs)
    if (typeof message !== "string") {
      this.#floodLimit.frame(nowMs)
      return this.#inbox.malformed("binary data on the events channel")
    }
    if (Buffer.byteLength(message) > ClientMessage.MAX_MESSAGE_BYTES) {
      this.#floodLimit.frame(nowMs)
      return this.#inbox.malformed(`a message of more than ${ClientMessage.MAX_MESSAGE_BYTES} bytes`)
    }
    const parsed = ClientMessage.parse(message)
    this.#floodLimit.spend(costOf(parsed), nowMs)
    if (parsed._tag === "Message") this.#inbox.message(parsed.message)
    else if (parsed._tag === "Malformed") this.#inbox.malformed(parsed.reason)
  }

  #reportDrop(nowMs: number): void {
    if (nowMs - this.#reportedAt < REPORT_INTERVAL_MS) return
    this.#reportedAt = nowMs
    this.#inbox.malformed("flood limit exceeded; messages were dropped")
  }
}
