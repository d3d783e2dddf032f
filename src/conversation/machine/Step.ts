/**
 * One step of a conversation in the making: the state so far, and the commands in their order.
 *
 * What both sides of the machine stand on: events, history and timers; beginning, ending and taking back replies.
 *
 * @since 0.1.0
 */
import type { ConversationEvent, SessionEnd, SpeechEnd } from "../ConversationEvent.ts"
import { publicState } from "../ConversationState.ts"
import type {
  Command,
  ConversationOptions,
  Next,
  Reply,
  ReplySource,
  Speculation,
  State,
  TimerName
} from "../ConversationState.ts"
import type { HistoryItem } from "../History.ts"
import type * as TurnLatency from "../TurnLatency.ts"
import { join, sameWords } from "./Words.ts"

/**
 * Samples of the timeline in a millisecond.
 *
 * @category constants
 * @since 0.1.0
 */
export const SAMPLES_PER_MS = 16

/**
 * How long a timer waits by the clock beyond the moment at which the audio should have passed its sample: audio in flight
 * may be late by a jitter buffer and a browser's bunching (~35 ms), never by this much unless it has stopped.
 *
 * @category constants
 * @since 0.1.0
 */
export const GRACE_MS = 120

/** How much of what the agent has said an echo is looked for in. */
const SAID_CHARACTERS = 400

/**
 * The words of the open turn so far.
 *
 * @category accessors
 * @since 0.1.0
 */
export const wordsOf = (heard: State["heard"]): string => join(heard.finals, heard.interim)

/**
 * Whether a reply answers what nobody has the words of yet.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isWordless = (source: ReplySource): boolean =>
  source._tag === "Remote" || (source._tag === "Answer" && source.transcript === "")

/** Nobody may talk over it. */
const isProtected = (source: ReplySource): boolean => source._tag === "Text" && source.uninterruptible === true

const both = (former: Next, next: Next): Next =>
  former._tag === "Start" && former.source._tag === "Answer" && former.source.again !== true &&
    next._tag === "Start" && next.source._tag === "Answer"
    ? { ...next, source: { ...next.source, transcript: join(former.source.transcript, next.source.transcript) } }
    : next

/**
 * @category models
 * @since 0.1.0
 */
export class Step {
  state: State
  readonly commands: Array<Command> = []
  readonly options: ConversationOptions
  readonly atMs: number

  constructor(options: ConversationOptions, state: State, atMs: number) {
    this.options = options
    this.state = state
    this.atMs = atMs
  }

  set(patch: Partial<State>): void {
    this.state = { ...this.state, ...patch }
  }

  emit(event: ConversationEvent): void {
    this.commands.push({ _tag: "Emit", event })
  }

  append(item: Omit<HistoryItem, "atMs">, atMs: number): void {
    const complete = { ...item, atMs }
    // a model's transcript of the next turn may come before this one is over
    const at = this.state.history.findLastIndex((other) => other.turn <= item.turn) + 1
    this.set({ history: this.state.history.toSpliced(at, 0, complete) })
    this.commands.push({ _tag: "Append", item: complete })
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

  /** Begins a reply, or makes one of the answer that is in the making. The agent is silent. */
  start(source: ReplySource, marks: TurnLatency.TurnTimestamps | undefined): void {
    const again = source._tag === "Answer" && source.again === true
    const history = again
      ? this.state.history.filter((item) => item.role !== "user" || item.turn !== this.state.turn)
      : this.state.history
    const made = this.takeSpeculation(source)
    const turn = this.state.turn + (again ? 0 : 1)
    const epoch = made?.epoch ?? this.state.epoch + 1
    this.set({
      turn,
      epoch: Math.max(epoch, this.state.epoch),
      untold: isWordless(source) && !history.some((item) => item.turn === turn) ? turn : undefined,
      agent: {
        _tag: "Active",
        reply: {
          epoch,
          turn,
          source,
          audibleAt: undefined,
          said: "",
          marks: marks === undefined ? undefined : { ...marks, ...made?.marks }
        }
      }
    })
    if (source._tag === "Answer" && source.transcript !== "" && !again) {
      this.emit({ type: "user.transcript", turn, text: source.transcript, final: true })
      this.append(
        { role: "user", turn, kind: source.kind, text: source.transcript, interrupted: false },
        marks?.start ?? this.atMs
      )
    }
    if (made === undefined) this.commands.push({ _tag: "Start", epoch, turn, source, history, speculative: false })
    else this.commands.push({ _tag: "Commit", epoch })
  }

  /** Drops the answer in the making. */
  discard(): void {
    const { speculation } = this.state
    if (speculation === undefined) return
    this.set({ speculation: undefined })
    if (!speculation.failed) this.commands.push({ _tag: "Discard", epoch: speculation.epoch })
  }

  /** The answer in the making, if it is one to this; it is dropped otherwise. */
  takeSpeculation(source: ReplySource): Speculation | undefined {
    const { speculation } = this.state
    if (speculation === undefined) return undefined
    const fits = source._tag === "Answer" && source.kind === "speech" &&
      sameWords(source.transcript, speculation.transcript)
    if (fits && !speculation.failed) {
      this.set({ speculation: undefined })
      return speculation
    }
    this.discard()
    return undefined
  }

  /** Ends the reply for good; `next` happens when it has told what was heard. */
  end(reason: SpeechEnd, next: Next): void {
    const { agent } = this.state
    switch (agent._tag) {
      case "Silent":
        return
      case "Ending":
        // a close is never taken back, and a question never lost
        if (agent.next._tag !== "Close") this.set({ agent: { ...agent, next: both(agent.next, next) } })
        return
      case "Active":
      case "Held": {
        const { reply } = agent
        this.cancelTimer("confirm")
        this.set({ agent: { _tag: "Ending", reply, reason, next } })
        this.commands.push({ _tag: "End", epoch: reply.epoch, reason })
        if (reason !== "completed" && reply.audibleAt !== undefined && agent._tag === "Active") {
          this.emit({ type: "playout.clear", turn: reply.turn })
        }
      }
    }
  }

  /** The user speaks on. What nobody has heard yet is taken back: the user's turn simply goes on. */
  interrupt(): void {
    const reply = this.cut({ _tag: "Nothing" })
    if (reply !== undefined) this.withdraw(reply)
  }

  /** Cuts the reply off. One that was given and that nobody has heard will be said later. Returns it when unheard. */
  cut(next: Next): Reply | undefined {
    const { agent } = this.state
    const unheard = (agent._tag === "Active" || agent._tag === "Held") && agent.reply.audibleAt === undefined
      ? agent.reply
      : undefined
    this.end("interrupted", next)
    const source = unheard?.source
    if ((source?._tag === "Text" && !source.optional) || source?._tag === "Audio") {
      this.set({ queue: [source, ...this.state.queue] })
    }
    return unheard
  }

  /** The question of an answer that nobody has heard belongs to the open turn again. */
  withdraw({ source, turn }: Reply): void {
    if (source._tag !== "Answer" || source.kind !== "speech" || source.transcript === "" || source.again === true) {
      return
    }
    const { heard, history } = this.state
    this.set({
      turn: turn - 1,
      history: history.filter((item) => !(item.turn === turn && item.role === "user")),
      heard: { finals: join(source.transcript, heard.finals), interim: heard.interim }
    })
    this.commands.push({ _tag: "Withdraw", turn })
  }

  /** A turn of the user's is complete: the agent is to answer, as soon as one may talk over what it says. */
  ask(source: ReplySource, marks: TurnLatency.TurnTimestamps | undefined): void {
    const { agent, queue } = this.state
    if (agent._tag === "Silent") {
      this.start(source, marks)
    } else if (
      (source._tag === "Answer" || source._tag === "Remote") && agent._tag !== "Ending" &&
      isProtected(agent.reply.source)
    ) {
      // of a model's own replies only the last one answers what was said last
      const others = source._tag === "Remote" ? queue.filter((other) => other._tag !== "Remote") : queue
      const asked = others.filter((other) => other._tag === "Answer")
      this.set({ queue: [...asked, source, ...others.filter((other) => other._tag !== "Answer")] })
    } else {
      this.cut({ _tag: "Start", source, marks })
    }
  }

  /** Answers what has waited for the agent's silence: questions that are next to each other are one. */
  answerWaiting(): void {
    const { agent, lifecycle, queue } = this.state
    const [head, ...rest] = queue
    if (agent._tag !== "Silent" || lifecycle._tag === "New" || lifecycle._tag === "Closed") return
    // what was asked before an interruption of the session waits like what is to be said
    if (head?._tag !== "Answer" || head.again === true) return
    let source = head
    while (rest[0]?._tag === "Answer" && rest[0].again !== true) {
      source = { ...rest[0], transcript: join(source.transcript, rest[0].transcript) }
      rest.shift()
    }
    this.set({ queue: rest })
    this.start(source, { start: this.atMs })
  }

  /** Whether the user may stop what the agent is saying. */
  get mayInterrupt(): boolean {
    const { agent, lifecycle } = this.state
    return this.options.policy.interruption.enabled && lifecycle._tag === "Open" &&
      !(agent._tag !== "Silent" && isProtected(agent.reply.source))
  }

  /** The agent goes on where it was held. */
  release(): void {
    const { agent } = this.state
    if (agent._tag !== "Held") return
    this.cancelTimer("confirm")
    this.set({ agent: { _tag: "Active", reply: agent.reply } })
    this.commands.push({ _tag: "Release", epoch: agent.reply.epoch })
    if (agent.reply.audibleAt !== undefined) this.emit({ type: "agent.speech_resumed", turn: agent.reply.turn })
  }

  close(reason: SessionEnd): void {
    for (const name of ["endpoint", "confirm", "longest", "finalize", "noise", "away"] as const) this.cancelTimer(name)
    this.discard()
    this.set({ lifecycle: { _tag: "Closed", reason }, queue: [], user: { _tag: "Quiet" } })
    this.tell()
    this.emit({ type: "session.ended", reason })
    this.commands.push({ _tag: "Close", reason })
  }

  /** Tells the public state if it has changed; not between an end and what follows it. */
  tell(): void {
    if (this.state.agent._tag === "Ending") return
    const state = publicState(this.state)
    if (state === this.state.told) return
    this.set({ told: state })
    this.emit({ type: "session.state", state })
  }

  reply(epoch: number): Reply | undefined {
    const { agent } = this.state
    return agent._tag !== "Silent" && agent.reply.epoch === epoch ? agent.reply : undefined
  }

  /** The agent's words as they begin to be heard; an echo is known by them. */
  said(reply: Reply, text: string): void {
    this.setReply({ ...reply, said: join(reply.said, text).slice(-SAID_CHARACTERS) })
  }

  setReply(reply: Reply): void {
    const { agent } = this.state
    if (agent._tag !== "Silent") this.set({ agent: { ...agent, reply } })
  }
}
