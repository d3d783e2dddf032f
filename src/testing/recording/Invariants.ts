/**
 * Invariants of every conversation, whatever fails: checks of a recording, each returning its violations.
 *
 * Pure. The checks use only what the user and the owner of a session see, nothing internal.
 *
 * @since 0.1.0
 */
import type { SessionEvent, SessionState } from "../../session/SessionEvent.ts"
import { type HeardReply, type Recording, timeline } from "./Recording.ts"

/**
 * A violation of an invariant, and when it happened.
 *
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  readonly invariant: string
  readonly atMs: number
  readonly message: string
}

/**
 * Checks a recording.
 *
 * @category models
 * @since 0.1.0
 */
export type Invariant = (recording: Recording) => ReadonlyArray<Violation>

const checker =
  (invariant: string, find: (recording: Recording, add: (atMs: number, what: string) => void) => void) =>
  (recording: Recording): ReadonlyArray<Violation> => {
    const found: Array<Violation> = []
    find(recording, (atMs, what) => found.push({ invariant, atMs, message: what }))
    return found
  }

const isAudible = (type: SessionEvent["type"]) => type === "agent.speech_started" || type === "agent.speech_resumed"

/**
 * P1: no frame is sent while a reply is paused, after it was cleared or stopped, or after the session has ended.
 *
 * @category checks
 * @since 0.1.0
 */
export const noAudioAfterClear: Invariant = checker("P1 no audio after a clear", ({ trace }, add) => {
  let silentSince: string | undefined = "the start"
  for (const item of trace) {
    if (item._tag === "Frame") {
      if (silentSince !== undefined) add(item.atMs, `a frame of reply ${item.frame.reply} after ${silentSince}`)
    } else if (item._tag === "Event") {
      const { type } = item.event
      if (isAudible(type)) silentSince = undefined
      else if (
        type === "playout.clear" || type === "agent.speech_paused" || type === "agent.speech_stopped" ||
        type === "session.ended"
      ) silentSince = type
    }
  }
})

const wordsOf = (text: string): ReadonlyArray<string> => text.split(/\s+/u).filter((word) => word !== "")

const agreeToOneWord = (one: string, other: string): boolean => {
  const [short, long] = [wordsOf(one), wordsOf(other)].sort((a, b) => a.length - b.length)
  return short !== undefined && long !== undefined && long.length - short.length <= 1 &&
    short.every((word, index) => word === long[index])
}

/**
 * When a voice fails or has no more audio, the played part of its text is an estimate: it may be too short, never too long.
 */
const agrees = (reply: HeardReply, text: string): boolean =>
  agreeToOneWord(reply.heard, text) ||
  ((reply.ended?.reason === "failed" || (reply.underrun && reply.ended?.reason === "interrupted")) &&
    `${reply.heard} `.startsWith(`${text} `.trimStart()))

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
 * P3: no turn is stuck for longer than the timeouts allow, and the session ends.
 *
 * **Details**
 *
 * A turn may wait for its last words (5 s), for the agent's first words and for the first speech (`timeout` and one second
 * each). A session that is processing or speaking without a frame or event for the sum of these is stuck. A reply that waits
 * for a disconnected user is not.
 *
 * @category checks
 * @since 0.1.0
 */
export const everythingEnds: Invariant = checker("P3 everything ends", (recording, add) => {
  const { durationMs, ended, events, replies, timeoutMs, trace } = recording
  const deadlineMs = 2 * timeoutMs + 5_000 + 2_000
  let state: SessionState = "idle"
  let connected = false
  let since = 0
  const look = (atMs: number) => {
    const busy = connected && (state === "processing" || state === "speaking")
    if (busy && atMs - since > deadlineMs) add(since, `${state} for ${atMs - since} ms without a frame or event`)
  }
  for (const item of trace) {
    if (item._tag === "User" || item._tag === "Clear") continue
    look(item.atMs)
    since = item.atMs
    if (item._tag === "Frame") continue
    if (item.event.type === "session.state") state = item.event.state
    if (item.event.type === "connection.attached") connected = true
    if (item.event.type === "connection.detached" && item.event.reason !== "replaced") connected = false
  }
  if (ended === undefined) {
    look(durationMs)
    add(durationMs, "the session did not end")
  }
  for (const reply of replies) {
    if (reply.ended === undefined) add(reply.startedAtMs, `reply ${reply.reply} never ended`)
  }
  const last = events.at(-1)
  if (ended !== undefined && last?.type !== "session.ended") add(last?.atMs ?? 0, `${last?.type} after the end`)
})

/**
 * Each audible reply ends exactly once, and is paused and resumed only before that.
 *
 * @category checks
 * @since 0.1.0
 */
export const repliesEndOnce: Invariant = checker("replies end once", ({ events }, add) => {
  let open: number | undefined
  let paused = false
  for (const event of events) {
    switch (event.type) {
      case "agent.speech_started":
        if (open !== undefined) add(event.atMs, `turn ${event.turn} starts while turn ${open} is speaking`)
        open = event.turn
        paused = false
        break
      case "agent.speech_paused":
        if (open !== event.turn || paused) add(event.atMs, `turn ${event.turn} is paused but was not speaking`)
        paused = true
        break
      case "agent.speech_resumed":
        if (open !== event.turn || !paused) add(event.atMs, `turn ${event.turn} resumes but was not paused`)
        paused = false
        break
      case "agent.speech_stopped":
        if (open !== event.turn) add(event.atMs, `turn ${event.turn} ends but was not speaking`)
        open = undefined
        break
    }
  }
})

const diagram: { readonly [From in SessionState]: ReadonlyArray<SessionState> } = {
  idle: ["listening", "processing", "error", "closed"],
  // to speaking: after a false interruption
  listening: ["processing", "speaking", "error", "closed"],
  processing: ["speaking", "listening", "error", "closed"],
  speaking: ["listening", "processing", "error", "closed"],
  error: ["listening", "processing", "speaking", "closed"],
  closed: []
}

/**
 * The public state changes only as the state diagram allows; a client that attaches receives the current state again.
 *
 * @category checks
 * @since 0.1.0
 */
export const statesFollowDiagram: Invariant = checker("states follow the diagram", ({ events }, add) => {
  let state: SessionState = "idle"
  let seq = 0
  let attaching = false
  for (const event of events) {
    if (event.seq !== seq + 1) add(event.atMs, `event ${event.seq} comes after event ${seq}`)
    seq = event.seq
    if (event.type === "session.state") {
      const again = attaching && event.state === state
      if (!again && !diagram[state].includes(event.state)) add(event.atMs, `from ${state} to ${event.state}`)
      state = event.state
    }
    attaching = event.type === "session.started"
  }
})

/**
 * The parts of a turn's latency are contiguous and add up to the user's wait until the first frame was sent.
 *
 * @category checks
 * @since 0.1.0
 */
export const latencyAddsUp: Invariant = checker("latency adds up", ({ events, frames, replies }, add) => {
  for (const event of events) {
    if (event.type !== "turn.latency") continue
    const sum = event.parts.reduce((total, part) => total + part.ms, 0)
    if (Math.abs(sum - event.totalMs) > 0.5) add(event.atMs, `the parts add up to ${sum} of ${event.totalMs} ms`)
    if (event.parts.some((part) => part.ms < 0)) add(event.atMs, "a part is negative")
    const reply = replies.find((reply) => reply.turn === event.turn && reply.startedAtMs === event.atMs)
    const first = reply === undefined ? undefined : frames.find((frame) => frame.reply === reply.reply)
    // an event is timed in whole ms
    if (first !== undefined && Math.abs(first.atMs - event.atMs) >= 1) {
      add(event.atMs, `the first frame was sent ${first.atMs - event.atMs} ms after the latency was reported`)
    }
  }
})

/**
 * No fiber and no timer outlives its session or the backend.
 *
 * @category checks
 * @since 0.1.0
 */
export const noLeaks: Invariant = checker("no leaks", ({ durationMs, ended, leaks: left }, add) => {
  if (ended === undefined) return
  for (const [what, count] of Object.entries(left)) if (count > 0) add(durationMs, `${count} ${what} left`)
})

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
 * A failed answer is never followed by silence: the apology comes, or its failure is told, unless the user does something or
 * the session ends. Not part of `all`: it holds for conversations that have an apology.
 *
 * @category checks
 * @since 0.1.0
 */
export const failedTurnsAreHeard: Invariant = checker("failed turns are heard", (recording, add) => {
  const { durationMs, timeoutMs, trace } = recording
  const deadlineMs = 2 * timeoutMs + 7_000
  const answered = new Set<number>()
  let failed: { readonly turn: number; readonly atMs: number } | undefined
  const look = (atMs: number) => {
    if (failed !== undefined && atMs - failed.atMs > deadlineMs) {
      add(failed.atMs, `turn ${failed.turn} failed, and nothing was heard for ${atMs - failed.atMs} ms`)
      failed = undefined
    }
  }
  for (const item of trace) {
    look(item.atMs)
    if (item._tag !== "Event") {
      // the user hears something, or does something
      failed = undefined
      continue
    }
    const { event } = item
    if (event.type === "user.transcript" && event.final) answered.add(event.turn)
    const isFailure = (event.type === "turn.unanswered" && event.reason === "failed") ||
      (event.type === "agent.speech_stopped" && event.reason === "failed" && answered.has(event.turn))
    if (isFailure) failed = { turn: event.turn, atMs: event.atMs }
    else if (
      event.type === "error" || event.type === "agent.speech_started" || event.type === "session.ended" ||
      event.type === "connection.detached" || event.type.startsWith("user.speech")
    ) failed = undefined
  }
  look(durationMs)
})

/** A short answer begun so short a time before the end of a question is certainly its answer, in ms. */
const CERTAIN_ANSWER_MS = 900

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

const every: ReadonlyArray<Invariant> = [
  noAudioAfterClear,
  historyMatchesHeard,
  everythingEnds,
  repliesEndOnce,
  statesFollowDiagram,
  latencyAddsUp,
  noLeaks
]

/**
 * Returns the violations of all invariants; an empty list for a correct conversation.
 *
 * @category checks
 * @since 0.1.0
 */
export const all: Invariant = (recording) => every.flatMap((check) => check(recording))

/**
 * Formats the violations, the seed and the timeline as the message of a test; `""` without violations.
 *
 * @category conversions
 * @since 0.1.0
 */
export const report = (recording: Recording, violations: ReadonlyArray<Violation> = all(recording)): string =>
  violations.length === 0 ? "" : [
    `${violations.length} ${
      violations.length === 1 ? "violation" : "violations"
    } in the scenario with seed "${recording.seed}":`,
    ...violations.map(({ atMs, invariant, message: what }) => `  ${(atMs / 1000).toFixed(3)} ${invariant}: ${what}`),
    "",
    timeline(recording.trace)
  ].join("\n")
