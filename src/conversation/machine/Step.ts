/**
 * One step of the conversation: the state so far, and the commands in order.
 *
 * Every transition works on a `Step`. It alone emits events, appends to the history and sets timers.
 *
 * @since 0.1.0
 */
import type { Command } from "../ConversationCommand.ts"
import type { ConversationEvent } from "../ConversationEvent.ts"
import type { TimedInput } from "../ConversationInput.ts"
import type { ConversationOptions } from "../ConversationOptions.ts"
import { isReplyUninterruptible, publicState } from "../ConversationState.ts"
import type { Reply, State, TimerName } from "../ConversationState.ts"
import * as History from "../History.ts"
import { joinTexts } from "./TranscriptText.ts"

/**
 * Samples of the audio timeline in a millisecond.
 *
 * @category constants
 * @since 0.1.0
 */
export const SAMPLES_PER_MS = 16

/**
 * How long a timer waits by the clock beyond the moment at which the audio should have passed its sample: audio in flight
 * may be late by a jitter buffer and a browser's bunching (~35 ms), but not by 120 ms unless it has stopped.
 *
 * @category constants
 * @since 0.1.0
 */
export const TIMER_GRACE_MS = 120

/** How much of the end of a reply's spoken text is kept to detect an echo. */
const SPOKEN_TEXT_CHARACTERS = 400

/** The texts of open transcripts: a step asks for the same one several times. */
const openTexts = new WeakMap<State["openTranscript"], string>()

/**
 * @category models
 * @since 0.1.0
 */
export class Step {
  state: State
  readonly commands: Array<Command> = []
  readonly options: ConversationOptions
  readonly atMs: number
  /** What of the present reply is still to be heard. */
  readonly left: TimedInput["left"]

  constructor(options: ConversationOptions, state: State, { atMs, left }: Pick<TimedInput, "atMs" | "left">) {
    this.options = options
    this.state = state
    this.atMs = atMs
    this.left = left
  }

  set(patch: Partial<State>): void {
    this.state = { ...this.state, ...patch }
  }

  emit(event: ConversationEvent): void {
    this.commands.push({ _tag: "Emit", event })
  }

  /** Adds an item to the history, its text cut where it is too long, which is told. */
  append(item: Omit<History.HistoryItem, "atMs">, atMs: number): void {
    const text = History.cutText(item.text)
    const cut = text !== item.text
    if (cut) this.emitCut()
    const complete = { ...item, text, atMs }
    // a speech-to-speech model may send the transcript of the next turn before this turn is over
    const after = this.state.history.findLastIndex((other) => other.turn <= item.turn) + 1
    // and that of this turn after what was said in answer
    const answer = item.role === "agent"
      ? -1
      : this.state.history.findIndex(({ id, role, turn }) => role === "agent" && turn === item.turn && id === undefined)
    this.set({ history: History.insert(this.state.history, answer < 0 ? after : answer, complete) })
    this.commands.push({ _tag: "Append", item: complete, cut })
  }

  /** Tells that a text was too long for the history. */
  emitCut(): void {
    this.emit({
      type: "error",
      code: "invalid_config",
      message: `a text was too long for the history, and was cut to ${History.MAX_TEXT_BYTES} bytes`,
      details: { reason: "too_large", limit: History.MAX_TEXT_BYTES }
    })
  }

  setTimer(name: TimerName, atSample: number | undefined, afterMs: number): void {
    const id = this.state.timerId + 1
    this.set({ timerId: id, timers: { ...this.state.timers, [name]: id } })
    this.commands.push({ _tag: "SetTimer", name, id, atSample, afterMs: Math.max(0, afterMs) })
  }

  cancelTimer(name: TimerName): void {
    if (this.state.timers[name] === undefined) return
    const { [name]: _, ...timers } = this.state.timers
    this.set({ timers })
    this.commands.push({ _tag: "CancelTimer", name })
  }

  /** Emits the public state if it has changed, but not between the end of a reply and what follows it. */
  publishState(): void {
    if (this.state.agent._tag === "Ending") return
    const state = publicState(this.state)
    if (state === this.state.publishedState) return
    this.set({ publishedState: state })
    this.emit({ type: "session.state", state })
  }

  /** The transcript of the open turn so far. */
  get openText(): string {
    const { openTranscript } = this.state
    if (openTranscript.interim === "") return openTranscript.finals
    let text = openTexts.get(openTranscript)
    if (text === undefined) {
      openTexts.set(openTranscript, text = joinTexts(openTranscript.finals, openTranscript.interim))
    }
    return text
  }

  /** Whether the client alone ends the user's turns. */
  get manual(): boolean {
    return this.options.policy.turns === "manual" && this.options.turnAuthority !== "remote"
  }

  /** Whether the user may interrupt what the agent is saying. */
  get interruptible(): boolean {
    const { lifecycle } = this.state
    return this.options.policy.interruption.enabled && lifecycle._tag === "Open" &&
      !isReplyUninterruptible(this.state)
  }

  /** The current reply, if it has this epoch. */
  replyOf(epoch: number): Reply | undefined {
    const { agent } = this.state
    return agent._tag !== "Silent" && agent.reply.epoch === epoch ? agent.reply : undefined
  }

  setReply(reply: Reply): void {
    const { agent } = this.state
    if (agent._tag !== "Silent") this.set({ agent: { ...agent, reply } })
  }

  /** Adds to the reply's spoken text, with which an echo is compared. */
  recordSpokenText(reply: Reply, text: string): void {
    this.setReply({ ...reply, spokenText: joinTexts(reply.spokenText, text).slice(-SPOKEN_TEXT_CHARACTERS) })
  }
}
