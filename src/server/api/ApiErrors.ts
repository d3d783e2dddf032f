/**
 * What can go wrong with a call of the API, as schemas: the contract's errors in their wire form, by their annotated status.
 *
 * A handler fails with one of the contract's errors; a client of the `Api` value gets the same class back.
 *
 * @since 0.1.0
 */
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Errors from "../../BackendError.ts"
import * as Problem from "../../transport/Problem.ts"

/** What every class of error is made of. */
interface Fields {
  readonly op: string
  readonly message: string
  readonly retryable: boolean
  readonly details?: { readonly [key: string]: unknown }
}

const problemJson = HttpApiSchema.asJson({ contentType: Problem.contentType })

/** One of the contract's errors as problem JSON; its class says the status (`httpApiStatus`). */
const wire = <E extends Errors.BackendError>(
  error: (new(fields: Fields) => E) & Schema.Codec<E, unknown> & { readonly identifier: string },
  code: E["code"]
) =>
  Schema.Struct({ ...Problem.fields, code: Schema.Literal(code) }).annotate({
    identifier: `${error.identifier}Problem`
  })
    .pipe(
      Schema.decodeTo(
        Schema.toType(error),
        SchemaTransformation.transform({
          decode: ({ detail, details, op = "http", retryable }): E =>
            new error({ op, message: detail, retryable, ...(details === undefined ? {} : { details }) }),
          encode: (failure: E) => ({ ...Problem.fromError(failure), code })
        })
      ),
      problemJson
    )

/** A refusal that only HTTP has. The guard and the middleware answer with it; no handler fails with it. */
const refusal = (code: Problem.HttpProblemCode) =>
  Schema.Struct({ ...Problem.fields, code: Schema.Literal(code) }).pipe(problemJson).annotate({
    httpApiStatus: Problem.make(code, "").status
  })

/**
 * The middleware that reads and checks bodies, and turns failures into problem JSON.
 *
 * @category middleware
 * @since 0.1.0
 */
export class ApiErrors extends HttpApiMiddleware.Service<ApiErrors>()("effect-voice/server/ApiErrors", {
  error: [
    wire(Errors.InvalidConfig, "invalid_config"),
    wire(Errors.ProviderNotFound, "provider_not_found"),
    wire(Errors.ConnectionFailed, "connection_failed"),
    wire(Errors.ConnectionTimeout, "connection_timeout"),
    wire(Errors.SessionNotFound, "session_not_found"),
    wire(Errors.SessionLimitExceeded, "session_limit_exceeded"),
    wire(Errors.RateLimitExceeded, "rate_limit_exceeded"),
    wire(Errors.AuthenticationFailed, "authentication_failed"),
    wire(Errors.AuthorizationFailed, "authorization_failed"),
    wire(Errors.PipelineError, "pipeline_error"),
    wire(Errors.AgentError, "agent_error"),
    wire(Errors.Timeout, "timeout"),
    wire(Errors.ContextCanceled, "context_canceled"),
    refusal("payload_too_large"),
    refusal("unsupported_media_type"),
    refusal("internal_error")
  ]
}) {}
