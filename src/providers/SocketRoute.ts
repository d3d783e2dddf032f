/**
 * The route of a session's WebSocket, `GET /v1/sessions/:id/…`, for any protocol of frames.
 *
 * The request's fiber lives as long as the socket, and its scope is the connection's. Refusals are problem JSON, sent before
 * the upgrade.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { frameMs, isSampleRate, maxSampleRate, minSampleRate } from "../audio/AudioFormat.ts"
import * as BackendProvider from "../backend/provider/BackendProvider.ts"
import { InvalidConfig } from "../BackendError.ts"
import * as Problem from "../transport/Problem.ts"
import * as WebSocketConnection from "../transport/websocket/WebSocketConnection.ts"
import type { MakeProtocol, SampleRates } from "../transport/websocket/WebSocketProtocol.ts"
import { peerOf, queryOf, tokenOf } from "./RouteRequest.ts"
import * as SessionElsewhere from "./SessionElsewhere.ts"
import type { SessionLinks } from "./SessionLinks.ts"
import * as SocketUpgrade from "./SocketUpgrade.ts"

const op = "BackendProvider.audio"

const rateOf = (query: URLSearchParams, name: string, fallback: number): Effect.Effect<number, InvalidConfig> => {
  const text = query.get(name)
  if (text === null) return Effect.succeed(fallback)
  const rate = /^\d{4,5}$/.test(text) ? Number(text) : Number.NaN
  return isSampleRate(rate)
    ? Effect.succeed(rate)
    : Effect.fail(new InvalidConfig({ op, message: `${name}: expected ${minSampleRate} to ${maxSampleRate} Hz` }))
}

/** How many frames of 20 ms are sent in one message. */
const gatheredOf = (query: URLSearchParams, byDefault: number): Effect.Effect<number, InvalidConfig> => {
  const text = query.get("chunk_ms")
  if (text === null) return Effect.succeed(byDefault)
  const ms = /^\d{2,3}$/.test(text) ? Number(text) : Number.NaN
  return ms >= frameMs && ms <= frameMs * WebSocketConnection.MAX_FRAMES_PER_MESSAGE
    ? Effect.succeed(Math.floor(ms / frameMs))
    : Effect.fail(
      new InvalidConfig({
        op,
        message: `chunk_ms: expected ${frameMs} to ${frameMs * WebSocketConnection.MAX_FRAMES_PER_MESSAGE} ms`
      })
    )
}

/**
 * - `path`: with `:id` in it.
 * - `rates`: the sample rates, unless the query asks for others (`input_rate`, `output_rate`). The query's `chunk_ms` (20 to
 *   100) asks for longer frames of the agent's audio.
 * - `protocol`: how frames are encoded. Default: our own protocol.
 * - `protocolOf`: the same by the id of the session.
 * - `name`: the protocol's, as `server.protocols` has it. Default: `native`.
 * - `leadMs`, `framesPerMessage`: see `WebSocketConnectionOptions`; the latter where the query asks for nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface SocketRouteOptions {
  readonly path: HttpRouter.PathInput
  readonly links: SessionLinks
  readonly rates: SampleRates
  readonly protocol?: MakeProtocol | undefined
  readonly protocolOf?: ((session: string) => MakeProtocol) | undefined
  readonly name?: string | undefined
  readonly leadMs?: number | undefined
  readonly framesPerMessage?: number | undefined
}

/**
 * @category routes
 * @since 0.1.0
 */
export const make = (
  { framesPerMessage = 1, leadMs, links, name = "native", path, protocol, protocolOf, rates }: SocketRouteOptions
): BackendProvider.ProviderRoute => {
  const handle = Effect.fnUntraced(
    function*(request: HttpServerRequest.HttpServerRequest) {
      const { id = "" } = yield* HttpRouter.params
      const link = yield* links.authenticate(id, tokenOf(request))
      const query = queryOf(request)
      const inputSampleRate = yield* rateOf(query, "input_rate", rates.inputSampleRate)
      const outputSampleRate = yield* rateOf(query, "output_rate", rates.outputSampleRate)
      const gathered = yield* gatheredOf(query, framesPerMessage)
      if (!(yield* SocketUpgrade.isPossible(request))) return SocketUpgrade.expected()
      yield* link.enter(yield* peerOf(request))
      const webSocket = yield* SocketUpgrade.accept(request)
      const { connection, closed } = yield* WebSocketConnection.make(webSocket, {
        inputSampleRate,
        outputSampleRate,
        framesPerMessage: gathered,
        leadMs,
        protocol: protocolOf === undefined ? protocol : protocolOf(link.id)
      })
      yield* link.attach(connection)
      yield* closed
      return HttpServerResponse.empty()
    },
    Effect.scoped,
    (effect, request) =>
      effect.pipe(
        SessionElsewhere.pass(request),
        Effect.catch((error) => Effect.succeed(Problem.errorResponse(error)))
      )
  )
  return BackendProvider.speaking(name, HttpRouter.route("GET", path, handle))
}
