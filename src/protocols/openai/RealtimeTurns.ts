/**
 * Tells a client of the OpenAI Realtime protocol what happens in our session: what the user says becomes items, what the agent says
 * becomes responses.
 *
 * Ours and theirs differ in three ways. A turn of ours may go on after a pause (`UserItems`). A reply of ours may be paused and go on: that is a
 * cancelled response and another one, because the client has dropped what it had. And what was heard is known when the reply has ended: an
 * item that the client has cut meanwhile is confirmed then.
 *
 * @since 0.1.0
 */
import type { ClientToolCall } from "../../session/SessionControl.ts"
import type { SessionEvent } from "../../session/SessionEvent.ts"
import { HeardItems, type Truncation } from "./HeardItems.ts"
import type { ResponseEnd, Responses } from "./Responses.ts"
import { UserItems, type UserItemsOptions } from "./UserItems.ts"

/** How far ahead of what is heard audio is sent, in ms. */
const LEAD_MS = 200

/**
 * @category models
 * @since 0.1.0
 */
export interface RealtimeTurnsOptions extends UserItemsOptions {
  readonly responses: Responses
  readonly isWebRtc: boolean
}

const failuresOfServer = new Set(["drained", "drain_deadline", "link_ended", "failed", "taken_over"])

/**
 * @category models
 * @since 0.1.0
 */
export class RealtimeTurns {
  readonly #options: RealtimeTurnsOptions
  readonly #user: UserItems
  /** The turn in which the agent speaks, or pauses. */
  #replyTurn: number | undefined
  #modality: "audio" | "text" = "audio"
  #isPaused = false
  /** What is to be said again of a paused reply. */
  #carried = ""
  readonly #heard: HeardItems
  /** Whether the client has asked for the end of the response. */
  #isCancelling = false
  /** How often our session has told that less of an answer was heard. */
  cuts = 0
  #hasSpoken = false

  constructor(options: RealtimeTurnsOptions) {
    this.#options = options
    this.#user = new UserItems(options)
    this.#heard = new HeardItems(options)
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
        return this.#user.started()
      case "user.speech_stopped":
        return this.#user.stopped()
      case "user.backchannel":
        return this.#user.drop()
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
        return this.#heard.set(event.turn, event.text)
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
        this.#heard.confirmAll()
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
    this.#user.commit(seconds)
  }

  /** What the user said is forgotten. */
  clear(): void {
    this.#user.drop()
  }

  /**
   * The user has been silent for as long as the client waits. Returns whether the client waits at all, and wants a response then.
   */
  timedOut(): boolean {
    return this.#options.responses.activeId === undefined && this.#user.timedOut()
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
    if (this.isOpen(spoken.turn)) return this.#heard.await(truncation)
    if (!isTold) this.#heard.rewrite(truncation.entry, spoken.heardIn(truncation.audioEndMs))
    this.#heard.confirm(truncation)
  }

  #modalityNow(): "audio" | "text" {
    const session = this.#options.session()
    return session.type === "realtime" ? session.output_modalities[0] : "text"
  }

  #onWords(turn: number, text: string): void {
    const { responses } = this.#options
    // a question that was taken back into its turn comes again with more words
    this.#user.words(turn, text, () => this.#end({ status: "cancelled", reason: "turn_detected" }))
    if (!this.answersTurns) return
    if (responses.isEmpty && responses.isRequested) return
    this.#end({ status: "cancelled", reason: "turn_detected" })
    responses.create({ modality: this.#modalityNow() })
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
    this.#carried = this.#heard.goOn() ?? this.#carried
    this.#beginItem()
  }

  #onSpeechEnded({ reason, text, turn }: Extract<SessionEvent, { readonly type: "agent.speech_stopped" }>): void {
    const { emit, isWebRtc, responses } = this.#options
    const heard = reason === "completed" ? undefined : this.#heard.shares(turn, text)
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
    if (heard !== undefined) this.#heard.set(turn, text)
    this.#replyTurn = undefined
    this.#isPaused = false
    this.#carried = ""
    this.#user.silent()
    this.#heard.confirmAll()
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
