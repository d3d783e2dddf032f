/**
 * From runs to one table: percentiles of each run, medians over the rounds.
 *
 * @since 0.1.0
 */
import { median, quantile } from "../Statistics.ts"
import type { Measured } from "./Driver.ts"
import type { Job } from "./Plan.ts"

/** A job, and what each round gave. */
export interface Line {
  readonly job: Job
  readonly rounds: ReadonlyArray<Measured>
}

/** The percentiles of each round, and of them the medians. */
const spread = (rounds: ReadonlyArray<ReadonlyArray<number>>) => ({
  n: rounds.reduce((sum, values) => sum + values.length, 0),
  p50: median(rounds.map((values) => quantile(values, 0.5))),
  p95: median(rounds.map((values) => quantile(values, 0.95))),
  p99: median(rounds.map((values) => quantile(values, 0.99))),
  max: Math.max(...rounds.flat())
})

const sum = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0)

/** The figures of a line, as they are written to a file. */
export const figures = ({ job, rounds }: Line) => ({
  part: job.part,
  label: job.label,
  load: job.load,
  turns: sum(rounds.map(({ turns }) => turns.total)),
  unanswered: sum(rounds.map(({ turns }) => turns.unanswered)),
  turnMs: spread(rounds.map(({ turnMs }) => turnMs)),
  turnDueMs: spread(rounds.map(({ turnDueMs }) => turnDueMs)),
  barges: sum(rounds.map(({ barges }) => barges.total)),
  missed: sum(rounds.map(({ barges }) => barges.missed)),
  cutMs: spread(rounds.map(({ cutMs }) => cutMs)),
  decidedMs: spread(rounds.map(({ decidedMs }) => decidedMs)),
  heardMs: spread(rounds.map(({ heardMs }) => heardMs)),
  cpuMs: median(rounds.map(({ cpuMs }) => cpuMs)),
  othersPercent: rounds.map(({ othersPercent }) => othersPercent),
  idleKb: median(rounds.map(({ idleKb }) => idleKb)),
  openMs: median(rounds.map(({ openMs }) => openMs)),
  closeMs: spread(rounds.map(({ closeMs }) => closeMs))
})

const ms = (value: number) => Number.isFinite(value) ? value.toFixed(2) : "-"

const spreadText = ({ max, p50, p95, p99 }: ReturnType<typeof spread>) =>
  `${[p50, p95, p99].map(ms).join(" / ")}, max ${ms(max)}`

const others = (values: ReadonlyArray<number | undefined>) => {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? "-" : known.map((value) => value.toFixed(0)).join(" ")
}

const titles: { readonly [part in Job["part"]]: string } = {
  turn: "B1, a turn: push of the first silent frame -> first frame at the sink, in ms: p50 / p95 / p99",
  barge: "B2, an interruption: push of the first loud frame -> the sink is still for good, in ms: p50 / p95 / p99",
  scale: "CPU, a turn every 4 s: ms per session and second (driver and fakes included)",
  idle: "Idle sessions: heap and external memory"
}

const cells = (line: ReturnType<typeof figures>): string => {
  switch (line.part) {
    case "turn":
      return `${spreadText(line.turnMs)}; ${line.turns} turns, ${line.unanswered} unanswered; when due ${
        spreadText(line.turnDueMs)
      }`
    case "barge":
      return `${spreadText(line.cutMs)}; ${line.barges}, ${line.missed} missed; heard of it ${
        ms(line.heardMs.p50)
      }, max ${ms(line.heardMs.max)}; next turn p50 ${ms(line.turnMs.p50)}`
    case "scale":
      return `${ms(line.cpuMs)}; ${line.turns} turns, ${line.unanswered} unanswered, ${spreadText(line.turnMs)}`
    case "idle":
      return `${line.idleKb.toFixed(0)} KB each; opened in ${ms(line.openMs)} ms, closed in p50 ${
        ms(line.closeMs.p50)
      } ms`
  }
}

/** The whole table. `others` is the CPU that everything else used in each round, in % of one core. */
export const table = (lines: ReadonlyArray<ReturnType<typeof figures>>): string =>
  Object.entries(titles).flatMap(([part, title]) => {
    const rows = lines.filter((line) => line.part === part)
    return rows.length === 0 ? [] : [
      "",
      title,
      ...rows.map((line) => {
        const quiet = line.part === "idle" ? "" : ` [others ${others(line.othersPercent)} %]`
        return `  ${line.load.peer.padEnd(15)} ${line.label.padEnd(28)} ${cells(line)}${quiet}`
      })
    ]
  }).join("\n")
