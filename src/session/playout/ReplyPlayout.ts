/**
 * One reply on its playout clock: the frames that are to be sent, and how much of them has been heard.
 *
 * Pure: it knows no connection, and time is given to it. Frames that were sent and not yet heard are kept, so that a held
 * reply goes on where it stopped, at another rate if need be.
 *
 * @since 0.1.0
 */
import { frameMs } from "../../audio/AudioFormat.ts"
import { Framer } from "../../audio/Framer.ts"
import type { ReplyLeft } from "../../conversation/ConversationInput.ts"
import type { SpeechChunk } from "../../speech/TextToSpeech.ts"
import { msPerCharacter, spoken, type SpokenText } from "./SpokenSoFar.ts"

/** A client that reports a position further behind the playout clock than this is not waited for, in ms. */
const MAX_LAG_MS = 1_000

/** Frames are kept for this long after they were played, in ms, for a resume from a position that a client reports late. */
const KEEP_MS = 2_000

/** The last texts of a reply hold its last sentence: a voice may be given it in pieces. */
const LAST_TEXTS = 4

/** Played frames are dropped in batches: removing from the front of an array moves the rest. */
const DROP_BATCH = 100

/**
 * Converts samples from one rate to another (in Hz).
 *
 * @category models
 * @since 0.1.0
 */
export type Convert = (samples: Int16Array, from: number, to: number) => Int16Array

/**
 * What of a reply has been heard: the words, and how many of its texts to the end of their speech.
 *
 * @category models
 * @since 0.1.0
 */
export interface HeardSpeech {
  readonly text: string
  readonly texts: number
}

const frameSize = (sampleRate: number): number => Math.round(sampleRate * frameMs / 1000)

/**
 * Positions are ms from the first frame of the reply.
 *
 * @category models
 * @since 0.1.0
 */
export class ReplyPlayout {
  readonly epoch: number
  readonly turn: number
  /** A held reply is silent, and can go on. */
  held: boolean
  /** Whether its first frame has been sent, or is about to be. */
  audible = false
  /** Words that are sent as text alone, and how many of these pieces have been told. */
  readonly written: Array<string> = []
  told = 0
  /** Whether all of its audio has been pushed. */
  finished = false
  #sampleRate: number
  #framer: Framer
  /** Frames from `#firstFrame` on; earlier ones have been played and dropped. */
  #frames: Array<Int16Array> = []
  #firstFrame = 0
  /** The next frame to send. */
  #cursor = 0
  readonly #texts: Array<SpokenText> = []
  #emittedTexts = 0
  /** The slowest of its texts whose end was told, in ms a character. */
  #slowestMs: number | undefined
  /** Where the audio pushed so far ends. */
  #endMs = 0
  /** When frame 0 was, or would have been, played: the playout clock. `undefined` while it is stopped. */
  #originMs: number | undefined
  /** The position of the playout clock while it is stopped. */
  #stoppedAtMs = 0
  /** Since when the playout clock has been at the end. */
  #endReachedAt: number | undefined
  /** What the client reports as played. */
  #reported: { readonly playedMs: number; readonly atMs: number } | undefined

  constructor(epoch: number, turn: number, held: boolean, sampleRate: number) {
    this.epoch = epoch
    this.turn = turn
    this.held = held
    this.#sampleRate = sampleRate
    this.#framer = this.#makeFramer()
  }

  /** Takes speech at the rate of the reply, and keeps its samples. */
  push({ end, lengths, pcm, text, words }: SpeechChunk): void {
    if (this.finished) return
    if (text !== "") {
      this.#endText(true)
      this.#texts.push({ text, startMs: this.#endMs, words: [], lengths })
    }
    if (words !== undefined) this.#texts.at(-1)?.words.push(...words)
    this.#endMs += pcm.length * 1000 / this.#sampleRate
    this.#append(pcm)
    if (end === "whole") this.#measure()
    if (end !== undefined) this.#endText(end === "whole")
  }

  /** No more speech will come. */
  finish(): void {
    this.#framer.flush()
    this.finished = true
    this.#endText(true)
  }

  /** The speech of the last text breaks off, unless it has ended: how much of it was spoken is an estimate. */
  breakOff(): void {
    this.#endText(false)
  }

  /** Whether all frames so far have been sent. */
  get isSent(): boolean {
    return this.#cursor >= this.#firstFrame + this.#frames.length
  }

  /** How much has been sent. */
  get sentMs(): number {
    return this.#cursor * frameMs
  }

  /** When the next frame is to be heard, in ms of Unix time. The clock runs. */
  get nextFrameAt(): number {
    return (this.#originMs ?? 0) + this.#cursor * frameMs
  }

  /**
   * Starts the playout clock, unless there is nothing to play. A clock that ran dry has stood still until now. Returns how
   * far it has come, not bounded by what was sent; `undefined` when it does not run.
   */
  runClock(nowMs: number): number | undefined {
    if (this.#originMs === undefined) {
      if (this.isSent && !this.finished) return undefined
      this.#originMs = nowMs - this.#stoppedAtMs
    }
    if (!this.isSent && nowMs - this.#originMs > this.sentMs) this.#originMs = nowMs - this.sentMs
    return nowMs - this.#originMs
  }

  /** Stops the playout clock, and goes back to the first frame that was not heard: at most to `limitMs`. */
  stopClock(nowMs: number, limitMs = Number.POSITIVE_INFINITY): void {
    // a client's report cannot take it back beyond what is kept
    this.#stoppedAtMs = Math.max(Math.min(this.playedMs(nowMs), limitMs), this.#firstFrame * frameMs)
    this.#originMs = undefined
    this.#endReachedAt = undefined
    this.#reported = undefined
    this.#cursor = Math.max(this.#firstFrame, Math.floor(this.#stoppedAtMs / frameMs))
  }

  /** While the clock stands: goes back to a position, as far as its audio is kept. */
  takeBack(playedMs: number): void {
    if (playedMs < this.#stoppedAtMs) this.stopClock(0, playedMs)
  }

  get isClockRunning(): boolean {
    return this.#originMs !== undefined
  }

  /** The next frame, when it begins before this position. */
  frameBefore(untilMs: number): Int16Array | undefined {
    return this.sentMs < untilMs ? this.#frames[this.#cursor - this.#firstFrame] : undefined
  }

  /** The next frame has been sent. */
  advance(): void {
    this.#cursor++
  }

  /** The client has played so much, by its own report. */
  report(playedMs: number, nowMs: number): void {
    this.#reported = { playedMs, atMs: nowMs }
  }

  /** The position of the playout clock: it never passes what was sent. */
  positionMs(nowMs: number): number {
    return this.#originMs === undefined
      ? this.#stoppedAtMs
      : Math.max(0, Math.min(nowMs - this.#originMs, this.sentMs))
  }

  /** How much has been heard: by the playout clock, or less by the client's report. */
  playedMs(nowMs: number): number {
    const position = this.positionMs(nowMs)
    const reported = this.#reported
    const byClient = reported === undefined ? position : reported.playedMs + Math.max(0, nowMs - reported.atMs)
    return Math.min(position, byClient, this.#endMs)
  }

  /** How much of what was pushed is still to be played. */
  aheadMs(nowMs: number): number {
    return this.#endMs - this.positionMs(nowMs)
  }

  /**
   * What is still to be heard of it, and its last texts; `undefined` while more of its last text is to come. A reply that waits
   * for more in silence counts as heard.
   */
  left(nowMs: number): ReplyLeft | undefined {
    if (!this.audible) return undefined
    const ms = this.#endMs - this.playedMs(nowMs)
    const mayGoOn = !this.finished && ms >= frameMs
    if (mayGoOn && this.#texts.at(-1)?.end === undefined) return undefined
    const text = this.#texts.slice(-LAST_TEXTS).map(({ text }) => text).join(" ")
    return mayGoOn ? { ms, text, mayGoOn } : { ms, text }
  }

  /** Whether all audio so far ends before this position. */
  endsBy(playedMs: number): boolean {
    return this.finished && playedMs >= this.#endMs
  }

  /** What is heard of it up to a position. */
  heardBy(playedMs: number): HeardSpeech {
    if (this.written.length > 0) return { text: this.written.slice(0, this.told).join(" ").trim(), texts: this.told }
    const texts = this.#texts.filter(({ end }) => end !== undefined && end.atMs - playedMs < frameMs)
    return { text: spoken(this.#texts, playedMs, this.#slowestMs), texts: texts.length }
  }

  /** The words up to a position, without what holds the audio. */
  get timing(): (playedMs: number) => string {
    const texts = this.#texts
    const slowestMs = this.#slowestMs
    return (playedMs) => spoken(texts, playedMs, slowestMs)
  }

  /** The next text whose speech has begun, once each. */
  nextText(nowMs: number): string | undefined {
    const next = this.#texts[this.#emittedTexts]
    if (next === undefined || !this.audible || next.startMs > this.positionMs(nowMs)) return undefined
    this.#emittedTexts++
    return next.text
  }

  /** Drops frames that were played long ago. */
  dropPlayed(nowMs: number): void {
    const keepFrom = Math.floor((this.positionMs(nowMs) - KEEP_MS) / frameMs)
    if (keepFrom - this.#firstFrame < DROP_BATCH) return
    this.#frames = this.#frames.slice(keepFrom - this.#firstFrame)
    this.#firstFrame = keepFrom
  }

  /** Whether everything has been heard, by the playout clock and by a client that is not too far behind. */
  isOver(nowMs: number): boolean {
    if (!this.finished || !this.isSent || this.positionMs(nowMs) < this.#endMs) return false
    return this.playedMs(nowMs) >= this.#endMs || nowMs - (this.#endReachedAt ??= nowMs) >= MAX_LAG_MS
  }

  /** Converts what was not heard to another rate. The clock has been stopped. */
  changeRate(sampleRate: number, convert: Convert): void {
    const former = this.#sampleRate
    const size = frameSize(former)
    const partial = this.#framer.pending
    if (partial > 0) this.#framer.flush()
    const frames = this.#frames.slice(this.#cursor - this.#firstFrame)
    const rest = new Int16Array(frames.length * size - (partial > 0 ? size - partial : 0))
    for (const [index, frame] of frames.entries()) {
      rest.set(frame.subarray(0, Math.min(size, rest.length - index * size)), index * size)
    }
    this.#sampleRate = sampleRate
    this.#framer = this.#makeFramer()
    this.#frames = []
    this.#firstFrame = this.#cursor
    this.#append(convert(rest, former, sampleRate))
    if (this.finished) this.#framer.flush()
  }

  /** Learns how slowly the voice speaks, from its last text. */
  #measure(): void {
    const last = this.#texts.at(-1)
    const ms = last === undefined || last.end !== undefined ? undefined : msPerCharacter(last, this.#endMs)
    if (ms !== undefined) this.#slowestMs = Math.max(this.#slowestMs ?? ms, ms)
  }

  #endText(isWhole: boolean): void {
    const last = this.#texts.at(-1)
    if (last !== undefined) last.end ??= { atMs: this.#endMs, isWhole }
  }

  /** Whole frames are views of what came: only what ends within a frame is copied. */
  #append(pcm: Int16Array): void {
    const size = frameSize(this.#sampleRate)
    const { pending } = this.#framer
    let at = pending === 0 ? 0 : Math.min(size - pending, pcm.length)
    if (at > 0) this.#framer.push(pcm.subarray(0, at))
    for (; at + size <= pcm.length; at += size) this.#frames.push(pcm.subarray(at, at + size))
    if (at < pcm.length) this.#framer.push(pcm.subarray(at))
  }

  #makeFramer(): Framer {
    return new Framer(frameSize(this.#sampleRate), (frame) => void this.#frames.push(frame.slice()))
  }
}
