/**
 * What every call of the API shares: a span, a body that is read with a bound, failures as problem JSON, no caching.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import { HttpApiSchemaError } from "effect/http-api/HttpApiError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { KEY_REUSED } from "../../backend/calls/KeyedCalls.ts"
import { type BackendError, isBackendError } from "../../BackendError.ts"
import * as Faults from "../../schema/Faults.ts"
import * as Problem from "../../transport/Problem.ts"
import { ApiErrors } from "./ApiErrors.ts"
import * as RequestBody from "./RequestBody.ts"

const operationOf = ({ method, path }: HttpApiEndpoint.Top): string => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`

/** The body is JSON by now, so its faults are those of the endpoint's schema. */
const faultsOf = (op: string, endpoint: HttpApiEndpoint.Top, { cause, kind }: HttpApiSchemaError) => {
  const [payload = Schema.Unknown] = endpoint.payload.get("application/json")?.schemas ?? []
  const schema = kind === "Query" ? endpoint.query : kind === "Headers" ? endpoint.headers : payload
  return Faults.toError(op, "invalid request", Faults.fromSchemaError(schema ?? Schema.Unknown, cause))
}

/** Where HTTP has a better status than that of the code: 409. */
const statusOf = ({ details }: BackendError): number | undefined => details?.["reason"] === KEY_REUSED ? 409 : undefined

/**
 * The middleware of the API's endpoints.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<ApiErrors> = Layer.succeed(ApiErrors, (handle, { endpoint, group }) => {
  const op = operationOf(endpoint)
  const answered = Effect.catch(
    handle,
    (error: unknown) =>
      HttpApiSchemaError.is(error) && (error.kind === "Payload" || error.kind === "Query" || error.kind === "Headers")
        ? Effect.fail(faultsOf(op, endpoint, error))
        : Effect.fail(error)
  )
  return HttpServerRequest.HttpServerRequest.pipe(
    Effect.flatMap((request) => endpoint.payload.size === 0 ? Effect.succeed(request) : RequestBody.read(op, request)),
    Effect.flatMap((request) => Effect.provideService(answered, HttpServerRequest.HttpServerRequest, request)),
    Effect.catch((error: unknown) => {
      if (isBackendError(error)) return Effect.succeed(Problem.errorResponse(error, statusOf(error)))
      return error instanceof RequestBody.BodyRefused
        ? Effect.succeed(Problem.toResponse(Problem.make(error.code, error.detail)))
        : Effect.die(error)
    }),
    Effect.map(HttpServerResponse.setHeader("cache-control", "no-store")),
    Effect.withSpan(`http.${group.identifier}.${endpoint.identifier}`)
  )
})
