/**
 * `POST` and `PATCH /sessions/{id}/api/offer`, and `/api/offer?session_id=`: SDP in JSON, as Pipecat's `small-webrtc-transport` sends it,
 * and the candidates that follow.
 *
 * An answer has the id of its peer, which holds that of the session: a client that comes back by an offer with that id comes back to its
 * session. `/api/offer` without any id begins a session.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Schema from "effect/Schema"
import { type ProviderRoute, speaking } from "../../../backend/provider/BackendProvider.ts"
import { type BackendError, SessionNotFound } from "../../../BackendError.ts"
import * as RtviChannel from "../../../protocols/rtvi/RtviChannel.ts"
import type { RtviOptions } from "../../../protocols/rtvi/RtviMessages.ts"
import * as Faults from "../../../schema/Faults.ts"
import { Metadata } from "../../../session/SessionConfig.ts"
import * as Problem from "../../../transport/Problem.ts"
import * as Sdp from "../../../transport/webrtc/Sdp.ts"
import type { AcceptedPeer, WebRtc } from "../../../transport/webrtc/WebRtcConnection.ts"
import * as JsonBody from "../../JsonBody.ts"
import * as PeerEntry from "../../PeerEntry.ts"
import { peerOf, queryOf } from "../../RouteRequest.ts"
import * as SessionElsewhere from "../../SessionElsewhere.ts"
import type { Link } from "../../SessionLinks.ts"
import type { RtviSessions } from "./RtviSessions.ts"

const op = "RtviSessions.offer"
const MAX_CANDIDATES = 64
const Id = Schema.String.check(Schema.isMaxLength(256))
const nullable = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/**
 * - `pc_id`: of an earlier peer of the same client. Default: it is its first.
 * - `restart_pc`: whether the client has made another peer. Default: it has not.
 * - `requestData`, `request_data`: the metadata of a session that begins.
 *
 * @category models
 * @since 0.1.0
 */
export const Offer = Schema.Struct({
  sdp: Schema.String.check(Schema.isMaxLength(Sdp.MAX_OFFER_BYTES)),
  type: Schema.optionalKey(Schema.Literal("offer")),
  pc_id: nullable(Id),
  restart_pc: nullable(Schema.Boolean),
  requestData: nullable(Metadata),
  request_data: nullable(Metadata)
})

/**
 * @category models
 * @since 0.1.0
 */
export const Candidates = Schema.Struct({
  pc_id: Id,
  candidates: Schema.Array(Schema.Struct({
    candidate: Schema.String.check(Schema.isMaxLength(1_024)),
    sdp_mid: nullable(Id),
    sdp_mline_index: nullable(Schema.Natural)
  })).check(Schema.isMaxLength(MAX_CANDIDATES))
})

/**
 * - `options`: of the protocol, for a session.
 *
 * @category models
 * @since 0.1.0
 */
export interface OfferRoutesOptions {
  readonly sessions: RtviSessions
  readonly webRtc: WebRtc
  readonly options: (session: string) => RtviOptions
}

interface Entry {
  readonly session: string
  readonly peer: AcceptedPeer
}

/** What a peer belongs to, by its id. */
const sessionIdOf = (peerId: string): string => peerId.slice(0, Math.max(0, peerId.lastIndexOf(".")))

const answered = (body: object) => HttpServerResponse.jsonUnsafe(body, { headers: { "cache-control": "no-store" } })

/**
 * @category routes
 * @since 0.1.0
 */
export const make = ({ options, sessions, webRtc }: OfferRoutesOptions): ReadonlyArray<ProviderRoute> => {
  const peers = new Map<string, Entry>()

  const read = <A>(schema: Schema.Codec<A, unknown>, request: HttpServerRequest.HttpServerRequest) =>
    Effect.flatMap(
      JsonBody.read(op, request),
      (body) => Faults.decode(schema, body, { op, what: "the request is not valid" })
    )

  /** The id of the session that the URL names, if it names one. */
  const namedBy = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.map(HttpRouter.params, ({ id }) => id ?? queryOf(request).get("session_id") ?? undefined)

  /** Begins a session of its own for a client that comes with an offer alone. */
  const begin = (request: HttpServerRequest.HttpServerRequest, metadata: typeof Metadata.Type | undefined) =>
    Effect.flatMap(
      sessions.callerOf(request),
      (caller) => sessions.create(caller, { userId: "anonymous", transport: "webrtc", metadata })
    )

  const offer = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
    const named = yield* namedBy(request)
    // before anything else of a stranger is read
    if (named === undefined) yield* sessions.callerOf(request)
    const found = named === undefined ? undefined : yield* sessions.find(request, named)
    const { pc_id, request_data, requestData, restart_pc, sdp } = yield* read(Offer, request)
    const former = pc_id ?? ""
    const known = sessionIdOf(former)
    const { link, sessionId }: { readonly link: Link; readonly sessionId: string } = found !== undefined
      ? { link: found, sessionId: named ?? "" }
      : known === ""
      ? yield* begin(request, requestData ?? request_data ?? undefined)
      : { link: yield* sessions.find(request, known), sessionId: known }
    const entry = peers.get(former)
    if (entry?.session === link.id && restart_pc !== true) {
      const answer = yield* entry.peer.negotiateAgain(sdp)
      if (answer !== undefined) return answered({ sdp: answer, type: "answer", pc_id: former })
    }
    let [peerId, isOver] = ["", false]
    const peer = yield* PeerEntry.accept({
      link,
      webRtc,
      offer: sdp,
      from: yield* peerOf(request),
      options: { protocol: RtviChannel.make(options(link.id)), label: RtviChannel.LABEL },
      ended: Effect.sync(() => {
        isOver = true
        peers.delete(peerId)
      })
    })
    peerId = `${sessionId}.${peer.connection.id}`
    if (!isOver) peers.set(peerId, { session: link.id, peer })
    return answered({ sdp: peer.answer, type: "answer", pc_id: peerId })
  })

  const addCandidates = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
    const named = yield* namedBy(request)
    const found = named === undefined ? undefined : yield* sessions.find(request, named)
    if (found === undefined) yield* sessions.callerOf(request)
    const { candidates, pc_id } = yield* read(Candidates, request)
    const link = found ?? (yield* sessions.find(request, sessionIdOf(pc_id)))
    const entry = peers.get(pc_id)
    if (entry === undefined || entry.session !== link.id) {
      return yield* new SessionNotFound({ op, message: "no peer of this session has this pc_id, or it has ended" })
    }
    yield* entry.peer.addCandidates(candidates.map(({ candidate, sdp_mid, sdp_mline_index }) => ({
      candidate,
      mid: sdp_mid ?? undefined,
      index: sdp_mline_index ?? undefined
    })))
    return answered({ status: "success" })
  })

  const route = (
    method: "PATCH" | "POST",
    path: "/api/offer" | "/sessions/:id/api/offer",
    handle: (
      request: HttpServerRequest.HttpServerRequest
    ) => Effect.Effect<
      HttpServerResponse.HttpServerResponse,
      BackendError | SessionElsewhere.SessionElsewhere,
      HttpRouter.RouteContext
    >
  ): ProviderRoute =>
    speaking(
      "rtvi",
      HttpRouter.route(method, path, (request) =>
        handle(request).pipe(
          SessionElsewhere.pass(request),
          Effect.catch((error) => Effect.succeed(Problem.errorResponse(error)))
        ))
    )

  return (["/sessions/:id/api/offer", "/api/offer"] as const).flatMap((path) => [
    route("POST", path, offer),
    route("PATCH", path, addCandidates)
  ])
}
