/**
 * Why a model could not be fetched: failures of registries, networks, archives and disks, classified into a few reasons.
 *
 * Internal to `models`: `ModelStore` turns it into `InvalidConfig`, with advice for the reason. Credentials are removed from
 * messages.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * - `unauthorized`: the registry rejected the token, or needs one.
 * - `not_found`: no such package or version.
 * - `no_network`: the registry was unreachable, or the transfer broke.
 * - `registry_error`: it answered 429, 5xx, or something invalid.
 * - `integrity`: the content does not match its pin.
 * - `archive`: it cannot be unpacked.
 * - `disk`: a file could not be written.
 * - `npm_config`: the user's npm settings cannot be read.
 * - `timeout`: the transfer stalled, or took too long.
 * - `offline`: the network is switched off.
 *
 * @category models
 * @since 0.1.0
 */
export type FetchReason =
  | "unauthorized"
  | "not_found"
  | "no_network"
  | "registry_error"
  | "integrity"
  | "archive"
  | "disk"
  | "npm_config"
  | "timeout"
  | "offline"

/**
 * A failed fetch. `code` is the system's or npm's code (`ECONNREFUSED`, `E401`), `status` an HTTP status.
 *
 * @category errors
 * @since 0.1.0
 */
export class FetchFailure extends Data.TaggedError("FetchFailure")<{
  readonly reason: FetchReason
  readonly message: string
  readonly code?: string | undefined
  readonly status?: number | undefined
}> {
  /** Whether another attempt may succeed. */
  get retryable(): boolean {
    return this.reason === "no_network" || this.reason === "timeout" ||
      (this.reason === "registry_error" && (this.code ?? this.status) !== undefined)
  }
}

const reasons: ReadonlyArray<readonly [RegExp, FetchReason]> = [
  [/^(E401|E403|EOTP|EAUTHIP|EAUTHUNKNOWN|ENEEDAUTH|EINVALIDAUTH)$/, "unauthorized"],
  [/^(E404|E410|ETARGET|ENOVERSIONS|EINVALIDPACKAGENAME)$/, "not_found"],
  [/^(EINTEGRITY|EBADSIZE)$/, "integrity"],
  [/^Z_BUF_ERROR$/, "no_network"], // the stream ended early: a truncated transfer
  [/^Z_/, "archive"],
  [/^ENOTCACHED$/, "offline"],
  [/^(EACCES|EPERM|EROFS|ENOSPC|EDQUOT|EMFILE|ENFILE|EISDIR|ENOTDIR|EEXIST|ENAMETOOLONG|EBUSY|EIO)$/, "disk"],
  [/^(E408|E429|E5\d\d)$/, "registry_error"],
  [/^(EUNKNOWNCONFIG|EINVALIDCONFIG)$/, "npm_config"],
  [/TIMEDOUT|TIMEOUT|ECONN|ENOTFOUND|EAI_|EHOST|ENET|EPIPE|EPROTO|ERR_SOCKET|ERR_STREAM_PREMATURE_CLOSE/, "no_network"],
  [/CERT|SELF_SIGNED|UNABLE_TO|^ERR_SSL|^ERR_TLS|^HPE_/, "no_network"]
]

const field = (cause: unknown, key: string): unknown =>
  typeof cause === "object" && cause !== null && key in cause ? (cause as Record<string, unknown>)[key] : undefined

/**
 * Removes credentials from a sentence (`//user:secret@host`, tokens after a known prefix) and keeps at most 500
 * characters of it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const redact = (message: string): string =>
  message.replace(/\/\/[^/@\s]+@/g, "//").replace(/\b(npm_[A-Za-z0-9]{8,}|Bearer\s+\S+|Basic\s+\S+)/g, "***").slice(
    0,
    500
  )

/**
 * Classifies a value thrown while fetching.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromUnknown = (cause: unknown): FetchFailure => {
  if (cause instanceof FetchFailure) return cause
  const rawCode = field(cause, "code")
  const rawStatus = field(cause, "statusCode")
  const code = typeof rawCode === "string" ? rawCode : undefined
  const status = typeof rawStatus === "number" ? rawStatus : undefined
  const rawType = field(cause, "type")
  const message = redact(cause instanceof Error ? cause.message : String(cause))
  const key = code ?? (typeof rawType === "string" && rawType.endsWith("-timeout") ? "ETIMEDOUT" : "")
  const known = reasons.find(([pattern]) => pattern.test(key))?.[1]
  const reason = known ??
    (status === undefined ? "registry_error" : status >= 500 || status === 429 ? "registry_error" : "not_found")
  return new FetchFailure({ reason, message, code, status })
}
