/**
 * What is run: each line of the table, on each side.
 *
 * @since 0.1.0
 */
import type { Load } from "./Load.ts"

export const ours = "effect-voice"
export const theirs = "livekit-agents"

/** One run, and how its line is called. */
export interface Job {
  readonly part: "turn" | "barge" | "scale" | "idle"
  readonly label: string
  readonly load: Load
}

const turn = (peer: string): Job => ({
  part: "turn",
  label: "10 sessions",
  load: {
    peer,
    sessions: 10,
    // a reply has been played when the next turn begins
    cycle: 125,
    speech: 20,
    // a process that has just begun takes a quarter longer for a turn
    warmSeconds: 60,
    seconds: 25,
    replyMs: 2_000,
    chunkMs: 20,
    pause: false
  }
})

const barge = (peer: string, chunkMs: number, pause: boolean): Job => ({
  part: "barge",
  label: `${chunkMs} ms chunks, ${pause ? "paused first" : "ended at once"}`,
  load: {
    peer,
    sessions: 10,
    // each turn begins in the middle of the former's reply
    cycle: 40,
    speech: 20,
    warmSeconds: 3,
    seconds: 10,
    replyMs: 2_000,
    chunkMs,
    pause
  }
})

const scale = (peer: string, sessions: number): Job => ({
  part: "scale",
  label: `${sessions} sessions`,
  load: {
    peer,
    sessions,
    cycle: 200,
    speech: 50,
    warmSeconds: 5,
    seconds: 12,
    replyMs: 2_000,
    chunkMs: 20,
    pause: false
  }
})

const idle = (peer: string): Job => ({
  part: "idle",
  label: "200 sessions",
  load: { ...scale(peer, 200).load, warmSeconds: 0, seconds: 0 }
})

/** All of one round, a side beside the other. */
export const jobs: ReadonlyArray<Job> = [
  ...[ours, theirs].map(turn),
  ...[false, true].flatMap((pause) =>
    [20, 100].flatMap((chunkMs) => [ours, theirs].map((peer) => barge(peer, chunkMs, pause)))
  ),
  ...[10, 50].flatMap((sessions) => [ours, theirs, "none"].map((peer) => scale(peer, sessions))),
  scale(ours, 100),
  scale("none", 100),
  ...[ours, theirs].map(idle)
]
