/**
 * What a soak found, as figures and as promises kept or broken.
 *
 * @since 0.1.0
 */
import { quantile, slope } from "../bench/Statistics.ts"
import type { Inside } from "./Inside.ts"

/** What users saw, counted and timed; times in ms. */
export interface Tally {
  sessions: number
  turns: number
  answered: number
  typed: number
  interruptions: number
  /** Speech that fell into no answer, because it was over by then. */
  tooLate: number
  resumed: number
  /** A user came back and the session was gone, though within the window. */
  lost: number
  strangersIn: number
  words: number
  wrongWords: number
  readonly answerMs: Array<number>
  readonly cutMs: Array<number>
  readonly audioMs: { in: number; out: number }
  /** By code; `error` events that answered what a user did wrong. */
  readonly expected: Record<string, number>
  /** What nobody had asked for, with the scene in which it happened. */
  readonly unexpected: Array<string>
  readonly endings: Record<string, number>
  /** Audio of an interrupted reply that came after the word that it is cut, in frames. */
  stale: number
}

export const tally = (): Tally => ({
  sessions: 0,
  turns: 0,
  answered: 0,
  typed: 0,
  interruptions: 0,
  tooLate: 0,
  resumed: 0,
  lost: 0,
  strangersIn: 0,
  words: 0,
  wrongWords: 0,
  answerMs: [],
  cutMs: [],
  audioMs: { in: 0, out: 0 },
  expected: {},
  unexpected: [],
  endings: {},
  stale: 0
})

/** The server at a time, in seconds since the start. */
export interface Sample extends Inside {
  readonly at: number
  readonly files: number
  readonly threads: number
  readonly cpuMs: number
  readonly sessions: number
}

export interface Outcome {
  readonly minutes: number
  readonly users: number
  readonly tally: Tally
  /** Once a minute while users come and go. */
  readonly samples: ReadonlyArray<Sample>
  /** Before anybody came, and after all had gone. */
  readonly before: Sample
  readonly after: Sample
  readonly stored: number
  readonly exit: { readonly code: number | null; readonly ms: number }
}

/** The first third is warm-up: engines, code and pools are taken then. */
const settled = (samples: ReadonlyArray<Sample>) => samples.slice(Math.floor(samples.length / 3))

/** Growth of heap and external memory in KB per session and minute (B6). */
export const growthKb = ({ samples, users }: Outcome): number =>
  slope(settled(samples).map(({ at, external, heap }) => [at / 60, (heap + external) / 1024])) / users

/** A promise, and what speaks against it. */
export interface Verdict {
  readonly promise: string
  readonly held: boolean
  readonly why: string
}

/** With fewer samples a slope says nothing. */
const MIN_SAMPLES = 6

/** Every bound with its reason. */
export const verdicts = (outcome: Outcome): ReadonlyArray<Verdict> => {
  const { after, before, exit, samples, stored, tally } = outcome
  const growth = growthKb(outcome)
  const enough = settled(samples).length >= MIN_SAMPLES
  return [
    {
      promise: "nothing happened that nobody had asked for",
      held: tally.unexpected.length === 0,
      why: tally.unexpected.slice(0, 5).join("; ")
    },
    {
      promise: "every turn was answered",
      held: tally.answered === tally.turns,
      why: `${tally.turns - tally.answered} of ${tally.turns} were not`
    },
    {
      promise: "whoever came back within the window found the session",
      held: tally.lost === 0,
      why: `${tally.lost} did not`
    },
    { promise: "no stranger came in", held: tally.strangersIn === 0, why: `${tally.strangersIn} did` },
    {
      promise: "no audio of a reply came after the word that it is cut (P1)",
      held: tally.stale === 0,
      why: `${tally.stale} frames did`
    },
    {
      promise: "memory grows by at most 20 KB per session and minute (B6)",
      held: !enough || growth <= 20,
      why: enough ? `${growth.toFixed(1)} KB` : "too short to tell"
    },
    {
      promise: "all sessions are gone when all users are (P3), from the store too",
      held: after.sessions === 0 && stored === 0,
      why: `${after.sessions} sessions, ${stored} kept`
    },
    {
      // each of two pools of the runtime may hold a file of its own longer
      promise: "files and sockets are back where they were, within 4",
      held: after.files <= before.files + 4,
      why: `${before.files} before, ${after.files} after`
    },
    {
      // code that was compiled, pools, models' arenas
      promise: "heap and external memory are back within 30 MB (P6)",
      held: after.heap + after.external - before.heap - before.external <= 30e6,
      why: `${((after.heap + after.external - before.heap - before.external) / 1e6).toFixed(1)} MB more`
    },
    {
      promise: "SIGTERM ends the process with 0 within 25 s (P7)",
      held: exit.code === 0 && exit.ms < 25_000,
      why: `${exit.code} after ${(exit.ms / 1000).toFixed(1)} s`
    }
  ]
}

const ms = (values: ReadonlyArray<number>) =>
  `p50 ${quantile(values, 0.5).toFixed(0)}, p95 ${quantile(values, 0.95).toFixed(0)}, p99 ${
    quantile(values, 0.99).toFixed(0)
  } ms (${values.length})`

const counts = (of: Readonly<Record<string, number>>) =>
  Object.entries(of).map(([name, count]) => `${name} ${count}`).join(", ") || "none"

const mb = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`

/** The report, as text. */
export const text = (outcome: Outcome): string => {
  const { after, before, minutes, samples, tally, users } = outcome
  const last = samples.at(-1) ?? before
  const cpu = (last.cpuMs - before.cpuMs) / Math.max(1, last.at - before.at) / 10
  return [
    `${users} users at once for ${minutes} min: ${tally.sessions} sessions, ${
      (tally.audioMs.in / 3_600_000).toFixed(1)
    } h of audio in, ${(tally.audioMs.out / 3_600_000).toFixed(1)} h out`,
    `turns spoken         ${tally.turns}, answered ${tally.answered}; typed ${tally.typed}`,
    `last word -> answer  ${ms(tally.answerMs)}`,
    `interruptions        ${tally.interruptions}, too late ${tally.tooLate}; first word -> cut ${ms(tally.cutMs)}`,
    `words wrong          ${tally.wrongWords} of ${tally.words} (${
      (100 * tally.wrongWords / tally.words).toFixed(1)
    } %)`,
    `came back            ${tally.resumed}, to nothing ${tally.lost}`,
    `errors asked for     ${counts(tally.expected)}`,
    `sessions ended       ${counts(tally.endings)}`,
    `CPU                  ${cpu.toFixed(0)} % of a core, ${(cpu / users).toFixed(1)} % a user`,
    `event loop           late by p99 ${
      quantile(samples.map(({ lagP99 }) => lagP99), 0.5).toFixed(1)
    } ms in most minutes, ${Math.max(0, ...samples.map(({ lagMax }) => lagMax)).toFixed(0)} ms at worst`,
    `memory               RSS ${mb(before.rss)} -> ${mb(last.rss)} -> ${mb(after.rss)}; heap and external ${
      mb(before.heap + before.external)
    } -> ${mb(last.heap + last.external)} -> ${mb(after.heap + after.external)}; ${
      growthKb(outcome).toFixed(1)
    } KB per session and minute`,
    `files, threads       ${before.files}, ${before.threads} -> ${last.files}, ${last.threads} -> ${after.files}, ${after.threads}`,
    "",
    ...verdicts(outcome).map(({ held, promise, why }) => `${held ? "held  " : "BROKEN"} ${promise}: ${why || "-"}`)
  ].join("\n")
}
