/**
 * What came from a user and nobody listens to yet, and the gate that a link's end closes for good.
 *
 * Each connection owns one. Before `listen` it keeps the newest two seconds of audio (dropping the oldest) and the first
 * 64 messages; after it everything goes straight through, without a copy. After `closed` nothing passes any more,
 * whatever a socket or native code still calls.
 *
 * @since 0.1.0
 */
import type { ClientMessage } from "../session/ClientMessage.ts"
import type { ConnectionListener } from "../session/UserConnection.ts"

/**
 * How much audio waits for a listener: 2 s, longer than a session takes to attach.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_WAITING_MS = 2_000

const MAX_WAITING_MESSAGES = 64

type Waiting =
  | { readonly _tag: "Audio"; readonly pcm: Int16Array; readonly samples: number }
  | { readonly _tag: "Gap"; readonly samples: number }
  | { readonly _tag: "Message"; readonly message: ClientMessage }
  | { readonly _tag: "Malformed"; readonly reason: string }

let made = 0

/**
 * An id that no other connection of this process has, such as `websocket-7`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nextId = (transport: string): string => `${transport}-${++made}`

/**
 * A `ConnectionListener` for the transport to call, in front of the session's.
 *
 * @category models
 * @since 0.1.0
 */
export class Inbox implements ConnectionListener {
  readonly #maxSamples: number
  #listener: ConnectionListener | undefined
  #waiting: Array<Waiting> = []
  #samples = 0
  #messages = 0
  #ended: string | undefined
  #defect: unknown

  /** `sampleRate` in Hz, of the audio that comes in. */
  constructor(sampleRate: number) {
    this.#maxSamples = sampleRate * MAX_WAITING_MS / 1000
  }

  /** What the listener threw. It ended the link as `"failed"`: thrown on into a socket it would end the process. */
  get defect(): unknown {
    return this.#defect
  }

  /** Why the link ended, `undefined` while it lives. */
  get ended(): string | undefined {
    return this.#ended
  }

  /** Hands over what waits, in order, then whatever comes. Only the first listener counts. */
  listen(listener: ConnectionListener): void {
    if (this.#listener !== undefined) return
    const waiting = this.#waiting
    const ended = this.#ended
    this.#waiting = []
    this.#listener = listener
    this.#ended = undefined
    for (const item of waiting) this.#deliver(item)
    if (ended !== undefined) this.closed(ended)
  }

  audio(pcm: Int16Array): void {
    if (this.#ended !== undefined || pcm.length === 0) return
    if (this.#listener === undefined) return this.#keep({ _tag: "Audio", pcm: pcm.slice(), samples: pcm.length })
    try {
      this.#listener.audio(pcm)
    } catch (defect) {
      this.#fail(defect)
    }
  }

  gap(samples: number): void {
    if (samples > 0) this.#accept({ _tag: "Gap", samples })
  }

  message(message: ClientMessage): void {
    this.#accept({ _tag: "Message", message })
  }

  malformed(reason: string): void {
    this.#accept({ _tag: "Malformed", reason })
  }

  /** Ends the link; only the first reason counts. What waits for a listener is still handed over, then the end. */
  closed(reason: string): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    try {
      this.#listener?.closed(reason)
    } catch (defect) {
      this.#defect ??= defect
    }
  }

  #accept(item: Waiting): void {
    if (this.#ended !== undefined) return
    if (this.#listener === undefined) this.#keep(item)
    else this.#deliver(item)
  }

  #deliver(item: Waiting): void {
    if (this.#ended !== undefined) return
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

  #keep(item: Waiting): void {
    if (item._tag === "Message" || item._tag === "Malformed") {
      if (this.#messages++ < MAX_WAITING_MESSAGES) this.#waiting.push(item)
      return
    }
    this.#waiting.push(item)
    this.#samples += item.samples
    // The oldest audio goes first; messages between pieces of it stay.
    while (this.#samples > this.#maxSamples) {
      const oldest = this.#waiting.findIndex((each) => "samples" in each)
      const [dropped] = this.#waiting.splice(oldest, 1)
      if (dropped === undefined || !("samples" in dropped)) return
      this.#samples -= dropped.samples
    }
  }
}
