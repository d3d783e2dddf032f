/**
 * A session's events as the RTVI messages of a bot. Of one connection: it remembers what of the agent's answer the client has been
 * told.
 *
 * Pure. Texts that the client puts on a page are whole sentences; that of an answer which was interrupted is told again, with how much
 * of it was heard.
 *
 * @since 0.1.0
 */
import type * as SessionEvent from "../../session/SessionEvent.ts"
import type { RtviMessage } from "../../wire/Rtvi.ts"

/** A connection has one user. */
const USER = "user"

type Of<Type extends SessionEvent.SessionEvent["type"]> = Extract<SessionEvent.SessionEvent, { readonly type: Type }>

/** A piece of the agent's answer, as it was told. */
interface Segment {
  readonly id: number
  readonly text: string
}

const output = (
  { id, text }: Segment,
  status: "new" | "in-progress" | "completed",
  heard: string
): RtviMessage => ({
  type: "bot-output",
  data: {
    text,
    aggregated_by: "sentence",
    segment_id: id,
    will_be_spoken: true,
    spoken_status: status,
    spoken_progress: { accumulated_text: heard, remaining_text: text.slice(heard.length) }
  }
})

/**
 * The messages of each event, in order.
 *
 * @category models
 * @since 0.1.0
 */
export class BotMessages {
  /** The major version of the client's protocol: 1 has a `bot-output` of its own. */
  major = 2
  #segments: Array<Segment> = []
  #lastId = 0
  #thinking = false
  #synthesizing = false
  #audible = false
  #final: { readonly turn: number; readonly text: string } | undefined

  of(event: SessionEvent.SessionEvent): ReadonlyArray<RtviMessage> {
    switch (event.type) {
      case "session.state":
        return this.#state(event)
      case "session.ended":
        return event.reason === "failed"
          ? [{ type: "error", data: { error: "the session has failed", fatal: true } }]
          : []
      case "user.speech_started":
        return [{ type: "user-started-speaking" }]
      case "user.speech_stopped":
        return [{ type: "user-stopped-speaking" }]
      case "user.transcript":
        return this.#transcript(event)
      case "call.muted":
        return [{ type: "user-mute-started" }]
      case "call.unmuted":
        return [{ type: "user-mute-stopped" }]
      case "agent.speech_started":
        this.#audible = true
        return [...this.#begin(), { type: "bot-started-speaking" }]
      case "agent.speech_resumed":
        return [{ type: "bot-started-speaking" }]
      case "agent.speech_paused":
        return [{ type: "bot-stopped-speaking" }]
      case "agent.transcript":
        return this.#spoken(event.text.trim())
      case "agent.speech_stopped":
        return this.#stopped(event)
      case "turn.unanswered":
        return this.#end()
      case "turn.latency":
        return [{
          type: "metrics",
          data: {
            ttfb: [{ processor: "turn", value: event.totalMs / 1_000 }],
            processing: event.parts.map(({ ms, name }) => ({ processor: name, value: ms / 1_000 }))
          }
        }]
      case "tool.started":
        return [
          { type: "llm-function-call-started", data: { function_name: event.name } },
          { type: "llm-function-call-in-progress", data: { tool_call_id: event.id, function_name: event.name } }
        ]
      case "tool.finished":
        return [{
          type: "llm-function-call-stopped",
          data: { tool_call_id: event.id, function_name: event.name, cancelled: false }
        }]
      case "error":
        return [{ type: "error", data: { error: event.message, fatal: false } }]
      default:
        return []
    }
  }

  #state({ state }: Of<"session.state">): ReadonlyArray<RtviMessage> {
    if (state === "processing") return this.#think()
    return this.#audible || state === "speaking" ? [] : this.#end()
  }

  /** Clients put final transcripts one after the other: of one that repeats those before it, they get what is new. */
  #transcript({ atMs, final, text, turn }: Of<"user.transcript">): ReadonlyArray<RtviMessage> {
    const former = this.#final?.turn === turn && text.startsWith(`${this.#final.text} `) ? this.#final.text : ""
    const rest = text.slice(former.length).trim()
    if (final) this.#final = { turn, text }
    const told: RtviMessage = {
      type: "user-transcription",
      data: { text: rest, user_id: USER, timestamp: new Date(atMs).toISOString(), final }
    }
    return final ? [told, { type: "user-llm-text", data: { text: rest } }] : [told]
  }

  /** The agent works at an answer. */
  #think(): ReadonlyArray<RtviMessage> {
    if (this.#thinking) return []
    this.#thinking = true
    this.#segments = []
    return [{ type: "bot-llm-started" }]
  }

  /** The voice has something to say. */
  #begin(): ReadonlyArray<RtviMessage> {
    const thinking = this.#think()
    if (this.#synthesizing) return thinking
    this.#synthesizing = true
    return [...thinking, { type: "bot-tts-started" }]
  }

  /** What was begun is over. */
  #end(): ReadonlyArray<RtviMessage> {
    const ended: ReadonlyArray<RtviMessage> = [
      ...this.#thinking ? [{ type: "bot-llm-stopped" }] : [],
      ...this.#synthesizing ? [{ type: "bot-tts-stopped" }] : []
    ]
    this.#thinking = false
    this.#synthesizing = false
    this.#audible = false
    return ended
  }

  #completed(segment: Segment | undefined): ReadonlyArray<RtviMessage> {
    return segment === undefined || this.major < 2 ? [] : [output(segment, "completed", segment.text)]
  }

  #spoken(text: string): ReadonlyArray<RtviMessage> {
    if (text === "") return []
    const began = this.#begin()
    // it begins to play: what came before it has been played
    const former = this.#completed(this.#segments.at(-1))
    const segment = { id: ++this.#lastId, text }
    this.#segments.push(segment)
    return [
      ...began,
      ...former,
      // clients put these one after the other as they are
      { type: "bot-llm-text", data: { text: this.#segments.length === 1 ? text : ` ${text}` } },
      { type: "bot-tts-text", data: { text } },
      this.major < 2
        ? { type: "bot-output", data: { text, spoken: true, aggregated_by: "sentence" } }
        : output(segment, "new", ""),
      // in place of `bot-output`, which newer clients show
      { type: "bot-transcription", data: { text } }
    ]
  }

  #stopped({ reason, text }: Of<"agent.speech_stopped">): ReadonlyArray<RtviMessage> {
    const last = this.#segments.at(-1)
    const progress = reason === "completed" ? this.#completed(last) : this.#heard(text.trim())
    return [
      ...progress,
      ...reason === "interrupted" ? [{ type: "bot-interrupted" }] : [],
      ...this.#end(),
      { type: "bot-stopped-speaking" }
    ]
  }

  /** How much was heard of the last segment, when so much was heard of the answer. */
  #heard(played: string): ReadonlyArray<RtviMessage> {
    if (this.major < 2) return []
    let rest = played
    for (const segment of this.#segments) {
      if (rest.startsWith(segment.text)) {
        rest = rest.slice(segment.text.length).trimStart()
        if (segment === this.#segments.at(-1)) return this.#completed(segment)
      } else return [output(segment, "in-progress", segment.text.startsWith(rest) ? rest : "")]
    }
    return []
  }
}
