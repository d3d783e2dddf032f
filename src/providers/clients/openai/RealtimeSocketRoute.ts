/**
 * `GET /v1/realtime`: the WebSocket of OpenAI's Realtime API. A client that connects gets a session of its own.
 *
 * What is refused is refused before the upgrade, with an HTTP status and OpenAI's error body. The request's fiber lives as long as the
 * socket. A client that closes its socket has ended its session; one that is lost may come back within the resume window, by
 * `?session=ID` and the session's token in the place of the key.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Scope from "effect/Scope"
import { type ProviderRoute, speaking } from "../../../backend/provider/BackendProvider.ts"
import { type BackendError, InvalidConfig } from "../../../BackendError.ts"
import * as OpenAiProtocol from "../../../protocols/openai/OpenAiProtocol.ts"
import * as WebSocketConnection from "../../../transport/websocket/WebSocketConnection.ts"
import { peerOf, queryOf } from "../../RouteRequest.ts"
import * as SessionElsewhere from "../../SessionElsewhere.ts"
import type { Link, SessionLinks } from "../../SessionLinks.ts"
import * as SocketUpgrade from "../../SocketUpgrade.ts"
import * as Credentials from "./Credentials.ts"
import * as OpenAiError from "./OpenAiError.ts"
import type { RealtimeClient, RealtimeProtocols } from "./RealtimeProtocols.ts"
import type { RealtimeSessions } from "./RealtimeSessions.ts"

/**
 * The longest event of a client: 1 MiB, which is 16 s of audio in base64. A longer one closes the socket with 1009.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_EVENT_BYTES = 1_048_576

const op = "BackendProvider.realtime"

/**
 * @category models
 * @since 0.1.0
 */
export interface RealtimeSocketOptions {
  readonly sessions: RealtimeSessions
  readonly links: Pick<SessionLinks, "authenticate">
  readonly protocols: Pick<RealtimeProtocols, "make">
}

interface Entered extends RealtimeClient {
  readonly link: Link
}

/**
 * @category routes
 * @since 0.1.0
 */
export const make = ({ links, protocols, sessions }: RealtimeSocketOptions): ProviderRoute => {
  /** A session of its own, which ends with the scope where the client was not connected to it. */
  const create = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest, query: URLSearchParams) {
    const caller = yield* sessions.callerOf(request)
    if (!(yield* SocketUpgrade.isPossible(request))) return undefined
    const given = caller._tag === "Secret" ? caller.session : undefined
    const bound = given?.["model"]
    let attached = false
    const { link, model, resumption } = yield* Effect.acquireRelease(
      sessions.open(caller, {
        // whoever has made the secret may have chosen
        model: typeof bound === "string" ? bound : query.get("model") ?? undefined,
        transport: "websocket"
      }),
      ({ end }) => Effect.suspend(() => attached ? Effect.void : end)
    )
    const entered: Entered = {
      id: link.id,
      model,
      given,
      resumption,
      transcribes: query.get("intent") === "transcription",
      link: {
        ...link,
        attach: (connection) =>
          Effect.suspend(() => {
            attached = true
            return link.attach(connection)
          })
      }
    }
    return entered
  })

  /** A session that its client has lost. */
  const resume = Effect.fnUntraced(function*(
    request: HttpServerRequest.HttpServerRequest,
    id: string,
    query: URLSearchParams
  ) {
    const link = yield* links.authenticate(id, Credentials.bearerOf(request))
    if (!(yield* SocketUpgrade.isPossible(request))) return undefined
    const entered: Entered = {
      id,
      link,
      model: sessions.modelOf(query.get("model") ?? undefined),
      transcribes: query.get("intent") === "transcription"
    }
    return entered
  })

  const enter = (
    request: HttpServerRequest.HttpServerRequest
  ): Effect.Effect<Entered | undefined, BackendError | SessionElsewhere.SessionElsewhere, Scope.Scope> =>
    Effect.suspend(() => {
      const query = queryOf(request)
      const id = query.get("session")
      return id === null ? create(request, query) : resume(request, id, query)
    })

  const handle = Effect.fnUntraced(
    function*(request: HttpServerRequest.HttpServerRequest) {
      if (queryOf(request).has("call_id")) {
        return yield* new InvalidConfig({
          op,
          message: "call_id: a second socket beside a call is not served; a call's events come over its data channel",
          details: { path: "call_id" }
        })
      }
      const client = yield* enter(request)
      if (client === undefined) {
        return OpenAiError.toResponse(new InvalidConfig({ op, message: "expected a WebSocket handshake" }), 426)
      }
      const protocol = yield* protocols.make(client, "websocket")
      yield* client.link.enter(yield* peerOf(request))
      const webSocket = yield* SocketUpgrade.accept(request, [Credentials.SUBPROTOCOL], MAX_EVENT_BYTES)
      const { closed, connection } = yield* WebSocketConnection.make(webSocket, {
        ...OpenAiProtocol.rates,
        protocol,
        framesPerMessage: WebSocketConnection.MAX_FRAMES_PER_MESSAGE,
        closeEndsSession: true
      })
      yield* client.link.attach(connection)
      yield* closed
      return HttpServerResponse.empty()
    },
    Effect.scoped,
    (effect, request) =>
      effect.pipe(
        SessionElsewhere.pass(request),
        Effect.catch((error) => Effect.succeed(OpenAiError.toResponse(error)))
      )
  )
  return speaking("openai", HttpRouter.route("GET", "/v1/realtime", handle))
}
