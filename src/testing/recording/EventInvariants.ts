/**
 * Invariants of the order and the times of a session's events and frames: what is spoken stops when it should, and nothing
 * stays open.
 *
 * @since 0.1.0
 */
import type { SessionEvent, SessionState } from "../../session/SessionEvent.ts"
import { checker, type Invariant } from "./Invariant.ts"

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

/**
 * P3: no turn is stuck for longer than the timeouts allow, and the session ends.
 *
 * **Details**
 *
 * A turn may wait for its last words (5 s), for the agent's first words and for the first speech (`timeout` and one second
 * each); an agent that shows that it works may bring nothing to speak for four times `timeout`. A session that is processing or
 * speaking without a frame or event for longer is stuck. A reply that waits for a disconnected user is not.
 *
 * @category checks
 * @since 0.1.0
 */
export const everythingEnds: Invariant = checker("P3 everything ends", (recording, add) => {
  const { durationMs, ended, events, replies, timeoutMs, trace } = recording
  const deadlineMs = Math.max(2 * timeoutMs + 5_000, 4 * timeoutMs) + 2_000
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
