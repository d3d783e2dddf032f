/**
 * The table of the trials.
 *
 * @since 0.1.0
 */
import { quantile } from "../Statistics.ts"
import { conditions, type Kind } from "./Cuts.ts"
import { type Detector, detectors, type Trial } from "./Trials.ts"

/** An end that was only found because the user stayed silent for so long, in ms, was missed. */
const MISSED_MS = 1_500
/** The pauses that count as one figure: all that are as long as the silence which ends a turn. */
const LEAST_MS = 300

const percent = (part: number, whole: number): string => whole === 0 ? "-" : `${Math.round(100 * part / whole)} %`

const isTaken = ({ afterMs }: Trial): boolean => afterMs !== undefined
const isFound = ({ afterMs }: Trial): boolean => afterMs !== undefined && afterMs < MISSED_MS

/** The share of pauses that were taken for the end. */
const taken = (trials: ReadonlyArray<Trial>, kind: Kind, pauseMs?: number): string => {
  const of = trials.filter((trial) =>
    trial.cut.kind === kind && (pauseMs === undefined ? trial.pauseMs >= LEAST_MS : trial.pauseMs === pauseMs)
  )
  return percent(of.filter(isTaken).length, of.length)
}

const cells = (trials: ReadonlyArray<Trial>, detector: Detector): ReadonlyArray<string> => {
  const own = trials.filter((trial) => trial.detector === detector)
  const ends = own.filter(({ cut }) => cut.kind === "end")
  const delays = ends.map(({ afterMs }) => afterMs ?? Number.POSITIVE_INFINITY)
  const ms = (q: number) => delays.length === 0 ? "-" : Math.round(quantile(delays, q)).toString()
  return [
    detector,
    taken(own, "inside"),
    taken(own, "inside", 300),
    taken(own, "inside", 900),
    taken(own, "sentence"),
    percent(ends.length - ends.filter(isFound).length, ends.length),
    `${ms(0.5)} / ${ms(0.95)} ms`
  ]
}

const counts = (trials: ReadonlyArray<Trial>): string => {
  const ids = (kind: Kind) => new Set(trials.filter(({ cut }) => cut.kind === kind).map(({ cut }) => cut.id)).size
  return `${ids("inside")} pauses inside a sentence, ${ids("sentence")} between sentences, ${ids("end")} ends`
}

const table = (title: string, trials: ReadonlyArray<Trial>): ReadonlyArray<string> => [
  "",
  `### ${title}: ${counts(trials)}`,
  "",
  "| | inside, taken for the end | of 300 ms | of 900 ms | between sentences | ends missed | last word → decision, p50 / p95 |",
  "|---|---|---|---|---|---|---|",
  ...detectors.map((detector) => `| ${cells(trials, detector).join(" | ")} |`)
]

/** All in Markdown: one table for each set and condition. */
export const report = (trials: ReadonlyArray<Trial>): string => {
  const sets = [...new Set(trials.map(({ cut }) => cut.set))]
  const speech = trials.filter(({ cut }) => !cut.set.startsWith("prompts") && cut.set !== "digits")
  return [
    ...conditions.filter((condition) => trials.some((trial) => trial.condition === condition)).flatMap((condition) =>
      table(`continuous speech, ${condition}`, speech.filter((trial) => trial.condition === condition))
    ),
    ...sets.flatMap((set) =>
      table(`${set}, clean`, trials.filter(({ condition, cut }) => condition === "clean" && cut.set === set))
    )
  ].join("\n")
}
