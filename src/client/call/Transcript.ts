/**
 * The words of a conversation as entries: interim and final words of the user, the agent's words as they are played, and what
 * nobody has heard of an interrupted answer.
 *
 * Pure.
 *
 * @since 0.1.0
 */
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import type { TranscriptEntry } from "./CallState.ts"

/** A page must not grow with what it is sent. */
const MAX_LENGTH = 65_536

type Entries = ReadonlyArray<TranscriptEntry>

/**
 * Entries and the id of the next one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transcript {
  readonly entries: Entries
  readonly nextId: number
  /** The number of the call that is going on. */
  readonly call: number
}

/** The place of an entry: the user's words before the answer to them, and turns in their order. */
const placeOf = (entries: Entries, { call, role, turn }: TranscriptEntry): number => {
  if (turn === undefined) return entries.length
  const isOf = (each: TranscriptEntry) => each.call === call && each.turn === turn
  const answer = entries.findIndex((each) => isOf(each) && each.role === "agent")
  if (role === "user" && answer >= 0) return answer
  const last = entries.findLastIndex(isOf)
  if (last >= 0) return last + 1
  const next = entries.findIndex((each) => each.call === call && each.turn !== undefined && each.turn > turn)
  return next < 0 ? entries.length : next
}

const insert = (transcript: Transcript, entry: Omit<TranscriptEntry, "id" | "call">): Transcript => {
  const added: TranscriptEntry = { ...entry, id: transcript.nextId, call: transcript.call }
  const at = placeOf(transcript.entries, added)
  return { ...transcript, nextId: transcript.nextId + 1, entries: transcript.entries.toSpliced(at, 0, added) }
}

const replace = (transcript: Transcript, former: TranscriptEntry, changed: Partial<TranscriptEntry>): Transcript => ({
  ...transcript,
  entries: transcript.entries.map((each) => each === former ? { ...former, ...changed } : each)
})

const find = ({ call, entries }: Transcript, role: TranscriptEntry["role"], turn: number | undefined) =>
  entries.findLast((each) => each.call === call && each.role === role && each.turn === turn)

/** What was typed becomes the turn that the server opens for it: `text` are its words, where it says them. */
const adoptTyped = (transcript: Transcript, turn: number, text?: string): Transcript => {
  const { call, entries } = transcript
  if (entries.some((each) => each.call === call && each.turn === turn)) return transcript
  const typed = entries.find((each) =>
    each.call === call && each.role === "user" && each.turn === undefined &&
    (text === undefined || each.text.trim() === text.trim())
  )
  return typed === undefined ? transcript : replace(transcript, typed, { turn, final: true })
}

/**
 * Adds what the user has typed, before the server has it.
 *
 * @category mutations
 * @since 0.1.0
 */
export const typed = (transcript: Transcript, text: string): Transcript =>
  insert(transcript, { role: "user", turn: undefined, text, unheard: "", final: false, end: undefined })

const joined = (former: string, next: string): string => {
  if (former.length >= MAX_LENGTH) return former
  const glue = former === "" || /\s$/.test(former) || /^[\s,.;:!?]/.test(next) ? "" : " "
  return (former + glue + next).slice(0, MAX_LENGTH)
}

/** What is left of an answer after the words that were heard; empty when those are not its beginning. */
const unheardOf = (all: string, heard: string): string => {
  if (all.startsWith(heard)) return all.slice(heard.length).trim()
  const [words, first] = [all.trim().split(/\s+/), heard.trim().split(/\s+/)]
  return first.every((word, at) => word === words[at]) ? words.slice(first.length).join(" ") : ""
}

/**
 * The transcript after an event of the server; the same one where it says nothing of words.
 *
 * @category conversions
 * @since 0.1.0
 */
export const receive = (former: Transcript, message: ServerMessage): Transcript => {
  switch (message.type) {
    case "user.transcript": {
      const text = message.text.slice(0, MAX_LENGTH)
      if (text.trim() === "") return former
      const transcript = adoptTyped(former, message.turn, text)
      const entry = find(transcript, "user", message.turn)
      return entry === undefined
        ? insert(transcript, {
          role: "user",
          turn: message.turn,
          text,
          unheard: "",
          final: message.final,
          end: undefined
        })
        : replace(transcript, entry, { text, final: message.final })
    }
    case "agent.transcript": {
      const transcript = adoptTyped(former, message.turn)
      const entry = find(transcript, "agent", message.turn)
      // an apology may follow an answer that has failed
      return entry === undefined || entry.end !== undefined
        ? insert(transcript, {
          role: "agent",
          turn: message.turn,
          text: joined("", message.text),
          unheard: "",
          final: false,
          end: undefined
        })
        : replace(transcript, entry, { text: joined(entry.text, message.text) })
    }
    case "agent.speech_stopped": {
      const entry = find(former, "agent", message.turn)
      if (entry === undefined || entry.end !== undefined) return former
      const ended = { final: true, end: message.reason }
      if (message.reason === "completed") return replace(former, entry, ended)
      const text = message.text.slice(0, MAX_LENGTH)
      return replace(former, entry, { ...ended, text, unheard: unheardOf(entry.text, text) })
    }
    default:
      return former
  }
}
