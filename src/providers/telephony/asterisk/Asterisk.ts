/**
 * Calls of an Asterisk, whose dialplan connects them to us: `Dial(WebSocket/…)`.
 *
 * A call stays in the dialplan, which dials us again when our end of the stream is lost, and goes on elsewhere when we have left it a
 * target. With ARI calls are made, watched and hung up.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { WebSocket } from "ws"
import type { ProviderRoute } from "../../../backend/provider/BackendProvider.ts"
import {
  AuthenticationFailed,
  AuthorizationFailed,
  type BackendError,
  ConnectionFailed,
  InvalidConfig
} from "../../../BackendError.ts"
import { protocol } from "../../../protocols/asterisk/AsteriskProtocol.ts"
import type { MediaStart } from "../../../protocols/MediaProtocol.ts"
import * as Problem from "../../../transport/Problem.ts"
import { queryOf } from "../../RouteRequest.ts"
import * as SocketUpgrade from "../../SocketUpgrade.ts"
import type { Call, Carrier, CarrierHost, CarrierKind } from "../Call.ts"
import { isTaken } from "../CarrierFields.ts"
import * as MediaRoute from "../MediaRoute.ts"
import { isSame } from "../SameSecret.ts"
import * as AriLink from "./AriLink.ts"
import { AsteriskConfig } from "./AsteriskConfig.ts"
import * as StreamQuery from "./StreamQuery.ts"

const op = "TelephonyProvider.media"
const CLOSED_NORMALLY = 1_000
/** How long a call rings that does not say it. */
const RING_MS = 30_000
/** How long the start waits for Asterisk's events. Without them it goes on, and its health says so. */
const CONNECT_WAIT = "2 seconds"

/** What the dialplan reads when a stream has ended: `${GLOBAL(effectvoice-${UNIQUEID})}`. */
const variableOf = (channel: string): string => `effectvoice-${channel}`

const basic = (username: string, password: Redacted.Redacted<string>): string =>
  `Basic ${Buffer.from(`${username}:${Redacted.value(password)}`).toString("base64")}`

const admitting = ({ password, username }: AsteriskConfig) => {
  const expected = basic(username, password)
  return (request: HttpServerRequest.HttpServerRequest): Effect.Effect<void, BackendError> =>
    isSame(request.headers["authorization"], expected)
      ? Effect.void
      : Effect.fail(
        new AuthenticationFailed({
          op,
          message: "the user or the password of websocket_client.conf is missing or wrong"
        })
      )
}

/** What becomes of a call, as its session hears it. */
const listenerOf = (call: Call, isOurs: boolean) => {
  let isRinging = false
  let isAnswered = !isOurs
  return (progress: AriLink.AriProgress): void => {
    switch (progress._tag) {
      case "Ringing": {
        if (!isRinging) call.emit({ type: "call.ringing" })
        isRinging = true
        return
      }
      case "Answered": {
        isAnswered = true
        return call.emit({ type: "call.answered" })
      }
      case "Connected":
        return call.isTransferring() ? call.emit({ type: "call.ended", cause: "transferred" }) : undefined
      case "Ended": {
        const { cause } = progress
        return call.emit({
          type: "call.ended",
          cause: isAnswered ? "user_hung_up" : cause === "normal" ? "failed" : cause
        })
      }
    }
  }
}

const unsupported = (what: string) =>
  new InvalidConfig({ op: "TelephonyProvider.call", message: what, details: { reason: "unsupported" } })

const make = Effect.fnUntraced(function*(
  options: AsteriskConfig,
  host: CarrierHost
): Effect.fn.Return<Carrier, BackendError, Scope.Scope> {
  const { ari, name } = options
  const { calls } = host
  const streams = new Map<string, WebSocket>()
  /** The calls of which it is known what has answered. */
  const told = new WeakSet<Call>()
  const process = (yield* Random.nextInt).toString(36).replace("-", "")
  const link = ari === undefined ? undefined : yield* AriLink.make({
    client: host.client,
    url: ari.url.replace(/\/+$/u, ""),
    authorization: Redacted.make(basic(ari.username, ari.password)),
    timeout: host.timeout,
    // of two with the same name Asterisk tells one alone
    application: `${ari.application}-${process}`
  })

  // an exchange that is there is ready before the first call
  if (link !== undefined) yield* Effect.raceFirst(link.connected, Effect.sleep(CONNECT_WAIT))

  const admitCaller = (query: StreamQuery.StreamQuery): Effect.Effect<void, BackendError> =>
    isTaken(options, query)
      ? Effect.void
      : Effect.fail(new AuthorizationFailed({ op, message: "calls of this number, or to it, are not taken" }))

  /** The call that a stream is of: one that we have made, or one that has come in. */
  const callOf = Effect.fnUntraced(function*(start: MediaStart, query: StreamQuery.StreamQuery) {
    const id = query.call ?? start.callId
    const known = calls.find(name, id)
    if (known !== undefined) return known
    if (StreamQuery.isOurs(id)) {
      const call = yield* calls.resume(StreamQuery.sessionOf(id)).pipe(
        Effect.catchTag(
          "SessionElsewhere",
          () => Effect.fail(new ConnectionFailed({ op, message: "another node has the session of this call" }))
        )
      )
      if (call.details.carrier === name && call.id() === id) return call
      return yield* new AuthorizationFailed({ op, message: "the call is not of this carrier" })
    }
    yield* admitCaller(query)
    const { from, parameters, to } = query
    return yield* calls.enter(name, { id, from, to, parameters, inputSampleRate: start.input.sampleRate })
  })

  /** What the dialplan says of the call when it connects it again. */
  const report = (call: Call, { machine, transfer }: StreamQuery.StreamQuery): void => {
    if (transfer !== undefined && call.isTransferring()) call.emit({ type: "call.transfer_failed", cause: transfer })
    // a call that comes back brings it again
    if (machine === undefined || told.has(call)) return
    told.add(call)
    call.emit({ type: "call.machine", result: machine, by: "carrier" })
  }

  const watch = (call: Call, id: string): Effect.Effect<void> =>
    link === undefined ? Effect.void : link.watch(id, listenerOf(call, false)).pipe(
      Effect.catchTag(
        "SessionNotFound",
        () => Effect.sync(() => call.emit({ type: "call.ended", cause: "user_hung_up" }))
      ),
      Effect.catch((error) => Effect.logWarning("the end of a call cannot be watched", error.message))
    )

  const serve = (socket: WebSocket, request: HttpServerRequest.HttpServerRequest) => {
    const query = StreamQuery.parse(queryOf(request))
    return MediaRoute.serve(socket, request, {
      protocol,
      returns: link !== undefined,
      silence: host.silence,
      callOf: Effect.fnUntraced(function*(start) {
        const call = yield* callOf(start, query)
        const id = call.id() ?? start.callId
        yield* Effect.acquireRelease(
          Effect.sync(() => streams.set(call.session, socket)),
          () =>
            Effect.sync(() => {
              if (streams.get(call.session) === socket) streams.delete(call.session)
            })
        )
        // without ARI the end of the stream is all that tells of the end of the call
        if (link === undefined) {
          socket.once("close", (code) => {
            if (code === CLOSED_NORMALLY) call.emit({ type: "call.ended", cause: "user_hung_up" })
          })
        }
        report(call, query)
        yield* Effect.forkScoped(watch(call, id))
        return call
      })
    })
  }

  const admit = admitting(options)
  const handle = Effect.fnUntraced(
    function*(request: HttpServerRequest.HttpServerRequest) {
      yield* admit(request)
      if (!(yield* SocketUpgrade.isPossible(request))) return SocketUpgrade.expected()
      const socket = yield* SocketUpgrade.accept(request, protocol.subprotocols)
      yield* Effect.catch(serve(socket, request), (error) => MediaRoute.refuse(socket, error))
      return HttpServerResponse.empty()
    },
    Effect.scoped,
    Effect.catch((error: BackendError) => Effect.succeed(Problem.errorResponse(error)))
  )
  const route: ProviderRoute = HttpRouter.route("GET", host.mediaPath, handle)

  return {
    name,
    routes: [route],
    returns: link !== undefined,
    hangUp: (call) => {
      const id = call.id()
      return link === undefined || id === undefined ? Effect.void : link.rest.hangUp(id)
    },
    ...(link === undefined || ari === undefined ? {} : {
      transfer: (call, target, { warm }) =>
        Effect.gen(function*() {
          const id = call.id()
          if (warm === true) return yield* unsupported("this carrier cannot announce a call before it transfers it")
          if (id === undefined) return yield* unsupported("the call has not been answered yet")
          const to = typeof target === "string" ? target : `queue:${target.queue}`
          if (!StreamQuery.isAddress(to)) return yield* unsupported("this target cannot stand in a dial string")
          yield* link.rest.setVariable(variableOf(id), to)
          // the dialplan goes on
          streams.get(call.session)?.close(CLOSED_NORMALLY)
        }),
      check: Effect.suspend(() =>
        link.isConnected()
          ? Effect.void
          : Effect.fail(
            new ConnectionFailed({ op: "TelephonyProvider.probe", message: "Asterisk's events do not come" })
          )
      ),
      ...(ari.endpoint === undefined ? {} : {
        dial: (call: Call) => {
          const { dial, from = options.from ?? "", parameters, to = "" } = call.details
          const channel = StreamQuery.channelOf(call.session)
          if (!StreamQuery.isAddress(to)) return Effect.fail(unsupported("this number cannot be dialled"))
          return Effect.as(
            link.dial({
              channel,
              endpoint: ari.endpoint?.replace("{to}", to) ?? "",
              callerId: from,
              ringSeconds: Math.max(1, Math.round((dial?.ringTimeoutMs ?? RING_MS) / 1_000)),
              variables: StreamQuery.variablesOf(parameters),
              context: ari.context,
              extension: dial?.machine?.detect === "carrier" ? ari.machineExtension : ari.extension
            }, listenerOf(call, true)),
            channel
          )
        }
      })
    })
  }
})

/**
 * The kind `asterisk`.
 *
 * @category carriers
 * @since 0.1.0
 */
export const kind: CarrierKind<AsteriskConfig> = { kind: "asterisk", config: AsteriskConfig, make }
