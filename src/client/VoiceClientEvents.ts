/**
 * The events of a call, and the listeners to them.
 *
 * @since 0.1.0
 */
import type { ServerMessage, UnknownEvent } from "./protocol/ClientProtocol.ts"
import type { ServerEvents } from "./protocol/WireProtocol.ts"
import { VoiceClientError } from "./VoiceClientError.ts"

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
  /**
   * The microphone was unplugged or its permission withdrawn during the call; the call goes on without. It is opened again
   * when it is back, or at once where the system's default was used. A listener that is added later is called, too.
   */
  readonly "microphone.lost": VoiceClientError
  /** The system has silenced the microphone, as during a phone call. A listener that is added later is called, too. */
  readonly "microphone.silenced": VoiceClientError
  /** The user is heard again, after `microphone.lost` or `microphone.silenced`. */
  readonly "microphone.restored": undefined
  /** The chosen speaker is gone; the system's plays meanwhile. A listener that is added later is called, too. */
  readonly "speaker.lost": VoiceClientError
  /** The chosen speaker is back, or another was chosen. */
  readonly "speaker.restored": undefined
  /**
   * The browser keeps the sound off until the user clicks, taps or presses a key; it starts by itself with the next such
   * gesture. A listener that is added later is called, too.
   */
  readonly "playback.blocked": VoiceClientError
  /** The sound is on again, after `playback.blocked`. */
  readonly "playback.started": undefined
  /** The microphone was muted or unmuted. */
  readonly muted: boolean
}

type Listener = (event: never) => void

/**
 * The events of conditions that last, and the event that ends each.
 *
 * @category constants
 * @since 0.1.0
 */
export const conditions = {
  "microphone.lost": "microphone.restored",
  "microphone.silenced": "microphone.restored",
  "speaker.lost": "speaker.restored",
  "playback.blocked": "playback.started"
} as const satisfies { readonly [Type in keyof VoiceClientEvents]?: keyof VoiceClientEvents }

const isCondition = (type: string): type is keyof typeof conditions => Object.hasOwn(conditions, type)

/** What the client tells of itself, but for the end. */
const ownEvents: ReadonlySet<string> = new Set([
  "connection",
  "muted",
  ...Object.keys(conditions),
  ...Object.values(conditions)
])

/** Events that are kept until there can be listeners: a server sends some dozens in that time. */
const MAX_HELD = 1_024

/**
 * Listeners by event. A listener that throws is reported to the page, and the others are called nevertheless.
 *
 * @category models
 * @since 0.1.0
 */
export class EventListeners {
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly #lasting = new Map<keyof typeof conditions, VoiceClientError>()
  #held: Array<() => void> | undefined

  /**
   * Keeps what the server says, and the end, until `release`: the session may begin before the page can listen. States of the
   * connection are not kept.
   */
  hold(): void {
    this.#held ??= []
  }

  /** Calls the listeners with what was kept, in order. */
  release(): void {
    for (const tell of this.#held ?? []) tell()
    this.#held = undefined
  }

  /**
   * Calls `listener` on every such event, until the returned function is called; also soon, when its condition lasts already:
   * it may have begun while the call was set up.
   */
  add<Type extends keyof VoiceClientEvents>(
    type: Type,
    listener: (event: VoiceClientEvents[Type]) => void
  ): () => void {
    const listeners = this.#listeners.get(type) ?? new Set<Listener>()
    this.#listeners.set(type, listeners)
    listeners.add(listener)
    if (isCondition(type) && this.#lasting.has(type)) {
      queueMicrotask(() => {
        const event = this.#lasting.get(type)
        // The condition's type is the listener's.
        if (event !== undefined && listeners.has(listener)) call(listener, event as never)
      })
    }
    return () => {
      listeners.delete(listener)
    }
  }

  emit<Type extends keyof VoiceClientEvents>(type: Type, event: VoiceClientEvents[Type]): void {
    if (isCondition(type) && event instanceof VoiceClientError) this.#lasting.set(type, event)
    for (const condition of this.#lasting.keys()) if (conditions[condition] === type) this.#lasting.delete(condition)
    if (this.#held === undefined || ownEvents.has(type)) return this.#call(type, event)
    this.#held.push(() => this.#call(type, event))
    if (this.#held.length > MAX_HELD) this.#held.shift()
  }

  clear(): void {
    if (this.#held !== undefined) this.#held.push(() => this.#clear())
    else this.#clear()
  }

  #call<Type extends keyof VoiceClientEvents>(type: Type, event: VoiceClientEvents[Type]): void {
    // `add` ties each listener's parameter to its type; the map does not remember which is which.
    for (const listener of Array.from(this.#listeners.get(type) ?? [])) call(listener, event as never)
  }

  #clear(): void {
    this.#listeners.clear()
    this.#lasting.clear()
  }
}

const call = (listener: Listener, event: never): void => {
  try {
    listener(event)
  } catch (error) {
    reportError(error)
  }
}
