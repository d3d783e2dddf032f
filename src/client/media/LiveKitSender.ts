/**
 * Sends messages to the agent of a LiveKit room.
 *
 * While LiveKit's client reconnects, and until the agent serves the user again, they wait: nobody would get them. LiveKit also
 * loses what is sent in the first moments after either has joined: the messages wait until the agent has answered a ping, or has
 * not within 10 s.
 *
 * @since 0.1.0
 */
import { type ClientMessage, LIVEKIT_TOPIC } from "../protocol/WireProtocol.ts"
import type { LiveKitClient, LiveKitParticipant, LiveKitRoom } from "./LiveKitClient.ts"
import type { Outbox } from "./Outbox.ts"

/** How often, and how many times, an agent that has begun to serve the user is asked whether it gets what is sent. */
const PING_MS = 500
const MAX_PINGS = 20

/**
 * What a sender needs of its room.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveKitSenderOptions {
  readonly livekit: LiveKitClient
  readonly room: LiveKitRoom
  readonly isAgent: (participant: LiveKitParticipant) => boolean
  /** The messages that wait; what is left when the room is lost goes to the next. */
  readonly outbox: Outbox
}

/**
 * @category models
 * @since 0.1.0
 */
export class LiveKitSender {
  readonly #options: LiveKitSenderOptions
  /** The agent has begun to serve the user; which of the participants it is shows when it is listed. */
  #hasStarted = false
  #serving: LiveKitParticipant | undefined
  #isReached = false
  #pings = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(options: LiveKitSenderOptions) {
    this.#options = options
    const { livekit: { RoomEvent }, room } = options
    room.on(RoomEvent.Reconnected, () => this.#flush())
    room.on(RoomEvent.ParticipantConnected, () => this.#flush())
  }

  /** Throws `connection_lost` when too many messages wait. */
  send(message: ClientMessage): void {
    this.#options.outbox.add(message)
    // The room is left a moment later.
    if (message.type === "session.end") this.#isReached = true
    this.#flush()
  }

  /**
   * To be called when the agent begins to serve the user. It does so again with whoever joins again, and then LiveKit's client has
   * other objects for the participants, too.
   */
  started(): void {
    this.#hasStarted = true
    this.#flush()
  }

  /** To be called when the agent has answered a ping. */
  reached(): void {
    if (this.#isReached) return
    this.#isReached = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#flush()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #flush(): void {
    const { isAgent, livekit: { ConnectionState }, outbox, room } = this.#options
    const agent = Array.from(room.remoteParticipants.values()).find(isAgent)
    if (this.#closed || room.state !== ConnectionState.Connected || agent === undefined) return
    if (this.#hasStarted) {
      this.#serving = agent
      this.#isReached = false
      this.#pings = 0
    }
    this.#hasStarted = false
    if (this.#serving !== agent) return
    if (!this.#isReached && this.#pings < MAX_PINGS) return this.#ping()
    for (const message of outbox.take()) this.#post(message)
  }

  #ping(): void {
    if (this.#timer !== undefined) return
    this.#pings++
    this.#post({ type: "ping" })
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#flush()
    }, PING_MS)
  }

  #post(message: ClientMessage): void {
    const { localParticipant } = this.#options.room
    void localParticipant.sendText(JSON.stringify(message), { topic: LIVEKIT_TOPIC }).catch(() => undefined)
  }
}
