/**
 * A line of the table of budgets, and the table.
 *
 * @since 0.1.0
 */

/** One budget: what was wanted, what was measured here and by the peers, and how. */
export interface Row {
  readonly id: string
  readonly what: string
  readonly target: string
  readonly ours: string
  readonly livekit: string
  readonly pipecat: string
  /** `undefined`: it could not be measured. */
  readonly held: boolean | undefined
  readonly method: string
}

const columns = [
  ["", "id"],
  ["what", "what"],
  ["budget", "target"],
  ["effect-voice", "ours"],
  ["LiveKit Agents JS", "livekit"],
  ["Pipecat", "pipecat"]
] as const

const heldOf = ({ held }: Row) => held === undefined ? "?" : held ? "yes" : "NO"

/** The table as text in columns, and below it how each was measured. */
export const table = (rows: ReadonlyArray<Row>): string => {
  const cells = [
    [...columns.map(([title]) => title), "held"],
    ...rows.map((row) => [...columns.map(([, key]) => row[key]), heldOf(row)])
  ]
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)))
  const lines = cells.map((line) => line.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd())
  return [
    lines[0],
    widths.map((width) => "-".repeat(width)).join("  "),
    ...lines.slice(1),
    "",
    ...rows.map(({ id, method }) => `${id}: ${method}`)
  ].join("\n")
}

/** The same in Markdown, without the methods. */
export const markdown = (rows: ReadonlyArray<Row>): string =>
  [
    "| | what | budget | effect-voice | LiveKit Agents JS | Pipecat |",
    "|---|---|---|---|---|---|",
    ...rows.map((row) => `| ${columns.map(([, key]) => row[key]).join(" | ")} |`)
  ].join("\n")

/** Median of the rounds, and in what they lay. */
export const spread = (values: ReadonlyArray<number>, digits: number, middle: number): string => {
  const known = values.filter(Number.isFinite)
  if (known.length === 0) return "-"
  const low = Math.min(...known).toFixed(digits)
  const high = Math.max(...known).toFixed(digits)
  return low === high ? middle.toFixed(digits) : `${middle.toFixed(digits)} (${low}-${high})`
}
