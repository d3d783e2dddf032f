/**
 * `POST /start`, and `POST /connect` as it was called before: a client of Pipecat starts a session, and is told how to connect to it.
 *
 * The answer holds what the client's transport takes and nothing else: that of WebSockets refuses keys that it does not know.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Schema from "effect/Schema"
import { CurrentBaseUrl, type ProviderRoute, speaking } from "../../../backend/provider/BackendProvider.ts"
import { InvalidConfig } from "../../../BackendError.ts"
import * as Faults from "../../../schema/Faults.ts"
import { Metadata, type SessionConfig, speechOf, type Transport } from "../../../session/SessionConfig.ts"
import * as SessionSpeech from "../../../speech/SessionSpeech.ts"
import * as Problem from "../../../transport/Problem.ts"
import * as JsonBody from "../../JsonBody.ts"
import type { RtviSessions } from "./RtviSessions.ts"

const op = "RtviSessions.create"
const Short = Schema.NonEmptyString.check(Schema.isMaxLength(256))
const nullable = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/**
 * The body of a request; whatever else a client sends is ignored.
 *
 * - `transport`: `websocket` or `webrtc`. Default: `webrtc` for `/start`, `websocket` for `/connect`.
 * - `createDailyRoom`: a room of Daily's, which is not served.
 * - `body`: becomes the session's metadata.
 * - `user_id`, `agent`, `language`, `voice`, `keyterms`, `text`: as for `POST /v1/sessions`. Default of `user_id`: `anonymous`.
 *
 * @category models
 * @since 0.1.0
 */
export const StartRequest = Schema.Struct({
  transport: nullable(Short),
  createDailyRoom: nullable(Schema.Boolean),
  body: nullable(Metadata),
  user_id: nullable(Short),
  agent: nullable(Short),
  ...SessionSpeech.fields
})

/**
 * - `socketPath`: of a session's WebSocket, below the server's URL.
 * - `iceServers`: for the client's WebRTC.
 * - `transports`: what is served.
 *
 * @category models
 * @since 0.1.0
 */
export interface StartRouteOptions {
  readonly sessions: Pick<RtviSessions, "callerOf" | "create">
  readonly socketPath: (id: string) => string
  readonly iceServers: () => ReadonlyArray<object>
  readonly transports: ReadonlyArray<Transport>
}

const transportOf = (
  { createDailyRoom, transport }: typeof StartRequest.Type,
  byDefault: Transport,
  transports: ReadonlyArray<Transport>
): Effect.Effect<Transport, InvalidConfig> => {
  const wanted = createDailyRoom === true ? "daily" : transport ?? byDefault
  const served = transports.find((each) => each === wanted)
  if (served !== undefined) return Effect.succeed(served)
  return Effect.fail(
    new InvalidConfig({
      op,
      message: `transport: no other is served here than ${transports.join(" and ")}`,
      details: { path: "transport" }
    })
  )
}

const configOf = (asked: typeof StartRequest.Type, transport: Transport): SessionConfig => ({
  ...speechOf(asked),
  userId: asked.user_id ?? "anonymous",
  transport,
  metadata: asked.body ?? undefined,
  agent: asked.agent ?? undefined
})

/**
 * The two routes.
 *
 * @category routes
 * @since 0.1.0
 */
export const make = (
  { iceServers, sessions, socketPath, transports }: StartRouteOptions
): ReadonlyArray<ProviderRoute> => {
  const route = (path: "/start" | "/connect", byDefault: Transport) => {
    const handle = Effect.fnUntraced(
      function*(request: HttpServerRequest.HttpServerRequest) {
        // before anything else of a stranger is read
        const caller = yield* sessions.callerOf(request)
        const asked = yield* Faults.decode(StartRequest, yield* JsonBody.read(op, request), {
          op,
          what: "the request is not valid"
        })
        const transport = yield* transportOf(asked, byDefault, transports)
        const { link, sessionId } = yield* sessions.create(caller, configOf(asked, transport))
        const base = (yield* CurrentBaseUrl)(request)
        return HttpServerResponse.jsonUnsafe(
          transport === "websocket"
            ? { wsUrl: `${base.replace(/^http/, "ws")}${socketPath(link.id)}`, token: link.token }
            : { sessionId, iceConfig: { iceServers: iceServers() } },
          { headers: { "cache-control": "no-store" } }
        )
      },
      Effect.catch((error) => Effect.succeed(Problem.errorResponse(error)))
    )
    return speaking("rtvi", HttpRouter.route("POST", path, handle))
  }
  return [route("/start", "webrtc"), route("/connect", "websocket")]
}
