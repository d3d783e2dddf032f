/**
 * The thirteen ways in which a voice backend can fail, one tagged error for each code of the contract.
 *
 * Every failure that crosses a public boundary is one of these. `op` names the operation that failed
 * (`"VoiceBackend.createSession"`), `message` is for a person and holds neither secrets nor user speech,
 * `details` is JSON that a program can act on.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as KnownKeys from "./KnownKeys.ts"
import * as ThrownValue from "./ThrownValue.ts"

/**
 * The codes of the contract, the same on every surface: in Effect, in problem JSON, on the WebSocket.
 *
 * @category models
 * @since 0.1.0
 */
export const BackendErrorCode = Schema.Literals([
  "invalid_config",
  "provider_not_found",
  "connection_failed",
  "connection_timeout",
  "session_not_found",
  "session_limit_exceeded",
  "rate_limit_exceeded",
  "authentication_failed",
  "authorization_failed",
  "pipeline_error",
  "agent_error",
  "timeout",
  "context_canceled"
])

/**
 * @category models
 * @since 0.1.0
 */
export type BackendErrorCode = typeof BackendErrorCode.Type

/** The HTTP status of each code, also for an application's own `HttpApi` with these errors. */
const statuses: { readonly [Code in BackendErrorCode]: number } = {
  invalid_config: 400,
  provider_not_found: 404,
  connection_failed: 502,
  connection_timeout: 504,
  session_not_found: 404,
  session_limit_exceeded: 503,
  rate_limit_exceeded: 429,
  authentication_failed: 401,
  authorization_failed: 403,
  pipeline_error: 500,
  agent_error: 502,
  timeout: 504,
  context_canceled: 499
}

const fields = {
  /** The operation that failed, `Service.method`. */
  op: Schema.String,
  message: Schema.String,
  /** JSON for programs: `missing`, `state`, `reason`, `faults`, `vendor`, `status`, `requestId`, … */
  details: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  cause: Schema.optionalKey(Schema.Defect())
}

/**
 * A value of a config, a request or a session is invalid, or names something that does not exist (`details.missing`,
 * `details.faults`).
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidConfig extends Schema.TaggedError<InvalidConfig>()("InvalidConfig", fields, {
  httpApiStatus: statuses.invalid_config
}) {
  readonly code = "invalid_config" as const
  readonly retryable: boolean = false
}

/**
 * No provider of that name is registered; `details.known` lists those that are.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProviderNotFound extends Schema.TaggedError<ProviderNotFound>()("ProviderNotFound", fields, {
  httpApiStatus: statuses.provider_not_found
}) {
  readonly code = "provider_not_found" as const
  readonly retryable: boolean = false
}

/**
 * A backend, vendor or user could not be reached, or the backend is not running (`details.state`).
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionFailed extends Schema.TaggedError<ConnectionFailed>()("ConnectionFailed", fields, {
  httpApiStatus: statuses.connection_failed
}) {
  readonly code = "connection_failed" as const
  readonly retryable: boolean = true
}

/**
 * A connection was not established within its deadline.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionTimeout extends Schema.TaggedError<ConnectionTimeout>()("ConnectionTimeout", fields, {
  httpApiStatus: statuses.connection_timeout
}) {
  readonly code = "connection_timeout" as const
  readonly retryable: boolean = true
}

/**
 * No session has this id, or it has ended.
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionNotFound extends Schema.TaggedError<SessionNotFound>()("SessionNotFound", fields, {
  httpApiStatus: statuses.session_not_found
}) {
  readonly code = "session_not_found" as const
  readonly retryable: boolean = false
}

/**
 * The backend accepts no new session now: it is full, draining or overloaded (`details.reason`).
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionLimitExceeded extends Schema.TaggedError<SessionLimitExceeded>()("SessionLimitExceeded", fields, {
  httpApiStatus: statuses.session_limit_exceeded
}) {
  readonly code = "session_limit_exceeded" as const
  readonly retryable: boolean = true
}

/**
 * A rate limit, the provider's or the framework's, refused the operation (`details.retryAfterMs`).
 *
 * @category errors
 * @since 0.1.0
 */
export class RateLimitExceeded extends Schema.TaggedError<RateLimitExceeded>()("RateLimitExceeded", fields, {
  httpApiStatus: statuses.rate_limit_exceeded
}) {
  readonly code = "rate_limit_exceeded" as const
  readonly retryable: boolean = true
}

/**
 * A token or key is missing, wrong or expired.
 *
 * @category errors
 * @since 0.1.0
 */
export class AuthenticationFailed extends Schema.TaggedError<AuthenticationFailed>()("AuthenticationFailed", fields, {
  httpApiStatus: statuses.authentication_failed
}) {
  readonly code = "authentication_failed" as const
  readonly retryable: boolean = false
}

/**
 * The caller is authenticated, but not permitted to do this.
 *
 * @category errors
 * @since 0.1.0
 */
export class AuthorizationFailed extends Schema.TaggedError<AuthorizationFailed>()("AuthorizationFailed", fields, {
  httpApiStatus: statuses.authorization_failed
}) {
  readonly code = "authorization_failed" as const
  readonly retryable: boolean = false
}

/**
 * A part of the audio pipeline failed: an engine, a codec, a processor. Whether a retry can help depends on the cause.
 *
 * @category errors
 * @since 0.1.0
 */
export class PipelineError extends Schema.TaggedError<PipelineError>()("PipelineError", {
  ...fields,
  retryable: Schema.Boolean
}, { httpApiStatus: statuses.pipeline_error }) {
  readonly code = "pipeline_error" as const
}

/**
 * The application's agent failed. Whether a retry can help depends on the cause.
 *
 * @category errors
 * @since 0.1.0
 */
export class AgentError extends Schema.TaggedError<AgentError>()("AgentError", {
  ...fields,
  retryable: Schema.Boolean
}, { httpApiStatus: statuses.agent_error }) {
  readonly code = "agent_error" as const
}

/**
 * An operation passed its deadline.
 *
 * @category errors
 * @since 0.1.0
 */
export class Timeout extends Schema.TaggedError<Timeout>()("Timeout", fields, { httpApiStatus: statuses.timeout }) {
  readonly code = "timeout" as const
  readonly retryable: boolean = true
}

/**
 * The caller canceled the operation. Made only at the edge, from a cause that consists of interrupts.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContextCanceled extends Schema.TaggedError<ContextCanceled>()("ContextCanceled", fields, {
  httpApiStatus: statuses.context_canceled
}) {
  readonly code = "context_canceled" as const
  readonly retryable: boolean = false
}

const members = [
  InvalidConfig,
  ProviderNotFound,
  ConnectionFailed,
  ConnectionTimeout,
  SessionNotFound,
  SessionLimitExceeded,
  RateLimitExceeded,
  AuthenticationFailed,
  AuthorizationFailed,
  PipelineError,
  AgentError,
  Timeout,
  ContextCanceled
] as const

/**
 * Any failure of a voice backend.
 *
 * @category errors
 * @since 0.1.0
 */
export const BackendError = Schema.Union(members)

/**
 * @category errors
 * @since 0.1.0
 */
export type BackendError = typeof BackendError.Type

/**
 * Checks whether a value is one of the thirteen errors. Total: application code may throw anything.
 *
 * @category guards
 * @since 0.1.0
 */
export const isBackendError: (value: unknown) => value is BackendError = ThrownValue.guard(Schema.is(BackendError))

/**
 * The HTTP status of an error: 400 for `invalid_config`, 503 for `session_limit_exceeded`, …
 *
 * @category accessors
 * @since 0.1.0
 */
export const httpStatus = (error: BackendError): number => statuses[error.code]

/** The default `Retry-After` of a refusal for lack of capacity. */
const DEFAULT_RETRY_SECONDS = 5

/**
 * The `Retry-After` of an error, in whole seconds: `details.retryAfterMs`, or a few seconds for another refusal for lack of
 * capacity; `undefined` where waiting does not help.
 *
 * @category accessors
 * @since 0.1.0
 */
export const retryAfterSeconds = (error: BackendError): number | undefined => {
  const ms = error.details?.["retryAfterMs"]
  if (typeof ms === "number" && Number.isFinite(ms) && ms >= 0) return Math.max(1, Math.ceil(ms / 1_000))
  return error.code === "session_limit_exceeded" || error.code === "rate_limit_exceeded"
    ? DEFAULT_RETRY_SECONDS
    : undefined
}

/**
 * The wire form of an error: RFC 9457 problem JSON with the contract's `code`. The cause is left out: it may hold
 * stack traces and secrets.
 *
 * @category models
 * @since 0.1.0
 */
export const ProblemJson = Schema.Struct({
  type: Schema.String,
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  code: BackendErrorCode,
  op: Schema.String,
  retryable: Schema.Boolean,
  details: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
})

/**
 * Turns an error into its problem JSON. One that is internal gets the sentence of its code, and only those details that a
 * program can act on.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toProblemJson = (error: BackendError): typeof ProblemJson.Type => {
  const details = isInternal(error) ? detailsForUsers(error) : error.details
  return {
    type: `urn:effect-voice:error:${error.code}`,
    title: error.code.replaceAll("_", " "),
    status: httpStatus(error),
    detail: isInternal(error) ? messageForUsers(error) : error.message,
    code: error.code,
    op: isInternal(error) && !isName(error.op) ? "VoiceBackend" : error.op,
    retryable: error.retryable,
    ...(details === undefined ? {} : { details })
  }
}

/**
 * Describes an unknown thrown value for the `message` of a typed error: by its `message`, those of the errors that it collects,
 * or its name, and a value that is no error by its text or its first fields. Total: application code may throw anything.
 *
 * @category conversions
 * @since 0.1.0
 */
export const describe: (cause: unknown) => string = ThrownValue.textOf

/**
 * `details.reason` of an error that was made from a defect or from another library's failure.
 *
 * @category constants
 * @since 0.1.0
 */
export const INTERNAL = "internal"

/**
 * Reduces a cause to one `BackendError`: its first one, failed or died with; `context_canceled` when it consists of interrupts;
 * otherwise `pipeline_error` around the defect.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromCause = (op: string, cause: Cause.Cause<unknown>): BackendError => {
  for (const reason of cause.reasons) {
    if (reason._tag === "Fail" && isBackendError(reason.error)) return reason.error
    // where the contract has no place for a failure, such as in `VoiceSession.history`, it dies as what it is
    if (reason._tag === "Die" && isBackendError(reason.defect)) return reason.defect
  }
  if (Cause.hasInterruptsOnly(cause)) return new ContextCanceled({ op, message: "the operation was interrupted" })
  const squashed = Cause.squash(cause)
  return new PipelineError({
    op,
    message: describe(squashed),
    cause: squashed,
    retryable: false,
    details: { reason: INTERNAL }
  })
}

/** Errors of application code and of engines, whose text is for the log only. */
const internalErrors = new WeakSet<BackendError>()

/**
 * Marks an error of application code or of an engine: its text is for the log only, whatever its details say.
 *
 * @category combinators
 * @since 0.1.0
 */
export const asInternal = <E extends BackendError>(error: E): E => {
  internalErrors.add(error)
  return error
}

/** Errors of an application's store or archive. */
const operatorErrors = new WeakSet<BackendError>()

/**
 * Marks an error of an application's store or archive: its text is for the log and for operators, and no client reads it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forOperators = <E extends BackendError>(error: E): E => {
  operatorErrors.add(error)
  return error
}

/**
 * Whether the message of an error is for no client: it was made from a defect, from another library's failure, or by
 * application code or an engine (`asInternal`, `forOperators`).
 *
 * @category predicates
 * @since 0.1.0
 */
export const isInternal = (error: BackendError): boolean => isForLog(error) || operatorErrors.has(error)

/**
 * Whether the message of an error is for the log only, and not for the health report either.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isForLog = (error: BackendError): boolean =>
  error.details?.["reason"] === INTERNAL || internalErrors.has(error)

/**
 * Marks an error that has the words of another one as that is marked.
 *
 * @category combinators
 * @since 0.1.0
 */
export const markedAs = (from: BackendError) => <E extends BackendError>(error: E): E => {
  if (isForLog(from)) internalErrors.add(error)
  if (operatorErrors.has(from)) operatorErrors.add(error)
  return error
}

const sentences: { readonly [Code in BackendErrorCode]: string } = {
  invalid_config: "a part of the server is not configured for this",
  provider_not_found: "a part of the server is not configured for this",
  connection_failed: "a service that the server needs could not be reached",
  connection_timeout: "a service that the server needs did not answer in time",
  session_not_found: "the session has ended",
  session_limit_exceeded: "the server is busy",
  rate_limit_exceeded: "a service that the server needs is busy",
  authentication_failed: "a service that the server needs refused the request",
  authorization_failed: "a service that the server needs refused the request",
  pipeline_error: "internal error",
  agent_error: "the agent failed",
  timeout: "a part of the server did not answer in time",
  context_canceled: "the operation was canceled"
}

/**
 * The sentence that a user may see of the failure of an agent, a hook or an engine: that of its code. Its message is for the
 * log, because application code may have written it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const messageForUsers = ({ code }: BackendError): string => sentences[code]

const isName = (value: unknown): value is string =>
  typeof value === "string" && /^[\w.:-]{1,64}$/u.test(value) && KnownKeys.without(value) === value

const reasons: ReadonlySet<unknown> = new Set([
  INTERNAL,
  "quota",
  "hook_failed",
  "context_length_exceeded",
  "session_exists",
  "call_unknown"
])

/** What of the details of an internal error may be shown, and the check of each. */
const shownDetails: { readonly [key: string]: (value: unknown) => boolean } = {
  vendor: isName,
  missing: isName,
  code: isName,
  requestId: isName,
  status: Number.isFinite,
  closeCode: Number.isFinite,
  retryAfterMs: Number.isFinite,
  rounds: Number.isFinite,
  reason: (value) => reasons.has(value)
}

/**
 * What of the details of such a failure a user may see: vendor, its code, status and request id, a wait, and the reasons
 * that this library knows; `undefined` if there is nothing.
 *
 * @category accessors
 * @since 0.1.0
 */
export const detailsForUsers = ({ details = {} }: BackendError): { readonly [key: string]: unknown } | undefined => {
  const shown = Object.entries(details).filter(([key, value]) =>
    Object.hasOwn(shownDetails, key) && shownDetails[key]?.(value) === true
  )
  return shown.length === 0 ? undefined : Object.fromEntries(shown)
}

/**
 * Turns every failure and defect of an effect into one `BackendError`; interruption stays interruption.
 *
 * @category combinators
 * @since 0.1.0
 */
export const normalize = (op: string) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, BackendError, R> =>
  Effect.catchCause(effect, (cause) =>
    Cause.hasInterruptsOnly(cause)
      ? Effect.interrupt
      : Effect.fail(fromCause(op, cause)))
