/**
 * The user's side of a connection: records every frame, event and clear, and plays audio as a user's loudspeaker would.
 *
 * One recorder serves all connections of a conversation, one at a time. Synchronous, on the scenario's virtual clock.
 *
 * @since 0.1.0
 */
import type { SessionEvent } from "../../session/SessionEvent.ts"
import type { UserConnection } from "../../session/UserConnection.ts"
import * as MemoryConnection from "../../transport/MemoryConnection.ts"
import { SpokenAudioReader } from "../scenario/SpokenAudio.ts"
import type { HeardReply, RecordedFrame, Trace } from "./Recording.ts"

/**
 * The sample rate of the agent's audio in Hz; that of the scripted voices, so that nothing is resampled.
 *
 * @category constants
 * @since 0.1.0
 */
export const OUTPUT_RATE = 24_000

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }
type MutableReply = Mutable<HeardReply> & {
  words: Array<string>
  /** Part of its audio was cleared while more came, and has not been sent again. */
  dropped: boolean
  /** When its last frame was sent. */
  sentAtMs: number
}

/** While a reply has audio, a frame of 20 ms is sent every 20 ms: after two without one, all that came has been sent. */
const DRY_MS = 40

interface Waiting {
  readonly pcm: Int16Array
  readonly endMs: number
  readonly reply: MutableReply | undefined
}

/**
 * Records one conversation.
 *
 * @category models
 * @since 0.1.0
 */
export class Recorder {
  readonly trace: Array<Trace> = []
  /** All events of the session, in order. */
  readonly events: Array<SessionEvent> = []
  readonly replies: Array<MutableReply> = []
  readonly #now: () => number
  readonly #keepAudio: boolean
  readonly #facts: UserConnection["facts"]
  readonly #onPlayed: ((pcm: Int16Array, sampleRate: number, endMs: number) => void) | undefined
  #reader: SpokenAudioReader
  /** Frames received and not yet played. */
  #waiting: Array<Waiting> = []
  #playedUntilMs = 0
  #sounding: MutableReply | undefined
  #open: MutableReply | undefined
  #connections = 0
  #link: MemoryConnection.MemoryConnection | undefined
  readonly #seen = new Set<number>()
  /** Texts that the voice never ends. */
  readonly #endless = new Set<string>()

  constructor(now: () => number, options: {
    readonly keepAudio: boolean
    /** What its connections say of the call. */
    readonly facts?: UserConnection["facts"]
    /** Takes each frame that was played, at this rate (in Hz), with the time of its end. */
    readonly onPlayed?: ((pcm: Int16Array, sampleRate: number, endMs: number) => void) | undefined
  }) {
    this.#now = now
    this.#onPlayed = options.onPlayed
    this.#keepAudio = options.keepAudio
    this.#facts = options.facts
    this.#reader = this.#makeReader()
  }

  /** The current connection. */
  get link(): MemoryConnection.MemoryConnection | undefined {
    return this.#link
  }

  /** The reply that is playing or paused, from its first frame to its end. */
  get currentReply(): HeardReply | undefined {
    return this.#open
  }

  /** Makes a new connection for the user, which replaces the former one. */
  connect(): UserConnection {
    this.#drop()
    const link = MemoryConnection.make({
      outputSampleRate: OUTPUT_RATE,
      facts: this.#facts,
      onFrame: (pcm) => this.#link === link ? this.#frame(pcm) : undefined,
      onEvent: (event) => this.receive(event),
      onClear: () => {
        this.trace.push({ _tag: "Clear", atMs: this.#now() })
        if (this.#link === link) this.#drop()
      }
    })
    this.#link = link
    // numbered here, so that the id does not depend on other conversations of the process
    return { ...link.connection, id: `user-${++this.#connections}` }
  }

  /** Loses the connection, and the audio that was not played. */
  disconnect(reason: string): void {
    this.#drop()
    const link = this.#link
    this.#link = undefined
    link?.hangup(reason)
  }

  /** Receives an event of the session. The connection and the owner both get it; it is recorded once. */
  receive(event: SessionEvent): void {
    if (!this.#seen.has(event.seq)) this.#event(event)
  }

  /** Notes what the user does, with its time. */
  recordAct(act: string): void {
    this.trace.push({ _tag: "User", atMs: this.#now(), act })
  }

  /** Notes that the voice never ends a text. */
  recordEndless(text: string): void {
    this.#endless.add(text)
  }

  /** The words of the current reply that have been played so far. */
  heardNow(): string {
    this.#play()
    return this.#open?.words.join(" ") ?? ""
  }

  /** Plays the frames that are due. */
  playDue(): void {
    this.#play()
  }

  /** Plays the remaining frames and completes the recording. */
  finish(): void {
    this.#play()
    this.#reader.cut()
    this.events.sort((one, other) => one.seq - other.seq)
    for (const reply of this.replies) reply.heard = reply.words.join(" ")
  }

  #frame(pcm: Int16Array): void {
    this.#play()
    const atMs = this.#now()
    const reply = this.#open
    const frame: RecordedFrame = {
      atMs,
      turn: reply?.turn ?? 0,
      reply: reply?.reply ?? 0,
      pcm: this.#keepAudio ? pcm : undefined
    }
    if (reply !== undefined) {
      reply.dropped = false
      reply.sentAtMs = atMs
    }
    this.trace.push({ _tag: "Frame", atMs, frame })
    const startMs = Math.max(atMs, this.#waiting.at(-1)?.endMs ?? this.#playedUntilMs)
    this.#waiting.push({ pcm, endMs: startMs + pcm.length * 1000 / OUTPUT_RATE, reply })
  }

  #event(event: SessionEvent): void {
    this.#play()
    this.#seen.add(event.seq)
    this.events.push(event)
    this.trace.push({ _tag: "Event", atMs: this.#now(), event })
    if (event.type === "agent.speech_started") {
      const reply = { reply: this.replies.length + 1, turn: event.turn, startedAtMs: event.atMs, heard: "" }
      this.#open = { ...reply, underrun: false, ended: undefined, words: [], dropped: false, sentAtMs: event.atMs }
      this.replies.push(this.#open)
    } else if (event.type === "agent.transcript" && this.#open !== undefined) {
      this.#open.endless ||= this.#endless.has(event.text)
    } else if (event.type === "agent.speech_stopped" && this.#open !== undefined) {
      const open = this.#open
      const isPlaying = !this.#isDry(open) && this.#waiting.some((frame) => frame.reply === open)
      open.underrun = !open.dropped && !isPlaying
      this.#open.ended = { atMs: event.atMs, reason: event.reason, text: event.text }
      this.#open = undefined
    }
  }

  /** Plays the frames that are due; a frame counts when all of it was played. */
  #play(): void {
    const now = this.#now()
    let played = 0
    for (const { endMs, pcm, reply } of this.#waiting) {
      if (endMs > now) break
      played++
      this.#playedUntilMs = endMs
      this.#onPlayed?.(pcm, OUTPUT_RATE, endMs)
      if (reply !== this.#sounding) {
        this.#reader.cut()
        // another voice may speak at another speed
        this.#reader = this.#makeReader()
        this.#sounding = reply
      }
      this.#reader.push(pcm)
    }
    if (played > 0) this.#waiting = this.#waiting.slice(played)
  }

  /** All of its audio that came has been sent. */
  #isDry({ sentAtMs }: MutableReply): boolean {
    return this.#now() - sentAtMs > DRY_MS
  }

  #makeReader(): SpokenAudioReader {
    return new SpokenAudioReader((word) => this.#sounding?.words.push(word.text))
  }

  #drop(): void {
    this.#play()
    for (const { reply } of this.#waiting) if (reply !== undefined) reply.dropped ||= !this.#isDry(reply)
    this.#waiting = []
  }
}
