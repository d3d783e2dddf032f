/**
 * The spans of a session's turns: when each begins, what it links to, and how long its words were awaited.
 *
 * @since 0.1.0
 */
import type * as Tracer from "effect/Tracer"
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { ReplySource } from "../../conversation/ConversationState.ts"
import type { ManualSpans } from "../../telemetry/ManualSpans.ts"
import * as TelemetryNames from "../../telemetry/TelemetryNames.ts"
import type { SessionEvent } from "../SessionEvent.ts"
import { SpeechTimes } from "./SpeechTimes.ts"

const { attributes: keys, spans } = TelemetryNames

/** Spans of discarded preemptive replies that wait for a turn to link to; the last ones are enough. */
const MAX_DISCARDED = 16

/**
 * Encodes a message as the attributes of GenAI semantic conventions have it.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeMessage = (role: "user" | "assistant", content: string): string =>
  JSON.stringify([{ role, parts: [{ type: "text", content }] }])

/**
 * The span of a turn; `startedAt` in ms of Unix time.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnSpan {
  readonly number: number
  readonly span: Tracer.Span
  readonly startedAt: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface TurnSpansOptions {
  readonly spans: ManualSpans
  /** The span of the session. */
  readonly parent: Tracer.Span
  /** Whether what the user says may be traced. */
  readonly speech: boolean
  /** Unix time in ms. */
  readonly now: () => number
}

/**
 * @category models
 * @since 0.1.0
 */
export class TurnSpans {
  readonly #options: TurnSpansOptions
  readonly #times: SpeechTimes
  /** The turns in progress: hardly more than one. */
  readonly #open = new Map<number, TurnSpan>()
  #last: TurnSpan | undefined
  /** The user's words, until their turn has a span. */
  #question: { readonly turn: number; readonly text: string } | undefined
  /** Spans of discarded replies, until there is a turn to link to. */
  #discarded: Array<Tracer.Span> = []

  constructor(options: TurnSpansOptions) {
    this.#options = options
    this.#times = new SpeechTimes(options.now)
  }

  /** The span of a turn in progress. */
  get(turn: number): TurnSpan | undefined {
    return this.#open.get(turn)
  }

  /** Takes an input of the conversation. */
  dispatched(input: ConversationInput): void {
    this.#times.dispatched(input)
  }

  /** Takes an event of the session. */
  event(event: SessionEvent): void {
    switch (event.type) {
      case "turn.latency": {
        const turn = this.#open.get(event.turn)
        if (turn === undefined) return
        turn.span.attribute(keys.latency, event.totalMs)
        for (const { ms, name } of event.parts) turn.span.attribute(`${keys.part}.${name}_ms`, ms)
        return
      }
      case "user.transcript": {
        if (!event.final || !this.#options.speech) return
        const turn = this.#open.get(event.turn)
        // the words of a turn come before its answer; those of a speech-to-speech model come during it
        if (turn === undefined) this.#question = { turn: event.turn, text: event.text }
        else turn.span.attribute(keys.inputMessages, encodeMessage("user", event.text))
        return
      }
      case "user.backchannel":
        return this.#times.reset()
    }
  }

  /** Returns the span of the turn that is answered now, with a span below it for the time in which its words were awaited. */
  answered(number: number, source: ReplySource): TurnSpan {
    const isSpoken = source._tag === "ModelInitiated" || (source._tag === "Answer" && source.kind === "speech")
    if (!isSpoken) return this.#begin(number)
    // a turn that was answered too early goes on
    const startedAt = this.#last?.number === number ? this.#last.startedAt : undefined
    const turn = this.#begin(number, startedAt ?? this.#times.startedAt)
    const { stoppedAt } = this.#times
    if (stoppedAt !== undefined) {
      const atMs = Math.max(turn.startedAt, Math.min(stoppedAt, this.#options.now()))
      this.#options.spans.end(this.#options.spans.begin(spans.hear, { parent: turn.span, atMs }))
    }
    this.#times.reset()
    return turn
  }

  /** Links the span of a discarded reply to the next turn. */
  discard(think: Tracer.Span): void {
    this.#discarded.push(think)
    if (this.#discarded.length > MAX_DISCARDED) this.#discarded.shift()
  }

  /** Ends the span of a turn; with a code it is marked as failed. */
  end({ number, span }: TurnSpan, code?: string): void {
    this.#open.delete(number)
    this.#options.spans.end(span, code)
  }

  /** Ends all spans that are open. */
  endAll(): void {
    for (const turn of Array.from(this.#open.values())) this.end(turn)
  }

  #begin(number: number, startedAt = this.#options.now()): TurnSpan {
    const open = this.#open.get(number)
    if (open !== undefined) return open
    const { parent } = this.#options
    const span = this.#options.spans.begin(spans.turn, { parent, atMs: startedAt, attributes: { [keys.turn]: number } })
    const turn: TurnSpan = { number, startedAt, span }
    this.#open.set(number, turn)
    this.#last = turn
    if (this.#question?.turn === number) span.attribute(keys.inputMessages, encodeMessage("user", this.#question.text))
    this.#question = undefined
    for (const think of this.#discarded) span.addLinks([{ span: think, attributes: { [keys.link]: "discarded" } }])
    this.#discarded = []
    return turn
  }
}
