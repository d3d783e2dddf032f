/**
 * Plays the agent's speech: paced at the speed of speech, at most 200 ms ahead of it, and stopped at once.
 *
 * A plain object on the hot path. It plays one reply at a time, identified by its epoch: what belongs to another epoch is
 * dropped, so nothing of an ended reply can be sent.
 *
 * @since 0.1.0
 */
import { frameMs } from "../../audio/AudioFormat.ts"
import type { ReplyLeft } from "../../conversation/ConversationInput.ts"
import type { SpeechChunk } from "../../speech/TextToSpeech.ts"
import type { UserConnection } from "../UserConnection.ts"
import type { Player, PlayoutClock } from "./PlayoutClock.ts"
import { type Convert, type HeardSpeech, ReplyPlayout } from "./ReplyPlayout.ts"
import { SlowConnection } from "./SlowConnection.ts"

/**
 * How far ahead of the speed of speech frames are sent to the connection, in ms: enough for a browser's jitter, and no
 * more than may still be heard when a connection cannot take audio back.
 *
 * @category constants
 * @since 0.1.0
 */
export const LEAD_MS = 200

/**
 * A reply's speech is not synthesized further ahead than this, in ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BUFFER_MS = 10_000

/**
 * Callbacks of the output; synchronous.
 *
 * @category models
 * @since 0.1.0
 */
export interface AudioOutputListener {
  /** The first frame of a reply is about to be sent. */
  readonly audible: (epoch: number) => void
  /** The speech of a text begins. */
  readonly text: (epoch: number, text: string) => void
  /** All of the reply has been played. */
  readonly played: (epoch: number) => void
  readonly slow: (connection: UserConnection) => void
  readonly dead: (connection: UserConnection) => void
  /** The reply has less than `MAX_BUFFER_MS` to play again, and more may be pushed. */
  readonly drained: () => void
  /** A tick threw, and playout has stopped. */
  readonly failed: (cause: unknown) => void
  /** Whether anything may be played, at this time of the clock; asked with each tick. Default: always. */
  readonly mayPlay?: (clockMs: number) => boolean
}

/**
 * Takes what is played; synchronous. A frame is valid during the call only.
 *
 * @category models
 * @since 0.1.0
 */
export interface AudioTap {
  /** A frame at this rate (in Hz), to be heard at this time. */
  readonly frame: (pcm: Int16Array, sampleRate: number, atMs: number) => void
  /** Nothing of what was sent is heard from this time on. */
  readonly cut: (atMs: number) => void
}

/** The timing of a reply that has ended. */
interface EndedReply {
  readonly turn: number
  readonly playedMs: number
  readonly spoken: (playedMs: number) => string
}

/** So many of them are kept: a client tells what it has played soon after it has stopped. */
const MAX_ENDED = 4

/**
 * @category models
 * @since 0.1.0
 */
export class AudioOutput implements Player {
  readonly #clock: PlayoutClock["Service"]
  readonly #listener: AudioOutputListener
  readonly #slow = new SlowConnection()
  #connection: UserConnection | undefined
  #sampleRate = 24_000
  #reply: ReplyPlayout | undefined
  /** The time of playout, in ms, and by how much the clock has gone back. */
  #latestMs = Number.NEGATIVE_INFINITY
  #clockBehindMs = 0
  /** Whether `drained` is awaited. */
  #full = false
  #sentFrames = 0
  /** When the words of the last replies were spoken. */
  #ended: ReadonlyArray<EndedReply> = []
  /** The recorder of what is played. */
  tap: AudioTap | undefined
  /** Takes what is played, to know its echo: also what was cut, which a connection may play to its end. */
  echo: Pick<AudioTap, "frame"> | undefined
  /** Takes what is played, to cancel its echo: cut is only what the connection has taken back. */
  reference: AudioTap | undefined

  constructor(clock: PlayoutClock["Service"], listener: AudioOutputListener) {
    this.#clock = clock
    this.#listener = listener
  }

  /** How much has been sent to connections, in ms. */
  get sentMs(): number {
    return this.#sentFrames * frameMs
  }

  /** The rate of what `push` takes, in Hz. It changes only with a connection. */
  get sampleRate(): number {
    return this.#sampleRate
  }

  /**
   * Sends to this connection from now on; without one, playout waits. A reply in flight goes on from what was not heard;
   * `convert` brings it to the connection's rate when that is another one.
   */
  attach(connection: UserConnection | undefined, convert: Convert): void {
    const reply = this.#reply
    if (reply !== undefined) this.#stopClock(reply, this.#now())
    this.#connection = connection
    this.#slow.reset()
    this.#clock.remove(this)
    if (connection === undefined) return
    const rate = connection.format.output.sampleRate
    if (rate !== this.#sampleRate) {
      this.#sampleRate = rate
      reply?.changeRate(rate, convert)
    }
    if (reply !== undefined) this.#play(reply)
  }

  /** Begins a reply, held or not, in place of the former one. */
  begin(epoch: number, turn: number, held = false): void {
    this.#slow.reset()
    this.#reply = new ReplyPlayout(epoch, turn, held, this.#sampleRate)
  }

  /** Takes speech at `sampleRate`, and keeps its samples; that of another epoch is dropped. */
  push(epoch: number, chunk: SpeechChunk): void {
    const reply = this.#reply
    if (reply?.epoch !== epoch || reply.finished) return
    reply.push(chunk)
    this.#play(reply)
  }

  /** Takes words that are sent as text alone: they count as heard when they are told. */
  write(epoch: number, words: string): void {
    const reply = this.#reply
    if (reply?.epoch !== epoch || reply.finished) return
    reply.written.push(words)
    this.#play(reply)
  }

  /** The speech of the last text of this reply breaks off, unless it has ended. */
  breakOff(epoch: number): void {
    if (this.#reply?.epoch === epoch) this.#reply.breakOff()
  }

  /** No more speech will come for this reply. */
  finish(epoch: number): void {
    const reply = this.#reply
    if (reply?.epoch !== epoch || reply.finished) return
    reply.finish()
    this.#play(reply)
  }

  /** Whether the reply has more than `MAX_BUFFER_MS` to play; `drained` is called when it has less again. */
  isFull(epoch: number): boolean {
    const reply = this.#reply
    const full = reply?.epoch === epoch && reply.aheadMs(this.#now()) > MAX_BUFFER_MS
    this.#full ||= full
    return full
  }

  /** How much of what was pushed is still to be played, in ms. */
  aheadMs(epoch: number): number {
    return this.#reply?.epoch === epoch ? this.#reply.aheadMs(this.#now()) : 0
  }

  /** Silences the reply at once; it can go on. */
  hold(epoch: number): void {
    const reply = this.#reply
    if (reply?.epoch !== epoch || reply.held) return
    this.#stopClock(reply, this.#now(), this.#takeBack(reply))
    reply.held = true
    this.#slow.reset()
    this.#clock.remove(this)
  }

  /** Goes on where the reply was held, from the first frame that was not heard. */
  release(epoch: number): void {
    const reply = this.#reply
    if (reply?.epoch !== epoch || !reply.held) return
    reply.held = false
    this.#play(reply)
  }

  /** What has been heard of the reply so far. */
  heard(epoch: number): HeardSpeech | undefined {
    const reply = this.#reply
    return reply?.epoch === epoch ? reply.heardBy(reply.playedMs(this.#now())) : undefined
  }

  /** The user has heard so much of this reply, and no more of what was sent so far. */
  truncate(epoch: number, playedMs: number): void {
    const reply = this.#reply
    if (reply?.epoch !== epoch) return
    const nowMs = this.#now()
    if (reply.isClockRunning) reply.report(playedMs, nowMs)
    else reply.takeBack(playedMs)
  }

  /** The words of a turn's last reply up to this position, not beyond what was heard; `undefined` when it is long past. */
  heardAt(turn: number, playedMs: number): string | undefined {
    const last = this.#ended.findLast((reply) => reply.turn === turn)
    return last?.spoken(Math.min(playedMs, last.playedMs))
  }

  /** What of the present reply is still to be heard, once that is known. */
  get left(): ReplyLeft | undefined {
    return this.#reply?.left(this.#now())
  }

  /** Ends the reply for good, and returns what was heard of it. */
  end(epoch: number): { readonly text: string; readonly playedMs: number } {
    const reply = this.#reply
    if (reply?.epoch !== epoch) return { text: "", playedMs: 0 }
    const nowMs = this.#now()
    let playedMs = reply.playedMs(nowMs)
    this.#reply = undefined
    this.#full = false
    this.#clock.remove(this)
    // a reply that has not begun leaves the end of the former one to be heard
    if (reply.audible && !reply.endsBy(playedMs)) {
      playedMs = Math.min(playedMs, this.#takeBack(reply))
      this.tap?.cut(nowMs)
    }
    if (reply.audible && reply.written.length === 0) {
      const { turn } = reply
      this.#ended = [...this.#ended, { turn, playedMs, spoken: reply.timing }].slice(-MAX_ENDED)
    }
    return { text: reply.heardBy(playedMs).text, playedMs }
  }

  /** The client reports how much of a turn it has played. That can only shorten what counts as heard. */
  reported(turn: number, playedMs: number): void {
    if (this.#reply?.turn === turn) this.#reply.report(playedMs, this.#now())
  }

  /** The far end reports how much of a reply it has played; like `reported`. */
  playedAtFarEnd(epoch: number, playedMs: number): void {
    if (this.#reply?.epoch === epoch) this.#reply.report(playedMs, this.#now())
  }

  tick(clockMs: number): void {
    if (this.#listener.mayPlay?.(clockMs) === false) return
    const nowMs = this.#forward(clockMs)
    const reply = this.#reply
    if (reply === undefined || reply.held) return this.#clock.remove(this)
    this.#send(reply, nowMs)
  }

  failed(cause: unknown): void {
    this.#listener.failed(cause)
  }

  #play(reply: ReplyPlayout): void {
    if (reply.held || this.#connection === undefined) return
    this.#clock.add(this)
    const clockMs = this.#clock.now()
    if (this.#listener.mayPlay?.(clockMs) !== false) this.#send(reply, this.#forward(clockMs))
  }

  /** Clears the connection, and returns how much of the reply it has played at most, in ms. */
  #takeBack(reply: ReplyPlayout): number {
    const clearedMs = this.#connection?.clear() ?? 0
    if (reply.isClockRunning && clearedMs > 0) this.reference?.cut(reply.nextFrameAt - clearedMs)
    return Math.max(0, reply.sentMs - clearedMs)
  }

  #now(): number {
    return this.#forward(this.#clock.now())
  }

  /** The time of playout never goes back, whatever clock an application provides: it goes on from where it was. */
  #forward(clockMs: number): number {
    const nowMs = clockMs + this.#clockBehindMs
    if (nowMs < this.#latestMs) this.#clockBehindMs += this.#latestMs - nowMs
    else this.#latestMs = nowMs
    return this.#latestMs
  }

  #stopClock(reply: ReplyPlayout, nowMs: number, limitMs?: number): void {
    if (reply.isClockRunning) this.tap?.cut(nowMs)
    reply.stopClock(nowMs, limitMs)
  }

  #send(reply: ReplyPlayout, nowMs: number): void {
    const connection = this.#connection
    if (reply.written.length > 0) return connection === undefined ? undefined : this.#tell(reply, connection)
    const clockMs = connection === undefined ? undefined : reply.runClock(nowMs)
    if (connection === undefined || clockMs === undefined) return
    const untilMs = clockMs + (connection.leadMs ?? LEAD_MS)
    for (let frame = reply.frameBefore(untilMs); frame !== undefined; frame = reply.frameBefore(untilMs)) {
      if (!reply.audible) {
        // before its first frame, so that the client knows which reply the frame belongs to
        reply.audible = true
        this.#listener.audible(reply.epoch)
        // the session may have ended it in response
        if (!this.#isPlaying(reply, connection)) return
      }
      if (!connection.send(frame, reply.epoch, reply.sentMs)) {
        this.#refused(connection, nowMs)
        break
      }
      this.#slow.reset()
      this.#sentFrames++
      const atMs = reply.nextFrameAt
      this.tap?.frame(frame, this.#sampleRate, atMs)
      this.echo?.frame(frame, this.#sampleRate, atMs)
      this.reference?.frame(frame, this.#sampleRate, atMs)
      reply.advance()
    }
    if (reply.isSent) connection.flush?.()
    if (!this.#isPlaying(reply, connection)) return
    this.#emitTexts(reply, nowMs)
    if (!this.#isPlaying(reply, connection)) return
    reply.dropPlayed(nowMs)
    if (this.#full && reply.aheadMs(nowMs) <= MAX_BUFFER_MS) {
      this.#full = false
      this.#listener.drained()
    }
    if (reply.isOver(nowMs)) {
      this.#clock.remove(this)
      this.#listener.played(reply.epoch)
    }
  }

  /** Tells the words that were written, as they come: they have no time of their own. */
  #tell(reply: ReplyPlayout, connection: UserConnection): void {
    if (!reply.audible) {
      reply.audible = true
      this.#listener.audible(reply.epoch)
    }
    while (this.#isPlaying(reply, connection) && reply.told < reply.written.length) {
      this.#listener.text(reply.epoch, reply.written[reply.told++] ?? "")
    }
    if (!this.#isPlaying(reply, connection)) return
    this.#clock.remove(this)
    if (reply.finished) this.#listener.played(reply.epoch)
  }

  /** Callbacks may end the reply or replace the connection. */
  #isPlaying(reply: ReplyPlayout, connection: UserConnection): boolean {
    return this.#reply === reply && !reply.held && this.#connection === connection
  }

  #emitTexts(reply: ReplyPlayout, nowMs: number): void {
    for (let text = reply.nextText(nowMs); text !== undefined; text = reply.nextText(nowMs)) {
      this.#listener.text(reply.epoch, text)
      if (this.#reply !== reply) return
    }
  }

  #refused(connection: UserConnection, nowMs: number): void {
    const state = this.#slow.refused(nowMs)
    if (state === "dead") this.#listener.dead(connection)
    if (state === "slow") this.#listener.slow(connection)
  }
}
