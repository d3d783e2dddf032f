/**
 * Carries out what a client of the OpenAI Realtime protocol asks for, and answers it.
 *
 * Everything is asked of the session (`SessionControl`), and what it refuses is not done. An error names the client's event by its id.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { JsonRecord } from "../../schema/Json.ts"
import type { FrameListener } from "../../transport/websocket/WebSocketProtocol.ts"
import * as ClientEvents from "./ClientEvents.ts"
import { invalid, type OpenAiFault } from "./Errors.ts"
import { ItemRequests } from "./ItemRequests.ts"
import type { Items } from "./Items.ts"
import * as RealtimeSession from "./RealtimeSession.ts"
import type { RealtimeTurns } from "./RealtimeTurns.ts"
import type { Responses } from "./Responses.ts"
import type { Emit } from "./ServerEvents.ts"
import { ask, type Control, ToldSettings } from "./ToldSettings.ts"
import { ToolOutputs } from "./ToolOutputs.ts"

type Session = RealtimeSession.RealtimeSession

/** The shortest audio that is committed, in ms. */
const MIN_COMMIT_MS = 100

/**
 * @category models
 * @since 0.1.0
 */
export interface RealtimeRequestsOptions {
  readonly emit: Emit
  readonly newId: (prefix: string) => string
  readonly items: Items
  readonly responses: Responses
  readonly turns: RealtimeTurns
  readonly session: () => Session
  readonly setSession: (session: Session) => void
  /** Audio of the client, in base64; what is wrong with it. */
  readonly append: (audio: string, listener: FrameListener) => OpenAiFault | undefined
  /** How much audio has come since the last turn was ended, in ms; `undefined` where it does not come by `append`. */
  readonly bufferedMs: () => number | undefined
  readonly clearBuffer: () => void
}

/**
 * @category models
 * @since 0.1.0
 */
export class RealtimeRequests {
  readonly #options: RealtimeRequestsOptions
  readonly #told = new ToldSettings()
  readonly #outputs = new ToolOutputs()
  readonly #items: ItemRequests
  /** What holds for one response alone is to be taken back. */
  #isOverridden = false
  /** Whether the client has said what its session is: the agent may have greeted before, in the voice of nobody's choice. */
  #isUpdated = false

  constructor(options: RealtimeRequestsOptions) {
    this.#options = options
    this.#items = new ItemRequests({ ...options, told: this.#told, outputs: this.#outputs })
  }

  /**
   * Tells our session what the client's session has from the beginning. A session that only writes down answers nothing. One that is
   * resumed may have what the former connection has told it. Returns what the session refuses.
   */
  start(control: Control, isGiven: boolean, isResumed: boolean): OpenAiFault | undefined {
    const session = this.#options.session()
    const fault = isResumed ? this.#told.reset(session, control) : undefined
    if (fault !== undefined) return fault
    return isGiven || isResumed || session.type === "transcription"
      ? this.#told.apply(session, control, true)
      : undefined
  }

  /** The user has been silent for long. */
  away(control: Control): void {
    const { responses, turns } = this.#options
    if (!turns.timedOut()) return
    const { count } = responses
    if (control({ _tag: "Respond" }) === undefined && responses.count === count) {
      turns.requested(null, this.#told.output)
    }
  }

  /** The agent calls a tool of the client. */
  called(id: string): void {
    this.#outputs.called(id)
  }

  /** What was said for one response alone does not hold any more once it has ended. */
  restore(control: Control): void {
    if (!this.#isOverridden || this.#options.responses.activeId !== undefined) return
    this.#isOverridden = false
    this.#told.apply(this.#options.session(), control, false)
  }

  /**
   * Whether outputs of tools wait for a `response.create` that does not come before the response in progress has ended, which the agent has
   * begun by itself: it ends only with them.
   */
  get isStuck(): boolean {
    return this.#outputs.isHolding && this.#options.responses.activeId !== undefined
  }

  /** Passes on what waits. */
  goOn(control: Control): void {
    if (this.isStuck) this.#outputs.passEarly(control)
  }

  /** The reply has ended: nothing waits for the outputs of its tools. */
  replyEnded(): void {
    this.#outputs.replyEnded()
  }

  /** The user has spoken: a response that is asked for now is one to that. */
  userSpoke(): void {
    this.#outputs.userSpoke()
  }

  /** Carries out an event. */
  take(event: JsonRecord, listener: FrameListener): void {
    const eventId = ClientEvents.idOf(event)
    const decoded = ClientEvents.decode(event)
    const fault = Result.isFailure(decoded) ? decoded.failure : this.#carryOut(decoded.success, listener)
    if (fault !== undefined) this.#options.emit("error", { error: { ...fault, event_id: eventId } })
  }

  #carryOut(event: ClientEvents.ClientEvent, listener: FrameListener): OpenAiFault | undefined {
    const control: Control = (asked) => listener.control?.(asked)
    switch (event.type) {
      case "input_audio_buffer.append":
        return this.#options.append(event.audio, listener)
      case "input_audio_buffer.commit":
        return this.#commit(control)
      case "input_audio_buffer.clear":
        return ask(control, { _tag: "DropTurn" }, () => {
          this.#options.clearBuffer()
          this.#options.turns.clear()
          this.#options.emit("input_audio_buffer.cleared", {})
        })
      case "output_audio_buffer.clear":
        return this.#interrupt(control)
      case "session.update":
        return this.#update(event.session, control)
      case "conversation.item.create":
        return this.#items.create(event, control)
      case "conversation.item.retrieve":
        return this.#items.retrieve(event.itemId)
      case "conversation.item.truncate":
        return this.#items.truncate(event, control)
      case "conversation.item.delete":
        return this.#items.delete(event.itemId, control)
      case "response.create":
        return this.#respond(event.response, control)
      case "response.cancel":
        return this.#cancel(event.responseId, control)
    }
  }

  #commit(control: Control): OpenAiFault | undefined {
    const { bufferedMs, clearBuffer, turns } = this.#options
    const ms = bufferedMs()
    if (ms !== undefined && ms < MIN_COMMIT_MS) {
      return invalid(
        "input_audio_buffer_commit_empty",
        `Error committing input audio buffer: buffer too small. Expected at least ${MIN_COMMIT_MS}ms of audio, but buffer only has ${
          ms.toFixed(2)
        }ms of audio.`
      )
    }
    // the words of the turn may be told while it is ended
    turns.commit((ms ?? 0) / 1_000)
    clearBuffer()
    return ask(control, { _tag: "EndTurn" }, () => {})
  }

  #update(change: unknown, control: Control): OpenAiFault | undefined {
    const { emit, session, setSession, turns } = this.#options
    const next = RealtimeSession.update(session(), change, this.#isUpdated && turns.hasSpoken)
    if (Result.isFailure(next)) return next.failure
    const own = typeof change === "object" && change !== null && "audio" in change ? change.audio : undefined
    const input = typeof own === "object" && own !== null && "input" in own ? own.input : undefined
    const saysTurns = typeof input === "object" && input !== null && "turn_detection" in input
    const fault = this.#told.apply(next.success, control, saysTurns)
    if (fault !== undefined) return fault
    setSession(next.success)
    this.#isUpdated = true
    emit("session.updated", { session: next.success })
    return undefined
  }

  #respond(request: ClientEvents.ResponseRequest, control: Control): OpenAiFault | undefined {
    const { responses, session, turns } = this.#options
    const current = session()
    if (current.type === "transcription") {
      return invalid("invalid_value", "A transcription session has no responses (response.create).", "type")
    }
    const goesOn = this.#outputs.isAwaited
    if (responses.activeId !== undefined && !goesOn) return alreadyActive(responses.activeId)
    const asked = RealtimeSession.update(current, { type: "realtime", ...request.overrides }, false)
    if (Result.isFailure(asked)) return ofResponse(asked.failure)
    if (asked.success.type === "transcription") return undefined
    if (Object.keys(request.overrides).length > 0) {
      this.#isOverridden = true
      const fault = this.#told.apply(asked.success, control, false)
      if (fault !== undefined) return fault
    }
    const modality = asked.success.output_modalities[0]
    if (goesOn) {
      responses.end({ status: "completed" })
      turns.requested(request.metadata, modality)
      this.#outputs.requested(control)
      if (!this.#outputs.isReplyOpen) responses.end({ status: "completed" })
      return undefined
    }
    const { count } = responses
    const refused = control({ _tag: "Respond", instructions: request.instructions })
    if (refused !== undefined) {
      this.restore(control)
      return invalid(
        "conversation_already_has_active_response",
        `Error of response.create: ${refused.message}`
      )
    }
    if (responses.count === count) turns.requested(request.metadata, modality)
    return undefined
  }

  #cancel(responseId: string | undefined, control: Control): OpenAiFault | undefined {
    const { activeId } = this.#options.responses
    if (activeId === undefined || (responseId !== undefined && responseId !== activeId)) {
      return invalid("response_cancel_not_active", "Cancellation failed: no active response found")
    }
    return this.#interrupt(control)
  }

  #interrupt(control: Control): OpenAiFault | undefined {
    let fault: OpenAiFault | undefined
    this.#options.turns.cancel(() => {
      fault = ask(control, { _tag: "Interrupt" }, () => {})
      return fault === undefined
    })
    return fault
  }
}

const alreadyActive = (id: string): OpenAiFault =>
  invalid(
    "conversation_already_has_active_response",
    `Conversation already has an active response in progress: ${id}. Wait until the response is finished before creating a new one (response.create).`
  )

/** A fault of the session's shape is one of the response that was asked for. */
const ofResponse = (fault: OpenAiFault): OpenAiFault => ({
  ...fault,
  param: fault.param?.replace(/^session/, "response") ?? null,
  message: fault.message.replace("'session.", "'response.")
})
