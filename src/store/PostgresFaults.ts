/**
 * The errors of PostgreSQL, named by their SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html).
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { isSqlError } from "effect/sql/SqlError"
import { isRecord } from "../schema/Json.ts"
import * as StoreFault from "./StoreFault.ts"

const { fault } = StoreFault
const UNDEFINED_TABLE = "42P01"

const states: { readonly [state: string]: StoreFault.StoreFault } = {
  "08P01": fault(
    "unreachable",
    "refused the connection; PgBouncer needs ignore_startup_parameters = statement_timeout, " +
      "idle_in_transaction_session_timeout"
  ),
  "25006": fault("read_only", "takes no writes: the database is read-only, or a standby"),
  "25P03": fault("unreachable", "closed the connection: the session was idle for too long"),
  "3D000": fault("missing", "has no such database"),
  "3F000": fault("missing", "has no such schema"),
  "40001": fault("busy", "is busy: concurrent transactions contradict each other"),
  "40P01": fault("busy", "is busy: transactions wait for each other"),
  "42501": fault("denied", "refuses the operation: the user lacks the rights on its tables"),
  "42703": fault("unsupported", "has tables with other columns"),
  "42P01": fault("missing", "has lost one of its tables"),
  "42804": fault("unsupported", "has tables with other columns"),
  "42883": fault("unsupported", "is too old a PostgreSQL"),
  "53100": fault("full", "cannot write: the disk is full"),
  "53200": fault("overloaded", "failed: the server has too little memory"),
  "53300": fault("overloaded", "has too many connections"),
  "53400": fault("overloaded", "has reached a limit of its configuration"),
  "55P03": fault("busy", "is busy: a lock is held for too long"),
  "57014": fault("busy", "did not finish in time: a lock is held, or the server is overloaded"),
  "57P01": fault("unreachable", "is shutting down"),
  "57P02": fault("unreachable", "is shutting down after a crash of one of its processes"),
  "57P03": fault("starting", "is starting or stopping and takes no connections"),
  "57P04": fault("missing", "has no such database any more"),
  "57P05": fault("unreachable", "closed the connection: the session was idle for too long"),
  "58030": fault("input_output", "cannot be used: its disk reports an input/output error"),
  "58P01": fault("damaged", "cannot be used: one of its files is missing"),
  XX001: fault("damaged", "cannot be used: its data are damaged"),
  XX002: fault("damaged", "cannot be used: one of its indexes is damaged")
}

/**
 * A pool that others use as well has given no connection in time.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoneFree extends Data.TaggedError("NoneFree") {}

const noneFree = fault(
  "overloaded",
  "has no free connection: the application uses all of its pool, or the database does not answer"
)

/** The driver's words for a server that refuses TLS. */
const NO_TLS = "The server does not support TLS"
const noTls = fault("unreachable", "does not offer TLS, which its URL asks for")

/** By class, the first two characters. */
const classes: { readonly [state: string]: StoreFault.StoreFault } = {
  "08": fault("unreachable", "lost the connection"),
  "28": fault("denied", "refuses the credentials"),
  "53": fault("overloaded", "has too few resources"),
  "57": fault("unreachable", "ended the operation"),
  "58": fault("input_output", "cannot be used: its system fails"),
  XX: fault("damaged", "failed with an internal error; its data may be damaged")
}

/** The errors around one another, the outermost first. */
const chain = function*(error: unknown): Generator<unknown> {
  for (let at = error, depth = 0; at !== undefined && at !== null && depth < 6; depth++) {
    yield at
    at = isSqlError(at) ? at.reason.cause : isRecord(at) ? at["cause"] : undefined
  }
}

const stateOf = (error: unknown): string | undefined => {
  const code = isRecord(error) ? error["code"] : undefined
  return typeof code === "string" && /^[0-9A-Z]{5}$/u.test(code) ? code : undefined
}

/**
 * Whether a statement failed because a table does not exist.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isUndefinedTable = (error: unknown): boolean => {
  for (const each of chain(error)) if (stateOf(each) === UNDEFINED_TABLE) return true
  return false
}

/**
 * Whether a transaction was rolled back only because others ran beside it (40001, 40P01): repeated, it may succeed.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isConflict = (error: unknown): boolean => {
  for (const each of chain(error)) {
    const state = stateOf(each)
    if (state === "40001" || state === "40P01") return true
  }
  return false
}

/**
 * The fault of a failure, or of a defect, of the driver.
 *
 * @category accessors
 * @since 0.1.0
 */
export const faultOf = (error: unknown): StoreFault.StoreFault => {
  for (const each of chain(error)) {
    const system = StoreFault.ofSystemError(each)
    if (system !== undefined) return system
    if (each instanceof NoneFree) return noneFree
    if (each instanceof Error && each.message === NO_TLS) return noTls
    const state = stateOf(each)
    if (state === undefined) continue
    const known = states[state] ?? classes[state.slice(0, 2)] ?? fault("failed", "failed")
    return fault(known.reason, `${known.why} (SQLSTATE ${state})`)
  }
  return StoreFault.unreachable
}
