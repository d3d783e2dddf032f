/**
 * The API's handlers: from requests to the backend and back.
 *
 * Bodies are read here, with a bound, and decoded so that all faults come at once by their snake case paths; failures are
 * answered as problem JSON.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { BackendProvider, ProviderCapabilities, SessionAccess } from "../backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../backend/VoiceBackend.ts"
import { type BackendError, fromCause, InvalidConfig, isBackendError, SessionNotFound } from "../BackendError.ts"
import type { Operation } from "../hooks/AuthHook.ts"
import * as Faults from "../schema/Faults.ts"
import { Metadata, SessionRequest } from "../session/SessionConfig.ts"
import type { VoiceSession } from "../session/VoiceSession.ts"
import * as Problem from "../transport/Problem.ts"
import {
  Api,
  CreatedSession,
  Providers,
  Readiness,
  SessionData,
  SessionHistory,
  SessionList,
  SessionView
} from "./Api.ts"
import * as Principal from "./Principal.ts"

/**
 * The largest body of a request: 64 KiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BODY_BYTES = 65_536

/** A refusal that only HTTP has, on its way to the response. */
class Refused extends Schema.TaggedError<Refused>()("Refused", {
  code: Problem.HttpProblemCode,
  detail: Schema.String
}) {}

const tooLarge = new Refused({ code: "payload_too_large", detail: `expected at most ${MAX_BODY_BYTES} bytes` })

const isJson = (contentType: string | undefined): boolean =>
  contentType === undefined || /^application\/(?:json|[\w.+-]+\+json)\s*(?:;|$)/i.test(contentType.trim())

const readBody = Effect.fnUntraced(function*(op: string) {
  const request = yield* HttpServerRequest.HttpServerRequest
  if (!isJson(request.headers["content-type"])) {
    return yield* new Refused({ code: "unsupported_media_type", detail: "expected application/json" })
  }
  if (!/^identity$/i.test(request.headers["content-encoding"] ?? "identity")) {
    return yield* new Refused({ code: "unsupported_media_type", detail: "expected no content-encoding" })
  }
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) return yield* tooLarge
  const chunks: Array<Uint8Array> = []
  let size = 0
  yield* Stream.runForEach(request.stream, (chunk) => {
    size += chunk.length
    if (size > MAX_BODY_BYTES) return Effect.fail(tooLarge)
    chunks.push(chunk)
    return Effect.void
  }).pipe(
    Effect.catchTag(
      "HttpServerError",
      () => Effect.fail(new InvalidConfig({ op, message: "the body could not be read to its end" }))
    )
  )
  return yield* Effect.try({
    try: (): unknown => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks))),
    // The parser's message quotes the body.
    catch: () => Faults.toError(op, "the body is not valid", [{ path: "", message: "expected JSON" }])
  })
})

const json = <A, I>(schema: Schema.Codec<A, I>, value: A, options?: HttpServerResponse.Options) =>
  Effect.map(
    Effect.orDie(Schema.encodeEffect(schema)(value)),
    (body) =>
      HttpServerResponse.jsonUnsafe(body, { ...options, headers: { "cache-control": "no-store", ...options?.headers } })
  )

/** Nothing but a response comes out: defects become `pipeline_error` without their text, interrupts stay. */
const respond = (op: string) =>
<R>(
  effect: Effect.Effect<HttpServerResponse.HttpServerResponse, BackendError | Refused, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, never, R> =>
  Effect.catch(effect, (error) =>
    Effect.succeed(
      isBackendError(error)
        ? Problem.errorResponse(error)
        : Problem.toResponse(Problem.make(error.code, error.detail))
    )).pipe(
      Effect.withSpan(op)
    )

/** Where the request reached us, as the client sees it. */
const originOf = (request: HttpServerRequest.HttpServerRequest): string => {
  const scheme = request.protocol ?? (request.originalUrl.startsWith("https:") ? "https" : "http")
  return `${scheme}://${request.headers["host"] ?? "localhost"}`
}

const pathOf = (url: string): string => url.replace(/^https?:\/\/[^/]*/, "")

/** A provider that only knows a path leaves the rest of the URL to the server. */
const absolute = (access: SessionAccess, transport: "webrtc" | "websocket", base: string): string => {
  if (!access.connectionUrl.startsWith("/")) return access.connectionUrl
  const url = `${base}${access.connectionUrl}`
  return transport === "websocket" ? url.replace(/^http/, "ws") : url
}

const view = Effect.fnUntraced(function*(session: VoiceSession) {
  const { agent, pipelineType, transport, userId } = session.config
  const name = typeof agent === "string" ? agent : agent?.name
  return {
    id: session.id,
    userId,
    transport,
    ...(pipelineType === undefined ? {} : { pipelineType }),
    ...(name === undefined ? {} : { agent: name }),
    state: yield* session.state.get,
    persistenceStatus: yield* session.persistenceStatus,
    metadata: yield* session.metadata
  }
})

const nothingKept = (id: string) =>
  Effect.fail(
    new SessionNotFound({
      op: "SessionArchive.list",
      message: "nothing is kept of this session",
      details: { session: id.slice(0, 64) }
    })
  )

const sessions = (options: HandlerOptions) =>
  HttpApiBuilder.group(
    Api,
    "sessions",
    Effect.fnUntraced(function*(handlers) {
      const backend = yield* VoiceBackend
      /** Somebody else's session is one that is not there. */
      const find = Effect.fnUntraced(function*(id: string, operation: Operation) {
        const sees = yield* Principal.sees(backend, operation)
        const session = yield* backend.getSession(id)
        if (sees(session.config)) return session
        return yield* new SessionNotFound({
          op: "VoiceBackend.getSession",
          message: "no session has this id",
          details: { session: id.slice(0, 64) }
        })
      })
      /** The archive, for a caller with a key; a user gets at their sessions while these run. */
      const archiveOf = Effect.fnUntraced(function*(id: string, operation: Operation) {
        const credential = yield* Principal.CurrentCredential
        if (credential._tag !== "Trusted") yield* find(id, operation)
        if (backend.archive !== undefined) return backend.archive
        return yield* nothingKept(id)
      })
      return handlers
        .handleRaw("create", () =>
          Effect.gen(function*() {
            const op = "POST /v1/sessions"
            const request = yield* HttpServerRequest.HttpServerRequest
            const config = yield* Faults.decode(SessionRequest, yield* readBody(op), {
              op,
              what: "the request is not valid"
            })
            const credential = yield* Principal.CurrentCredential
            // whoever creates a session for themselves says who they are once
            const bearer = credential._tag === "User" ? credential.token : undefined
            const token = config.token ?? (bearer && Redacted.value(bearer))
            const session = yield* backend.createSession({ ...config, ...(token === undefined ? {} : { token }) })
            const access = yield* backend.access(session.id).pipe(
              // A session that nobody can be told about is not kept.
              Effect.onError(() => Effect.ignore(backend.closeSession(session.id)))
            )
            const base = `${options.publicUrl ?? originOf(request)}${options.prefix}`
            return yield* json(CreatedSession, {
              id: session.id,
              connectionUrl: absolute(access, config.transport, base),
              ...(access.token === undefined ? {} : { token: access.token }),
              ...(access.expiresAt === undefined ? {} : { expiresAt: access.expiresAt }),
              ...(access.iceServers === undefined || access.iceServers.length === 0
                ? {}
                : { iceServers: access.iceServers }),
              ...(access.protocol === undefined ? {} : { protocol: access.protocol }),
              state: yield* session.state.get
            }, {
              status: 201,
              headers: { location: `${pathOf(base)}/v1/sessions/${encodeURIComponent(session.id)}` }
            })
          }).pipe(respond("http.sessions.create")))
        .handleRaw("list", () =>
          Principal.sees(backend, "session.list").pipe(
            Effect.flatMap((sees) =>
              Effect.map(backend.listSessions, (all) => all.filter((session) => sees(session.config)))
            ),
            Effect.flatMap((all) => Effect.forEach(all, view)),
            Effect.flatMap((all) => json(SessionList, { sessions: all })),
            respond("http.sessions.list")
          ))
        .handleRaw("get", ({ params }) =>
          find(params.id, "session.read").pipe(
            Effect.flatMap(view),
            Effect.flatMap((session) => json(SessionView, session)),
            respond("http.sessions.get")
          ))
        .handleRaw("history", ({ params }) =>
          find(params.id, "session.read").pipe(
            Effect.flatMap((session) => session.history),
            Effect.flatMap((history) => json(SessionHistory, { history })),
            respond("http.sessions.history")
          ))
        .handleRaw("data", ({ params }) =>
          archiveOf(params.id, "session.read").pipe(
            Effect.flatMap((archive) => archive.list(params.id)),
            Effect.flatMap((kept) => kept.length === 0 ? nothingKept(params.id) : json(SessionData, { kept })),
            respond("http.sessions.data")
          ))
        .handleRaw("eraseData", ({ params }) =>
          archiveOf(params.id, "session.close").pipe(
            Effect.flatMap((archive) => archive.erase(params.id)),
            Effect.flatMap((count) =>
              count === 0 ? nothingKept(params.id) : Effect.succeed(HttpServerResponse.empty())
            ),
            respond("http.sessions.eraseData")
          ))
        .handleRaw("close", ({ params }) =>
          find(params.id, "session.close").pipe(
            Effect.andThen(backend.closeSession(params.id)),
            Effect.as(HttpServerResponse.empty()),
            respond("http.sessions.close")
          ))
        .handleRaw("patchMetadata", ({ params }) =>
          Effect.gen(function*() {
            const op = "PATCH /v1/sessions/{id}/metadata"
            const session = yield* find(params.id, "session.update")
            const patch = yield* Faults.decode(Metadata, yield* readBody(op), { op, what: "the patch is not valid" })
            yield* session.updateMetadata(patch)
            return yield* json(Metadata, yield* session.metadata)
          }).pipe(respond("http.sessions.patchMetadata")))
    })
  )

const capabilities = ({ minLatency, ...rest }: ProviderCapabilities) => ({
  ...rest,
  minLatencyMs: Duration.toMillis(minLatency)
})

const system = (options: HandlerOptions) =>
  HttpApiBuilder.group(
    Api,
    "backend",
    Effect.fnUntraced(function*(handlers) {
      const backend = yield* VoiceBackend
      const known = options.providers.some((provider) => provider.name === backend.provider.name)
        ? options.providers
        : [{ description: "", ...backend.provider }, ...options.providers]
      return handlers
        .handleRaw("providers", () =>
          Effect.flatMap(Effect.andThen(Principal.sees(backend, "backend.read"), backend.config), (config) =>
            json(Providers, {
              active: {
                provider: backend.provider.name,
                pipelineType: config.pipelineType,
                ...(config.agent === undefined ? {} : { agent: config.agent }),
                engines: backend.engines
              },
              providers: known.map((provider) => ({
                name: provider.name,
                description: provider.description,
                active: provider.name === backend.provider.name,
                capabilities: capabilities(provider.capabilities)
              }))
            })).pipe(respond("http.providers")))
        .handleRaw("live", () =>
          Effect.succeed(HttpServerResponse.jsonUnsafe({ status: "alive" })))
        .handleRaw("ready", () =>
          Effect.gen(function*() {
            const health = yield* backend.healthCheck
            const taking = yield* backend.ready
            const ready = taking && health.status !== "unhealthy"
            const reason = ready ? {} : {
              reason: taking ? "unhealthy" : "no new sessions are taken: the backend is draining or stopped"
            }
            return yield* json(Readiness, { status: health.status, ready, ...reason, parts: health.parts }, {
              status: ready ? 200 : 503
            })
          }).pipe(respond("http.ready")))
    })
  )

/**
 * What the handlers need to know of the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface HandlerOptions {
  /** How clients reach the server, without a slash at its end. Default: the request's scheme and `Host`. */
  readonly publicUrl: string | undefined
  /** Where the routes are mounted: empty, or a path such as `/voice`. */
  readonly prefix: string
  /** The providers to tell of. */
  readonly providers: ReadonlyArray<Pick<BackendProvider["Service"], "name" | "description" | "capabilities">>
}

/**
 * The handlers of the whole API.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: HandlerOptions) => Layer.mergeAll(sessions(options), system(options))

/**
 * The response for a cause that no handler answered.
 *
 * @category conversions
 * @since 0.1.0
 */
export const defect = (op: string, cause: Parameters<typeof fromCause>[1]): HttpServerResponse.HttpServerResponse => {
  const error = fromCause(op, cause)
  // A defect's text is for the log, not for the client.
  return error.code === "pipeline_error"
    ? Problem.toResponse(Problem.make("internal_error", "internal error; see the server's log"))
    : Problem.errorResponse(error)
}
