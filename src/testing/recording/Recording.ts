/**
 * What a scenario leaves behind: everything that crossed the wire, was told and was heard, with its virtual time.
 *
 * All times are ms since the scenario began. Plain data.
 *
 * @since 0.1.0
 */
import type { LatencyPart } from "../../conversation/ConversationEvent.ts"
import type { HistoryItem } from "../../conversation/History.ts"
import type { SessionEnd, SessionEvent, SpeechEnd } from "../../session/SessionEvent.ts"

/**
 * A frame of 20 ms that was handed to the user's connection. `reply` counts audible replies from 1; 0 is a frame that no
 * `agent.speech_started` came before.
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
 * What crossed the wire or was done, in the order in which it happened. `Clear` is the connection told to drop what it
 * has not played; `User` is an act of the scripted user, in words.
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
  /** Words whose audio was played to its end before any clear. */
  readonly heard: string
  /** All audio that had been handed over was heard: the voice was late, or had failed. */
  readonly underrun: boolean
  /** How it ended, and what the session said was heard of it; `undefined` when it never ended. */
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
 * @category models
 * @since 0.1.0
 */
export interface Recording {
  readonly seed: string
  /** All events of the session, also those that no connection could be told of. */
  readonly events: ReadonlyArray<SessionEvent>
  readonly frames: ReadonlyArray<RecordedFrame>
  readonly trace: ReadonlyArray<Trace>
  readonly replies: ReadonlyArray<HeardReply>
  /** What the user heard, a text per audible reply. */
  readonly heardByUser: ReadonlyArray<string>
  /** What the user said, whole or cut off: the words that went into the microphone. */
  readonly saidByUser: ReadonlyArray<string>
  readonly history: ReadonlyArray<HistoryItem>
  readonly latencies: ReadonlyArray<RecordedLatency>
  /** Why the session ended, and when. `undefined` when it has not. */
  readonly ended: { readonly reason: SessionEnd; readonly atMs: number } | undefined
  /** What was still there when the session had ended, and when its backend had been released: none is good. */
  readonly leaks: {
    readonly sessionFibers: number
    readonly sessionTimers: number
    readonly fibers: number
    readonly timers: number
  }
  /** How long the agent and the engines may take by the config, in ms. */
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
 * The conversation to read, a line for each happening: what a failing test prints.
 *
 * **Details**
 *
 * Frames are told as stretches. The same seed and scenario give the same timeline, to the letter.
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
 * The history as lines, such as `user: hello` and `agent: Well, …`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const lines = (history: ReadonlyArray<HistoryItem>): ReadonlyArray<string> =>
  history.map(({ interrupted, role, text }) => `${role}: ${text}${interrupted ? " …" : ""}`)
