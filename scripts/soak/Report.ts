/**
 * The report of a soak run: figures, and whether each promise was kept.
 *
 * @since 0.1.0
 */
import { quantile, slope } from "../bench/Statistics.ts"
import type { Inside } from "./Inside.ts"

/** What the users experienced: counts, and times in ms. */
export interface Tally {
  sessions: number
  turns: number
  answered: number
  typed: number
  interruptions: number
  /** Interruptions that came after the end of the answer. */
  tooLate: number
  resumed: number
  /** Users who reconnected within the resume window but found no session. */
  lost: number
  strangersIn: number
  words: number
  wrongWords: number
  readonly answerMs: Array<number>
  readonly cutMs: Array<number>
  readonly audioMs: { in: number; out: number }
  /** `error` events that a user provoked, by code. */
  readonly expected: Record<string, number>
  /** Anything unexpected, with the scene in which it happened. */
  readonly unexpected: Array<string>
  readonly endings: Record<string, number>
  /** Frames of an interrupted reply that arrived after the event of the interruption. */
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
  /** One sample a minute during the run. */
  readonly samples: ReadonlyArray<Sample>
  /** Before the first user and after the last one. */
  readonly before: Sample
  readonly after: Sample
  readonly stored: number
  readonly exit: { readonly code: number | null; readonly ms: number }
}

/** Leaves out the first third, the warm-up: engines, compiled code and pools are allocated then. */
const settled = (samples: ReadonlyArray<Sample>) => samples.slice(Math.floor(samples.length / 3))

/** Growth of heap and external memory in KB per session and minute (B6). */
export const growthKb = ({ samples, users }: Outcome): number =>
  slope(settled(samples).map(({ at, external, heap }) => [at / 60, (heap + external) / 1024])) / users

/** A promise, whether it was kept, and the evidence. */
export interface Verdict {
  readonly promise: string
  readonly kept: boolean
  readonly why: string
}

/** The minimum number of samples for a meaningful slope. */
const MIN_SAMPLES = 6

/** Checks every promise. */
export const verdicts = (outcome: Outcome): ReadonlyArray<Verdict> => {
  const { after, before, exit, samples, stored, tally } = outcome
  const growth = growthKb(outcome)
  const enough = settled(samples).length >= MIN_SAMPLES
  return [
    {
      promise: "nothing unexpected happened",
      kept: tally.unexpected.length === 0,
      why: tally.unexpected.slice(0, 5).join("; ")
    },
    {
      promise: "every turn was answered",
      kept: tally.answered === tally.turns,
      why: `${tally.turns - tally.answered} of ${tally.turns} were not`
    },
    {
      promise: "users who reconnected within the resume window found their session",
      kept: tally.lost === 0,
      why: `${tally.lost} did not`
    },
    { promise: "no unauthorised user connected", kept: tally.strangersIn === 0, why: `${tally.strangersIn} did` },
    {
      promise: "no audio of a reply arrived after its interruption (P1)",
      kept: tally.stale === 0,
      why: `${tally.stale} frames did`
    },
    {
      promise: "memory grows by at most 20 KB per session and minute (B6)",
      kept: !enough || growth <= 20,
      why: enough ? `${growth.toFixed(1)} KB` : "too short to tell"
    },
    {
      promise: "all sessions ended with their users, also in the store (P3)",
      kept: after.sessions === 0 && stored === 0,
      why: `${after.sessions} sessions, ${stored} stored`
    },
    {
      // two pools of the runtime may keep files open for longer
      promise: "open files and sockets returned to the baseline, within 4",
      kept: after.files <= before.files + 4,
      why: `${before.files} before, ${after.files} after`
    },
    {
      // compiled code, pools and arenas of the models remain
      promise: "heap and external memory returned to the baseline, within 30 MB (P6)",
      kept: after.heap + after.external - before.heap - before.external <= 30e6,
      why: `${((after.heap + after.external - before.heap - before.external) / 1e6).toFixed(1)} MB more`
    },
    {
      promise: "SIGTERM ends the process with 0 within 25 s (P7)",
      kept: exit.code === 0 && exit.ms < 25_000,
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

/** Formats the report as text. */
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
    `reconnected          ${tally.resumed}, session lost ${tally.lost}`,
    `errors provoked      ${counts(tally.expected)}`,
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
    ...verdicts(outcome).map(({ kept, promise, why }) => `${kept ? "kept  " : "BROKEN"} ${promise}: ${why || "-"}`)
  ].join("\n")
}
