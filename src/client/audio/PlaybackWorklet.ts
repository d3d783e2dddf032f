/**
 * The audio worklet that plays the agent's voice: a jitter buffer that drops interrupted audio and counts what was played.
 *
 * Loaded by `audioWorklet.addModule`. It imports nothing, so that a bundler can copy it as an asset. `PlaybackBuffer` is
 * pure; the processor around it is registered only inside an audio worklet.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface PlaybackOptions {
  /** The rate of the samples pushed and read, in Hz. */
  readonly sampleRate: number
  /** How much is buffered before playback starts, in milliseconds; default 60 (arrival jitter was measured at 35). */
  readonly prebufferMs?: number | undefined
  /** The capacity in milliseconds; audio beyond it is refused; default 30,000. */
  readonly capacityMs?: number | undefined
  /** How long a cleared turn fades out, in milliseconds; default 5, enough to avoid a click. */
  readonly fadeMs?: number | undefined
}

/** Turns that are told apart in the buffer; a server that changes the turn with every sample fills it with one. */
const MAX_SEGMENTS = 64

interface Segment {
  readonly turn: number
  samples: number
}

/**
 * A ring buffer of samples tagged by turn. Memory is allocated once, at construction.
 *
 * @category models
 * @since 0.1.0
 */
export class PlaybackBuffer {
  readonly #ring: Float32Array
  readonly #prebuffer: number
  readonly #fade: Float32Array
  #segments: Array<Segment> = []
  #read = 0
  #queued = 0
  #bufferingFor = 0
  #fadeAt: number
  #incoming = 0
  #playing = false
  #ranEmpty = false
  #turn = 0
  #played = 0
  #underruns = 0
  #refused = 0

  constructor(options: PlaybackOptions) {
    const samples = (ms: number) => Math.max(1, Math.round((options.sampleRate * ms) / 1_000))
    this.#prebuffer = samples(options.prebufferMs ?? 60)
    this.#ring = new Float32Array(samples(options.capacityMs ?? 30_000))
    this.#fade = new Float32Array(samples(options.fadeMs ?? 5))
    this.#fadeAt = this.#fade.length
  }

  /** Whether samples are being played; false while it buffers the first 60 ms. */
  get playing(): boolean {
    return this.#playing
  }

  /** Samples buffered. */
  get queued(): number {
    return this.#queued
  }

  /** The turn of the sample played last; 0 before any. */
  get turn(): number {
    return this.#turn
  }

  /** Samples of that turn played so far, across pauses and resends. */
  get played(): number {
    return this.#played
  }

  /** How often the buffer ran empty within a turn. */
  get underruns(): number {
    return this.#underruns
  }

  /** Samples refused because the buffer was full. */
  get refused(): number {
    return this.#refused
  }

  /** Samples pushed from now on belong to this turn. */
  beginTurn(turn: number): void {
    this.#incoming = turn
  }

  /** Buffers samples and returns how many fitted. */
  push(samples: Float32Array): number {
    const taken = Math.min(samples.length, this.#ring.length - this.#queued)
    this.#refused += samples.length - taken
    if (taken === 0) return 0
    if (this.#ranEmpty && this.#incoming === this.#turn) this.#underruns++
    this.#ranEmpty = false
    let at = (this.#read + this.#queued) % this.#ring.length
    for (let i = 0; i < taken; i++) {
      this.#ring[at] = samples[i]!
      at = at + 1 === this.#ring.length ? 0 : at + 1
    }
    this.#queued += taken
    const tail = this.#segments[this.#segments.length - 1]
    if (tail !== undefined && (tail.turn === this.#incoming || this.#segments.length >= MAX_SEGMENTS)) {
      tail.samples += taken
    } else this.#segments.push({ turn: this.#incoming, samples: taken })
    return taken
  }

  /**
   * Drops what is buffered of this turn and of earlier ones (of all turns without an argument), with a fade of 5 ms.
   * Returns how many samples were dropped.
   */
  clear(turn?: number): number {
    let dropped = 0
    let kept = this.#segments
    while (kept[0] !== undefined && (turn === undefined || kept[0].turn <= turn)) {
      dropped += kept[0].samples
      kept = kept.slice(1)
    }
    if (dropped === 0) return 0
    if (this.#playing) this.#startFade(dropped)
    this.#segments = kept
    this.#read = (this.#read + dropped) % this.#ring.length
    this.#queued -= dropped
    this.#playing = false
    this.#ranEmpty = false
    this.#bufferingFor = 0
    return dropped
  }

  /** Fills `out` with the next samples, and with silence where there are none. */
  read(out: Float32Array): void {
    let i = 0
    while (this.#fadeAt < this.#fade.length && i < out.length) out[i++] = this.#fade[this.#fadeAt++]!
    if (!this.#playing) {
      if (this.#queued > 0) this.#bufferingFor += out.length
      // A reply shorter than the prebuffer must be played, too: it starts after twice the prebuffer with what there is.
      if (this.#queued > 0 && (this.#queued >= this.#prebuffer || this.#bufferingFor >= 2 * this.#prebuffer)) {
        this.#playing = true
        this.#bufferingFor = 0
      }
    }
    while (this.#playing && i < out.length) {
      const segment = this.#segments[0]
      if (segment === undefined) {
        this.#playing = false
        this.#ranEmpty = true
        break
      }
      if (segment.turn !== this.#turn) {
        this.#turn = segment.turn
        this.#played = 0
      }
      const count = Math.min(segment.samples, out.length - i)
      for (let k = 0; k < count; k++) {
        out[i++] = this.#ring[this.#read]!
        this.#read = this.#read + 1 === this.#ring.length ? 0 : this.#read + 1
      }
      this.#played += count
      this.#queued -= count
      segment.samples -= count
      if (segment.samples === 0) this.#segments.shift()
    }
    out.fill(0, i)
  }

  #startFade(available: number): void {
    const length = this.#fade.length
    for (let i = 0; i < length; i++) {
      const sample = i < available ? this.#ring[(this.#read + i) % this.#ring.length]! : 0
      this.#fade[i] = sample * (1 - i / length)
    }
    this.#fadeAt = 0
  }
}

/**
 * What the page posts to the worklet.
 *
 * @category models
 * @since 0.1.0
 */
export type PlaybackCommand =
  | { readonly type: "turn"; readonly turn: number }
  | { readonly type: "audio"; readonly samples: Float32Array }
  | { readonly type: "clear"; readonly turn?: number | undefined }

/**
 * What the worklet posts to the page: about every 50 ms while it plays, and at every start, stop and clear.
 *
 * @category models
 * @since 0.1.0
 */
export interface PlaybackReport {
  readonly turn: number
  /** Samples of `turn` passed to the device, at the context's rate. */
  readonly played: number
  readonly queued: number
  readonly playing: boolean
  readonly underruns: number
}

declare const sampleRate: number
declare class AudioWorkletProcessor {
  readonly port: MessagePort
}
declare function registerProcessor(name: string, processor: new() => AudioWorkletProcessor): void

if (typeof registerProcessor === "function") {
  registerProcessor(
    "effect-voice-playback",
    class extends AudioWorkletProcessor {
      readonly #buffer = new PlaybackBuffer({ sampleRate })
      #sinceReport = 0
      #wasPlaying = false

      constructor() {
        super()
        this.port.onmessage = (event: MessageEvent<PlaybackCommand>) => {
          const command = event.data
          if (command.type === "audio") this.#buffer.push(command.samples)
          else if (command.type === "turn") this.#buffer.beginTurn(command.turn)
          else {
            this.#buffer.clear(command.turn)
            this.#report()
          }
        }
      }

      process(_inputs: unknown, outputs: ReadonlyArray<ReadonlyArray<Float32Array>>): boolean {
        const channel = outputs[0]?.[0]
        if (channel === undefined) return true
        this.#buffer.read(channel)
        this.#sinceReport += channel.length
        const playing = this.#buffer.playing
        if (playing !== this.#wasPlaying || (playing && this.#sinceReport >= sampleRate / 20)) this.#report()
        return true
      }

      #report(): void {
        this.#sinceReport = 0
        this.#wasPlaying = this.#buffer.playing
        const { playing, played, queued, turn, underruns } = this.#buffer
        const report: PlaybackReport = { turn, played, queued, playing, underruns }
        this.port.postMessage(report)
      }
    }
  )
}
