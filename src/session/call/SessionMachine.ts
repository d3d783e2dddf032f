/**
 * Whether a person or an answering machine has answered the call of a session, and what follows from it.
 *
 * Until that is known the agent begins nothing, and what is said is kept for it: a person's first words are its first turn, those
 * of a machine are nobody's. Synchronous, but for the time limits.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { ReplySource, State } from "../../conversation/ConversationState.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import type { AudioListener } from "../input/AudioInput.ts"
import type { SessionEventBody } from "../SessionEvent.ts"
import type { CallEvent, MachinePlan } from "./CallControl.ts"
import { type DetectionCommand, MachineDetection } from "./detection/MachineDetection.ts"

/**
 * What it uses of its session.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionMachineOptions {
  readonly emit: (event: SessionEventBody) => void
  readonly dispatch: (event: ConversationInput) => void
  readonly state: () => State
  readonly isClosed: () => boolean
  /** What the user speaks, BCP 47. */
  readonly language: () => string | undefined
  /** The agent begins nothing from now on, or again what waits. */
  readonly onQuiet: (quiet: boolean) => void
  /** What is said is kept from the agent from now on, or not any more. */
  readonly onListening: (listening: boolean) => void
  /** Runs in the session's scope; a former effect of the name is interrupted. */
  readonly run: (name: string, effect: Effect.Effect<unknown>) => void
  readonly cancel: (name: string) => void
}

type Result = Extract<CallEvent, { readonly type: "call.machine" }>["result"]

const TIMER = "answering-machine"
/** From the answer on; the timing of a greeting takes 5 s of audio. A person must not wait longer for the agent. */
const DECIDE_WITHIN = "6 seconds"
/** A little longer than the longest wait for a beep, for a line without audio. */
const LEAVE_WITHIN = "35 seconds"
/** What is kept of what was said before it is known who says it. */
const MAX_SAID = 2_000

/**
 * @category models
 * @since 0.1.0
 */
export class SessionMachine implements AudioListener {
  readonly sampleRate = TIMELINE_RATE
  readonly branch = "receive"
  readonly #options: SessionMachineOptions
  #plan: MachinePlan | undefined
  #detection: MachineDetection | undefined
  #isAnswered = false
  #said = ""
  #message: ReplySource | undefined

  constructor(options: SessionMachineOptions) {
    this.#options = options
  }

  /** The call is being made: the agent waits for its answer. */
  begin(plan: MachinePlan | undefined): void {
    if (plan === undefined || plan.detect === "off") return
    const { language, onListening, onQuiet } = this.#options
    this.#plan = plan
    this.#detection = new MachineDetection({
      sampleRate: TIMELINE_RATE,
      policy: plan.onMachine,
      own: plan.detect === "own",
      language: language()
    })
    onQuiet(true)
    onListening(true)
  }

  /** Takes what happens to the call, before the session tells it: `false` when it tells it by itself. */
  onEvent(event: CallEvent): boolean {
    if (event.type === "call.answered") this.#answered()
    if (event.type !== "call.machine" || this.#detection === undefined) return true
    this.#carryOut(this.#detection.carrier(event.result))
    return false
  }

  /** Takes the user's audio, once the call is answered. */
  push(pcm: Int16Array): void {
    const detection = this.#detection
    if (detection === undefined || !this.#isAnswered || detection.isDone) return
    const commands = detection.audio(pcm)
    if (commands.length > 0) this.#carryOut(commands)
  }

  /** Takes the transcripts of what is said. */
  onInput(input: ConversationInput): void {
    const detection = this.#detection
    if (detection === undefined || detection.isDone) return
    if (input._tag !== "Interim" && input._tag !== "Final") return
    const commands = detection.words(input.text, input._tag === "Final")
    if (commands.length > 0) this.#carryOut(commands)
  }

  /** The words of a turn that was kept from the agent. */
  spoken(text: string): void {
    if (this.#detection?.isDeciding === true) this.#said = `${this.#said} ${text}`.trim().slice(0, MAX_SAID)
  }

  /** The conversation has changed: the call ends with the message. */
  onState({ agent, queue }: State): void {
    const message = this.#message
    if (message === undefined || agent._tag !== "Silent" || queue.includes(message)) return
    this.#message = undefined
    this.#hangUp()
  }

  #answered(): void {
    if (this.#detection === undefined || this.#isAnswered) return
    this.#isAnswered = true
    this.#expireIn(DECIDE_WITHIN)
  }

  #expireIn(duration: "6 seconds" | "35 seconds"): void {
    this.#options.run(
      TIMER,
      Effect.andThen(
        Effect.sleep(duration),
        Effect.sync(() => this.#detection === undefined ? undefined : this.#carryOut(this.#detection.expire()))
      )
    )
  }

  #report(result: Result, by: Extract<DetectionCommand, { readonly _tag: "Report" }>["by"]): void {
    if (!this.#options.isClosed()) this.#options.emit({ type: "call.machine", result, by })
  }

  #carryOut(commands: ReadonlyArray<DetectionCommand>): void {
    const { cancel, dispatch, isClosed, onListening, onQuiet } = this.#options
    for (const command of commands) {
      if (isClosed()) return
      switch (command._tag) {
        case "Report":
          this.#report(command.result, command.by)
          continue
        case "GoOn":
          cancel(TIMER)
          this.#goOn()
          continue
        case "Wait":
          onQuiet(true)
          onListening(true)
          dispatch({ _tag: "Interrupt", force: true })
          this.#expireIn(LEAVE_WITHIN)
          continue
        case "LeaveMessage":
          cancel(TIMER)
          onQuiet(false)
          this.#leaveMessage()
          continue
        case "HangUp":
          cancel(TIMER)
          this.#hangUp()
      }
    }
  }

  /** The conversation begins: with what the agent was to say first, else with the answer to what was said. */
  #goOn(): void {
    const { dispatch, onListening, onQuiet, state } = this.#options
    const said = this.#said
    this.#said = ""
    onQuiet(false)
    onListening(false)
    if (state().queue.length === 0 && said !== "") dispatch({ _tag: "UserText", text: said, spoken: true })
    // what waits begins with a step, and nothing else follows from this one
    else dispatch({ _tag: "Hold", on: false })
  }

  #leaveMessage(): void {
    const text = this.#plan?.message?.trim() ?? ""
    if (text === "") return this.#hangUp()
    const message: ReplySource = { _tag: "Text", text, optional: false, uninterruptible: true }
    this.#options.dispatch({ _tag: "Say", source: message, instead: true })
    // from now on, so that it is not taken for said before it was queued
    this.#message = message
    this.onState(this.#options.state())
  }

  #hangUp(): void {
    const { dispatch, emit, isClosed } = this.#options
    if (isClosed()) return
    emit({ type: "call.ended", cause: "machine" })
    dispatch({ _tag: "Close", reason: "hung_up" })
  }
}
