/**
 * Invariants of the words of a conversation: what was said and what was heard is what the history holds.
 *
 * @since 0.1.0
 */
import { checker, type Invariant } from "./Invariant.ts"
import type { HeardReply } from "./Recording.ts"

const wordsOf = (text: string): ReadonlyArray<string> => text.split(/\s+/u).filter((word) => word !== "")

const agreeToOneWord = (one: string, other: string): boolean => {
  const [short, long] = [wordsOf(one), wordsOf(other)].sort((a, b) => a.length - b.length)
  return short !== undefined && long !== undefined && long.length - short.length <= 1 &&
    short.every((word, index) => word === long[index])
}

/** The words of a text are words that were heard, in their order. */
const isPartOf = (text: string, heard: string): boolean => {
  const words = wordsOf(heard)
  let at = 0
  return wordsOf(text).every((word) => (at = words.indexOf(word, at) + 1) > 0)
}

/**
 * When a voice fails, has no more audio or never ends a text, the played part of it is an estimate: it may be too short, never
 * too long.
 */
const agrees = (reply: HeardReply, text: string): boolean =>
  agreeToOneWord(reply.heard, text) ||
  ((reply.ended?.reason === "failed" || (reply.underrun && reply.ended?.reason === "interrupted")) &&
    `${reply.heard} `.startsWith(`${text} `.trimStart())) ||
  (reply.endless === true && isPartOf(text, reply.heard))

/**
 * P2: the history matches what the user heard, to one word, in order. For scripted voices, whose audio can be decoded.
 *
 * @category checks
 * @since 0.1.0
 */
export const historyMatchesHeard: Invariant = checker(
  "P2 history matches what was heard",
  ({ history, replies }, add) => {
    const agent = history.filter((item) => item.role === "agent")
    let at = 0
    for (const reply of replies) {
      const item = agent[at]
      const heard = reply.heard
      // the text that ends a reply and the item of the history must both match what was heard
      if (reply.ended !== undefined && !agrees(reply, reply.ended.text)) {
        add(
          reply.ended.atMs,
          `reply ${reply.reply} ended with the text "${reply.ended.text}", but "${heard}" was heard`
        )
      }
      if (item === undefined || item.atMs !== reply.startedAtMs || item.turn !== reply.turn) {
        if (!agrees(reply, "")) add(reply.startedAtMs, `"${heard}" was heard but is not in the history`)
        continue
      }
      at++
      if (item.kind === "speech" && !agrees(reply, item.text)) {
        add(reply.startedAtMs, `the history has "${item.text}", but "${heard}" was heard`)
      }
      if (item.interrupted !== (reply.ended?.reason !== "completed")) {
        add(reply.startedAtMs, `"${item.text}" is ${item.interrupted ? "" : "not "}marked as interrupted`)
      }
    }
    for (const item of agent.slice(at)) add(item.atMs, `the history has "${item.text}", which was not heard`)
    for (const [index, item] of history.entries()) {
      const former = history[index - 1]
      if (former === undefined) continue
      if (former.turn > item.turn) add(item.atMs, `turn ${item.turn} comes after turn ${former.turn}`)
      // typed text may come before speech that began earlier
      if (former.role === item.role && former.kind === item.kind && former.atMs > item.atMs) {
        add(item.atMs, `"${item.text}" comes after "${former.text}", which was later`)
      }
    }
  }
)

/**
 * Every word that the user said is in the history, in order. Not part of `all`: it holds only if no engine fails, the user
 * does not hang up early, and nothing was cut off.
 *
 * @category checks
 * @since 0.1.0
 */
export const noWordLost: Invariant = checker("no word lost", ({ durationMs, history, saidByUser }, add) => {
  const said = saidByUser.flatMap(wordsOf).join(" ")
  const known = history.filter((item) => item.role === "user" && item.kind === "speech").map((item) => item.text)
  if (said !== known.join(" ")) add(durationMs, `the user said "${said}", the history has "${known.join(" | ")}"`)
})

/**
 * No utterance is answered twice: the user's words in the history are words that the user said, in order, each once. Not part
 * of `all`: it holds for recognisers that understand every word.
 *
 * @category checks
 * @since 0.1.0
 */
export const noWordTwice: Invariant = checker("no word twice", ({ durationMs, history, saidByUser }, add) => {
  const said = saidByUser.flatMap(wordsOf)
  let at = 0
  for (const item of history) {
    if (item.role !== "user" || item.kind !== "speech") continue
    for (const word of wordsOf(item.text)) {
      while (at < said.length && said[at] !== word) at++
      if (at >= said.length) return add(durationMs, `"${word}" of "${item.text}" was not said, or not so often`)
      at++
    }
  }
})

/** A short answer begun so short a time before the end of a question is certainly its answer, in ms. */
const CERTAIN_ANSWER_MS = 900

/**
 * What the user says within the last second of a question is never taken for a backchannel. Not part of `all`: it needs the
 * actions of a scripted user.
 *
 * @category checks
 * @since 0.1.0
 */
export const noAnswerDropped: Invariant = checker("no answer dropped", ({ events, replies, trace }, add) => {
  const pausedMs = (fromMs: number, toMs: number): number => {
    let since: number | undefined
    let sum = 0
    for (const { atMs, type } of events) {
      if (type === "agent.speech_paused") since = atMs
      if ((type !== "agent.speech_resumed" && type !== "agent.speech_stopped") || since === undefined) continue
      sum += Math.max(0, Math.min(atMs, toMs) - Math.max(since, fromMs))
      since = undefined
    }
    return sum
  }
  for (const { atMs, event } of trace.flatMap((item) => item._tag === "Event" ? [item] : [])) {
    if (event.type !== "user.backchannel") continue
    const said = trace.findLast((item) => item._tag === "User" && item.atMs <= atMs && item.act.startsWith("says"))
    if (said?._tag !== "User" || said.act !== `says "${event.text}"`) continue
    const reply = replies.find(({ ended, startedAtMs }) =>
      startedAtMs <= said.atMs && ended !== undefined && ended.atMs > said.atMs
    )
    if (reply?.ended?.reason !== "completed" || reply.underrun || !reply.ended.text.endsWith("?")) continue
    const disturbed = events.some(({ atMs, type }) =>
      type === "connection.detached" && atMs >= reply.startedAtMs && atMs <= (reply.ended?.atMs ?? 0)
    )
    const leftMs = reply.ended.atMs - said.atMs - pausedMs(said.atMs, reply.ended.atMs)
    if (!disturbed && leftMs <= CERTAIN_ANSWER_MS) {
      add(said.atMs, `"${event.text}" was said ${leftMs} ms before the end of "${reply.ended.text}"`)
    }
  }
})
