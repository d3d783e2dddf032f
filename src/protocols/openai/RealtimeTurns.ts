/**
 * Tells a client of the OpenAI Realtime protocol what happens in our session: what the user says becomes items, what the agent says
 * becomes responses.
 *
 * Ours and theirs differ in three ways. A turn of ours may go on after a pause, and a question that nobody has answered yet is taken
 * back into it: its item is deleted, and comes again with all words. A reply of ours may be paused and go on: that is a
 * cancelled response and another one, because the client has dropped what it had. And what was heard is known when the reply has ended: an
 * item that the client has cut meanwhile is confirmed then.
 *
 * @since 0.1.0
 */
import type { ClientToolCall } from "../../session/SessionControl.ts"
import type { SessionEvent } from "../../session/SessionEvent.ts"
import type { Entry, Items, RealtimeItem } from "./Items.ts"
import type { RealtimeSession } from "./RealtimeSession.ts"
import type { ResponseEnd, Responses } from "./Responses.ts"
import type { Emit } from "./ServerEvents.ts"
import { shares, type SpokenItem } from "./SpokenItem.ts"

/** How far ahead of what is heard audio is sent, in ms. */
const LEAD_MS = 200

/** How long after its end the words of a turn may come at most, in ms, and of how many turns they are awaited. */
const MAX_TRANSCRIPT_MS = 10_000
const MAX_AWAITING = 8

/** What the client has cut, and is confirmed when it is known what was heard. */
interface Truncation {
  readonly entry: Entry
  readonly contentIndex: number
  readonly audioEndMs: number
}

/** The user's words that have no item yet, or whose item has no words yet. */
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
export interface RealtimeTurnsOptions {
  readonly emit: Emit
  readonly newId: (prefix: string) => string
  readonly items: Items
  readonly responses: Responses
  readonly session: () => RealtimeSession
  /** How much audio has arrived, in ms. */
  readonly inputMs: () => number
  /** Unix time in ms. */
  readonly now: () => number
  readonly isWebRtc: boolean
}

const failuresOfServer = new Set(["drained", "drain_deadline", "link_ended", "failed", "taken_over"])

/**
 * @category models
 * @since 0.1.0
 */
export class RealtimeTurns {
  readonly #options: RealtimeTurnsOptions
  #speech: OpenSpeech | undefined
  /** Items of the user that the client has committed, and whose words have not come. */
  #awaiting: Array<{ readonly entry: Entry; readonly seconds: number; readonly atMs: number }> = []
  /** The turn in which the agent speaks, or pauses. */
  #replyTurn: number | undefined
  #modality: "audio" | "text" = "audio"
  #isPaused = false
  /** What is to be said again of a paused reply. */
  #carried = ""
  #truncations: Array<Truncation> = []
  /** Whether the client has asked for the end of the response. */
  #isCancelling = false
  #idleSinceMs = 0
  /** How often our session has told that less of an answer was heard. */
  cuts = 0
  #hasSpoken = false

  constructor(options: RealtimeTurnsOptions) {
    this.#options = options
  }

  /** Whether the client has got audio. */
  get hasSpoken(): boolean {
    return this.#hasSpoken
  }

  /** Whether what the agent says in this turn may still change. */
  isOpen(turn: number): boolean {
    return this.#replyTurn === turn
  }

  /** Whether ended turns are answered by themselves. */
  get answersTurns(): boolean {
    const session = this.#options.session()
    return session.type === "realtime" && session.audio.input.turn_detection?.create_response === true
  }

  event(event: SessionEvent): void {
    const { emit, responses } = this.#options
    switch (event.type) {
      case "user.speech_started":
        return this.#onSpeechStarted()
      case "user.speech_stopped":
        return this.#onSpeechStopped()
      case "user.backchannel":
        this.#speech = undefined
        return
      case "user.transcript":
        if (event.final) this.#onWords(event.turn, event.text)
        return
      case "agent.speech_started":
        this.#replyTurn = event.turn
        this.#isPaused = false
        this.#carried = ""
        this.#beginItem()
        if (this.#options.isWebRtc && responses.activeId !== undefined) {
          emit("output_audio_buffer.started", { response_id: responses.activeId })
          this.#hasSpoken = true
        }
        return
      case "agent.transcript":
        this.#replyTurn ??= event.turn
        this.#beginItem()
        responses.say(event.text, this.#options.isWebRtc ? 0 : LEAD_MS)
        return
      case "agent.speech_paused":
        this.#isPaused = true
        return this.#end({ status: "cancelled", reason: "turn_detected" })
      case "agent.speech_resumed":
        return this.#onResumed(event.turn)
      case "agent.speech_stopped":
        return this.#onSpeechEnded(event)
      case "agent.transcript_cut":
        this.cuts++
        return this.#heard(event.turn, event.text)
      case "playout.clear":
        if (this.#options.isWebRtc && responses.activeId !== undefined) {
          emit("output_audio_buffer.cleared", { response_id: responses.activeId })
        }
        return
      case "turn.unanswered":
        this.#replyTurn = undefined
        if (event.reason === "interrupted") return this.#end(this.#cancelled())
        return this.#end(
          event.reason === "failed" ? { status: "failed", code: "agent_error" } : { status: "completed" }
        )
      case "dtmf.received":
        return emit("input_audio_buffer.dtmf_event_received", {
          event: event.digit,
          received_at: Math.floor(event.atMs / 1_000)
        })
      case "audio.dropped":
        return this.#fail("invalid_request_error", "rate_limit_exceeded", `Audio was dropped: ${event.reason}.`)
      case "error": {
        const isOurs = event.code !== "invalid_config"
        return this.#fail(isOurs ? "server_error" : "invalid_request_error", event.code, event.message)
      }
      case "session.ended":
        this.#end(this.#cancelled())
        this.#confirm()
        if (event.reason === "longest") {
          this.#fail("invalid_request_error", "session_expired", "The session has lasted as long as it may.")
        } else if (failuresOfServer.has(event.reason)) {
          this.#fail("server_error", "session_ended", "The session has ended.")
        }
        return
      default:
        return
    }
  }

  /**
   * The agent's next audio belongs to the response in progress; it lasts so many ms. Returns where it belongs; nothing in a session that has
   * no responses.
   */
  audio(ms: number): string | undefined {
    this.#replyTurn ??= 0
    const open = this.#beginItem("audio")
    if (open === undefined) return undefined
    this.#hasSpoken = true
    open.spoken.audioMs += ms
    return open.audioHead
  }

  /** The audio so far ends at this place of the reply. */
  sentUntil(ms: number): void {
    const spoken = this.#options.responses.spoken
    if (spoken !== undefined) spoken.offsetMs = Math.max(0, ms - spoken.audioMs)
  }

  /** The client's tool is to run. */
  callTool(call: ClientToolCall): void {
    const { responses } = this.#options
    responses.create({ modality: this.#modalityNow() })
    responses.call(call)
  }

  /** All calls have been told: the response is whole. */
  endCalls(): void {
    this.#options.responses.end({ status: "completed" })
  }

  /** The client has ended the user's turn, with so much audio. */
  commit(seconds: number): void {
    const entry = this.#commitItem({ type: "input_audio", transcript: null }, undefined)
    const atMs = this.#options.now()
    // a turn in which nothing was understood never gets its words
    this.#awaiting = [...this.#awaiting.filter((each) => atMs - each.atMs < MAX_TRANSCRIPT_MS), {
      entry,
      seconds,
      atMs
    }]
    if (this.#awaiting.length > MAX_AWAITING) this.#awaiting.shift()
  }

  /** What the user said is forgotten. */
  clear(): void {
    this.#speech = undefined
  }

  /**
   * The user has been silent for as long as the client waits: an empty item is committed. Returns whether the client waits at all, and
   * wants a response then.
   */
  timedOut(): boolean {
    const { emit, inputMs, newId, responses, session } = this.#options
    const { audio: { input: { turn_detection } }, type } = session()
    if (turn_detection?.type !== "server_vad" || turn_detection.idle_timeout_ms === null) return false
    if (type === "transcription" || responses.activeId !== undefined || this.#speech?.isSpeaking === true) return false
    this.#speech ??= { itemId: newId("item"), startMs: Math.round(this.#idleSinceMs), isSpeaking: false }
    emit("input_audio_buffer.timeout_triggered", {
      audio_start_ms: Math.round(this.#idleSinceMs),
      audio_end_ms: Math.round(inputMs()),
      item_id: this.#speech.itemId
    })
    this.#commitItem({ type: "input_audio", transcript: null }, undefined)
    return turn_detection.create_response
  }

  /** The client has asked for a response. */
  requested(metadata: unknown, modality: "audio" | "text"): void {
    this.#options.responses.create({ requested: true, metadata, modality })
  }

  /** The client ends the response: `stop` does it. */
  cancel(stop: () => boolean): void {
    this.#isCancelling = true
    const done = stop()
    if (done) {
      this.#end(this.#cancelled())
      this.#isPaused = false
    }
    this.#isCancelling = false
  }

  /**
   * The client has cut an item of the agent. While the reply goes on, what was heard is known at its end. `isTold`: our session has said
   * which words are left.
   */
  truncated(truncation: Truncation, isTold: boolean): void {
    const { spoken } = truncation.entry
    if (spoken === undefined) return
    if (this.isOpen(spoken.turn)) {
      this.#truncations = [...this.#truncations.filter(({ entry }) => entry !== truncation.entry), truncation]
      return
    }
    if (!isTold) this.#rewrite(truncation.entry, spoken.heardIn(truncation.audioEndMs))
    this.#emitTruncated(truncation)
  }

  #modalityNow(): "audio" | "text" {
    const session = this.#options.session()
    return session.type === "realtime" ? session.output_modalities[0] : "text"
  }

  #onSpeechStarted(): void {
    const { emit, inputMs, newId, session } = this.#options
    const startMs = Math.round(inputMs())
    this.#speech ??= { itemId: newId("item"), startMs, isSpeaking: false }
    if (session().audio.input.turn_detection === null || this.#speech.isSpeaking) return
    this.#speech.isSpeaking = true
    emit("input_audio_buffer.speech_started", { audio_start_ms: startMs, item_id: this.#speech.itemId })
  }

  #onSpeechStopped(): void {
    const speech = this.#speech
    this.#idleSinceMs = this.#options.inputMs()
    if (speech?.isSpeaking !== true) return
    speech.isSpeaking = false
    this.#options.emit("input_audio_buffer.speech_stopped", {
      audio_end_ms: Math.round(this.#idleSinceMs),
      item_id: speech.itemId
    })
  }

  #onWords(turn: number, text: string): void {
    const { inputMs, items, responses } = this.#options
    const awaited = this.#awaiting.shift()
    if (awaited === undefined) {
      const seconds = this.#speech === undefined ? 0 : (inputMs() - this.#speech.startMs) / 1_000
      const former = items.ofTurn(turn, "user")
      if (former !== undefined) this.#takeBack(former)
      const typed = this.#speech === undefined
      const entry = this.#commitItem(
        typed ? { type: "input_text", text } : { type: "input_audio", transcript: null },
        turn
      )
      if (!typed) this.#transcribed(entry, text, seconds)
    } else {
      const entry = items.relate(awaited.entry, { turn, role: "user" })
      this.#transcribed(entry, text, awaited.seconds)
    }
    if (!this.answersTurns) return
    if (responses.isEmpty && responses.isRequested) return
    this.#end({ status: "cancelled", reason: "turn_detected" })
    responses.create({ modality: this.#modalityNow() })
  }

  /** A question that was taken back into its turn comes again with more words. */
  #takeBack(former: Entry): void {
    this.#end({ status: "cancelled", reason: "turn_detected" })
    this.#options.items.remove(former.item.id)
    this.#options.emit("conversation.item.deleted", { item_id: former.item.id })
  }

  #commitItem(part: Extract<RealtimeItem, { type: "message" }>["content"][number], turn: number | undefined): Entry {
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

  #beginItem(kind?: "audio") {
    const { responses } = this.#options
    if (this.#replyTurn === undefined) return undefined
    if (responses.activeId === undefined) {
      if (this.#isPaused) this.#isPaused = false
      else this.#modality = this.#modalityNow()
      responses.create({ modality: kind ?? this.#modality })
    }
    const open = responses.begin(this.#replyTurn, kind)
    if (this.#carried !== "") {
      const carried = this.#carried
      this.#carried = ""
      responses.say(carried, 0)
    }
    return open
  }

  #onResumed(turn: number): void {
    this.#replyTurn = turn
    for (const { audioEndMs, entry } of this.#truncations) {
      if (entry.spoken === undefined) continue
      const heard = entry.spoken.heardIn(audioEndMs)
      this.#carried = entry.spoken.cut(heard)
      this.#rewrite(entry, heard)
    }
    this.#confirm()
    this.#beginItem()
  }

  #onSpeechEnded({ reason, text, turn }: Extract<SessionEvent, { readonly type: "agent.speech_stopped" }>): void {
    const { emit, inputMs, isWebRtc, responses } = this.#options
    const heard = reason === "completed" ? undefined : this.#shares(turn, text)
    const played = isWebRtc && reason === "completed" ? responses.activeId : undefined
    const open = responses.spoken
    const ownPart = open === undefined ? undefined : heard?.get(open)
    const end: ResponseEnd = reason === "completed"
      ? { status: "completed" }
      : reason === "failed"
      ? { status: "failed", code: "agent_error" }
      : this.#cancelled()
    this.#end(end, ownPart)
    // after `response.done`, as with OpenAI
    if (played !== undefined) emit("output_audio_buffer.stopped", { response_id: played })
    if (heard !== undefined) this.#heard(turn, text)
    this.#replyTurn = undefined
    this.#isPaused = false
    this.#carried = ""
    this.#idleSinceMs = inputMs()
    this.#confirm()
  }

  /** What each message of a turn has of the words that were heard. */
  #shares(turn: number, text: string): ReadonlyMap<SpokenItem, string> {
    const said = this.#options.items.ofAgent(turn).flatMap(({ spoken }) => spoken === undefined ? [] : [spoken])
    const heard = shares(said, text)
    return new Map(said.map((spoken, i) => [spoken, heard[i] ?? ""]))
  }

  /** Of what the agent said in a turn, no more than this was heard. */
  #heard(turn: number, text: string): void {
    const heard = this.#shares(turn, text)
    for (const entry of this.#options.items.ofAgent(turn)) {
      const words = entry.spoken === undefined ? undefined : heard.get(entry.spoken)
      if (words !== undefined) this.#rewrite(entry, words)
    }
  }

  /** Puts the words that were heard into an item. */
  #rewrite(entry: Entry, heard: string): void {
    const { item, spoken } = entry
    if (item.type !== "message" || spoken === undefined) return
    spoken.cut(heard)
    const [part] = item.content
    if (part === undefined) return
    this.#options.items.replace(entry, {
      ...item,
      content: [part.type === "output_audio" ? { ...part, transcript: heard } : { type: "output_text", text: heard }]
    })
  }

  #confirm(): void {
    const truncations = this.#truncations
    this.#truncations = []
    for (const truncation of truncations) this.#emitTruncated(truncation)
  }

  #emitTruncated({ audioEndMs, contentIndex, entry }: Truncation): void {
    this.#options.emit("conversation.item.truncated", {
      item_id: entry.item.id,
      content_index: contentIndex,
      audio_end_ms: audioEndMs
    })
  }

  #cancelled(): ResponseEnd {
    return { status: "cancelled", reason: this.#isCancelling ? "client_cancelled" : "turn_detected" }
  }

  #end(end: ResponseEnd, heard?: string): void {
    this.#options.responses.end(end, heard)
  }

  #fail(type: "invalid_request_error" | "server_error", code: string | undefined, message: string): void {
    this.#options.emit("error", { error: { type, code: code ?? type, message, param: null, event_id: null } })
  }
}
