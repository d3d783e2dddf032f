/**
 * One step of a conversation in the making: the state so far, and the commands in their order.
 *
 * What both sides of the machine stand on: beginning, ending and taking back replies, completing turns, timers.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { ConversationEvent, SessionEnd, SpeechEnd } from "./ConversationEvent.ts"
import { publicState } from "./ConversationState.ts"
import type {
  Command,
  ConversationOptions,
  Next,
  Reply,
  ReplySource,
  Speculation,
  State,
  TimerName
} from "./ConversationState.ts"
import type { HistoryItem } from "./History.ts"
import type * as TurnLatency from "./TurnLatency.ts"
import { isEcho, join, sameWords, wordCount } from "./Words.ts"

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

/** How long the turn detector may take before the turn goes on without it. */
const JUDGE_MS = 300

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

const both = (former: Next, next: Next): Next =>
  former._tag === "Start" && former.source._tag === "Answer" && next._tag === "Start" && next.source._tag === "Answer"
    ? { ...next, source: { ...next.source, transcript: join(former.source.transcript, next.source.transcript) } }
    : next

/**
 * @category models
 * @since 0.1.0
 */
export class Draft {
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
  start(source: ReplySource, marks: TurnLatency.Marks | undefined): void {
    const { history } = this.state
    const made = this.takeSpeculation(source)
    const turn = this.state.turn + 1
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
    if (source._tag === "Answer" && source.transcript !== "") {
      this.emit({ type: "user.transcript", turn, text: source.transcript, final: true })
      this.append(
        { role: "user", turn, kind: source.kind, text: source.transcript, interrupted: false },
        marks?.start ?? this.atMs
      )
    }
    if (made === undefined) this.commands.push({ _tag: "Start", epoch, turn, source, history, speculative: false })
    else this.commands.push({ _tag: "Commit", epoch })
  }

  /** Asks the agent ahead of the end of the turn, should its words be all. */
  speculate(): void {
    const { policy } = this.options
    const { agent, heard, history, judged, lifecycle, speculation, turn, user } = this.state
    const transcript = wordsOf(heard)
    if (!policy.speculation || !this.options.textual || this.options.authority !== "own" || transcript === "") return
    if (this.isEcho(transcript)) return
    if (lifecycle._tag !== "Open" || agent._tag !== "Silent" || user._tag !== "Paused") return
    if (speculation !== undefined && sameWords(speculation.transcript, transcript)) return
    const finished = !this.options.detector ||
      (judged?.transcript === transcript && (judged.probability ?? 0) >= policy.endpointing.threshold)
    if (!finished) return
    this.discard()
    const epoch = this.state.epoch + 1
    this.set({ epoch, speculation: { epoch, transcript, marks: {}, failed: false } })
    this.commands.push({
      _tag: "Start",
      epoch,
      turn: turn + 1,
      source: { _tag: "Answer", transcript, kind: "speech" },
      history,
      speculative: true
    })
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

  /** Has the detector look at the words, unless it has. */
  judge(): void {
    const { heard, history, judged } = this.state
    const transcript = wordsOf(heard)
    if (!this.options.detector || transcript === "" || judged?.transcript === transcript) return
    const id = (judged?.id ?? 0) + 1
    this.set({ judged: { id, transcript, probability: undefined } })
    const agentSaid = history.findLast((item) => item.role === "agent")?.text ?? ""
    this.commands.push({ _tag: "Judge", id, transcript, agentSaid })
  }

  /** Whether the detector takes the words for unfinished; `undefined` while it does not say. */
  get unfinished(): boolean | undefined {
    const { heard, judged } = this.state
    return judged?.transcript !== wordsOf(heard) || judged.probability === undefined
      ? undefined
      : judged.probability < this.options.policy.endpointing.threshold
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
    if (source._tag !== "Answer" || source.kind !== "speech" || source.transcript === "") return
    const { heard, history } = this.state
    this.set({
      turn: turn - 1,
      history: history.filter((item) => !(item.turn === turn && item.role === "user")),
      heard: { finals: join(source.transcript, heard.finals), interim: heard.interim }
    })
    this.commands.push({ _tag: "Withdraw", turn })
  }

  /** A turn of the user's is complete: the agent is to answer. */
  ask(source: ReplySource, marks: TurnLatency.Marks | undefined): void {
    if (this.state.agent._tag === "Silent") this.start(source, marks)
    else this.cut({ _tag: "Start", source, marks })
  }

  /** Whether the user may stop what the agent is saying. */
  get mayInterrupt(): boolean {
    const { agent, lifecycle } = this.state
    const source = agent._tag === "Silent" ? undefined : agent.reply.source
    return this.options.policy.interruption.enabled && lifecycle._tag === "Open" &&
      !(source?._tag === "Text" && source.uninterruptible === true)
  }

  /** Whether the user's words so far are meant for the agent: no backchannel, no echo, and enough of them. */
  get wordsInterrupt(): boolean {
    const { agent, heard } = this.state
    const { interruption } = this.options.policy
    const words = wordsOf(heard)
    return wordCount(words) >= Math.max(1, interruption.minWords) && !this.isAside(words) &&
      agent._tag !== "Silent"
  }

  /** Whether words said while the agent has the word ask for nothing: the user's "mhm", or the agent's own echo. */
  isAside(words: string): boolean {
    const { ignoreBackchannels } = this.options.policy.interruption
    return (ignoreBackchannels && this.options.isBackchannel(words)) || this.isEcho(words)
  }

  /** Whether words are what the agent says, or has said to its end since the user's turn began. */
  isEcho(words: string): boolean {
    const { agent, over } = this.state
    return this.options.policy.echoGuard &&
      (isEcho(words, over) || (agent._tag !== "Silent" && isEcho(words, agent.reply.said)))
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

  /** What was said while the agent had the word was nothing to answer. */
  dropAside(words: string): void {
    if (words !== "") this.emit({ type: "user.backchannel", text: words })
    this.discard()
    this.set({
      user: { _tag: "Quiet" },
      heard: { finals: "", interim: "" },
      marks: undefined,
      judged: undefined,
      over: ""
    })
    this.release()
  }

  /** The user does not make a sound any more, or nobody waits for the end of it. */
  stopped(): void {
    const { user } = this.state
    if (user._tag === "Speaking" || user._tag === "Noise" || (user._tag === "Finalizing" && user.still)) {
      this.emit({ type: "user.speech_stopped" })
    }
  }

  /** The open turn is over: its words, if any, become a question. `judged`: the detector has had its say. */
  complete(judged = false): void {
    const { agent, heard, lifecycle, user } = this.state
    for (const name of ["endpoint", "finalize", "longest", "noise"] as const) this.cancelTimer(name)
    const words = wordsOf(heard)
    // a conversation that is ending does not listen on
    const still = user._tag === "Finalizing" && user.still && lifecycle._tag === "Open"
    // a recogniser may take a turn for complete that is still being spoken
    if (!still) this.stopped()
    // a model asks itself
    const nothing = this.options.authority === "remote" || (this.options.textual && words === "")
    const busy = agent._tag === "Active" || agent._tag === "Held"
    if (this.options.textual && !still && this.asksNothing(words)) {
      this.dropAside(words)
      return
    }
    if (!nothing && busy && !this.mayInterrupt) {
      this.release()
      if (still) this.speaking(user.untilSample)
      else this.set({ user: { _tag: "Waiting" } })
      return
    }
    if (!nothing && !judged && this.waitsForJudgement()) return
    if (!nothing && busy && agent.reply.audibleAt === undefined) this.withdraw(agent.reply)
    const { marks } = this.state
    const transcript = this.options.textual ? wordsOf(this.state.heard) : ""
    this.set({
      user: { _tag: "Quiet" },
      heard: this.options.textual ? { finals: "", interim: "" } : heard,
      marks: undefined,
      judged: undefined,
      over: ""
    })
    if (still) this.speaking(user.untilSample)
    if (nothing) {
      this.discard()
      return
    }
    this.ask(
      { _tag: "Answer", transcript, kind: "speech" },
      marks === undefined ? undefined : {
        ...marks,
        transcript: this.options.textual ? this.atMs : undefined
      }
    )
  }

  /** Whether words were said to nobody: over the agent, or by its loudspeaker. */
  asksNothing(words: string): boolean {
    const { agent } = this.state
    if (agent._tag !== "Active" && agent._tag !== "Held") return this.isEcho(words)
    return words === "" || (agent.reply.audibleAt === undefined ? this.isAside(words) : !this.wordsInterrupt)
  }

  /** An unfinished turn gets more time, once; a turn that nobody has looked at waits for the detector, briefly. */
  waitsForJudgement(): boolean {
    const { lifecycle, user } = this.state
    if (!this.options.detector || this.options.authority !== "own" || lifecycle._tag !== "Open") return false
    if (user._tag !== "Finalizing" || user.still || user.extended) return false
    const unfinished = this.unfinished
    if (unfinished === undefined) {
      this.judge()
      this.set({ user: { ...user, awaits: "judgement" } })
      this.setTimer("finalize", undefined, JUDGE_MS)
      return true
    }
    if (unfinished) this.extend(user.untilSample)
    return unfinished
  }

  /** The turn sounds unfinished: the user gets until `maxSilence`. */
  extend(atSample: number): void {
    const maxMs = Duration.toMillis(this.options.policy.endpointing.maxSilence)
    const start = this.state.marks?.start ?? this.atMs
    this.discard()
    this.set({ user: { _tag: "Paused", atSample, extended: true } })
    this.setTimer("endpoint", atSample + maxMs * SAMPLES_PER_MS, maxMs - (this.atMs - start) + GRACE_MS)
  }

  /** The user speaks since a sample, but not for ever from now on. `late`: the sample was long ago. */
  speaking(sinceSample: number, late = false): void {
    this.set({ user: { _tag: "Speaking", sinceSample } })
    const { heard, timers } = this.state
    const bound = (name: "longest" | "noise", duration: Duration.Duration) => {
      const ms = Duration.toMillis(duration)
      this.setTimer(name, late ? undefined : sinceSample + ms * SAMPLES_PER_MS, ms + GRACE_MS)
    }
    if (timers.longest === undefined) bound("longest", this.options.policy.longestTurn)
    const telling = this.options.textual && this.options.interims
    if (telling && timers.noise === undefined && wordsOf(heard) === "") bound("noise", this.options.policy.longestNoise)
  }

  /** The turn seems over: ask for its final words. */
  finalize(untilSample: number, still: boolean): void {
    const { user } = this.state
    this.cancelTimer("endpoint")
    this.cancelTimer("longest")
    this.cancelTimer("noise")
    this.set({ marks: { start: this.atMs, ...this.state.marks, endpointing: this.atMs } })
    const id = this.state.finalizeId + 1
    const extended = user._tag === "Paused" && user.extended
    this.set({ finalizeId: id, user: { _tag: "Finalizing", id, untilSample, still, extended, awaits: "words" } })
    if (this.options.authority !== "remote" && !this.options.textual) {
      this.complete()
      return
    }
    this.setTimer("finalize", undefined, this.options.finalizeTimeoutMs)
    // a model that decides turns is not asked for words: its answer is awaited
    if (this.options.authority !== "remote") this.commands.push({ _tag: "Finalize", id, untilSample })
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

  /** What the agent may do by itself, now that the event has been dealt with. */
  settle(): void {
    // the words of a turn that waited may have been taken back
    if (this.state.user._tag === "Waiting" && this.state.agent._tag === "Silent") this.complete()
    const { agent, lifecycle, queue, user } = this.state
    if (lifecycle._tag !== "New" && lifecycle._tag !== "Closed" && agent._tag === "Silent") {
      if (user._tag === "Quiet" || user._tag === "Noise") {
        const [head, ...rest] = queue
        if (head !== undefined) {
          this.set({ queue: rest })
          this.start(head, undefined)
        } else if (lifecycle._tag === "Draining") {
          const { goodbye } = this.options.policy
          if (lifecycle.goodbye && goodbye !== "") {
            this.set({ lifecycle: { ...lifecycle, goodbye: false } })
            this.start({ _tag: "Text", text: goodbye, optional: true }, undefined)
          } else {
            this.close(lifecycle.reason)
          }
        }
      }
    }
    this.watchAway()
    this.tell()
  }

  /** While nobody speaks, the time runs until the user counts as away, and then until the session ends. */
  watchAway(): void {
    const { agent, away, lifecycle, timers, user } = this.state
    const idle = lifecycle._tag === "Open" && agent._tag === "Silent" &&
      (user._tag === "Quiet" || user._tag === "Noise")
    if (!idle) {
      this.cancelTimer("away")
      return
    }
    if (timers.away !== undefined) return
    const { after, closeAfter } = this.options.policy.away
    const ms = Duration.toMillis(away ? closeAfter : after)
    if (ms > 0) this.setTimer("away", undefined, ms)
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
