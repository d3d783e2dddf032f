/**
 * The errors of Redis, named by the first word of its answer (redis.io/docs/latest/develop/reference/protocol-spec). An
 * error within a script has it further on.
 *
 * @since 0.1.0
 */
import * as StoreFault from "./StoreFault.ts"

const { fault } = StoreFault

const cluster = fault("unsupported", "is a Redis Cluster, which is not supported")

const words: { readonly [word: string]: StoreFault.StoreFault } = {
  OOM: fault("full", "cannot write: its memory limit (maxmemory) is reached"),
  READONLY: fault("read_only", "takes no writes: it is a read-only replica"),
  MISCONF: fault("full", "takes no writes: it cannot save its data to its disk"),
  LOADING: fault("starting", "is starting: it loads its data"),
  MASTERDOWN: fault("read_only", "is a replica that has lost its primary"),
  NOREPLICAS: fault("read_only", "takes no writes: it has too few replicas (min-replicas-to-write)"),
  NOAUTH: fault("denied", "asks for a password"),
  WRONGPASS: fault("denied", "refuses the credentials"),
  NOPERM: fault("denied", "refuses the operation: the user lacks the rights"),
  BUSY: fault("busy", "is busy: it runs a script"),
  UNKILLABLE: fault("busy", "is busy: it runs a script"),
  MOVED: cluster,
  ASK: cluster,
  CROSSSLOT: cluster,
  CLUSTERDOWN: cluster,
  TRYAGAIN: cluster,
  WRONGTYPE: fault("damaged", "has other data under its keys"),
  IOERR: fault("input_output", "cannot be used: its disk reports an input/output error")
}

const sentences: ReadonlyArray<readonly [RegExp, StoreFault.StoreFault]> = [
  [/max number of clients reached/iu, fault("overloaded", "has too many connections")],
  [/DB index is out of range/iu, fault("missing", "has no database of the number in its URL")],
  [/sentinel/iu, fault("unsupported", "is a Redis Sentinel: give the address of its primary")],
  [/can't run this command/iu, fault("denied", "refuses the operation: the user lacks the rights")],
  [/unknown command/iu, fault("unsupported", "does not know a command that is needed (EVAL)")],
  [/without any password configured|invalid password|AUTH failed/iu, fault("denied", "refuses the credentials")],
  // any other answer begins with such a word
  [/^[A-Z]{3,} /u, fault("failed", "failed: it answers with an error")]
]

const ofReply = (text: string): StoreFault.StoreFault | undefined => {
  for (const [word] of text.matchAll(/\b[A-Z]{3,}\b/gu)) {
    const known = Object.hasOwn(words, word) ? words[word] : undefined
    if (known !== undefined) return fault(known.reason, `${known.why} (${word})`)
  }
  return sentences.find(([pattern]) => pattern.test(text))?.[1]
}

/** The errors within one another, the outermost first. */
const chain = function*(error: unknown): Generator<unknown> {
  for (let at = error, depth = 0; at instanceof Error && depth < 6; depth++) {
    yield at
    if (at instanceof AggregateError) yield* at.errors
    at = "originalError" in at ? at.originalError : at.cause
  }
}

/** A script is sent as a whole to a server that does not know it yet, or whose user may only do that. */
const SENT_AS_A_WHOLE = /^NOSCRIPT|NOPERM|unknown command/u

/**
 * Whether a script that was called by its name must be sent as a whole.
 *
 * @category predicates
 * @since 0.1.0
 */
export const wantsWholeScript = (error: unknown): boolean => {
  for (const each of chain(error)) if (each instanceof Error && SENT_AS_A_WHOLE.test(each.message)) return true
  return false
}

/**
 * The fault of an error of the client or of an answer of the server; `undefined` when it does not say what is wrong.
 *
 * @category accessors
 * @since 0.1.0
 */
export const faultOf = (error: unknown): StoreFault.StoreFault | undefined => {
  for (const each of chain(error)) {
    const known = StoreFault.ofSystemError(each) ?? (each instanceof Error ? ofReply(each.message) : undefined)
    if (known !== undefined) return known
  }
  return undefined
}

/**
 * The mode of a server that cannot keep sessions, by its answer to `INFO server`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const unsupportedMode = (info: string): StoreFault.StoreFault | undefined => {
  switch (/^redis_mode:(\w+)/mu.exec(info)?.[1]) {
    case "cluster":
      return cluster
    case "sentinel":
      return fault("unsupported", "is a Redis Sentinel: give the address of its primary")
    default:
      return undefined
  }
}
