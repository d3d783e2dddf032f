/** Drives a conversation in tests: inputs in, commands out. */
import * as Duration from "effect/Duration"
import * as Conversation from "../../src/conversation/Conversation.ts"
import type { Command } from "../../src/conversation/ConversationCommand.ts"
import type { ConversationEvent } from "../../src/conversation/ConversationEvent.ts"
import type { ConversationInput } from "../../src/conversation/ConversationInput.ts"
import type { ConversationOptions } from "../../src/conversation/ConversationOptions.ts"
import { type ConversationPolicy, defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import type { State, TimerName } from "../../src/conversation/ConversationState.ts"
import * as Backchannel from "../../src/conversation/machine/Backchannel.ts"

type Overrides = Partial<Omit<ConversationOptions, "policy">> & { readonly policy?: Partial<ConversationPolicy> }

export const optionsOf = ({ policy, ...rest }: Overrides = {}): ConversationOptions => ({
  // the away timer is off in tests that are not about it
  policy: { ...defaultPolicy, away: { after: Duration.zero, closeAfter: Duration.zero }, ...policy },
  turnAuthority: "own",
  transcriptBased: true,
  interimTranscripts: false,
  turnDetector: false,
  ...Backchannel.make([], "en"),
  latencyTargetMs: 500,
  finalizeTimeoutMs: 5_000,
  ...rest
})

export class Script {
  state: State
  atMs = 1_000
  /** The commands since the last `take`. */
  commands: Array<Command> = []
  readonly events: Array<ConversationEvent> = []
  options: ConversationOptions
  /** The played text with which `End` is answered. */
  heard = ""

  constructor(overrides: Overrides = {}) {
    this.options = optionsOf(overrides)
    this.state = Conversation.initial()
  }

  /** Applies inputs, and answers `End` as a session does. */
  on(...inputs: ReadonlyArray<ConversationInput>): this {
    const waiting = [...inputs]
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { commands, state } = Conversation.step(this.options, this.state, { ...next, atMs: this.atMs })
      this.state = state
      for (const command of commands) {
        if (command._tag === "Emit") this.events.push(command.event)
        this.commands.push(command)
        if (command._tag === "End") waiting.unshift({ _tag: "ReplyEnded", epoch: command.epoch, text: this.heard })
      }
    }
    return this
  }

  /** Changes the policy. */
  policy(policy: Partial<ConversationPolicy>): this {
    this.options = { ...this.options, policy: { ...this.options.policy, ...policy } }
    return this
  }

  /** The recogniser sends an interim transcript. */
  interim(text: string): this {
    return this.on({ _tag: "Interim", text })
  }

  after(ms: number): this {
    this.atMs += ms
    return this
  }

  /** The user speaks from a moment of the audio until another (in ms); the detector is sure 50 ms later. */
  speaks(fromMs: number, toMs: number): this {
    return this.starts(fromMs).stops(toMs)
  }

  starts(fromMs: number): this {
    return this.on({ _tag: "SpeechStarted", atSample: fromMs * 16, decidedAtSample: (fromMs + 50) * 16 })
  }

  stops(toMs: number): this {
    return this.on({ _tag: "SpeechStopped", atSample: toMs * 16, decidedAtSample: (toMs + 50) * 16 })
  }

  /** The timer fires. */
  fires(name: TimerName, atSample = 0): this {
    return this.on({ _tag: "TimerFired", name, id: this.state.timers[name] ?? -1, atSample })
  }

  /** The recogniser sends the final transcript of the turn. */
  hears(text: string): this {
    return this.on({ _tag: "Final", text }, { _tag: "Finalized", id: this.state.finalizeId })
  }

  /** A complete turn of the user. */
  asks(text: string, fromMs = 0): this {
    return this.speaks(fromMs, fromMs + 500).fires("endpoint").hears(text)
  }

  audible(): this {
    return this.on({ _tag: "ReplyAudible", epoch: this.state.epoch })
  }

  /** The whole reply is played. */
  played(text: string): this {
    this.heard = text
    return this.on({ _tag: "ReplyPlayed", epoch: this.state.epoch })
  }

  /** The commands since the last call, as text. */
  take(): ReadonlyArray<string> {
    const taken = this.commands.map(inWords)
    this.commands = []
    return taken
  }

  get openText(): string {
    const { finals, interim } = this.state.openTranscript
    return `${finals} ${interim}`.trim()
  }

  get startCommands(): ReadonlyArray<Extract<Command, { readonly _tag: "Start" }>> {
    return this.commands.filter((command) => command._tag === "Start")
  }

  /** The history, one line per item. */
  get historyLines(): ReadonlyArray<string> {
    return this.state.history.map(({ interrupted, kind, role, text, turn }) =>
      `${turn} ${role}${kind === "speech" ? "" : `(${kind})`}: ${text}${interrupted ? " …" : ""}`
    )
  }
}

export const inWords = (command: Command): string => {
  switch (command._tag) {
    case "Emit": {
      const { type, ...rest } = command.event
      const values = Object.entries(rest).filter(([key]) => key !== "parts" && key !== "details").map(([, value]) =>
        String(value)
      )
      return [type, ...values].join(" ")
    }
    case "Start": {
      const { source } = command
      const what = source._tag === "Answer"
        ? source.transcript
        : source._tag === "Text"
        ? source.text
        : source._tag === "Audio"
        ? source.key
        : source.reply
      return `${command.speculative ? "?" : ">"} ${source._tag} ${command.turn}: ${what}`
    }
    case "SetTimer":
      return `+${command.name}`
    case "CancelTimer":
      return `-${command.name}`
    case "Finalize":
      return `finalize ${command.untilSample / 16}`
    case "Abandon":
      return `abandon ${command.id}`
    case "Append":
      return `append ${command.item.role} ${command.item.turn}`
    case "Withdraw":
      return `withdraw ${command.turn}`
    case "HistoryChanged":
      return "history"
    case "Collected":
      return `collected ${command.text}`
    case "End":
      return `end ${command.reason}`
    case "Commit":
      return "commit"
    case "Discard":
      return "discard"
    case "PredictEndOfTurn":
      return `predict ${command.transcript}`
    case "Hold":
      return "hold"
    case "Release":
      return "release"
    case "Close":
      return `close ${command.reason}`
  }
}
