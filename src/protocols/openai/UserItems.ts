/**
 * What the user says, as items of the OpenAI Realtime protocol.
 *
 * An item is announced when the user begins to speak, and made when the turn is over. A turn of ours may go on after a pause, and a
 * question that nobody has answered yet is taken back into it: its item is deleted, and comes again with all words.
 *
 * @since 0.1.0
 */
import type { Entry, Items, RealtimeItem } from "./Items.ts"
import type { RealtimeSession } from "./RealtimeSession.ts"
import type { Emit } from "./ServerEvents.ts"

/** How long after its end the words of a turn may come at most, in ms, and of how many turns they are awaited. */
const MAX_TRANSCRIPT_MS = 10_000
const MAX_AWAITING = 8

/** The user's words that have no item yet. */
interface OpenSpeech {
  readonly itemId: string
  /** In ms of the audio that has arrived. */
  readonly startMs: number
  isSpeaking: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface UserItemsOptions {
  readonly emit: Emit
  readonly newId: (prefix: string) => string
  readonly items: Items
  readonly session: () => RealtimeSession
  /** How much audio has arrived, in ms. */
  readonly inputMs: () => number
  /** Unix time in ms. */
  readonly now: () => number
}

/**
 * @category models
 * @since 0.1.0
 */
export class UserItems {
  readonly #options: UserItemsOptions
  #speech: OpenSpeech | undefined
  /** Items that the client has committed, and whose words have not come. */
  #awaiting: Array<{ readonly entry: Entry; readonly seconds: number; readonly atMs: number }> = []
  #idleSinceMs = 0

  constructor(options: UserItemsOptions) {
    this.#options = options
  }

  /** The user begins to speak. */
  started(): void {
    const { emit, inputMs, newId, session } = this.#options
    const startMs = Math.round(inputMs())
    this.#speech ??= { itemId: newId("item"), startMs, isSpeaking: false }
    if (session().audio.input.turn_detection === null || this.#speech.isSpeaking) return
    this.#speech.isSpeaking = true
    emit("input_audio_buffer.speech_started", { audio_start_ms: startMs, item_id: this.#speech.itemId })
  }

  /** The user pauses. */
  stopped(): void {
    const speech = this.#speech
    this.silent()
    if (speech?.isSpeaking !== true) return
    speech.isSpeaking = false
    this.#options.emit("input_audio_buffer.speech_stopped", {
      audio_end_ms: Math.round(this.#idleSinceMs),
      item_id: speech.itemId
    })
  }

  /** Nobody speaks from now on. */
  silent(): void {
    this.#idleSinceMs = this.#options.inputMs()
  }

  /** What the user has said is forgotten, or was no turn. */
  drop(): void {
    this.#speech = undefined
  }

  /** The client has ended the user's turn, with so much audio. */
  commit(seconds: number): void {
    const entry = this.#add({ type: "input_audio", transcript: null }, undefined)
    const atMs = this.#options.now()
    // a turn in which nothing was understood never gets its words
    this.#awaiting = [...this.#awaiting.filter((each) => atMs - each.atMs < MAX_TRANSCRIPT_MS), {
      entry,
      seconds,
      atMs
    }]
    if (this.#awaiting.length > MAX_AWAITING) this.#awaiting.shift()
  }

  /**
   * The user has been silent for as long as the client waits: an empty item is committed. Returns whether the client waits at all, and
   * wants a response then.
   */
  timedOut(): boolean {
    const { emit, inputMs, newId, session } = this.#options
    const { audio: { input: { turn_detection } }, type } = session()
    if (turn_detection?.type !== "server_vad" || turn_detection.idle_timeout_ms === null) return false
    if (type === "transcription" || this.#speech?.isSpeaking === true) return false
    this.#speech ??= { itemId: newId("item"), startMs: Math.round(this.#idleSinceMs), isSpeaking: false }
    emit("input_audio_buffer.timeout_triggered", {
      audio_start_ms: Math.round(this.#idleSinceMs),
      audio_end_ms: Math.round(inputMs()),
      item_id: this.#speech.itemId
    })
    this.#add({ type: "input_audio", transcript: null }, undefined)
    return turn_detection.create_response
  }

  /** The words of a turn, which is over. `takenBack` is called before a former item of it is deleted. */
  words(turn: number, text: string, takenBack: () => void): void {
    const { emit, inputMs, items } = this.#options
    const awaited = this.#awaiting.shift()
    if (awaited !== undefined) {
      this.#transcribed(items.relate(awaited.entry, { turn, role: "user" }), text, awaited.seconds)
      return
    }
    const seconds = this.#speech === undefined ? 0 : (inputMs() - this.#speech.startMs) / 1_000
    const former = items.ofTurn(turn, "user")
    if (former !== undefined) {
      takenBack()
      items.remove(former.item.id)
      emit("conversation.item.deleted", { item_id: former.item.id })
    }
    const typed = this.#speech === undefined
    const entry = this.#add(typed ? { type: "input_text", text } : { type: "input_audio", transcript: null }, turn)
    if (!typed) this.#transcribed(entry, text, seconds)
  }

  #add(part: Extract<RealtimeItem, { type: "message" }>["content"][number], turn: number | undefined): Entry {
    const { emit, items, newId } = this.#options
    const id = this.#speech?.itemId ?? newId("item")
    this.#speech = undefined
    const previous_item_id = items.lastId
    const item: RealtimeItem = {
      id,
      object: "realtime.item",
      type: "message",
      status: "completed",
      role: "user",
      content: [part]
    }
    if (part.type === "input_audio") emit("input_audio_buffer.committed", { item_id: id, previous_item_id })
    const entry = items.add(item, turn === undefined ? undefined : { turn, role: "user" })
    emit("conversation.item.added", { previous_item_id, item })
    emit("conversation.item.done", { previous_item_id, item })
    return entry
  }

  #transcribed(entry: Entry, text: string, seconds: number): void {
    const { emit, items, session } = this.#options
    const { id } = entry.item
    if (entry.item.type === "message") {
      items.replace(entry, { ...entry.item, content: [{ type: "input_audio", transcript: text }] })
    }
    if (session().audio.input.transcription === null) return
    const within = { item_id: id, content_index: 0 }
    emit("conversation.item.input_audio_transcription.delta", { ...within, delta: text })
    emit("conversation.item.input_audio_transcription.completed", {
      ...within,
      transcript: text,
      usage: { type: "duration", seconds: Math.round(seconds * 100) / 100 }
    })
  }
}
