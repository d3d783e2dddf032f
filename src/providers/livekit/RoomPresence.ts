/**
 * Who is in a session's room now, and what of them reaches the session: which voices, whose messages.
 *
 * Plain and synchronous. There is one attachment at a time: with `first` it lasts as long as that user's stay, else as long
 * as anybody's.
 *
 * @since 0.1.0
 */
import type { ClientMessage } from "../../session/ClientMessage.ts"
import type { Inbox } from "../../transport/Inbox.ts"
import { INPUT_SAMPLE_RATE } from "./AgentRoom.ts"
import type { Participants } from "./LiveKitConfig.ts"
import { RoomMixer } from "./RoomMixer.ts"

/** Silence after a voice that has ended, in samples (2 s): what was being said is complete. */
const CLOSING_SILENCE = 2 * INPUT_SAMPLE_RATE

const MAX_EARLY = 16

/**
 * What is used of a participant.
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
  /** Which stay it belongs to. */
  readonly stay: string
}

/**
 * @category models
 * @since 0.1.0
 */
export class RoomPresence {
  readonly #policy: Participants
  readonly #identity: string
  readonly #mix = new RoomMixer(INPUT_SAMPLE_RATE)
  #current: Current | undefined
  #floor: string | undefined
  /** Messages of somebody whom the session does not know yet: they come before their coming is told. */
  #early: Array<ClientMessage> = []

  /** `identity` is the user whom the session is for. */
  constructor(policy: Participants, identity: string) {
    this.#policy = policy
    this.#identity = identity
  }

  /** Whether somebody's voice and messages are taken. */
  accepts(identity: string): boolean {
    return this.#policy !== "first" || identity === this.#identity
  }

  /** Who speaks, as far as it is known. */
  get speaker(): string | undefined {
    return this.#policy === "first" ? this.#identity : this.#floor
  }

  /** The stay that there should be an attachment for; `undefined` when nobody is there who counts. */
  expectedStay(people: ReadonlyArray<Participant>): string | undefined {
    if (this.#policy === "first") return people.find(({ identity }) => identity === this.#identity)?.sid
    return people.length > 0 ? "room" : undefined
  }

  /** The stay that there is an attachment for. */
  get attachedStay(): string | undefined {
    return this.#current?.inbox.endReason === undefined ? this.#current?.stay : undefined
  }

  attach(inbox: Inbox, stay: string): void {
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
    if (this.#hears(identity)) this.#inbox?.audio(pcm)
  }

  /** 20 ms have passed: only a mix needs to be told. */
  tick(): void {
    const pcm = this.#mix.take()
    if (pcm !== undefined) this.#inbox?.audio(pcm)
  }

  /** Somebody's voice has ended. */
  voiceEnded(identity: string): void {
    const was = this.#policy === "mixed" ? this.#mix.remove(identity) : this.#hears(identity)
    if (was && this.#mix.size === 0) this.#inbox?.gap(CLOSING_SILENCE)
  }

  participantLeft(identity: string, ofOwnAccord: boolean): void {
    this.voiceEnded(identity)
    if (this.#floor === identity) this.#floor = undefined
    if (this.#policy === "first" && identity === this.#identity) {
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

  /** Somebody takes the floor, which silences the agent, or gives it back. `false` where there is none. */
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

  /** Whether it is this voice alone that is heard. */
  #hears(identity: string): boolean {
    return identity === (this.#policy === "first" ? this.#identity : this.#floor)
  }
}
