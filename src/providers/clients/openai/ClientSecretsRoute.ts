/**
 * `POST /v1/realtime/client_secrets`: makes a client secret for a page, out of a key or a user's token.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Schema from "effect/Schema"
import { type ProviderRoute, speaking } from "../../../backend/provider/BackendProvider.ts"
import { AuthorizationFailed } from "../../../BackendError.ts"
import * as Faults from "../../../schema/Faults.ts"
import * as JsonBody from "../../JsonBody.ts"
import * as OpenAiError from "./OpenAiError.ts"
import type { RealtimeProtocols } from "./RealtimeProtocols.ts"
import type { RealtimeSecrets } from "./RealtimeSecrets.ts"
import { ttlSeconds } from "./RealtimeSecrets.ts"
import type { RealtimeSessions } from "./RealtimeSessions.ts"

/**
 * The longest body of a request: 128 KiB. What becomes of it has to fit into a secret of 8 KiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BODY_BYTES = 131_072

const op = "RealtimeSecrets.issue"

const Body = Schema.Struct({
  expires_after: Schema.optionalKey(Schema.NullOr(Schema.Struct({
    anchor: Schema.optionalKey(Schema.Literal("created_at")),
    seconds: Schema.optionalKey(
      Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: ttlSeconds.minimum, maximum: ttlSeconds.maximum })))
    )
  }))),
  session: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Json)))
})

/**
 * @category models
 * @since 0.1.0
 */
export interface ClientSecretsOptions {
  readonly sessions: Pick<RealtimeSessions, "callerOf" | "identify" | "modelOf">
  readonly secrets: Pick<RealtimeSecrets, "issue">
  readonly protocols: Pick<RealtimeProtocols, "sessionOf" | "kept">
}

/** A client that asks for nothing may send nothing. */
const read = (request: HttpServerRequest.HttpServerRequest) =>
  Effect.flatMap(
    JsonBody.read(op, request, MAX_BODY_BYTES),
    (body) => Faults.decode(Body, body, { op, what: "the request is not valid" })
  )

/**
 * @category routes
 * @since 0.1.0
 */
export const make = ({ protocols, secrets, sessions }: ClientSecretsOptions): ProviderRoute => {
  const handle = Effect.fnUntraced(
    function*(request: HttpServerRequest.HttpServerRequest) {
      const caller = yield* sessions.callerOf(request)
      if (caller._tag === "Secret") {
        return yield* new AuthorizationFailed({ op, message: "a client secret makes no other: use a key" })
      }
      const { expires_after, session } = yield* read(request)
      const given = protocols.kept(session ?? {}, caller._tag === "Key")
      const { model } = given
      const whole = yield* protocols.sessionOf({
        // who connects with it gets a session of its own
        id: "",
        model: sessions.modelOf(typeof model === "string" ? model : undefined),
        given
      })
      const user = yield* sessions.identify(caller)
      const { expiresAt, value } = yield* secrets.issue(
        { user, session: given },
        expires_after?.seconds ?? ttlSeconds.default
      )
      return HttpServerResponse.jsonUnsafe({ value, expires_at: expiresAt, session: whole }, {
        headers: { "cache-control": "no-store" }
      })
    },
    Effect.catch((error) => Effect.succeed(OpenAiError.toResponse(error)))
  )
  return speaking("openai", HttpRouter.route("POST", "/v1/realtime/client_secrets", handle))
}
