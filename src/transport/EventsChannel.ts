/**
 * The data channel beside a WebRTC call: events out and messages in, as the same JSON that a WebSocket carries.
 *
 * The client makes the channel; until it is open, the newest 256 events wait. What it sends faster than `Pace` allows is
 * dropped, since SCTP cannot be told to wait, and it is told so.
 *
 * @since 0.1.0
 */
import type { DataChannel } from "node-datachannel"
import * as ClientMessage from "../session/ClientMessage.ts"
import { costOf, FloodLimit } from "./FloodLimit.ts"
import type { Inbox } from "./Inbox.ts"

/**
 * The label of the channel.
 *
 * @category constants
 * @since 0.1.0
 */
export const LABEL = "events"

/**
 * What is used of a data channel.
 *
 * @category models
 * @since 0.1.0
 */
export type Channel = Pick<
  DataChannel,
  "bufferedAmount" | "close" | "getLabel" | "isOpen" | "onError" | "onMessage" | "onOpen" | "sendMessage"
>

const MAX_WAITING_EVENTS = 256
/** A client that lets so many bytes of events pile up reads nothing at all. */
const MAX_BACKLOG_BYTES = 1_048_576

/** How often a user who sends too fast is told. */
const TELL_MS = 1_000

/**
 * @category models
 * @since 0.1.0
 */
export class EventsChannel {
  readonly #inbox: Inbox
  readonly #onBroken: (reason: string) => void
  readonly #nowMs: () => number
  readonly #pace = new FloodLimit()
  #toldAt = Number.NEGATIVE_INFINITY
  #channel: Channel | undefined
  #waiting: Array<string> = []

  /** `onBroken` is told when the channel cannot go on: `"too_slow"`, `"connection_lost"`. */
  constructor(inbox: Inbox, onBroken: (reason: string) => void, nowMs: () => number) {
    this.#inbox = inbox
    this.#onBroken = onBroken
    this.#nowMs = nowMs
  }

  /**
   * Takes a channel that the client made; refuses all but the first of the right label. One that comes while the link is
   * being closed still gets the last events.
   */
  adopt(channel: Channel): void {
    if (channel.getLabel() !== LABEL || this.#channel !== undefined) return channel.close()
    this.#channel = channel
    channel.onError(() => {})
    channel.onMessage((message) => this.#receive(message))
    channel.onOpen(() => this.#flush())
    if (channel.isOpen()) this.#flush()
  }

  send(text: string): void {
    try {
      if (this.#channel?.isOpen() !== true) {
        if (this.#waiting.length === MAX_WAITING_EVENTS) this.#waiting.shift()
        this.#waiting.push(text)
      } else if (this.#channel.bufferedAmount() > MAX_BACKLOG_BYTES) this.#onBroken("too_slow")
      else this.#channel.sendMessage(text)
    } catch {
      this.#onBroken("connection_lost")
    }
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const text of waiting) this.send(text)
  }

  #receive(message: string | Buffer | ArrayBuffer): void {
    const nowMs = this.#nowMs()
    if (this.#pace.waitMs(nowMs) > 0) return this.#tooFast(nowMs)
    if (typeof message !== "string") {
      this.#pace.frame(nowMs)
      return this.#inbox.malformed("binary data on the events channel")
    }
    if (Buffer.byteLength(message) > ClientMessage.MAX_MESSAGE_BYTES) {
      this.#pace.frame(nowMs)
      return this.#inbox.malformed(`a message of more than ${ClientMessage.MAX_MESSAGE_BYTES} bytes`)
    }
    const parsed = ClientMessage.parse(message)
    this.#pace.spend(costOf(parsed), nowMs)
    if (parsed._tag === "Message") this.#inbox.message(parsed.message)
    else if (parsed._tag === "Malformed") this.#inbox.malformed(parsed.reason)
  }

  #tooFast(nowMs: number): void {
    if (nowMs - this.#toldAt < TELL_MS) return
    this.#toldAt = nowMs
    this.#inbox.malformed("messages come faster than they are taken; some are dropped")
  }
}
