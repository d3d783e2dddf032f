/**
 * The spans of a session: its turns, and what each is made of. They are derived from what the session tells and is told,
 * and made by hand at the times at which things happened; nothing is done for a frame of audio.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import type { BackendErrorCode } from "../../BackendError.ts"
import type { Command } from "../../conversation/ConversationCommand.ts"
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { ReplySource } from "../../conversation/ConversationState.ts"
import * as ManualSpans from "../../telemetry/ManualSpans.ts"
import * as SpanFailure from "../../telemetry/SpanFailure.ts"
import * as TelemetryNames from "../../telemetry/TelemetryNames.ts"
import type { PipelineType } from "../SessionConfig.ts"
import type { SessionEnd, SessionEvent } from "../SessionEvent.ts"
import type { ReplyTrace } from "./ReplyTrace.ts"
import { SpeechTimes } from "./SpeechTimes.ts"

const { attributes: keys, spans } = TelemetryNames

/** Answers that were not wanted, and are told of with the turn. */
const MAX_DISCARDED = 16

type Start = Extract<Command, { readonly _tag: "Start" }>

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionTraceOptions {
  readonly tracer: Tracer.Tracer
  readonly id: string
  readonly provider: string
  readonly pipelineType: PipelineType
  /** The names of the engines, by kind. */
  readonly engines: { readonly [kind: string]: string }
  readonly resumed: boolean
  /** What people say may be told. */
  readonly speech: boolean
  /** Who asked for the session. */
  readonly creator: Tracer.AnySpan | undefined
  /** In ms of Unix time. */
  readonly now: () => number
}

interface Turn {
  readonly number: number
  readonly span: Tracer.Span
  readonly startedAt: number
}

interface Reply {
  readonly epoch: number
  readonly turn: number
  readonly source: ReplySource
  /** Asked for ahead of the end of the turn, and not sure to be heard. */
  speculative: boolean
  think: Tracer.Span | undefined
  thinking: boolean
  speak: Tracer.Span | undefined
  /** Its first text is there. */
  speaks: boolean
  audible: boolean
  code: BackendErrorCode | undefined
  /** Who failed: the agent, or what speaks. */
  blames: "think" | "speak" | undefined
  /** The agent is the speech-to-speech model itself. */
  readonly whole: boolean
  text: string
}

const message = (role: "user" | "assistant", content: string) =>
  JSON.stringify([{ role, parts: [{ type: "text", content }] }])

/**
 * @category models
 * @since 0.1.0
 */
export class SessionTrace {
  /** The whole session. */
  readonly span: Tracer.Span
  readonly #options: SessionTraceOptions
  readonly #spans: ManualSpans.ManualSpans
  readonly #times: SpeechTimes
  readonly #replies = new Map<number, Reply>()
  /** The turns that go on: hardly more than one. */
  readonly #turns = new Map<number, Turn>()
  #last: Turn | undefined
  #code: BackendErrorCode | undefined
  #over = false
  /** A question, where it may be told, until its turn has a span. */
  #asked: { readonly turn: number; readonly text: string } | undefined
  /** Answers that nobody wanted, until there is a turn to tell of them. */
  #discarded: Array<Tracer.Span> = []

  constructor(options: SessionTraceOptions) {
    this.#options = options
    const { creator, engines, id, pipelineType, provider, resumed } = options
    this.#spans = ManualSpans.make(options.tracer, options.now)
    this.#times = new SpeechTimes(options.now)
    this.span = this.#spans.begin(spans.session, {
      attributes: {
        [keys.sessionId]: id,
        [keys.provider]: provider,
        [keys.pipelineType]: pipelineType,
        ...(resumed ? { [keys.sessionResumed]: true } : {}),
        ...Object.fromEntries(Object.entries(engines).map(([kind, name]) => [`${keys.engine}.${kind}`, name]))
      },
      links: creator === undefined ? [] : [{ span: creator, attributes: { [keys.link]: "created_by" } }]
    })
  }

  /** What the conversation is told. */
  happened(happening: ConversationInput): void {
    if (this.#over) return
    this.#times.happened(happening)
    switch (happening._tag) {
      case "ReplyProgress":
        return this.#progress(happening.epoch, happening.stage)
      case "ReplyAudible": {
        const reply = this.#replies.get(happening.epoch)
        if (reply === undefined) return
        reply.audible = true
        return this.#speak(reply)
      }
      case "ReplyFailed": {
        const reply = this.#replies.get(happening.epoch)
        if (reply === undefined) return
        reply.code ??= happening.error.code
        reply.blames ??= happening.error.op.startsWith("Agent.") ? "think" : "speak"
        return
      }
      case "EngineDown":
        this.#code = happening.error.code
        return
    }
  }

  /** What the session tells. */
  event(event: SessionEvent): void {
    if (this.#over) return
    switch (event.type) {
      case "turn.latency": {
        const turn = this.#turns.get(event.turn)
        if (turn === undefined) return
        turn.span.attribute(keys.latency, event.totalMs)
        for (const { ms, name } of event.parts) turn.span.attribute(`${keys.part}.${name}_ms`, ms)
        return
      }
      case "user.transcript": {
        if (!event.final || !this.#options.speech) return
        const turn = this.#turns.get(event.turn)
        // the words of a turn are told before it is answered; a model tells them while it answers
        if (turn === undefined) this.#asked = { turn: event.turn, text: event.text }
        else turn.span.attribute(keys.inputMessages, message("user", event.text))
        return
      }
      case "user.backchannel":
        return this.#times.forget()
      case "error":
        this.#code = event.code
        return
    }
  }

  /** A reply begins. `agent`: who is asked, where it is not the speech-to-speech model itself. */
  start(
    { epoch, source, speculative, turn }: Start,
    agent: { readonly name: string | undefined } | undefined
  ): ReplyTrace {
    const reply: Reply = {
      epoch,
      turn,
      source,
      speculative,
      think: undefined,
      thinking: false,
      speak: undefined,
      speaks: source._tag === "Audio",
      audible: false,
      code: undefined,
      blames: undefined,
      whole: agent === undefined,
      text: ""
    }
    this.#replies.set(epoch, reply)
    const above = speculative ? this.span : this.#heard(turn, source).span
    if (source._tag === "Answer" || source._tag === "ModelInitiated") {
      const { engines, id, speech } = this.#options
      reply.thinking = true
      reply.think = this.#spans.begin(spans.think, {
        parent: above,
        attributes: {
          [keys.operationName]: agent === undefined ? "chat" : "invoke_agent",
          [keys.conversationId]: id,
          [keys.turn]: turn,
          ...(agent === undefined ? { [keys.providerName]: engines["s2s"] ?? "unknown" } : {}),
          ...(agent?.name === undefined ? {} : { [keys.agentName]: agent.name }),
          ...(speculative ? { [keys.speculative]: true } : {}),
          ...(speech && source._tag === "Answer" && source.transcript !== ""
            ? { [keys.inputMessages]: message("user", source.transcript) }
            : {})
        }
      })
    }
    if (!speculative) this.#speak(reply)
    return {
      think: reply.think,
      // the voice is asked before its span has begun
      speak: ManualSpans.lazySpan(() => reply.speak ?? reply.think ?? this.#turns.get(turn)?.span ?? this.span),
      thought: (exit) => this.#thought(reply, exit),
      said: this.#options.speech ? (piece) => void (reply.text += piece) : undefined
    }
  }

  /** A speculative reply is the one that will be heard. */
  commit(epoch: number): void {
    const reply = this.#replies.get(epoch)
    if (reply === undefined) return
    reply.speculative = false
    const turn = this.#heard(reply.turn, reply.source)
    const { think } = reply
    if (think !== undefined) {
      think.attribute(keys.outcome, "committed")
      think.addLinks([{ span: turn.span, attributes: { [keys.link]: "committed" } }])
      turn.span.addLinks([{ span: think, attributes: { [keys.link]: "committed" } }])
    }
    this.#speak(reply)
  }

  /** A speculative reply is not wanted. */
  discard(epoch: number): void {
    const reply = this.#replies.get(epoch)
    if (reply === undefined) return
    this.#replies.delete(epoch)
    const { think } = reply
    if (think === undefined) return
    think.attribute(keys.outcome, "discarded")
    this.#discarded.push(think)
    // a user who pauses often: the last ones are enough
    if (this.#discarded.length > MAX_DISCARDED) this.#discarded.shift()
    if (reply.thinking) this.#spans.end(think, reply.code)
    reply.thinking = false
  }

  /** A reply is over, and this was heard of it. */
  end(epoch: number, reason: "completed" | "interrupted" | "failed", text: string): void {
    const reply = this.#replies.get(epoch)
    if (reply === undefined) return
    this.#replies.delete(epoch)
    const { code, speak, think } = reply
    const failed = reason === "failed" ? code ?? "pipeline_error" : undefined
    if (think !== undefined && reply.thinking) {
      reply.thinking = false
      const failing = reply.blames === "think" || reply.whole ? failed : undefined
      if (reason !== "completed" && failing === undefined) think.attribute(keys.interrupted, true)
      this.#spans.end(think, failing)
    }
    if (speak !== undefined) {
      speak.attribute(keys.interrupted, reason === "interrupted")
      this.#spans.end(speak, reply.blames === "think" ? undefined : failed)
    }
    const turn = this.#turns.get(reply.turn)
    if (turn === undefined) return
    this.#turns.delete(reply.turn)
    const unheard = reason === "interrupted" && !reply.audible
    turn.span.attribute(keys.turnEnd, unheard ? "unheard" : reason)
    turn.span.attribute(keys.interrupted, reason === "interrupted" && !unheard)
    if (this.#options.speech && text !== "") turn.span.attribute(keys.outputMessages, message("assistant", text))
    this.#spans.end(turn.span, failed)
  }

  /** The session has ended, or could not be made. */
  close(end: SessionEnd | { readonly failed: string }): void {
    if (this.#over) return
    for (const epoch of Array.from(this.#replies.keys())) {
      if (this.#replies.get(epoch)?.speculative === true) this.discard(epoch)
      else this.end(epoch, "interrupted", "")
    }
    for (const { span } of this.#turns.values()) this.#spans.end(span)
    this.#turns.clear()
    this.#over = true
    if (typeof end !== "string") return this.#spans.end(this.span, end.failed)
    this.span.attribute(keys.sessionEnd, end)
    this.#spans.end(this.span, end === "failed" ? this.#code ?? "pipeline_error" : undefined)
  }

  #turn(number: number, startedAt = this.#options.now()): Turn {
    const known = this.#turns.get(number)
    if (known !== undefined) return known
    const turn: Turn = {
      number,
      startedAt,
      span: this.#spans.begin(spans.turn, { parent: this.span, atMs: startedAt, attributes: { [keys.turn]: number } })
    }
    this.#turns.set(number, turn)
    this.#last = turn
    if (this.#asked?.turn === number) turn.span.attribute(keys.inputMessages, message("user", this.#asked.text))
    this.#asked = undefined
    for (const think of this.#discarded) {
      turn.span.addLinks([{ span: think, attributes: { [keys.link]: "discarded" } }])
    }
    this.#discarded = []
    return turn
  }

  /** The turn that is answered now, and how long its words were waited for. */
  #heard(number: number, source: ReplySource): Turn {
    const spoken = source._tag === "ModelInitiated" || (source._tag === "Answer" && source.kind === "speech")
    if (!spoken) return this.#turn(number)
    // what was answered too early goes on
    const former = this.#last?.number === number ? this.#last.startedAt : undefined
    const turn = this.#turn(number, former ?? this.#times.startedAt)
    const { stoppedAt } = this.#times
    if (stoppedAt !== undefined) {
      const atMs = Math.max(turn.startedAt, Math.min(stoppedAt, this.#options.now()))
      this.#spans.end(this.#spans.begin(spans.hear, { parent: turn.span, atMs }))
    }
    this.#times.forget()
    return turn
  }

  #progress(epoch: number, stage: "agent" | "clause" | "tts"): void {
    const reply = this.#replies.get(epoch)
    if (reply === undefined || reply.speaks) return
    reply.speaks = true
    // a model that speaks has thought
    if (stage === "tts") this.#thought(reply, Exit.void)
    this.#speak(reply)
  }

  #thought(reply: Reply, exit: Exit.Exit<unknown, unknown>): void {
    const { think } = reply
    if (think === undefined || !reply.thinking) return
    reply.thinking = false
    if (reply.text !== "") think.attribute(keys.outputMessages, message("assistant", reply.text))
    const cut = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
    if (cut) think.attribute(keys.interrupted, true)
    this.#spans.end(think, Exit.isFailure(exit) && !cut ? SpanFailure.codeOf(exit.cause) : undefined)
  }

  /** The voice's span begins with its first text, once the reply is sure to be heard. */
  #speak(reply: Reply): void {
    if (!reply.speaks || reply.speculative || reply.speak !== undefined) return
    reply.speak = this.#spans.begin(spans.speak, { parent: this.#turns.get(reply.turn)?.span ?? this.span })
  }
}
