/**
 * The record of a scenario: frames, events and clears of the connection, and what the user heard, with their virtual times.
 *
 * All times are ms since the scenario began. Plain data.
 *
 * @since 0.1.0
 */
import type { LatencyPart } from "../../conversation/ConversationEvent.ts"
import type { HistoryItem } from "../../conversation/History.ts"
import type { SessionEnd, SessionEvent, SpeechEnd } from "../../session/SessionEvent.ts"

/**
 * A frame of 20 ms that was sent to the user's connection. `reply` counts audible replies from 1; 0 is a frame before any
 * `agent.speech_started`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordedFrame {
  readonly atMs: number
  readonly turn: number
  readonly reply: number
  /** 24 kHz; only with `keepAudio`. */
  readonly pcm: Int16Array | undefined
}

/**
 * One entry of the record, in order. `Clear` is a request to the connection to drop audio that was not played; `User` is an
 * action of the scripted user, as text.
 *
 * @category models
 * @since 0.1.0
 */
export type Trace =
  | { readonly _tag: "Frame"; readonly atMs: number; readonly frame: RecordedFrame }
  | { readonly _tag: "Event"; readonly atMs: number; readonly event: SessionEvent }
  | { readonly _tag: "Clear"; readonly atMs: number }
  | { readonly _tag: "User"; readonly atMs: number; readonly act: string }

/**
 * A reply as the user heard it.
 *
 * @category models
 * @since 0.1.0
 */
export interface HeardReply {
  readonly reply: number
  readonly turn: number
  readonly startedAtMs: number
  /** The words whose audio was played to its end. */
  readonly heard: string
  /** All audio that had come was sent, or played, before the reply ended: the voice was late, had failed, or had finished. */
  readonly underrun: boolean
  /** The voice never ended one of its texts: which words were heard of that one is not known exactly. */
  readonly endless?: boolean | undefined
  /** How it ended, and which text the session reported as heard; `undefined` if it never ended. */
  readonly ended: { readonly atMs: number; readonly reason: SpeechEnd; readonly text: string } | undefined
}

/**
 * One turn's latency: contiguous parts and their sum, in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordedLatency {
  readonly turn: number
  readonly totalMs: number
  readonly parts: ReadonlyArray<LatencyPart>
}

/**
 * The record of one scenario.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recording {
  readonly seed: string
  /** All events of the session, including those while no connection was attached. */
  readonly events: ReadonlyArray<SessionEvent>
  readonly frames: ReadonlyArray<RecordedFrame>
  readonly trace: ReadonlyArray<Trace>
  readonly replies: ReadonlyArray<HeardReply>
  /** What the user heard: a text for each audible reply. */
  readonly heardByUser: ReadonlyArray<string>
  /** The texts that went into the microphone, whole or cut off. */
  readonly saidByUser: ReadonlyArray<string>
  readonly history: ReadonlyArray<HistoryItem>
  readonly latencies: ReadonlyArray<RecordedLatency>
  /** Why and when the session ended; `undefined` if it did not. */
  readonly ended: { readonly reason: SessionEnd; readonly atMs: number } | undefined
  /** Fibers and timers left after the session had ended, and after its backend was released; all must be 0. */
  readonly leaks: {
    readonly sessionFibers: number
    readonly sessionTimers: number
    readonly fibers: number
    readonly timers: number
  }
  /** The `timeout` of the config, in ms. */
  readonly timeoutMs: number
  readonly durationMs: number
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3).padStart(9)

const line = (event: SessionEvent): string => {
  const { atMs: _at, seq: _seq, type, ...rest } = event
  const values = Object.entries(rest).map(([key, value]) =>
    typeof value === "string" ? `${key} "${value}"` : `${key} ${JSON.stringify(value)}`
  )
  return [type, ...values].join(" ")
}

/**
 * Formats the record, a line for each entry: what a failing test prints.
 *
 * **Details**
 *
 * Consecutive frames share a line. The same seed and scenario give the same text.
 *
 * @category conversions
 * @since 0.1.0
 */
export const timeline = (trace: ReadonlyArray<Trace>): string => {
  const lines: Array<string> = []
  let stretch: { from: number; to: number; reply: number; count: number } | undefined
  const flush = () => {
    if (stretch === undefined) return
    const { count, from, reply, to } = stretch
    lines.push(`${seconds(from)}  audio   ${count} frames of reply ${reply} until ${(to / 1000).toFixed(3)}`)
    stretch = undefined
  }
  for (const item of trace) {
    if (item._tag === "Frame") {
      const { reply } = item.frame
      if (stretch?.reply !== reply) {
        flush()
        stretch = { from: item.atMs, to: item.atMs, reply, count: 0 }
      }
      stretch.to = item.atMs
      stretch.count++
      continue
    }
    flush()
    const [who, what] = item._tag === "Event"
      ? ["session", line(item.event)]
      : item._tag === "Clear"
      ? ["audio", "cleared"]
      : ["user", item.act]
    lines.push(`${seconds(item.atMs)}  ${who.padEnd(7)} ${what}`)
  }
  flush()
  return lines.join("\n")
}

/**
 * Formats the history as lines, such as `user: hello` and `agent: Well, …` (interrupted).
 *
 * @category conversions
 * @since 0.1.0
 */
export const lines = (history: ReadonlyArray<HistoryItem>): ReadonlyArray<string> =>
  history.map(({ interrupted, role, text }) => `${role}: ${text}${interrupted ? " …" : ""}`)
