/**
 * The conversation: a pure state machine that decides who speaks.
 *
 * `step` takes what happened and gives the next state and what the shell must do. It knows no clock, no vendor and no
 * Effect: time and positions come in as data, so the same events always make the same conversation. History is
 * appended, and the conversation's events are emitted, here and nowhere else.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { BackendError } from "../BackendError.ts"
import type { ConversationEvent, SessionEnd, SessionState, SpeechEnd } from "./ConversationEvent.ts"
import type {
  Command,
  ConversationOptions,
  Event,
  Next,
  Reply,
  ReplySource,
  State,
  TimerName
} from "./ConversationState.ts"
import type { HistoryItem } from "./History.ts"
import * as TurnLatency from "./TurnLatency.ts"

/** Samples of the timeline in a millisecond. */
const SAMPLES_PER_MS = 16

/**
 * How long a timer waits by the clock beyond the moment at which the audio should have passed its sample: audio in flight
 * may be late by a jitter buffer and a browser's bunching (~35 ms), never by this much unless it has stopped.
 */
const GRACE_MS = 120

/**
 * With `turnAuthority: "stt"`, silence after which the turn is over though the recogniser has not said so.
 */
const STT_FALLBACK_MS = 3_000

/**
 * The conversation before its start.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initial = (history: ReadonlyArray<HistoryItem> = []): State => ({
  lifecycle: { _tag: "New" },
  user: { _tag: "Quiet" },
  agent: { _tag: "Silent" },
  heard: { finals: "", interim: "" },
  queue: [],
  history,
  turn: history.reduce((turn, item) => Math.max(turn, item.turn), 0),
  epoch: 0,
  finalizeId: 0,
  timers: {},
  timerId: 0,
  marks: undefined,
  untold: undefined,
  down: [],
  told: "idle"
})

const join = (...parts: ReadonlyArray<string>): string => parts.map((part) => part.trim()).filter(Boolean).join(" ")

const wordsOf = (heard: State["heard"]): string => join(heard.finals, heard.interim)

/**
 * The public state of a conversation.
 *
 * @category accessors
 * @since 0.1.0
 */
export const publicState = (state: State): SessionState => {
  if (state.lifecycle._tag === "Closed") return "closed"
  if (state.lifecycle._tag === "New") return "idle"
  if (state.down.length > 0) return "error"
  switch (state.agent._tag) {
    case "Active":
    case "Ending":
      return state.agent.reply.audibleAt === undefined ? "processing" : "speaking"
    case "Held":
      return "listening"
    case "Silent":
      return state.user._tag === "Finalizing" || state.user._tag === "Waiting" ? "processing" : "listening"
  }
}

/** It answers what nobody has the words of yet. */
const isWordless = (source: ReplySource): boolean =>
  source._tag === "Remote" || (source._tag === "Answer" && source.transcript === "")

const both = (former: Next, next: Next): Next =>
  former._tag === "Start" && former.source._tag === "Answer" && next._tag === "Start" && next.source._tag === "Answer"
    ? { ...next, source: { ...next.source, transcript: join(former.source.transcript, next.source.transcript) } }
    : next

/**
 * One step in the making: the state so far, and the commands in their order.
 */
class Draft {
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

  /** Begins a reply. The agent is silent. */
  start(source: ReplySource, marks: TurnLatency.Marks | undefined): void {
    const { history } = this.state
    const turn = this.state.turn + 1
    const epoch = this.state.epoch + 1
    this.set({
      turn,
      epoch,
      untold: isWordless(source) && !history.some((item) => item.turn === turn) ? turn : undefined,
      agent: { _tag: "Active", reply: { epoch, turn, source, audibleAt: undefined, marks } }
    })
    if (source._tag === "Answer" && source.transcript !== "") {
      this.emit({ type: "user.transcript", turn, text: source.transcript, final: true })
      this.append(
        { role: "user", turn, kind: source.kind, text: source.transcript, interrupted: false },
        marks?.start ?? this.atMs
      )
    }
    this.commands.push({ _tag: "Start", epoch, turn, source, history })
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

  get mayInterrupt(): boolean {
    return this.options.policy.interruption.enabled && this.state.lifecycle._tag === "Open"
  }

  /** The open turn is over: its words, if any, become a question. */
  complete(): void {
    const { agent, heard, user } = this.state
    for (const name of ["endpoint", "finalize", "longest"] as const) this.cancelTimer(name)
    // a model asks itself
    const nothing = this.options.authority === "remote" || (this.options.textual && wordsOf(heard) === "")
    const busy = agent._tag === "Active" || agent._tag === "Held"
    if (!nothing && busy && !this.mayInterrupt) {
      this.set({ user: { _tag: "Waiting" } })
      return
    }
    if (!nothing && busy && agent.reply.audibleAt === undefined) this.withdraw(agent.reply)
    const { marks } = this.state
    const transcript = this.options.textual ? wordsOf(this.state.heard) : ""
    this.set({
      user: { _tag: "Quiet" },
      heard: this.options.textual ? { finals: "", interim: "" } : heard,
      marks: undefined
    })
    if (user._tag === "Finalizing" && user.still) this.speaking(user.untilSample)
    if (nothing) return
    this.ask(
      { _tag: "Answer", transcript, kind: "speech" },
      marks === undefined ? undefined : {
        ...marks,
        transcript: this.options.textual ? this.atMs : undefined
      }
    )
  }

  /** The user speaks since a sample, but not for ever. */
  speaking(sinceSample: number): void {
    this.set({ user: { _tag: "Speaking", sinceSample } })
    if (this.state.timers.longest !== undefined) return
    const longestMs = Duration.toMillis(this.options.policy.longestTurn)
    this.setTimer("longest", sinceSample + longestMs * SAMPLES_PER_MS, longestMs + GRACE_MS)
  }

  /** The turn seems over: ask for its final words. */
  finalize(untilSample: number, still: boolean): void {
    this.cancelTimer("endpoint")
    this.cancelTimer("longest")
    this.set({ marks: { start: this.atMs, ...this.state.marks, endpointing: this.atMs } })
    const id = this.state.finalizeId + 1
    this.set({ finalizeId: id, user: { _tag: "Finalizing", id, untilSample, still } })
    if (this.options.authority !== "remote" && !this.options.textual) {
      this.complete()
      return
    }
    this.setTimer("finalize", undefined, this.options.finalizeTimeoutMs)
    // a model that decides turns is not asked for words: its answer is awaited
    if (this.options.authority !== "remote") this.commands.push({ _tag: "Finalize", id, untilSample })
  }

  close(reason: SessionEnd): void {
    for (const name of ["endpoint", "confirm", "longest", "finalize"] as const) this.cancelTimer(name)
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
    const { agent, lifecycle, queue, user } = this.state
    if (lifecycle._tag !== "New" && lifecycle._tag !== "Closed" && agent._tag === "Silent") {
      if (user._tag === "Waiting") {
        this.complete()
      } else if (user._tag === "Quiet") {
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
    this.tell()
  }

  reply(epoch: number): Reply | undefined {
    const { agent } = this.state
    return agent._tag !== "Silent" && agent.reply.epoch === epoch ? agent.reply : undefined
  }

  setReply(reply: Reply): void {
    const { agent } = this.state
    if (agent._tag !== "Silent") this.set({ agent: { ...agent, reply } })
  }
}

const onSpeechStarted = (draft: Draft, event: Extract<Event, { readonly _tag: "SpeechStarted" }>): void => {
  const { agent, lifecycle, user } = draft.state
  // a conversation that is ending takes no new turn
  if (user._tag === "Speaking" || (lifecycle._tag === "Draining" && user._tag === "Quiet")) return
  draft.cancelTimer("endpoint")
  draft.cancelTimer("finalize")
  draft.set({ marks: undefined, untold: undefined })
  draft.emit({ type: "user.speech_started" })
  draft.speaking(event.atSample)
  if (agent._tag !== "Active" || !draft.mayInterrupt) return
  const minSpeech = Duration.toMillis(draft.options.policy.interruption.minSpeech)
  const heardMs = (event.decidedAtSample - event.atSample) / SAMPLES_PER_MS
  if (draft.options.authority === "remote" || heardMs >= minSpeech) {
    draft.interrupt()
    return
  }
  const { audibleAt, epoch, turn } = agent.reply
  draft.set({ agent: { ...agent, _tag: "Held" } })
  draft.commands.push({ _tag: "Hold", epoch })
  if (audibleAt !== undefined) {
    draft.emit({ type: "playout.clear", turn })
    draft.emit({ type: "agent.speech_paused", turn })
  }
  draft.setTimer("confirm", event.atSample + minSpeech * SAMPLES_PER_MS, minSpeech - heardMs + GRACE_MS)
}

const release = (draft: Draft): void => {
  const { agent } = draft.state
  if (agent._tag !== "Held") return
  draft.cancelTimer("confirm")
  draft.set({ agent: { ...agent, _tag: "Active" } })
  draft.commands.push({ _tag: "Release", epoch: agent.reply.epoch })
  if (agent.reply.audibleAt !== undefined) draft.emit({ type: "agent.speech_resumed", turn: agent.reply.turn })
}

/** With a model that decides turns: its answer is awaited, unless it is there. */
const remoteStopped = (draft: Draft, atSample: number): void => {
  const { agent } = draft.state
  if (agent._tag === "Active" && agent.reply.source._tag === "Remote") {
    draft.cancelTimer("longest")
    draft.set({ user: { _tag: "Quiet" } })
  } else {
    draft.finalize(atSample, false)
  }
}

const onSpeechStopped = (draft: Draft, event: Extract<Event, { readonly _tag: "SpeechStopped" }>): void => {
  const { user } = draft.state
  if (user._tag === "Finalizing" && user.still) {
    draft.set({ user: { ...user, still: false } })
    draft.emit({ type: "user.speech_stopped" })
    return
  }
  if (user._tag !== "Speaking") return
  const { authority, policy } = draft.options
  const waitedMs = Math.max(0, event.decidedAtSample - event.atSample) / SAMPLES_PER_MS
  draft.set({ marks: { start: draft.atMs - waitedMs, vad: draft.atMs } })
  draft.emit({ type: "user.speech_stopped" })
  release(draft)
  if (authority === "remote") {
    remoteStopped(draft, event.atSample)
    return
  }
  draft.set({ user: { _tag: "Paused", atSample: event.atSample } })
  const silenceMs = authority === "stt" ? STT_FALLBACK_MS : Duration.toMillis(policy.endpointing.silence)
  draft.setTimer("endpoint", event.atSample + silenceMs * SAMPLES_PER_MS, silenceMs - waitedMs + GRACE_MS)
}

const onTimer = (draft: Draft, event: Extract<Event, { readonly _tag: "TimerFired" }>): void => {
  if (draft.state.timers[event.name] !== event.id) return
  const { [event.name]: _, ...timers } = draft.state.timers
  draft.set({ timers })
  const { agent, user } = draft.state
  switch (event.name) {
    case "endpoint":
      if (user._tag !== "Paused") return
      if (draft.options.authority === "stt") draft.complete()
      else draft.finalize(user.atSample, false)
      return
    case "confirm":
      if (agent._tag === "Held") draft.interrupt()
      return
    case "longest":
      if (user._tag === "Speaking" || user._tag === "Paused") draft.finalize(event.atSample, user._tag === "Speaking")
      return
    case "finalize":
      if (user._tag === "Finalizing") draft.complete()
      return
  }
}

const onTranscript = (draft: Draft, text: string, final: boolean): void => {
  const { heard } = draft.state
  const next = final ? { finals: join(heard.finals, text), interim: "" } : { finals: heard.finals, interim: text }
  if (text.trim() === "" && next.interim === heard.interim) return
  draft.set({ heard: next })
  const { agent, turn } = draft.state
  if (draft.options.textual) {
    draft.emit({ type: "user.transcript", turn: turn + 1, text: join(next.finals, next.interim), final: false })
    return
  }
  // a model's transcript may come when its reply has begun, or is over: it belongs to the turn of that reply
  const of = agent._tag !== "Silent" && isWordless(agent.reply.source)
    ? agent.reply.turn
    : draft.state.untold ?? turn + 1
  if (final) draft.set({ heard: { finals: "", interim: "" }, untold: undefined })
  if (final && text.trim() === "") return
  draft.emit({ type: "user.transcript", turn: of, text: join(next.finals, next.interim), final })
  if (!final) return
  draft.append({ role: "user", turn: of, kind: "speech", text: text.trim(), interrupted: false }, draft.atMs)
}

const onAudible = (draft: Draft, epoch: number): void => {
  const reply = draft.reply(epoch)
  if (reply === undefined || reply.audibleAt !== undefined || draft.state.agent._tag === "Ending") return
  const marks = reply.marks === undefined ? undefined : { ...reply.marks, playout: draft.atMs }
  draft.setReply({ ...reply, audibleAt: draft.atMs, marks })
  draft.emit({ type: "agent.speech_started", turn: reply.turn })
  if (marks === undefined) return
  const { parts, totalMs } = TurnLatency.parts(marks)
  draft.emit({ type: "turn.latency", turn: reply.turn, totalMs, parts })
  const targetMs = draft.options.latencyTargetMs
  if (totalMs > targetMs) draft.emit({ type: "turn.latency_exceeded", turn: reply.turn, totalMs, targetMs })
}

const emitError = (draft: Draft, error: BackendError): void =>
  draft.emit({
    type: "error",
    code: error.code,
    message: error.message,
    ...(error.details === undefined ? {} : { details: error.details })
  })

const onFailed = (draft: Draft, epoch: number, error: BackendError): void => {
  const reply = draft.reply(epoch)
  if (reply === undefined || draft.state.agent._tag === "Ending") return
  emitError(draft, error)
  const { apology } = draft.options.policy
  const sorry = reply.source._tag === "Answer" && reply.audibleAt === undefined && apology !== ""
  draft.end(
    "failed",
    sorry
      ? { _tag: "Start", source: { _tag: "Text", text: apology, optional: true }, marks: undefined }
      : { _tag: "Nothing" }
  )
}

const onHeard = (draft: Draft, epoch: number, text: string): void => {
  const { agent } = draft.state
  if (agent._tag !== "Ending" || agent.reply.epoch !== epoch) return
  const { next, reason, reply } = agent
  draft.set({ agent: { _tag: "Silent" } })
  if (reply.audibleAt !== undefined) {
    const kind = reply.source._tag === "Audio" ? "audio" : "speech"
    if (text !== "" || kind === "audio") {
      draft.append(
        { role: "agent", turn: reply.turn, kind, text, interrupted: reason !== "completed" },
        reply.audibleAt
      )
    }
    draft.emit({ type: "agent.speech_stopped", turn: reply.turn, reason, text })
  }
  if (next._tag === "Close") draft.close(next.reason)
  else if (next._tag === "Start") draft.start(next.source, next.marks)
}

const onInputEnded = (draft: Draft, atSample: number): void => {
  const { lifecycle, user } = draft.state
  if (lifecycle._tag === "Open") {
    draft.set({ lifecycle: { _tag: "Draining", reason: "input_ended", goodbye: false } })
  }
  if (user._tag === "Speaking") {
    draft.set({ marks: { start: draft.atMs, vad: draft.atMs } })
    draft.emit({ type: "user.speech_stopped" })
    release(draft)
    if (draft.options.authority === "remote") remoteStopped(draft, atSample)
    else draft.finalize(atSample, false)
  } else if (user._tag === "Paused") {
    draft.finalize(atSample, false)
  }
}

const apply = (draft: Draft, event: Event): void => {
  const { agent, lifecycle, user } = draft.state
  switch (event._tag) {
    case "Started": {
      if (lifecycle._tag !== "New") return
      const { firstSpeaker, greeting } = draft.options.policy
      draft.set({ lifecycle: { _tag: "Open" } })
      if (firstSpeaker === "agent" && greeting !== "" && draft.state.history.length === 0) {
        draft.set({ queue: [{ _tag: "Text", text: greeting, optional: true }, ...draft.state.queue] })
      }
      return
    }
    case "SpeechStarted":
      return lifecycle._tag === "New" ? undefined : onSpeechStarted(draft, event)
    case "SpeechStopped":
      return onSpeechStopped(draft, event)
    case "Interim":
      return onTranscript(draft, event.text, false)
    case "Final":
      return onTranscript(draft, event.text, true)
    case "Finalized":
      return user._tag === "Finalizing" && user.id === event.id ? draft.complete() : undefined
    case "EndOfTurn": {
      if (draft.options.authority !== "stt" || lifecycle._tag === "New") return
      const { marks } = draft.state
      draft.set({ marks: { start: draft.atMs, ...marks, endpointing: draft.atMs } })
      return draft.complete()
    }
    case "TimerFired":
      return onTimer(draft, event)
    case "UserText":
      return lifecycle._tag === "Open" && event.text.trim() !== ""
        ? draft.ask({ _tag: "Answer", transcript: event.text.trim(), kind: "text" }, { start: draft.atMs })
        : undefined
    case "Say":
      return lifecycle._tag === "Draining" ? undefined : draft.set({ queue: [...draft.state.queue, event.source] })
    case "Interrupt":
      return agent._tag === "Ending" ? undefined : draft.end("interrupted", { _tag: "Nothing" })
    case "RemoteReply": {
      if (lifecycle._tag === "New") return
      const { marks } = draft.state
      draft.set({ marks: undefined })
      if (user._tag === "Finalizing") {
        draft.cancelTimer("finalize")
        draft.set({ user: { _tag: "Quiet" } })
      }
      return draft.ask({ _tag: "Remote", reply: event.reply }, marks)
    }
    case "ReplyProgress": {
      const reply = draft.reply(event.epoch)
      if (reply?.marks === undefined || reply.marks[event.stage] !== undefined) return
      return draft.setReply({ ...reply, marks: { ...reply.marks, [event.stage]: event.atMs } })
    }
    case "ReplyAudible":
      return onAudible(draft, event.epoch)
    case "ReplyText": {
      const reply = draft.reply(event.epoch)
      if (reply !== undefined && agent._tag !== "Ending") {
        draft.emit({ type: "agent.transcript", turn: reply.turn, text: event.text })
      }
      return
    }
    case "ReplyPlayed":
      return draft.reply(event.epoch) !== undefined && agent._tag !== "Ending"
        ? draft.end("completed", { _tag: "Nothing" })
        : undefined
    case "ReplyFailed":
      return onFailed(draft, event.epoch, event.error)
    case "ReplyHeard":
      return onHeard(draft, event.epoch, event.text)
    case "EngineDown":
      emitError(draft, event.error)
      return draft.state.down.includes(event.engine)
        ? undefined
        : draft.set({ down: [...draft.state.down, event.engine] })
    case "EngineUp":
      return draft.set({ down: draft.state.down.filter((engine) => engine !== event.engine) })
    case "InputEnded":
      return onInputEnded(draft, event.atSample)
    case "Drain":
      if (lifecycle._tag === "New") return draft.close(event.reason)
      return lifecycle._tag === "Open"
        ? draft.set({ lifecycle: { _tag: "Draining", reason: event.reason, goodbye: true } })
        : undefined
    case "Close":
      return agent._tag === "Silent"
        ? draft.close(event.reason)
        : draft.end("interrupted", { _tag: "Close", reason: event.reason })
  }
}

/**
 * Takes one event: the next state, and the commands in the order in which they must be carried out. A closed
 * conversation takes no more.
 *
 * @category transitions
 * @since 0.1.0
 */
export const step = (
  options: ConversationOptions,
  state: State,
  event: Event
): { readonly state: State; readonly commands: ReadonlyArray<Command> } => {
  if (state.lifecycle._tag === "Closed") return { state, commands: [] }
  const draft = new Draft(options, state, event.atMs)
  apply(draft, event)
  draft.settle()
  return { state: draft.state, commands: draft.commands }
}
