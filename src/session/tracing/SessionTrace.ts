/**
 * The spans of a session, its turns and its replies. They are derived from the inputs of the conversation and the events of
 * the session, and get the times at which those happened; nothing is done for a frame of audio.
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
import { encodeMessage, TurnSpans } from "./TurnSpans.ts"

const { attributes: keys, spans } = TelemetryNames

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
  /** Whether what is said may be traced. */
  readonly speech: boolean
  /** The span in which the session was created. */
  readonly creator: Tracer.AnySpan | undefined
  /** Unix time in ms. */
  readonly now: () => number
}

interface Reply {
  readonly epoch: number
  readonly turn: number
  readonly source: ReplySource
  /** A preemptive reply: begun before the end of the turn, and perhaps discarded. */
  speculative: boolean
  think: Tracer.Span | undefined
  isThinking: boolean
  speak: Tracer.Span | undefined
  /** Whether its first text has come. */
  hasText: boolean
  audible: boolean
  code: BackendErrorCode | undefined
  /** The part that failed: the agent, or the voice. */
  failedPart: "think" | "speak" | undefined
  /** Whether a speech-to-speech model answers, and not an agent. */
  readonly byModel: boolean
  text: string
}

/**
 * @category models
 * @since 0.1.0
 */
export class SessionTrace {
  /** The whole session. */
  readonly span: Tracer.Span
  readonly #options: SessionTraceOptions
  readonly #spans: ManualSpans.ManualSpans
  readonly #turns: TurnSpans
  readonly #replies = new Map<number, Reply>()
  #code: BackendErrorCode | undefined
  #closed = false

  constructor(options: SessionTraceOptions) {
    this.#options = options
    const { creator, engines, id, pipelineType, provider, resumed } = options
    this.#spans = ManualSpans.make(options.tracer, options.now)
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
    this.#turns = new TurnSpans({ spans: this.#spans, parent: this.span, speech: options.speech, now: options.now })
  }

  /** Takes an input of the conversation. */
  dispatched(input: ConversationInput): void {
    if (this.#closed) return
    this.#turns.dispatched(input)
    switch (input._tag) {
      case "ReplyProgress":
        return this.#progress(input.epoch, input.stage)
      case "ReplyAudible": {
        const reply = this.#replies.get(input.epoch)
        if (reply === undefined) return
        reply.audible = true
        return this.#speak(reply)
      }
      case "ReplyFailed": {
        const reply = this.#replies.get(input.epoch)
        if (reply === undefined) return
        reply.code ??= input.error.code
        reply.failedPart ??= input.error.op.startsWith("Agent.") ? "think" : "speak"
        return
      }
      case "EngineDown":
        this.#code = input.error.code
        return
    }
  }

  /** Takes an event of the session. */
  event(event: SessionEvent): void {
    if (this.#closed) return
    if (event.type === "error") this.#code = event.code
    else this.#turns.event(event)
  }

  /** Begins a reply. `agent` answers; `undefined` for the speech-to-speech model itself. */
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
      isThinking: false,
      speak: undefined,
      hasText: source._tag === "Audio",
      audible: false,
      code: undefined,
      failedPart: undefined,
      byModel: agent === undefined,
      text: ""
    }
    this.#replies.set(epoch, reply)
    const parent = speculative ? this.span : this.#turns.answered(turn, source).span
    if (source._tag === "Answer" || source._tag === "ModelInitiated") {
      const { engines, id, speech } = this.#options
      reply.isThinking = true
      reply.think = this.#spans.begin(spans.think, {
        parent,
        attributes: {
          [keys.operationName]: agent === undefined ? "chat" : "invoke_agent",
          [keys.conversationId]: id,
          [keys.turn]: turn,
          ...(agent === undefined ? { [keys.providerName]: engines["s2s"] ?? "unknown" } : {}),
          ...(agent?.name === undefined ? {} : { [keys.agentName]: agent.name }),
          ...(speculative ? { [keys.speculative]: true } : {}),
          ...(speech && source._tag === "Answer" && source.transcript !== ""
            ? { [keys.inputMessages]: encodeMessage("user", source.transcript) }
            : {})
        }
      })
    }
    if (!speculative) this.#speak(reply)
    return {
      think: reply.think,
      // requests to the voice are made before its span has begun
      speak: ManualSpans.lazySpan(() => reply.speak ?? reply.think ?? this.#turns.get(turn)?.span ?? this.span),
      agentFinished: (exit) => this.#agentFinished(reply, exit),
      onText: this.#options.speech ? (piece) => void (reply.text += piece) : undefined
    }
  }

  /** A preemptive reply becomes the answer of its turn. */
  commit(epoch: number): void {
    const reply = this.#replies.get(epoch)
    if (reply === undefined) return
    reply.speculative = false
    const turn = this.#turns.answered(reply.turn, reply.source)
    const { think } = reply
    if (think !== undefined) {
      think.attribute(keys.outcome, "committed")
      think.addLinks([{ span: turn.span, attributes: { [keys.link]: "committed" } }])
      turn.span.addLinks([{ span: think, attributes: { [keys.link]: "committed" } }])
    }
    this.#speak(reply)
  }

  /** A preemptive reply is discarded. */
  discard(epoch: number): void {
    const reply = this.#replies.get(epoch)
    if (reply === undefined) return
    this.#replies.delete(epoch)
    const { think } = reply
    if (think === undefined) return
    think.attribute(keys.outcome, "discarded")
    this.#turns.discard(think)
    if (reply.isThinking) this.#spans.end(think, reply.code)
    reply.isThinking = false
  }

  /** Ends a reply; `text` is what was heard of it. */
  end(epoch: number, reason: "completed" | "interrupted" | "failed", text: string): void {
    const reply = this.#replies.get(epoch)
    if (reply === undefined) return
    this.#replies.delete(epoch)
    const { code, speak, think } = reply
    const failed = reason === "failed" ? code ?? "pipeline_error" : undefined
    if (think !== undefined && reply.isThinking) {
      reply.isThinking = false
      const failing = reply.failedPart === "think" || reply.byModel ? failed : undefined
      if (reason !== "completed" && failing === undefined) think.attribute(keys.interrupted, true)
      this.#spans.end(think, failing)
    }
    if (speak !== undefined) {
      speak.attribute(keys.interrupted, reason === "interrupted")
      this.#spans.end(speak, reply.failedPart === "think" ? undefined : failed)
    }
    const turn = this.#turns.get(reply.turn)
    if (turn === undefined) return
    const unheard = reason === "interrupted" && !reply.audible
    turn.span.attribute(keys.turnEnd, unheard ? "unheard" : reason)
    turn.span.attribute(keys.interrupted, reason === "interrupted" && !unheard)
    if (this.#options.speech && text !== "") turn.span.attribute(keys.outputMessages, encodeMessage("assistant", text))
    this.#turns.end(turn, failed)
  }

  /** Ends the trace: the session has ended, or could not be made. */
  close(end: SessionEnd | { readonly failed: string }): void {
    if (this.#closed) return
    for (const epoch of Array.from(this.#replies.keys())) {
      if (this.#replies.get(epoch)?.speculative === true) this.discard(epoch)
      else this.end(epoch, "interrupted", "")
    }
    this.#turns.endAll()
    this.#closed = true
    if (typeof end !== "string") return this.#spans.end(this.span, end.failed)
    this.span.attribute(keys.sessionEnd, end)
    this.#spans.end(this.span, end === "failed" ? this.#code ?? "pipeline_error" : undefined)
  }

  #progress(epoch: number, stage: "agent" | "clause" | "tts"): void {
    const reply = this.#replies.get(epoch)
    if (reply === undefined || reply.hasText) return
    reply.hasText = true
    // a model that speaks has finished thinking
    if (stage === "tts") this.#agentFinished(reply, Exit.void)
    this.#speak(reply)
  }

  #agentFinished(reply: Reply, exit: Exit.Exit<unknown, unknown>): void {
    const { think } = reply
    if (think === undefined || !reply.isThinking) return
    reply.isThinking = false
    if (reply.text !== "") think.attribute(keys.outputMessages, encodeMessage("assistant", reply.text))
    const isInterrupted = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
    if (isInterrupted) think.attribute(keys.interrupted, true)
    this.#spans.end(think, Exit.isFailure(exit) && !isInterrupted ? SpanFailure.codeOf(exit.cause) : undefined)
  }

  /** The span of the voice begins with the first text, once the reply is sure to be spoken. */
  #speak(reply: Reply): void {
    if (!reply.hasText || reply.speculative || reply.speak !== undefined) return
    reply.speak = this.#spans.begin(spans.speak, { parent: this.#turns.get(reply.turn)?.span ?? this.span })
  }
}
