/**
 * A user who speaks, in virtual time: the conversation's state machine and the session's way to its turn detector, on real audio.
 *
 * Time is the position in the audio. A verdict on the audio, and a transcript, take as long as they are said to.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Conversation from "../../src/conversation/Conversation.ts"
import type { Command } from "../../src/conversation/ConversationCommand.ts"
import type { ConversationInput } from "../../src/conversation/ConversationInput.ts"
import type { ConversationOptions } from "../../src/conversation/ConversationOptions.ts"
import { type ConversationPolicy, defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import type { State } from "../../src/conversation/ConversationState.ts"
import * as Backchannel from "../../src/conversation/machine/Backchannel.ts"
import type { AudioListener } from "../../src/session/input/InputBranch.ts"
import * as TurnPrediction from "../../src/session/pipeline/TurnPrediction.ts"
import { SessionText } from "../../src/session/SessionText.ts"
import type { TurnDetector } from "../../src/speech/TurnDetector.ts"
import type { VoiceActivity } from "../../src/speech/VoiceActivityDetector.ts"

/**
 * A turn.
 *
 * - `pcm`: from before its first sound, 16 kHz.
 * - `activity`: what the voice activity detector finds in it.
 * - `transcript`: what is recognised of its words between two moments, in ms of the audio.
 * - `language`: what is spoken, BCP 47.
 * - `detector`: the turn detector; none for silence alone.
 * - `agentSaid`: what the user answers.
 * - `verdictMs`, `transcriptMs`: how long one takes.
 */
export interface Turn {
  readonly pcm: Int16Array
  readonly activity: ReadonlyArray<VoiceActivity>
  readonly transcript: (fromMs: number, untilMs: number) => string
  readonly language: string
  readonly detector: TurnDetector["Service"] | undefined
  readonly policy?: ConversationPolicy | undefined
  readonly agentSaid?: string | undefined
  readonly verdictMs: number
  readonly transcriptMs: number
}

/** The agent is heard so long after it was asked, in ms. */
const AUDIBLE_MS = 80

interface Due {
  readonly atMs: number
  readonly input: ConversationInput
}

const MS = 16

class VirtualTurn {
  readonly #turn: Turn
  readonly #options: ConversationOptions
  #state: State
  #position = 0
  #due: Array<Due> = []
  #timers = new Map<string, { readonly atSample: number | undefined; readonly atMs: number; readonly id: number }>()
  /** When the verdict on the pause at a sample is there. */
  readonly #verdictAt = new Map<number | undefined, number>()
  readonly questions: Array<Extract<Command, { readonly _tag: "PredictEndOfTurn" }>> = []
  #finalizedAt: number | undefined
  /** When turns were decided to be over, in ms. */
  readonly decisions: Array<number> = []

  constructor(turn: Turn) {
    this.#turn = turn
    const { agentSaid } = turn
    this.#state = Conversation.initial(
      agentSaid === undefined
        ? []
        : [{ role: "agent", turn: 1, kind: "speech", text: agentSaid, interrupted: false, atMs: 0 }]
    )
    this.#options = {
      policy: { ...(turn.policy ?? defaultPolicy), firstSpeaker: "user" },
      turnAuthority: "own",
      transcriptBased: true,
      interimTranscripts: true,
      turnDetector: turn.detector !== undefined,
      hearsTurns: turn.detector?.listen !== undefined,
      ...Backchannel.make([], turn.language),
      latencyTargetMs: 500,
      finalizeTimeoutMs: 5_000
    }
  }

  get #nowMs(): number {
    return this.#position / MS
  }

  on(input: ConversationInput): void {
    const { commands, state } = Conversation.step(this.#options, this.#state, { ...input, atMs: this.#nowMs })
    this.#state = state
    for (const command of commands) this.#execute(command)
  }

  #later(ms: number, input: ConversationInput): void {
    this.#due.push({ atMs: this.#nowMs + ms, input })
  }

  #execute(command: Command): void {
    switch (command._tag) {
      case "SetTimer": {
        const { afterMs, atSample, id, name } = command
        return void this.#timers.set(name, { atSample, id, atMs: this.#nowMs + afterMs })
      }
      case "CancelTimer":
        return void this.#timers.delete(command.name)
      case "Finalize": {
        this.#finalizedAt = this.#nowMs
        const wait = Math.max(0, this.#transcriptAt - this.#nowMs)
        const text = this.#turn.transcript(this.#turnFrom, command.untilSample / MS)
        if (text !== "") this.#later(wait, { _tag: "Final", text })
        return this.#later(wait, { _tag: "Finalized", id: command.id })
      }
      case "PredictEndOfTurn":
        return void this.questions.push(command)
      case "Start":
        this.decisions.push(this.#finalizedAt ?? this.#nowMs)
        return this.#later(AUDIBLE_MS, { _tag: "ReplyAudible", epoch: command.epoch })
      // whoever speaks on interrupts it
      case "End":
        return this.on({ _tag: "ReplyEnded", epoch: command.epoch, text: "" })
    }
  }

  #transcriptAt = 0

  get #turnFrom(): number {
    return this.decisions.at(-1) ?? 0
  }

  /** The user fell silent: the recogniser reads what was said until now. */
  pausedAt(sample: number): void {
    const { transcript, transcriptMs } = this.#turn
    this.#transcriptAt = this.#nowMs + transcriptMs
    const text = transcript(this.#turnFrom, sample / MS)
    if (text !== "") this.#later(transcriptMs, { _tag: "Interim", text })
  }

  /** The detector's answer; a verdict on the audio of a pause is there some time after the first question about it. */
  answered(
    { id, pausedAt }: Extract<Command, { readonly _tag: "PredictEndOfTurn" }>,
    prediction: { readonly probability: number; readonly heard: boolean } | undefined
  ): void {
    const at = prediction?.heard === true
      ? this.#verdictAt.get(pausedAt) ?? this.#nowMs + this.#turn.verdictMs
      : this.#nowMs
    if (prediction?.heard === true) this.#verdictAt.set(pausedAt, at)
    this.#later(Math.max(0, at - this.#nowMs), {
      _tag: "EndOfTurnPredicted",
      id,
      ...(prediction ?? { probability: 1, heard: false })
    })
  }

  /** Moves to a position: what is due by then comes first. */
  advance(position: number): void {
    this.#position = position
    while (true) {
      const due = this.#due.findIndex(({ atMs }) => atMs <= this.#nowMs)
      if (due < 0) break
      const [next] = this.#due.splice(due, 1)
      if (next !== undefined) this.on(next.input)
    }
    for (const [name, { atMs, atSample, id }] of this.#timers) {
      if (atMs > this.#nowMs && (atSample === undefined || atSample > position)) continue
      this.#timers.delete(name)
      this.on({ _tag: "TimerFired", name: name as keyof State["timers"], id, atSample: position })
    }
  }
}

/**
 * Runs it until its audio ends: when turns were decided to be over, in ms of the audio. A user who speaks on after that
 * interrupts the agent and begins another turn.
 */
export const run = Effect.fnUntraced(function*(turn: Turn) {
  const virtual = new VirtualTurn(turn)
  let listener: AudioListener | undefined
  let position = 0
  const input = {
    add: (added: AudioListener) => {
      listener = added
      return Result.void
    },
    remove: () => {},
    get position() {
      return position
    }
  }
  const prediction = turn.detector === undefined
    ? undefined
    : yield* TurnPrediction.make(turn.detector, { languages: new SessionText({ language: turn.language }), input })
  const changes = turn.activity.toSorted((one, other) => one.decidedAtSample - other.decidedAtSample)
  virtual.on({ _tag: "Started" })
  // steps of 5 ms, so that no delay is rounded to the frames of a session
  while (position < turn.pcm.length) {
    const next = Math.min(turn.pcm.length, position + 5 * MS)
    listener?.push(turn.pcm.subarray(position, next))
    position = next
    virtual.advance(position)
    while (changes[0] !== undefined && changes[0].decidedAtSample <= position) {
      const change = changes.shift()
      if (change === undefined) break
      prediction?.activity(change)
      if (change._tag === "SpeechStopped") virtual.pausedAt(change.atSample)
      virtual.on(change)
    }
    for (let question = virtual.questions.shift(); question !== undefined; question = virtual.questions.shift()) {
      virtual.answered(question, yield* prediction?.predict(question) ?? Effect.undefined)
    }
  }
  return virtual.decisions
}, Effect.scoped)
