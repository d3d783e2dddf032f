/**
 * What both sides are put under: the load, the sink and the meter that they share.
 *
 * @since 0.1.0
 */

/** In Hz. */
export const INPUT_RATE = 16_000
/** In Hz. */
export const OUTPUT_RATE = 24_000
export const FRAME_MS = 20
/** The sink has no room while more than this waits in it, in ms: as much as a room's audio source takes. */
export const SINK_MS = 200

export const question = "what is the weather today"
export const answer = "It is sunny with a light breeze from the west."

/** What the fakes take for speech: one look at a frame, so that they cost next to nothing. */
export const isSpeech = (pcm: Int16Array): boolean => (pcm[0] ?? 0) > 1_000

/** One run of one side in a process of its own. Frames are of 20 ms. */
export interface Load {
  readonly peer: string
  readonly sessions: number
  /** A session's turn, in frames: speech at its beginning, then silence. */
  readonly cycle: number
  readonly speech: number
  /** Not measured, then measured. `seconds: 0` drives nothing: the sessions are only opened and closed. */
  readonly warmSeconds: number
  readonly seconds: number
  /** Of each reply. */
  readonly replyMs: number
  /** In which pieces the voice gives it, all of them at once. */
  readonly chunkMs: number
  /** Memory is looked at, after garbage collection, every so many seconds of the window. Default: never. */
  readonly memoryEvery?: number | undefined
  /** More sessions come while those are served: so many each second, up to this many more. Default: none. */
  readonly arrivals?: { readonly perSecond: number; readonly upTo: number } | undefined
  /** A possible interruption first pauses the reply, in place of ending it at the first sound. */
  readonly pause: boolean
  /** Ours only: sessions are let in however late the event loop is. Default: as a backend does by itself. */
  readonly patient?: boolean | undefined
  /** Ours only: what is watched, and whom it is sent to. Default: what a backend does by itself. */
  readonly telemetry?: { readonly tracing: boolean; readonly metrics: boolean; readonly endpoint?: string }
}

/** Speech of the user, from the push of its first silent frame to the first frame at the sink. All times in ms. */
export interface Turn {
  readonly due: number
  readonly pushed: number
  first?: number
}

/** Speech of the user while the agent is heard. */
export interface Barge {
  readonly pushed: number
  /** The fake detector has reported it. */
  decided?: number
  /** The sink was emptied or stopped. */
  cut?: number
  /** A frame was given to the sink after that. */
  last?: number
  /** What the sink played to the user since the speech began, in ms. */
  heardMs: number
}

/** Notes what happens in one session. */
export class Meter {
  turns: Array<Turn> = []
  barges: Array<Barge> = []
  #turn: Turn | undefined
  #barge: Barge | undefined

  reset(): void {
    this.turns = []
    this.barges = []
    this.#turn = undefined
    this.#barge = undefined
  }

  speechBegins(overReply: boolean): void {
    this.#turn = undefined
    if (!overReply) return
    this.#barge = { pushed: performance.now(), heardMs: 0 }
    this.barges.push(this.#barge)
  }

  speechEnds(due: number): void {
    this.#barge = undefined
    this.#turn = { due, pushed: performance.now() }
    this.turns.push(this.#turn)
  }

  decided(): void {
    if (this.#barge !== undefined) this.#barge.decided ??= performance.now()
  }

  frame(): void {
    if (this.#turn !== undefined) this.#turn.first ??= performance.now()
    if (this.#barge !== undefined) this.#barge.last = performance.now()
  }

  cut(): void {
    if (this.#barge !== undefined) this.#barge.cut ??= performance.now()
  }

  heard(ms: number): void {
    if (this.#barge !== undefined) this.#barge.heardMs += ms
  }
}

/** Plays at the speed of speech: `play` is called in each frame's time. */
export class Sink {
  readonly meter: Meter
  queuedMs = 0
  paused = false

  constructor(meter: Meter) {
    this.meter = meter
  }

  get isFull(): boolean {
    return this.queuedMs > SINK_MS
  }

  /** Something is being heard. */
  get isAudible(): boolean {
    return this.queuedMs > 0 && !this.paused
  }

  take(ms: number): void {
    this.queuedMs += ms
    if (!this.paused) this.meter.frame()
  }

  /** Returns how much was played, in ms. */
  play(ms: number): number {
    if (this.paused) return 0
    const played = Math.min(ms, this.queuedMs)
    this.queuedMs -= played
    if (played > 0) this.meter.heard(played)
    return played
  }

  /** Returns how much was dropped, in ms. */
  clear(): number {
    const dropped = this.queuedMs
    this.queuedMs = 0
    this.meter.cut()
    return dropped
  }
}

/** A session of one side, as the driver sees it. */
export interface Driven {
  readonly sink: Sink
  /** The user's next frame, made for this call; the receiver may keep it. */
  readonly push: (pcm: Int16Array) => void
  /** A frame's time has passed at the sink. */
  readonly tick: () => void
  readonly close: () => Promise<void>
}

/** One side. */
export interface Peer {
  readonly open: (sink: Sink) => Promise<Driven>
  readonly close: () => Promise<void>
}

/** What a side's module has to offer. */
export interface PeerModule {
  readonly connect: (load: Load) => Promise<Peer>
}
