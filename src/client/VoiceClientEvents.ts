/**
 * The events of a call, and the listeners to them.
 *
 * @since 0.1.0
 */
import type { ServerMessage, UnknownEvent } from "./protocol/ClientProtocol.ts"
import type { ServerEvents } from "./protocol/WireProtocol.ts"
import type { VoiceClientError } from "./VoiceClientError.ts"

/**
 * The connection to the server: `reconnecting` after a loss, `ended` for good. `resumed` says, when it is connected
 * again, that the conversation goes on. `attempt` counts reconnections from 1, and is 0 otherwise.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionChange {
  readonly state: "connected" | "reconnecting" | "ended"
  readonly attempt: number
  readonly resumed: boolean
}

/**
 * Why a call ended: the server's reason, `ended_by_user`, or the code of `error`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallEnded {
  readonly reason: string
  readonly error: VoiceClientError | undefined
}

/**
 * Every event of a call, by name: the server's events as they come, and what the client adds.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceClientEvents extends ServerEvents {
  /** An event of the server that this client does not know. */
  readonly unknown: UnknownEvent
  /** Any event of the server, known or unknown. */
  readonly message: ServerMessage
  readonly connection: ConnectionChange
  /** Last of all, exactly once. */
  readonly ended: CallEnded
  /** The microphone was unplugged or its permission withdrawn during the call; the call goes on without. */
  readonly "microphone.lost": VoiceClientError
  /** The microphone was muted or unmuted. */
  readonly muted: boolean
}

type Listener = (event: never) => void

/**
 * Listeners by event. A listener that throws is reported to the page, and the others are called nevertheless.
 *
 * @category models
 * @since 0.1.0
 */
export class EventListeners {
  readonly #listeners = new Map<string, Set<Listener>>()

  /** Calls `listener` on every such event, until the returned function is called. */
  add<Type extends keyof VoiceClientEvents>(
    type: Type,
    listener: (event: VoiceClientEvents[Type]) => void
  ): () => void {
    const listeners = this.#listeners.get(type) ?? new Set<Listener>()
    this.#listeners.set(type, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
    }
  }

  emit<Type extends keyof VoiceClientEvents>(type: Type, event: VoiceClientEvents[Type]): void {
    for (const listener of Array.from(this.#listeners.get(type) ?? [])) {
      try {
        // `add` ties each listener's parameter to its type; the map does not remember which is which.
        listener(event as never)
      } catch (error) {
        reportError(error)
      }
    }
  }

  clear(): void {
    this.#listeners.clear()
  }
}
