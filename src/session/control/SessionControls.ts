/**
 * Carries out what a program, or a client whose protocol has it, asks of the conversation (`SessionControl`).
 *
 * Synchronous: what is asked has taken effect when `control` returns, or nothing has changed and it says why. The end of a turn
 * waits for processors and detectors that are behind, and what is asked of the turn after it keeps its place.
 *
 * @since 0.1.0
 */
import { InvalidConfig } from "../../BackendError.ts"
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { State } from "../../conversation/ConversationState.ts"
import * as History from "../../conversation/History.ts"
import { textFault } from "../ClientMessage.ts"
import type { ConversationSettings } from "../ConversationSettings.ts"
import type { AudioInput } from "../input/AudioInput.ts"
import type { AudioOutput } from "../playout/AudioOutput.ts"
import type { SessionClient } from "../SessionClient.ts"
import type { SessionControl } from "../SessionControl.ts"
import * as PolicyChanges from "./PolicyChanges.ts"

/** The longest id of an item that is added, in characters. */
const MAX_ID = 128

/**
 * What the controls use of their session.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionControlsOptions {
  readonly input: Pick<AudioInput, "settle" | "position">
  readonly output: Pick<AudioOutput, "truncate" | "heardAt">
  readonly settings: Pick<
    ConversationSettings,
    "pipeline" | "policy" | "setPolicy" | "transcriptBased" | "turnAuthority"
  >
  readonly state: () => State
  readonly dispatch: (input: ConversationInput) => void
  /** Schedules the storing of the session. */
  readonly requestSave: () => void
  /** What the client tells the agent, and its calls of tools. */
  readonly client: Pick<SessionClient, "result" | "set">
}

const op = "VoiceSession.control"

/**
 * The refusal of what is asked, with its reason in `details`.
 *
 * @category errors
 * @since 0.1.0
 */
export const refused = (reason: string, message: string): InvalidConfig =>
  new InvalidConfig({ op, message, details: { reason } })

const unsupported = (what: string) => refused("unsupported", `the session's speech-to-speech model ${what}`)
const noItem = () => refused("item_not_found", "the history has no such item")

/**
 * @category models
 * @since 0.1.0
 */
export class SessionControls {
  readonly #options: SessionControlsOptions
  /** Ends of turns that wait until everything before them has been heard. */
  #ending = 0

  constructor(options: SessionControlsOptions) {
    this.#options = options
  }

  /** Returns why it is refused, and has changed nothing then. */
  readonly control = (control: SessionControl): InvalidConfig | undefined => {
    const { lifecycle } = this.#options.state()
    if (lifecycle._tag === "Closed") return refused("ended", "the session has ended")
    switch (control._tag) {
      case "EndTurn":
        return this.#endTurn()
      case "DropTurn":
        return this.#dropTurn()
      case "Respond":
        return this.#respond(control.instructions)
      case "Interrupt":
        return this.#do({ _tag: "Interrupt", force: true })
      case "Insert":
        return this.#insert(control)
      case "Remove":
        return this.#remove(control.item)
      case "Truncate":
        return this.#truncate(control.turn, control.playedMs)
      case "Policy":
        return this.#changePolicy(control.change)
      case "Output":
        return this.#changePolicy({ output: control.output })
      case "Client":
        return this.#options.client.set(control.settings)
      case "ToolResult":
        return this.#options.client.result(control.id, control.output)
    }
  }

  #do(input: ConversationInput): undefined {
    this.#options.dispatch(input)
  }

  /** Why the conversation takes nothing now; `undefined` when it does. */
  #closedFor(): InvalidConfig | undefined {
    switch (this.#options.state().lifecycle._tag) {
      case "New":
        return refused("not_started", "the session has not been started")
      case "Draining":
        return refused("ending", "the session is ending")
      case "Open":
      case "Closed":
        return undefined
    }
  }

  #endTurn(): InvalidConfig | undefined {
    const { dispatch, input, settings } = this.#options
    const closed = this.#closedFor()
    if (closed !== undefined) return closed
    if (settings.pipeline?.endsTurns !== true) return unsupported("decides turns: it takes no end of one")
    this.#ending++
    input.settle(() => {
      this.#ending--
      dispatch({ _tag: "EndTurn", atSample: input.position })
    })
    return undefined
  }

  #dropTurn(): InvalidConfig | undefined {
    const { dispatch, input, settings } = this.#options
    const closed = this.#closedFor()
    if (closed !== undefined) return closed
    if (settings.pipeline?.endsTurns !== true || !settings.transcriptBased) {
      return unsupported("cannot forget what it has heard")
    }
    input.settle(() => dispatch({ _tag: "DropTurn", atSample: input.position }))
    return undefined
  }

  #respond(instructions: string | undefined): InvalidConfig | undefined {
    const { dispatch, input, settings, state } = this.#options
    const closed = this.#closedFor()
    if (closed !== undefined) return closed
    const { agent, history, request, unasked, user } = state()
    const fault = instructions === undefined ? undefined : textFault(instructions)
    if (fault !== undefined) return refused("too_large", `instructions: ${fault}`)
    if (settings.turnAuthority === "remote") return unsupported("answers by itself")
    const answers = agent._tag !== "Silent" &&
      (agent.reply.source._tag === "Answer" || agent.reply.source._tag === "ModelInitiated")
    if (answers || request !== undefined) {
      return refused("answer_in_progress", "the agent answers already")
    }
    if (!settings.transcriptBased) {
      if (instructions !== undefined) return unsupported("takes no instructions for one answer")
      const hasQuestion = unasked || history.at(-1)?.role === "user" || user._tag !== "Quiet" || this.#ending > 0
      if (!hasQuestion) return unsupported("answers only what the user says")
    }
    const respond = () => dispatch({ _tag: "Respond", instructions })
    if (this.#ending > 0) input.settle(respond)
    else respond()
    return undefined
  }

  #insert({ after, id, role, text }: Extract<SessionControl, { readonly _tag: "Insert" }>): InvalidConfig | undefined {
    const { settings, state } = this.#options
    const { history } = state()
    if (!settings.transcriptBased) return unsupported("keeps its own history")
    if (id === "" || id.length > MAX_ID) return refused("invalid", `id: expected 1 to ${MAX_ID} characters`)
    if (History.indexOf(history, { id }) >= 0) return refused("duplicate_item", "the history has an item of this id")
    const fault = text.trim() === "" ? "text: expected a text" : textFault(text)
    if (fault !== undefined) return refused("invalid", fault)
    if (after !== undefined && after !== "start" && History.indexOf(history, after) < 0) return noItem()
    return this.#do({ _tag: "Insert", id, role, text, after })
  }

  #remove(item: History.ItemReference): InvalidConfig | undefined {
    const { settings, state } = this.#options
    if (!settings.transcriptBased) return unsupported("keeps its own history")
    if (History.indexOf(state().history, item) < 0) return noItem()
    return this.#do({ _tag: "Remove", item })
  }

  #truncate(turn: number, playedMs: number): InvalidConfig | undefined {
    const { output, state } = this.#options
    const { agent, history } = state()
    if (!(playedMs >= 0)) return refused("invalid", "playedMs: expected 0 or more")
    // the reply that runs: its text is what was heard of it when it ends
    if (agent._tag !== "Silent" && agent.reply.turn === turn) {
      output.truncate(agent.reply.epoch, playedMs)
      return undefined
    }
    if (History.indexOf(history, { turn, role: "agent" }) < 0) return noItem()
    const text = output.heardAt(turn, playedMs)
    if (text === undefined) {
      return refused("unknown_timing", "when the words of this answer were spoken is not known any more")
    }
    return this.#do({ _tag: "Cut", turn, text })
  }

  #changePolicy(change: PolicyChanges.PolicyAndOutput): InvalidConfig | undefined {
    const { dispatch, requestSave, settings } = this.#options
    const changed = PolicyChanges.apply(settings.policy, change)
    if (changed instanceof InvalidConfig) return changed
    const fault = PolicyChanges.unsupportedBy(settings.pipeline, settings.policy, changed)
    if (fault !== undefined) return unsupported(fault)
    settings.setPolicy(changed)
    requestSave()
    dispatch({ _tag: "PolicyChanged" })
    return undefined
  }
}
