/**
 * What holds of every conversation, whatever happens: checks over a recording, each giving its violations.
 *
 * Pure. A check knows nothing of the session's inside: it sees what a user and an owner see.
 *
 * @since 0.1.0
 */
import type { SessionEvent, SessionState } from "../../session/SessionEvent.ts"
import { type HeardReply, type Recording, timeline } from "./Recording.ts"

/**
 * A promise that was not kept, and when.
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
 * P1: no frame leaves while a reply is paused, after it was cleared or stopped, or when the session has ended.
 *
 * @category checks
 * @since 0.1.0
 */
export const noAudioAfterClear: Invariant = checker("P1 nothing after a clear", ({ trace }, add) => {
  let silentSince: string | undefined = "the beginning"
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
 * A voice that failed or ran dry may have been about to say more of its text, so how far it came is an estimate: then too
 * little may be counted, never too much.
 */
const agrees = (reply: HeardReply, text: string): boolean =>
  agreeToOneWord(reply.heard, text) ||
  ((reply.ended?.reason === "failed" || (reply.underrun && reply.ended?.reason === "interrupted")) &&
    `${reply.heard} `.startsWith(`${text} `.trimStart()))

/**
 * P2: the history is what the user heard, to one word, in the order in which it happened. For scripted voices, whose
 * speech can be read back.
 *
 * @category checks
 * @since 0.1.0
 */
export const historyMatchesHeard: Invariant = checker("P2 history was heard", ({ history, replies }, add) => {
  const agent = history.filter((item) => item.role === "agent")
  let at = 0
  for (const reply of replies) {
    const item = agent[at]
    const heard = reply.heard
    // the session says what was heard where it ends a reply, and remembers the same
    if (reply.ended !== undefined && !agrees(reply, reply.ended.text)) {
      add(reply.ended.atMs, `reply ${reply.reply} ended as "${reply.ended.text}", heard was "${heard}"`)
    }
    if (item === undefined || item.atMs !== reply.startedAtMs || item.turn !== reply.turn) {
      if (wordsOf(heard).length > 1) add(reply.startedAtMs, `"${heard}" was heard and is not in the history`)
      continue
    }
    at++
    if (item.kind === "speech" && !agrees(reply, item.text)) {
      add(reply.startedAtMs, `the history has "${item.text}", heard was "${heard}"`)
    }
    if (item.interrupted !== (reply.ended?.reason !== "completed")) {
      add(reply.startedAtMs, `"${item.text}" is ${item.interrupted ? "" : "not "}marked as interrupted`)
    }
  }
  for (const item of agent.slice(at)) add(item.atMs, `the history has "${item.text}", and nobody heard it`)
  for (const [index, item] of history.entries()) {
    const former = history[index - 1]
    if (former === undefined) continue
    if (former.turn > item.turn) add(item.atMs, `turn ${item.turn} stands after turn ${former.turn}`)
    // what is typed may overtake what is being said
    if (former.role === item.role && former.kind === item.kind && former.atMs > item.atMs) {
      add(item.atMs, `"${item.text}" stands after "${former.text}", which was later`)
    }
  }
})

/**
 * P3: nothing goes on without a sign of life for longer than the timeouts allow, and the session ends.
 *
 * **Details**
 *
 * A turn may wait for its last words (5 s), for the agent's first words and for the first speech (`timeout` each and a
 * second more), so a session that is processing or speaking and shows neither a frame nor an event for all of these is
 * stuck. A reply that waits for an absent user is not.
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
    if (busy && atMs - since > deadlineMs) add(since, `${state} for ${atMs - since} ms without a sign of life`)
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
    add(durationMs, "the session has not ended")
  }
  for (const reply of replies) {
    if (reply.ended === undefined) add(reply.startedAtMs, `reply ${reply.reply} never ended`)
  }
  const last = events.at(-1)
  if (ended !== undefined && last?.type !== "session.ended") add(last?.atMs ?? 0, `${last?.type} after the end`)
})

/**
 * Each audible reply ends exactly once, and is paused and resumed only in between.
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
        if (open !== undefined) add(event.atMs, `turn ${event.turn} is spoken while turn ${open} is`)
        open = event.turn
        paused = false
        break
      case "agent.speech_paused":
        if (open !== event.turn || paused) add(event.atMs, `turn ${event.turn} is paused and was not speaking`)
        paused = true
        break
      case "agent.speech_resumed":
        if (open !== event.turn || !paused) add(event.atMs, `turn ${event.turn} goes on and was not paused`)
        paused = false
        break
      case "agent.speech_stopped":
        if (open !== event.turn) add(event.atMs, `turn ${event.turn} ends and was not speaking`)
        open = undefined
        break
    }
  }
})

const diagram: { readonly [From in SessionState]: ReadonlyArray<SessionState> } = {
  idle: ["listening", "processing", "error", "closed"],
  // speaking: it goes on after a false interruption
  listening: ["processing", "speaking", "error", "closed"],
  processing: ["speaking", "listening", "error", "closed"],
  speaking: ["listening", "processing", "error", "closed"],
  error: ["listening", "processing", "speaking", "closed"],
  closed: []
}

/**
 * The public state moves along the diagram only; a client that attaches is told the state once more.
 *
 * @category checks
 * @since 0.1.0
 */
export const statesFollowDiagram: Invariant = checker("phases", ({ events }, add) => {
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
 * A turn's latency is told as contiguous parts that add up to what the user waited, until the first frame left.
 *
 * @category checks
 * @since 0.1.0
 */
export const latencyAddsUp: Invariant = checker("latency adds up", ({ events, frames, replies }, add) => {
  for (const event of events) {
    if (event.type !== "turn.latency") continue
    const sum = event.parts.reduce((total, part) => total + part.ms, 0)
    if (Math.abs(sum - event.totalMs) > 0.5) add(event.atMs, `the parts make ${sum} of ${event.totalMs} ms`)
    if (event.parts.some((part) => part.ms < 0)) add(event.atMs, "a part is negative")
    const reply = replies.find((reply) => reply.turn === event.turn && reply.startedAtMs === event.atMs)
    const first = reply === undefined ? undefined : frames.find((frame) => frame.reply === reply.reply)
    if (first !== undefined && first.atMs !== event.atMs) {
      add(event.atMs, `the first frame left ${first.atMs - event.atMs} ms after the latency was told`)
    }
  }
})

/**
 * No fiber and no timer outlives its session, or the backend.
 *
 * @category checks
 * @since 0.1.0
 */
export const noLeaks: Invariant = checker("nothing is left", ({ durationMs, ended, leaks: left }, add) => {
  if (ended === undefined) return
  for (const [what, count] of Object.entries(left)) if (count > 0) add(durationMs, `${count} ${what} are left`)
})

/**
 * Every word that the user said is in the history, in its order. Not of every conversation: only where no engine fails,
 * nobody hangs up, and nothing was cut off.
 *
 * @category checks
 * @since 0.1.0
 */
export const noWordLost: Invariant = checker("nothing swallowed", ({ durationMs, history, saidByUser }, add) => {
  const said = saidByUser.flatMap(wordsOf).join(" ")
  const known = history.filter((item) => item.role === "user" && item.kind === "speech").map((item) => item.text)
  if (said !== known.join(" ")) add(durationMs, `the user said "${said}", the history has "${known.join(" | ")}"`)
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
 * All violations of what holds of every conversation; none is good.
 *
 * @category checks
 * @since 0.1.0
 */
export const all: Invariant = (recording) => every.flatMap((check) => check(recording))

/**
 * The violations, the seed and the timeline, for a test's message; `""` when there are none.
 *
 * @category conversions
 * @since 0.1.0
 */
export const report = (recording: Recording, violations: ReadonlyArray<Violation> = all(recording)): string =>
  violations.length === 0 ? "" : [
    `${violations.length} violations in the scenario with seed "${recording.seed}":`,
    ...violations.map(({ atMs, invariant, message: what }) => `  ${(atMs / 1000).toFixed(3)} ${invariant}: ${what}`),
    "",
    timeline(recording.trace)
  ].join("\n")
