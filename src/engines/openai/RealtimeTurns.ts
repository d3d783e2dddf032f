/**
 * The user's turns with OpenAI's Realtime API: where they begin and end, and their transcripts. Plain and synchronous.
 *
 * @since 0.1.0
 */
import type { S2sContext } from "../hosted/s2s/S2sContext.ts"
import type { S2sListener } from "../hosted/s2s/S2sProtocol.ts"
import type { UserAudio } from "../hosted/s2s/UserAudio.ts"

/** Transcripts and items that may be unfinished. */
const MAX_OPEN = 64
const MAX_TRANSCRIPT = 16_384

/** With `answers: false`: a turn whose transcript has not arrived. */
interface PendingTranscript {
  readonly request: string | undefined
  /** The id of the message that ended it, where the backend decides turns. */
  commit: string | undefined
  /** The item of its audio, once it is known. */
  item: string | undefined
  since: number
}

/**
 * Options of the user's turns.
 *
 * - `answers`: whether the model answers by itself.
 * - `now`: a monotonic clock, in ms.
 * - `transcribed`: a pending turn is complete.
 * - `deleteItem`: removes an item of the user from the model's conversation.
 *
 * @category models
 * @since 0.1.0
 */
export interface RealtimeTurnsOptions {
  readonly emit: S2sListener["emit"]
  readonly context: S2sContext
  readonly audio: UserAudio
  readonly answers: boolean
  readonly now: () => number
  readonly transcribed: () => void
  readonly deleteItem: (item: string) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export class RealtimeTurns {
  readonly #options: RealtimeTurnsOptions
  readonly #pending: Array<PendingTranscript> = []
  /** The items of the user's audio that has not been answered. */
  #unanswered: Array<string> = []
  readonly #interims = new Map<string, string>()
  /** The latest item of the user's audio: what a transcript is about that names none. */
  #latest = ""
  #unnamed = 0

  constructor(options: RealtimeTurnsOptions) {
    this.#options = options
  }

  /** Whether the transcript of a turn has not arrived. */
  get isPending(): boolean {
    return this.#pending.length > 0
  }

  /** Since when the oldest of such transcripts is waited for, in ms. */
  get pendingSince(): number | undefined {
    return this.#pending[0]?.since
  }

  /** A turn has ended, and its transcript is waited for. */
  add(request: string | undefined, commit?: string): void {
    this.#pending.push({ request, commit, item: undefined, since: this.#options.now() })
    if (this.#pending.length > MAX_OPEN) this.#transcribed(this.#pending.shift())
  }

  /** The server hears the user begin or end. */
  speech(started: boolean): void {
    const { answers, audio, emit } = this.#options
    if (started) {
      // audio that is sent again after a lost connection
      const again = audio.state === "awaiting" && audio.chunks.length > 0 && audio.replayed
      if (audio.state === "speaking" || again) return
      audio.state = "speaking"
      audio.trim()
    } else {
      audio.replayed = false
      if (audio.state !== "speaking") return
      audio.state = "awaiting"
      if (!answers) this.add(undefined)
    }
    emit({ _tag: started ? "UserSpeechStarted" : "UserSpeechStopped" })
  }

  /** The user's audio has become an item. */
  committed(item: string | null | undefined): void {
    this.#latest = item ?? `item-${++this.#unnamed}`
    if (this.#unanswered.length < MAX_OPEN) this.#unanswered.push(this.#latest)
    const turn = this.#pending.find((other) => other.item === undefined)
    if (turn !== undefined) turn.item = this.#latest
    // fixes its position: its transcript may arrive after that of the reply
    this.#options.context.add("user", this.#latest, "")
  }

  /** A piece of an item's transcript. */
  interim(named: string | null | undefined, delta: string): void {
    const item = named ?? this.#latest
    const text = (this.#interims.get(item) ?? "") + delta
    if (text.length > MAX_TRANSCRIPT || (this.#interims.size >= MAX_OPEN && !this.#interims.has(item))) return
    this.#interims.set(item, text)
    this.#options.emit({ _tag: "UserTranscript", text, final: false })
  }

  /** The whole transcript of an item. */
  transcript(named: string | null | undefined, text: string): void {
    const { answers, context, deleteItem, emit } = this.#options
    const item = named ?? this.#latest
    this.#interims.delete(item)
    context.add("user", item, text)
    if (text.trim() !== "") emit({ _tag: "UserTranscript", text, final: true })
    if (answers || !this.isPending) return
    this.#end(Math.max(0, this.#pending.findIndex((turn) => turn.item === item)))
    // the history belongs to the session's agent, not to the model
    deleteItem(item)
  }

  /** A turn in whose audio the server hears nothing: it gets no transcript. */
  nothingHeard(commit: string | undefined): void {
    const at = this.#pending.findIndex((turn) =>
      commit === undefined ? turn.item === undefined : turn.commit === commit
    )
    if (at >= 0) this.#end(at)
  }

  #end(at: number): void {
    const { audio, transcribed } = this.#options
    const [turn] = this.#pending.splice(at, 1)
    if (!this.isPending && audio.state === "awaiting") audio.state = "quiet"
    transcribed()
    this.#transcribed(turn)
  }

  #transcribed(turn: PendingTranscript | undefined): void {
    this.#options.emit({ _tag: "UserTurnTranscribed", request: turn?.request })
  }

  /** The transcripts that are waited for do not come. */
  giveUp(): void {
    for (const turn of this.#pending.splice(0)) this.#transcribed(turn)
  }

  /** The model answers what was said. */
  answered(): void {
    if (this.#unanswered.length > 0) this.#unanswered = []
  }

  /** What was said and not answered is sent again, and becomes other items. */
  removeUnanswered(): void {
    for (const item of this.#unanswered.splice(0)) this.#options.context.remove(item)
  }

  /** The audio is sent again on a new connection; `commit` has ended it, where the backend decides turns. */
  reconnected(commit: string | undefined): void {
    for (const turn of this.#pending) {
      turn.since = this.#options.now()
      turn.commit = commit
    }
  }

  /** The connection is lost. */
  disconnected(): void {
    this.#interims.clear()
    // all audio that is sent again makes one turn
    for (const turn of this.#pending.splice(0, this.#pending.length - 1)) this.#transcribed(turn)
    for (const turn of this.#pending) turn.item = undefined
  }
}
