/**
 * Decides which participants of a room reach the session, with their voices and messages.
 *
 * Plain and synchronous. There is one attachment at a time. With `first` it lasts as long as the session's user stays in the
 * room, otherwise as long as any participant does.
 *
 * @since 0.1.0
 */
import type { ClientMessage } from "../../../session/ClientMessage.ts"
import type { Inbox } from "../../../transport/Inbox.ts"
import type { Participants } from "../LiveKitConfig.ts"
import { INPUT_SAMPLE_RATE } from "./AgentRoom.ts"
import { RoomMixer } from "./RoomMixer.ts"

/** Silence after a voice that has ended, in samples (2 s), so that endpointing completes the turn. */
const CLOSING_SILENCE = 2 * INPUT_SAMPLE_RATE

/** How much audio may wait to be mixed, in ms: the jitter of the voices against each other. */
const MAX_MIX_DELAY_MS = 200

/** Messages that are kept until the attachment exists. */
const MAX_EARLY = 16

/**
 * The used properties of a participant.
 *
 * @category models
 * @since 0.1.0
 */
export interface Participant {
  readonly identity: string
  readonly sid: string | undefined
}

interface Current {
  readonly inbox: Inbox
  /** The stay it belongs to. */
  readonly stay: string
}

/**
 * @category models
 * @since 0.1.0
 */
export class RoomPresence {
  readonly #policy: Participants
  #identity: string | undefined
  readonly #mix = new RoomMixer(INPUT_SAMPLE_RATE)
  #current: Current | undefined
  #floor: string | undefined
  #hasLeft = false
  /** Messages that arrive before the attachment: a client may send as soon as it has joined. */
  #early: Array<ClientMessage> = []

  /** `identity` is the session's user; without one, it is the first who comes. */
  constructor(policy: Participants, identity: string | undefined) {
    this.#policy = policy
    this.#identity = identity
  }

  /** Whether a participant's voice and messages reach the session. */
  accepts(identity: string): boolean {
    return this.#policy !== "first" || this.#identity === undefined || identity === this.#identity
  }

  /** The session's user, once there is one: the first of the participants, if it was not known before. */
  userAmong(participants: ReadonlyArray<Participant>): string | undefined {
    this.#identity ??= participants[0]?.identity
    return this.#identity
  }

  /** The participant who speaks, if known. */
  get speaker(): string | undefined {
    return this.#policy === "first" ? this.#identity : this.#floor
  }

  /** The stay that should have an attachment; `undefined` when no accepted participant is in the room. */
  expectedStay(participants: ReadonlyArray<Participant>): string | undefined {
    if (this.#policy === "first") return participants.find(({ identity }) => identity === this.#identity)?.sid
    return participants.length > 0 ? "room" : undefined
  }

  /** The stay that has an attachment. */
  get attachedStay(): string | undefined {
    return this.#current?.inbox.endReason === undefined ? this.#current?.stay : undefined
  }

  /** The session's user has left of their own accord, and others are in the room, whom it does not serve. */
  isAbandoned(others: ReadonlyArray<{ readonly identity: string }>): boolean {
    return this.#hasLeft && others.some(({ identity }) => identity !== this.#identity) &&
      !others.some(({ identity }) => identity === this.#identity)
  }

  attach(inbox: Inbox, stay: string): void {
    this.#hasLeft = false
    this.#current = { inbox, stay }
    for (const message of this.#early.splice(0)) inbox.message(message)
  }

  /** Ends the attachment, if there is one. */
  detach(reason: string): void {
    const current = this.#current
    this.#current = undefined
    current?.inbox.closed(reason)
  }

  audio(identity: string, pcm: Int16Array): void {
    if (this.#policy === "mixed") return this.#mix.push(identity, pcm)
    if (this.#isSpeaker(identity)) this.#inbox?.audio(pcm)
  }

  /** Called every 20 ms: sends the mix, with `mixed`, and at once what has come late. */
  tick(): void {
    do {
      const pcm = this.#mix.take()
      if (pcm === undefined) return
      this.#inbox?.audio(pcm)
    } while (this.#mix.waitingMs > MAX_MIX_DELAY_MS)
  }

  /** A participant's voice has ended. */
  voiceEnded(identity: string): void {
    const wasHeard = this.#policy === "mixed" ? this.#mix.remove(identity) : this.#isSpeaker(identity)
    if (wasHeard && this.#mix.size === 0) this.#inbox?.gap(CLOSING_SILENCE)
  }

  participantLeft(identity: string, ofOwnAccord: boolean): void {
    this.voiceEnded(identity)
    if (this.#floor === identity) this.#floor = undefined
    if (this.#policy === "first" && identity === this.#identity) {
      this.#hasLeft = ofOwnAccord
      this.detach(ofOwnAccord ? "client_closed" : "connection_lost")
    }
  }

  message(message: ClientMessage): void {
    if (this.#inbox !== undefined) this.#inbox.message(message)
    else if (this.#early.length < MAX_EARLY) this.#early.push(message)
  }

  malformed(reason: string): void {
    this.#inbox?.malformed(reason)
  }

  /** A participant takes the floor, which interrupts the agent, or gives it back. Returns false unless `addressed`. */
  takeFloor(identity: string, holds: boolean): boolean {
    if (this.#policy !== "addressed") return false
    if (holds) {
      if (this.#floor === identity) return true
      this.#inbox?.gap(CLOSING_SILENCE)
      this.#floor = identity
      this.message({ type: "agent.interrupt" })
    } else if (this.#floor === identity) {
      this.#floor = undefined
      this.#inbox?.gap(CLOSING_SILENCE)
    }
    return true
  }

  get #inbox(): Inbox | undefined {
    return this.#current?.inbox
  }

  /** Whether this participant's voice is the one that is forwarded. */
  #isSpeaker(identity: string): boolean {
    return identity === (this.#policy === "first" ? this.#identity : this.#floor)
  }
}
