/**
 * What is wrong with a session store, in plain words. The driver's own text is left out, because it may contain what was
 * written, or where.
 *
 * @since 0.1.0
 */
import { ConnectionFailed } from "../BackendError.ts"

/**
 * The kinds of faults: `details.reason` of the error.
 *
 * - `unreachable`: it cannot be reached, or does not answer.
 * - `busy`: a lock of another process or transaction.
 * - `starting`: it is starting, or loads its data.
 * - `overloaded`: it has too many clients, or too little memory for its work.
 * - `denied`: it refuses the credentials, or the rights of the user are missing.
 * - `full`: no space on the disk, or its memory limit is reached.
 * - `read_only`: it takes no writes.
 * - `damaged`: its data are damaged.
 * - `missing`: its file, database or tables are gone.
 * - `replaced`: its file was removed or replaced while it was open; the one that is there now is used.
 * - `input_output`: its disk fails.
 * - `unsupported`: another kind of server, or a newer schema.
 * - `failed`: anything else.
 *
 * @category models
 * @since 0.1.0
 */
export type StoreReason =
  | "unreachable"
  | "busy"
  | "starting"
  | "overloaded"
  | "denied"
  | "full"
  | "read_only"
  | "damaged"
  | "missing"
  | "replaced"
  | "input_output"
  | "unsupported"
  | "failed"

/**
 * A fault: its kind, and the rest of the sentence "the session store <name> …".
 *
 * @category models
 * @since 0.1.0
 */
export interface StoreFault {
  readonly reason: StoreReason
  readonly why: string
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const fault = (reason: StoreReason, why: string): StoreFault => ({ reason, why })

/**
 * A store that cannot be reached.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unreachable = fault("unreachable", "cannot be reached or does not answer")

/**
 * A store whose schema a newer release has changed, while this one has it open.
 *
 * @category constructors
 * @since 0.1.0
 */
export const newerSchema = fault("unsupported", "has the schema of a newer release")

const unknownIssuer = fault(
  "unreachable",
  "is not trusted: nobody whom this machine trusts has signed its certificate; NODE_EXTRA_CA_CERTS names more (TLS)"
)

/** What failed, by the code of the error of a file or socket. */
const systemCodes: { readonly [code: string]: StoreFault } = {
  ECONNREFUSED: fault("unreachable", "refuses connections: nothing listens at its address"),
  ECONNRESET: fault("unreachable", "closed the connection"),
  EPIPE: fault("unreachable", "closed the connection"),
  ETIMEDOUT: fault("unreachable", "does not answer"),
  EHOSTUNREACH: fault("unreachable", "cannot be reached: there is no route to its host"),
  ENETUNREACH: fault("unreachable", "cannot be reached: there is no route to its network"),
  ENOTFOUND: fault("unreachable", "cannot be reached: the name of its host is unknown"),
  EAI_AGAIN: fault("unreachable", "cannot be reached: the name of its host cannot be looked up now"),
  ENOSPC: fault("full", "cannot write: the disk is full"),
  EDQUOT: fault("full", "cannot write: the disk quota is used up"),
  EROFS: fault("read_only", "cannot write: its file system is read-only"),
  EACCES: fault("denied", "cannot be opened: permission denied"),
  EPERM: fault("denied", "cannot be opened: permission denied"),
  ENOENT: fault("missing", "cannot be opened: its file or directory is gone"),
  ENOTDIR: fault("missing", "cannot be opened: a file is where its directory should be"),
  EISDIR: fault("missing", "cannot be opened: a directory is where its file should be"),
  ELOOP: fault("missing", "cannot be opened: a symbolic link leads to itself"),
  ENAMETOOLONG: fault("missing", "cannot be opened: its name is too long for the file system"),
  EIO: fault("input_output", "cannot be used: its disk reports an input/output error"),
  ERR_SSL_WRONG_VERSION_NUMBER: fault("unreachable", "does not speak TLS at its port"),
  ERR_SSL_PACKET_LENGTH_TOO_LONG: fault("unreachable", "does not speak TLS at its port"),
  ERR_TLS_CERT_ALTNAME_INVALID: fault("unreachable", "is not trusted: its certificate is for another name (TLS)"),
  CERT_HAS_EXPIRED: fault("unreachable", "is not trusted: its certificate has expired (TLS)"),
  CERT_NOT_YET_VALID: fault("unreachable", "is not trusted: its certificate is not valid yet (TLS)"),
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownIssuer,
  SELF_SIGNED_CERT_IN_CHAIN: unknownIssuer,
  UNABLE_TO_GET_ISSUER_CERT: unknownIssuer,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownIssuer,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownIssuer,
  EMFILE: fault("overloaded", "cannot be opened: this process has too many open files"),
  ENFILE: fault("overloaded", "cannot be opened: this machine has too many open files")
}

/**
 * The fault of an error of the operating system; `undefined` for any other error.
 *
 * @category accessors
 * @since 0.1.0
 */
export const ofSystemError = (cause: unknown): StoreFault | undefined => {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined
  return typeof code === "string" && Object.hasOwn(systemCodes, code) ? systemCodes[code] : undefined
}

/**
 * The error of an operation that failed because of a fault.
 *
 * @category errors
 * @since 0.1.0
 */
export const toError = (op: string, store: string, { reason, why }: StoreFault): ConnectionFailed =>
  new ConnectionFailed({
    op,
    message: `the session store ${store} ${why}`,
    details: { part: "store", store, reason }
  })
