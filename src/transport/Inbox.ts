/**
 * Buffers what a user sends until the session listens, and passes nothing on once the connection has ended.
 *
 * Each connection owns one. Before `listen` it keeps the newest two seconds of audio (dropping the oldest) and the first
 * 64 messages; after it everything is passed on at once, without a copy. After `closed` nothing is passed on, even if a
 * socket or native code still calls.
 *
 * @since 0.1.0
 */
import { InvalidConfig } from "../BackendError.ts"
import type { ClientMessage } from "../session/ClientMessage.ts"
import type { SessionControl } from "../session/SessionControl.ts"
import type { ConnectionListener } from "../session/UserConnection.ts"

/**
 * How much audio is buffered for a listener: 2 s, longer than a session takes to attach.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BUFFERED_MS = 2_000

const MAX_BUFFERED_MESSAGES = 64

type Buffered =
  | { readonly _tag: "Audio"; readonly pcm: Int16Array; readonly samples: number }
  | { readonly _tag: "Gap"; readonly samples: number }
  | { readonly _tag: "Message"; readonly message: ClientMessage }
  | { readonly _tag: "Malformed"; readonly reason: string }

let count = 0

/**
 * An id that no other connection of this process has, such as `websocket-7`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nextId = (transport: string): string => `${transport}-${++count}`

/**
 * A `ConnectionListener` for the transport to call, in front of the session's.
 *
 * @category models
 * @since 0.1.0
 */
export class Inbox implements ConnectionListener {
  readonly #maxSamples: number
  #listener: ConnectionListener | undefined
  #buffered: Array<Buffered> = []
  #samples = 0
  #messages = 0
  #endReason: string | undefined
  #defect: unknown

  /** `sampleRate` in Hz, of the audio that comes in. */
  constructor(sampleRate: number) {
    this.#maxSamples = sampleRate * MAX_BUFFERED_MS / 1000
  }

  /** What the listener threw. The connection then ends as `"failed"`; thrown into a socket, it would end the process. */
  get defect(): unknown {
    return this.#defect
  }

  /** Why the connection ended; `undefined` while it is open. */
  get endReason(): string | undefined {
    return this.#endReason
  }

  /** Delivers what is buffered, in order, and then everything that arrives. Only the first listener counts. */
  listen(listener: ConnectionListener): void {
    if (this.#listener !== undefined) return
    const buffered = this.#buffered
    const endReason = this.#endReason
    this.#buffered = []
    this.#listener = listener
    this.#endReason = undefined
    for (const item of buffered) this.#deliver(item)
    if (endReason !== undefined) this.closed(endReason)
  }

  audio(pcm: Int16Array): void {
    if (this.#endReason !== undefined || pcm.length === 0) return
    if (this.#listener === undefined) return this.#buffer({ _tag: "Audio", pcm: pcm.slice(), samples: pcm.length })
    try {
      this.#listener.audio(pcm)
    } catch (defect) {
      this.#fail(defect)
    }
  }

  /** Before the session listens nothing was played. */
  played(epoch: number, playedMs: number): void {
    if (this.#endReason !== undefined) return
    try {
      this.#listener?.played?.(epoch, playedMs)
    } catch (defect) {
      this.#fail(defect)
    }
  }

  /** Is not kept for a session that does not listen yet: the client is to be answered. */
  control(control: SessionControl): InvalidConfig | undefined {
    if (this.#endReason === undefined && this.#listener?.control !== undefined) {
      try {
        return this.#listener.control(control)
      } catch (defect) {
        this.#fail(defect)
      }
    }
    return new InvalidConfig({ op: "UserConnection.control", message: "the session does not take this now" })
  }

  gap(samples: number): void {
    if (samples > 0) this.#accept({ _tag: "Gap", samples })
  }

  /** Hands a client message to the session, or keeps it until the session listens. */
  message(message: ClientMessage): void {
    this.#accept({ _tag: "Message", message })
  }

  malformed(reason: string): void {
    this.#accept({ _tag: "Malformed", reason })
  }

  /** Ends the connection; only the first reason counts. What is buffered is still delivered, and then the end. */
  closed(reason: string): void {
    if (this.#endReason !== undefined) return
    this.#endReason = reason
    try {
      this.#listener?.closed(reason)
    } catch (defect) {
      this.#defect ??= defect
    }
  }

  #accept(item: Buffered): void {
    if (this.#endReason !== undefined) return
    if (this.#listener === undefined) this.#buffer(item)
    else this.#deliver(item)
  }

  #deliver(item: Buffered): void {
    if (this.#endReason !== undefined) return
    try {
      switch (item._tag) {
        case "Audio":
          return this.#listener?.audio(item.pcm)
        case "Gap":
          return this.#listener?.gap(item.samples)
        case "Message":
          return this.#listener?.message(item.message)
        case "Malformed":
          return this.#listener?.malformed(item.reason)
      }
    } catch (defect) {
      this.#fail(defect)
    }
  }

  #fail(defect: unknown): void {
    this.#defect ??= defect
    this.closed("failed")
  }

  #buffer(item: Buffered): void {
    if (item._tag === "Message" || item._tag === "Malformed") {
      if (this.#messages++ < MAX_BUFFERED_MESSAGES) this.#buffered.push(item)
      return
    }
    this.#buffered.push(item)
    this.#samples += item.samples
    // Drops the oldest audio; messages between pieces of it stay.
    while (this.#samples > this.#maxSamples) {
      const oldest = this.#buffered.findIndex((each) => "samples" in each)
      const [dropped] = this.#buffered.splice(oldest, 1)
      if (dropped === undefined || !("samples" in dropped)) return
      this.#samples -= dropped.samples
    }
  }
}
