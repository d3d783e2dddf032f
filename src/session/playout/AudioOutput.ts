/**
 * Plays the agent's speech: paced at the speed of speech, at most 200 ms ahead, stopped at once.
 *
 * A plain object on the hot path. It holds one reply at a time, told apart by its epoch: what belongs to another epoch is
 * dropped at the door, so nothing of an ended reply can leave. Audio that was sent and not yet heard is kept, so that a
 * held reply goes on where it stopped, and on whatever connection there is then.
 *
 * @since 0.1.0
 */
import { frameMs } from "../../audio/AudioFormat.ts"
import { Framer } from "../../audio/Framer.ts"
import type { SpeechChunk } from "../../speech/TextToSpeech.ts"
import type { UserConnection } from "../UserConnection.ts"
import type { Player, PlayoutClock } from "./PlayoutClock.ts"
import { spoken, type SpokenText } from "./SpokenSoFar.ts"

/**
 * How far ahead of the speed of speech frames are handed to the connection, in ms: enough for a browser's jitter, and
 * all that a slow `clear` could leave to be heard.
 *
 * @category constants
 * @since 0.1.0
 */
export const LEAD_MS = 200

/**
 * A reply's speech is not made further ahead than this, in ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BUFFER_MS = 10_000

/** A client that says it is further behind the playout clock than this is not waited for, in ms. */
const MAX_LAG_MS = 1_000

/** What was played is kept this long, in ms, for a resume from a position that a client reports late. */
const KEEP_MS = 2_000

/** A connection that accepts nothing for this long is slow, in ms; after `DEAD_MS` it is let go. */
const SLOW_MS = 1_000
const DEAD_MS = 10_000

/**
 * What the output tells its session; synchronous.
 *
 * @category models
 * @since 0.1.0
 */
export interface AudioOutputListener {
  readonly audible: (epoch: number) => void
  readonly text: (epoch: number, text: string) => void
  /** All of the reply has been played. */
  readonly played: (epoch: number) => void
  readonly slow: (connection: UserConnection) => void
  readonly dead: (connection: UserConnection) => void
  /** There is room again for a reply that waits to push more. */
  readonly room: () => void
  /** A tick threw, and playout has stopped. */
  readonly failed: (cause: unknown) => void
}

/**
 * Converts samples from one rate to another (in Hz).
 *
 * @category models
 * @since 0.1.0
 */
export type Convert = (samples: Int16Array, from: number, to: number) => Int16Array

/**
 * Hears what is played; synchronous. A frame is valid during the call only.
 *
 * @category models
 * @since 0.1.0
 */
export interface AudioTap {
  /** A frame at this rate (in Hz), to be heard at this time. */
  readonly frame: (pcm: Int16Array, sampleRate: number, atMs: number) => void
  /** Nothing is heard from this time on of what was sent. */
  readonly cut: (atMs: number) => void
}

interface Current {
  readonly epoch: number
  readonly turn: number
  status: "playing" | "held"
  /** Frames from `firstFrame` on; earlier ones have been played long ago. */
  frames: Array<Int16Array>
  firstFrame: number
  /** The next frame to send. */
  cursor: number
  readonly texts: Array<SpokenText>
  /** Texts already told. */
  told: number
  /** Where the audio pushed so far ends, in ms. */
  endMs: number
  finished: boolean
  audible: boolean
  /** When the frame 0 was, or would have been, played: the playout clock. `undefined` while it does not run. */
  origin: number | undefined
  /** The position at which the clock stands while it does not run. */
  standing: number
  /** Since when the playout clock has been at the end. */
  overAt: number | undefined
  /** What the client says it has played. */
  reported: { readonly playedMs: number; readonly atMs: number } | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export class AudioOutput implements Player {
  readonly #clock: PlayoutClock["Service"]
  readonly #listener: AudioOutputListener
  #connection: UserConnection | undefined
  #sampleRate: number
  #framer: Framer
  #current: Current | undefined
  /** Somebody waits for room. */
  #waited = false
  /** Since when the connection has refused frames. */
  #refusedAt: number | undefined
  #slowTold = false
  #sentFrames = 0
  /** Hears what is played. */
  tap: AudioTap | undefined

  constructor(clock: PlayoutClock["Service"], listener: AudioOutputListener) {
    this.#clock = clock
    this.#listener = listener
    this.#sampleRate = 24_000
    this.#framer = this.#makeFramer()
  }

  /** How much has been handed to connections, in ms. */
  get sentMs(): number {
    return this.#sentFrames * frameMs
  }

  /** In Hz: what `push` must bring. It changes only with a connection. */
  get sampleRate(): number {
    return this.#sampleRate
  }

  /**
   * Sends to this connection from now on; `undefined` while there is none, and playout waits. A reply in flight goes on
   * from what was not heard; `convert` brings it to the connection's rate when that is another one.
   */
  attach(connection: UserConnection | undefined, convert: Convert): void {
    const current = this.#current
    if (current !== undefined) this.#stand(current, this.#clock.now())
    this.#connection = connection
    this.#accepted()
    this.#clock.remove(this)
    if (connection === undefined) return
    const rate = connection.format.output.sampleRate
    if (rate !== this.#sampleRate) this.#changeRate(rate, current, convert)
    if (current !== undefined) this.#play(current)
  }

  /** Begins a reply, which may be held from its beginning; a former one is gone. */
  begin(epoch: number, turn: number, held = false): void {
    this.#framer.reset()
    this.#accepted()
    this.#current = {
      epoch,
      turn,
      status: held ? "held" : "playing",
      frames: [],
      firstFrame: 0,
      cursor: 0,
      texts: [],
      told: 0,
      endMs: 0,
      finished: false,
      audible: false,
      origin: undefined,
      standing: 0,
      overAt: undefined,
      reported: undefined
    }
  }

  /** Takes speech at `sampleRate`, and keeps its samples; that of another epoch is dropped. */
  push(epoch: number, chunk: SpeechChunk): void {
    const current = this.#current
    if (current?.epoch !== epoch || current.finished) return
    if (chunk.text !== "") current.texts.push({ text: chunk.text, startMs: current.endMs, words: [] })
    const text = current.texts.at(-1)
    if (text !== undefined && chunk.words !== undefined) text.words.push(...chunk.words)
    current.endMs += chunk.pcm.length * 1000 / this.#sampleRate
    this.#take(current, chunk.pcm)
    this.#play(current)
  }

  /** No more speech will come for this reply. */
  finish(epoch: number): void {
    const current = this.#current
    if (current?.epoch !== epoch || current.finished) return
    this.#framer.flush()
    current.finished = true
    this.#play(current)
  }

  /** Whether the reply has more than `MAX_BUFFER_MS` to play; if so, `room` tells when it has not. */
  isFull(epoch: number): boolean {
    const current = this.#current
    const full = current?.epoch === epoch && this.#aheadMs(current, this.#clock.now()) > MAX_BUFFER_MS
    this.#waited ||= full
    return full
  }

  /** Falls silent, and can go on. */
  hold(epoch: number): void {
    const current = this.#current
    if (current?.epoch !== epoch || current.status === "held") return
    this.#stand(current, this.#clock.now(), this.#takeBack(current))
    current.status = "held"
    this.#accepted()
    this.#clock.remove(this)
  }

  /** Goes on where it was held, from the first sample that was not heard. */
  release(epoch: number): void {
    const current = this.#current
    if (current?.epoch !== epoch || current.status !== "held") return
    current.status = "playing"
    this.#play(current)
  }

  /** What has been heard of the reply so far: the words, and how many of its texts as a whole. */
  heard(epoch: number): { readonly text: string; readonly texts: number } | undefined {
    const current = this.#current
    if (current?.epoch !== epoch) return undefined
    const playedMs = this.#playedMs(current, this.#clock.now())
    const endMs = current.finished ? current.endMs : undefined
    const over = (index: number) => (current.texts[index + 1]?.startMs ?? endMs ?? Number.POSITIVE_INFINITY) <= playedMs
    return {
      text: spoken(current.texts, playedMs, endMs),
      texts: current.texts.filter((_, index) => over(index)).length
    }
  }

  /** Ends the reply for good, and tells what was heard of it. */
  end(epoch: number): { readonly text: string; readonly playedMs: number } {
    const current = this.#current
    if (current?.epoch !== epoch) return { text: "", playedMs: 0 }
    const nowMs = this.#clock.now()
    let playedMs = this.#playedMs(current, nowMs)
    const endMs = current.finished ? current.endMs : undefined
    this.#current = undefined
    this.#waited = false
    this.#framer.reset()
    this.#clock.remove(this)
    // a reply that has not begun leaves the end of the former one to be heard
    if (current.audible && (!current.finished || playedMs < current.endMs)) {
      playedMs = Math.min(playedMs, this.#takeBack(current))
      this.tap?.cut(nowMs)
    }
    return { text: spoken(current.texts, playedMs, endMs), playedMs }
  }

  /** The client has played so much of a turn. What it says can only shorten what counts as heard. */
  reported(turn: number, playedMs: number): void {
    const current = this.#current
    if (current?.turn === turn) current.reported = { playedMs, atMs: this.#clock.now() }
  }

  tick(nowMs: number): void {
    const current = this.#current
    if (current === undefined || current.status !== "playing") {
      this.#clock.remove(this)
      return
    }
    this.#send(current, nowMs)
  }

  failed(cause: unknown): void {
    this.#listener.failed(cause)
  }

  /** Whole frames are views of what came: only what ends within a frame is copied. */
  #take(current: Current, pcm: Int16Array): void {
    const size = Math.round(this.#sampleRate * frameMs / 1000)
    const { pending } = this.#framer
    let at = pending === 0 ? 0 : Math.min(size - pending, pcm.length)
    if (at > 0) this.#framer.push(pcm.subarray(0, at))
    for (; at + size <= pcm.length; at += size) current.frames.push(pcm.subarray(at, at + size))
    if (at < pcm.length) this.#framer.push(pcm.subarray(at))
  }

  #makeFramer(): Framer {
    return new Framer(Math.round(this.#sampleRate * frameMs / 1000), (frame) => {
      this.#current?.frames.push(frame.slice())
    })
  }

  /** What was not heard, at another rate. The clock has been stopped. */
  #changeRate(rate: number, current: Current | undefined, convert: Convert): void {
    const former = this.#sampleRate
    const real = this.#framer.pending
    if (real > 0) this.#framer.flush()
    this.#sampleRate = rate
    this.#framer = this.#makeFramer()
    if (current === undefined) return
    const frames = current.frames.slice(current.cursor - current.firstFrame)
    const size = Math.round(former * frameMs / 1000)
    const left = new Int16Array(frames.length * size - (real > 0 ? size - real : 0))
    for (const [index, frame] of frames.entries()) {
      left.set(frame.subarray(0, Math.min(size, left.length - index * size)), index * size)
    }
    current.frames = []
    current.firstFrame = current.cursor
    this.#take(current, convert(left, former, rate))
    if (current.finished) this.#framer.flush()
  }

  #play(current: Current): void {
    if (current.status !== "playing" || this.#connection === undefined) return
    this.#clock.add(this)
    this.#send(current, this.#clock.now())
  }

  /** The playout clock's position, in ms from the first frame: it never passes what was sent. */
  #position(current: Current, nowMs: number): number {
    return current.origin === undefined
      ? current.standing
      : Math.max(0, Math.min(nowMs - current.origin, current.cursor * frameMs))
  }

  #playedMs(current: Current, nowMs: number): number {
    const position = this.#position(current, nowMs)
    const { reported } = current
    const byClient = reported === undefined ? position : reported.playedMs + Math.max(0, nowMs - reported.atMs)
    return Math.min(position, byClient, current.endMs)
  }

  #aheadMs(current: Current, nowMs: number): number {
    return current.endMs - this.#position(current, nowMs)
  }

  /** Clears the connection, and returns how much of the reply has left it, in ms: no more can have been heard. */
  #takeBack(current: Current): number {
    const clearedMs = this.#connection?.clear() ?? 0
    return Math.max(0, current.cursor * frameMs - clearedMs)
  }

  /** Stops the playout clock, and goes back to the first sample that was not heard: at most to `leftMs`. */
  #stand(current: Current, nowMs: number, leftMs = Number.POSITIVE_INFINITY): void {
    if (current.origin !== undefined) this.tap?.cut(nowMs)
    // a client's report cannot take it back beyond what is kept
    current.standing = Math.max(Math.min(this.#playedMs(current, nowMs), leftMs), current.firstFrame * frameMs)
    current.origin = undefined
    current.overAt = undefined
    current.reported = undefined
    current.cursor = Math.max(current.firstFrame, Math.floor(current.standing / frameMs))
  }

  #send(current: Current, nowMs: number): void {
    const connection = this.#connection
    if (connection === undefined) return
    const total = current.firstFrame + current.frames.length
    if (current.origin === undefined) {
      if (current.cursor >= total && !current.finished) return
      current.origin = nowMs - current.standing
    }
    // the clock ran dry: it stands still until there is more to play
    if (current.cursor < total && nowMs - current.origin > current.cursor * frameMs) {
      current.origin = nowMs - current.cursor * frameMs
    }
    const until = nowMs - current.origin + LEAD_MS
    while (current.cursor < total && current.cursor * frameMs < until) {
      const frame = current.frames[current.cursor - current.firstFrame]
      if (frame === undefined) break
      if (!current.audible) {
        // told before its first frame, so that the client knows whose it is
        current.audible = true
        this.#listener.audible(current.epoch)
        // the session may have ended it in answer
        if (!this.#plays(current, connection)) return
      }
      if (!connection.send(frame)) {
        this.#refused(connection, nowMs)
        break
      }
      this.#accepted()
      this.#sentFrames++
      this.tap?.frame(frame, this.#sampleRate, current.origin + current.cursor * frameMs)
      current.cursor++
    }
    if (current.cursor >= total) connection.flush?.()
    if (!this.#plays(current, connection)) return
    this.#tellTexts(current, nowMs)
    if (!this.#plays(current, connection)) return
    this.#forget(current, nowMs)
    if (this.#waited && this.#aheadMs(current, nowMs) <= MAX_BUFFER_MS) {
      this.#waited = false
      this.#listener.room()
    }
    if (current.finished && current.cursor >= total && this.#isOver(current, nowMs)) {
      this.#clock.remove(this)
      this.#listener.played(current.epoch)
    }
  }

  #plays(current: Current, connection: UserConnection): boolean {
    return this.#current === current && current.status === "playing" && this.#connection === connection
  }

  /** Everything has been heard, by the playout clock and by a client that is not too late. */
  #isOver(current: Current, nowMs: number): boolean {
    if (this.#position(current, nowMs) < current.endMs) return false
    return this.#playedMs(current, nowMs) >= current.endMs || nowMs - (current.overAt ??= nowMs) >= MAX_LAG_MS
  }

  #tellTexts(current: Current, nowMs: number): void {
    const position = this.#position(current, nowMs)
    while (current.told < current.texts.length) {
      const text = current.texts[current.told]
      if (text === undefined || text.startMs > position || !current.audible) return
      current.told++
      this.#listener.text(current.epoch, text.text)
      if (this.#current !== current) return
    }
  }

  #forget(current: Current, nowMs: number): void {
    const keep = Math.floor((this.#position(current, nowMs) - KEEP_MS) / frameMs)
    // in batches: removing from the front of an array moves the rest
    if (keep - current.firstFrame < 100) return
    current.frames = current.frames.slice(keep - current.firstFrame)
    current.firstFrame = keep
  }

  #accepted(): void {
    this.#refusedAt = undefined
    this.#slowTold = false
  }

  #refused(connection: UserConnection, nowMs: number): void {
    this.#refusedAt ??= nowMs
    const forMs = nowMs - this.#refusedAt
    if (forMs >= DEAD_MS) {
      this.#refusedAt = undefined
      this.#listener.dead(connection)
    } else if (forMs >= SLOW_MS && !this.#slowTold) {
      this.#slowTold = true
      this.#listener.slow(connection)
    }
  }
}
