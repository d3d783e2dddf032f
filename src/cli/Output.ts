/**
 * The output of the command line: results to stdout, everything else to stderr.
 *
 * All text is escaped (`TerminalText`), in a pipe too: it may be shown on a terminal later. A reader that closes the pipe
 * (`| head`) does not end the process: further output is dropped.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"
import * as KnownKeys from "../KnownKeys.ts"
import * as Faults from "../schema/Faults.ts"
import { escapeJson, escapeLine, escapeStyled } from "./TerminalText.ts"

const broken = new Set<NodeJS.WriteStream>()

/**
 * Keeps a closed pipe from ending the process. Call once, before anything is written.
 *
 * @category output
 * @since 0.1.0
 */
export const surviveClosedPipes = (): void => {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => void broken.add(stream))
}

/** Whatever a line was made of, such as what an application logs: the secrets of this process are not in it. */
const put = (stream: NodeJS.WriteStream, text: string): void => {
  if (!broken.has(stream) && stream.writable) stream.write(KnownKeys.without(text))
}

/**
 * Writes a line of the result, from plain code.
 *
 * @category output
 * @since 0.1.0
 */
export const write = (text: string): void => put(process.stdout, `${escapeLine(text)}\n`)

/**
 * Writes JSON as the result, from plain code.
 *
 * @category output
 * @since 0.1.0
 */
export const writeJson = (json: string): void => put(process.stdout, `${escapeJson(json)}\n`)

/**
 * Writes JSON as the result.
 *
 * @category output
 * @since 0.1.0
 */
export const json = (text: string): Effect.Effect<void> => Effect.sync(() => writeJson(text))

/**
 * Writes lines with colours, such as help: to stdout, or to stderr.
 *
 * @category output
 * @since 0.1.0
 */
export const styled = (text: string, to: "stdout" | "stderr" = "stdout"): Effect.Effect<void> =>
  Effect.sync(() => put(process[to], `${escapeStyled(text)}\n`))

/**
 * Writes a line of the result.
 *
 * @category output
 * @since 0.1.0
 */
export const line = (text = ""): Effect.Effect<void> => Effect.sync(() => write(text))

let formatNote = escapeLine

/**
 * Writes notes in another format while an effect runs, such as JSON lines where log lines are JSON. The format escapes.
 *
 * @category output
 * @since 0.1.0
 */
export const withNotes = (format: (text: string) => string) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const before = formatNote
      formatNote = format
      return before
    }),
    () => effect,
    (before) =>
      Effect.sync(() => {
        formatNote = before
      })
  )

/**
 * Writes a line to stderr, from plain code.
 *
 * @category output
 * @since 0.1.0
 */
export const writeError = (text: string): void => put(process.stderr, `${escapeLine(text)}\n`)

/**
 * Writes JSON to stderr, from plain code.
 *
 * @category output
 * @since 0.1.0
 */
export const writeErrorJson = (text: string): void => put(process.stderr, `${escapeJson(text)}\n`)

/**
 * Writes lines with colours to stderr, from plain code.
 *
 * @category output
 * @since 0.1.0
 */
export const writeErrorStyled = (text: string): void => put(process.stderr, `${escapeStyled(text)}\n`)

/**
 * Writes a line to stderr, for the person at the terminal.
 *
 * @category output
 * @since 0.1.0
 */
export const note = (text: string): Effect.Effect<void> =>
  Effect.sync(() => put(process.stderr, `${formatNote(text)}\n`))

/** As much of the end of a text as fits into one row, so that the next line can replace it. */
const oneRow = (text: string, columns: number): string =>
  text.length < columns ? text : `…${text.slice(text.length - columns + 2)}`

/**
 * Writes a line that the next one replaces; only on a terminal. Of a text that is too long for one row, the end is shown.
 *
 * @category output
 * @since 0.1.0
 */
export const progress = (text: string): void => {
  if (process.stderr.isTTY) put(process.stderr, `\r\u001b[K${oneRow(escapeLine(text), process.stderr.columns)}`)
}

/** One line for the error, and one for each of its faults. */
const linesOf = (error: BackendError): ReadonlyArray<string> => {
  if (!Array.isArray(error.details?.["faults"])) return [`error: ${error.message}`]
  const more = Faults.moreOf(error)
  const [what = ""] = error.message.split(": ", 1)
  return [
    `error: ${what}`,
    ...Faults.fromError(error, "").map((fault) => `  ${fault.path || "(root)"}: ${fault.message}`),
    ...(more > 0 ? [`  and ${more} more`] : [])
  ]
}

/**
 * Reports a failure on stderr: one line, and one for each fault.
 *
 * @category output
 * @since 0.1.0
 */
export const failure = (error: BackendError): Effect.Effect<void> =>
  Effect.forEach(linesOf(error), note, { discard: true })

/**
 * Formats a size in megabytes: `28.1 MB`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`
