/**
 * `POST /v1/realtime/calls`: OpenAI's Realtime API over WebRTC. SDP in, SDP out; the caller gets a session of its own.
 *
 * The audio of a call is on its track, its events on the data channel `oai-events` that the client makes. The peer connection outlives
 * the request: it belongs to the session, which is over when the peer is. The protocol knows no way back to it.
 *
 * `POST /v1/realtime/calls/{id}/hangup` ends a call.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { type ProviderRoute, speaking } from "../../../backend/provider/BackendProvider.ts"
import { InvalidConfig, SessionNotFound } from "../../../BackendError.ts"
import type { KnownUser } from "../../../hooks/AuthHook.ts"
import * as Sdp from "../../../transport/webrtc/Sdp.ts"
import type { WebRtc } from "../../../transport/webrtc/WebRtcConnection.ts"
import { peerOf, queryOf } from "../../RouteRequest.ts"
import * as SessionElsewhere from "../../SessionElsewhere.ts"
import * as CallRequest from "./CallRequest.ts"
import * as OpenAiError from "./OpenAiError.ts"
import type { RealtimeProtocols } from "./RealtimeProtocols.ts"
import type { Caller, RealtimeSessions } from "./RealtimeSessions.ts"

/**
 * The label of the data channel.
 *
 * @category constants
 * @since 0.1.0
 */
export const LABEL = "oai-events"

/**
 * The longest event of a client: 256 KiB, what Chromium sends at most. Its audio is not in events.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_EVENT_BYTES = 262_144

const op = "RealtimeCalls.accept"
const PREFIX = "rtc_"

/**
 * @category models
 * @since 0.1.0
 */
export interface RealtimeCallsOptions {
  readonly sessions: RealtimeSessions
  readonly webRtc: Pick<WebRtc, "accept">
  readonly protocols: Pick<RealtimeProtocols, "kept" | "make">
}

/** A call of this process; `hangUp`: as if the client had. */
interface Call {
  readonly user: KnownUser
  readonly hangUp: Effect.Effect<void>
}

const stringOf = (value: unknown): string | undefined => typeof value === "string" ? value : undefined

/**
 * @category routes
 * @since 0.1.0
 */
export const make = (
  { protocols, sessions, webRtc }: RealtimeCallsOptions
): ReadonlyArray<ProviderRoute> => {
  const calls = new Map<string, Call>()

  /** What whoever has made the client's secret has said of the session stands. */
  const givenOf = (caller: Caller, session: Schema.JsonObject | undefined): Schema.JsonObject | undefined => {
    const own = session === undefined ? undefined : protocols.kept(session, caller._tag === "Key")
    return caller._tag === "Secret" ? { ...own, ...caller.session } : own
  }

  const accept = Effect.fnUntraced(
    function*(request: HttpServerRequest.HttpServerRequest) {
      const caller = yield* sessions.callerOf(request)
      const { sdp, session } = yield* CallRequest.read(request)
      const inspected = Sdp.inspect(sdp)
      if (Result.isFailure(inspected)) {
        return yield* new InvalidConfig({ op, message: inspected.failure, details: { path: "sdp" } })
      }
      const given = givenOf(caller, session)
      let isHandedOver = false
      const opened = yield* Effect.acquireRelease(
        sessions.open(caller, {
          model: stringOf(given?.["model"]) ?? queryOf(request).get("model") ?? undefined,
          transport: "webrtc"
        }),
        ({ end }) => Effect.suspend(() => isHandedOver ? Effect.void : end)
      )
      const { link } = opened
      const protocol = yield* protocols.make({ id: link.id, model: opened.model, given }, "webrtc")
      const scope = yield* Scope.fork(link.scope)
      const from = yield* peerOf(request)
      const accepted = yield* Effect.andThen(
        link.enter(from),
        webRtc.accept(sdp, {
          protocol,
          label: LABEL,
          maxMessageBytes: MAX_EVENT_BYTES,
          closeEndsSession: true
        })
      ).pipe(
        Scope.provide(scope),
        Effect.onExit((exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)
      )
      const id = `${PREFIX}${link.id}`
      const { tenant, userId } = opened.session.config
      const call: Call = { user: { tenant, userId }, hangUp: accepted.hangUp }
      yield* Effect.uninterruptible(Effect.gen(function*() {
        yield* Scope.provide(
          Effect.acquireRelease(Effect.sync(() => calls.set(id, call)), () => Effect.sync(() => calls.delete(id))),
          scope
        )
        yield* accepted.opened.pipe(
          Effect.andThen(link.attach(accepted.connection)),
          Effect.andThen(accepted.closed),
          Effect.ignore,
          Scope.provide(scope),
          Effect.ensuring(Scope.close(scope, Exit.void)),
          Effect.andThen(opened.end),
          Effect.interruptible,
          Effect.forkIn(link.scope)
        )
        isHandedOver = true
      }))
      return HttpServerResponse.text(accepted.answer, {
        status: 201,
        contentType: "application/sdp",
        headers: { "cache-control": "no-store", "location": `/v1/realtime/calls/${encodeURIComponent(id)}` }
      })
    },
    Effect.scoped,
    Effect.catch((error) =>
      Effect.succeed(
        "status" in error ? OpenAiError.toResponse(error.error, error.status) : OpenAiError.toResponse(error)
      )
    )
  )

  /** A key ends every call, everybody else their own. */
  const isOf = (call: Call, caller: Caller, user: KnownUser): boolean =>
    caller._tag === "Key" || (call.user.userId === user.userId && call.user.tenant === user.tenant)

  const hangUp = Effect.fnUntraced(
    function*(request: HttpServerRequest.HttpServerRequest) {
      const { id = "" } = yield* HttpRouter.params
      const caller = yield* sessions.callerOf(request)
      const user = yield* sessions.identify(caller)
      const call = calls.get(id)
      if (call === undefined && id.startsWith(PREFIX)) yield* SessionElsewhere.check(id.slice(PREFIX.length))
      if (call === undefined || !isOf(call, caller, user)) {
        return yield* new SessionNotFound({ op: "RealtimeCalls.hangUp", message: "no call has this id, or it is over" })
      }
      yield* call.hangUp
      return HttpServerResponse.empty({ status: 200 })
    },
    (effect, request) =>
      effect.pipe(
        SessionElsewhere.pass(request),
        Effect.catch((error) => Effect.succeed(OpenAiError.toResponse(error)))
      )
  )

  return [
    speaking("openai", HttpRouter.route("POST", "/v1/realtime/calls", accept)),
    speaking("openai", HttpRouter.route("POST", "/v1/realtime/calls/:id/hangup", hangUp))
  ]
}
