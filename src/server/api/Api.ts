/**
 * The HTTP API as a value: its endpoints with their requests and responses. The server implements it; `/openapi.json` and
 * `/docs` are made from it, and so can a typed client be.
 *
 * @since 0.1.0
 */
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import { Health, HealthPart } from "../../backend/health/HealthStatus.ts"
import { HistoryItem } from "../../conversation/History.ts"
import { CallCommand } from "../../session/call/CallCommand.ts"
import { DialRequest } from "../../session/call/DialRequest.ts"
import { Metadata, PipelineType, SessionRequest, Transport } from "../../session/SessionConfig.ts"
import { SessionState } from "../../session/SessionEvent.ts"
import * as Problem from "../../transport/Problem.ts"
import { ApiErrors } from "./ApiErrors.ts"

const IceServer = Schema.Struct({
  urls: Schema.Union([Schema.String, Schema.Array(Schema.String)]),
  username: Schema.optional(Schema.String),
  credential: Schema.optional(Schema.RedactedFromValue(Schema.String))
}).annotate({ identifier: "IceServer" })

/** `detached`: no process has the session now; it goes on when its user connects. */
const ShownState = Schema.Union([SessionState, Schema.Literal("detached")])

/**
 * A new session, with what its user's client needs to connect. `token` is a secret, and so are the credentials of
 * `ice_servers` (a browser's `RTCIceServer`, for WebRTC); `expires_at` is Unix time in ms. `protocol` is set when another
 * client than ours connects: `livekit`.
 *
 * @category models
 * @since 0.1.0
 */
export const CreatedSession = Schema.Struct({
  id: Schema.String,
  connectionUrl: Schema.String,
  token: Schema.optionalKey(Schema.String),
  expiresAt: Schema.optionalKey(Schema.Finite),
  iceServers: Schema.optionalKey(Schema.Array(IceServer)),
  protocol: Schema.optionalKey(Schema.String),
  state: ShownState
}).pipe(
  Schema.encodeKeys({ connectionUrl: "connection_url", expiresAt: "expires_at", iceServers: "ice_servers" })
)

/** The telephone call of a session. */
const ShownCall = Schema.Struct({
  carrier: Schema.String,
  direction: Schema.Literals(["inbound", "outbound"]),
  from: Schema.optionalKey(Schema.String),
  to: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "Call" })

/**
 * A call that was made. `id` is that of its session, which says what becomes of it.
 *
 * @category models
 * @since 0.1.0
 */
export const CreatedCall = Schema.Struct({
  id: Schema.String,
  state: ShownState,
  carrier: Schema.String,
  from: Schema.optionalKey(Schema.String),
  to: Schema.String
})

/** The header of a request that is not to be carried out twice, or with quotation marks, as the draft of the IETF has it. */
const IdempotencyHeader = {
  "idempotency-key": Schema.optionalKey(Schema.String.check(Schema.isMaxLength(257)))
}

/** The key was used for another request. */
const KeyReused = Schema.Struct({ ...Problem.fields, code: Schema.Literal("invalid_config") }).pipe(
  HttpApiSchema.asJson({ contentType: Problem.contentType })
).annotate({ httpApiStatus: 409 })

/**
 * A session as the API shows it.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionView = Schema.Struct({
  id: Schema.String,
  userId: Schema.String,
  transport: Transport,
  pipelineType: Schema.optionalKey(PipelineType),
  agent: Schema.optionalKey(Schema.String),
  language: Schema.optionalKey(Schema.String),
  state: ShownState,
  persistenceStatus: Schema.Literals(["active", "completed"]),
  call: Schema.optionalKey(ShownCall),
  metadata: Metadata
}).pipe(
  Schema.encodeKeys({ userId: "user_id", pipelineType: "pipeline_type", persistenceStatus: "persistence_status" })
)

/**
 * Sessions, in the order of their ids. `next` is the `after` of those that follow; absent when these are the last.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionList = Schema.Struct({
  sessions: Schema.Array(SessionView),
  next: Schema.optionalKey(Schema.String)
})

/**
 * The most sessions of a page: 1,000.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_PAGE = 1_000

/**
 * - `limit`: how many sessions are answered at most. 100 where only `after` is given.
 * - `after`: the id that comes before the first of them.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionPage = {
  limit: Schema.optionalKey(
    Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: MAX_PAGE }))
  ),
  after: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(256)))
}

/**
 * What was said in a session, as it was heard, in order.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionHistory = Schema.Struct({ history: Schema.Array(HistoryItem) })

/**
 * The recordings of a session; `expires_at` is Unix time in ms.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionData = Schema.Struct({
  kept: Schema.Array(
    Schema.Struct({
      dataType: Schema.Literals(["audio", "transcript", "metadata", "events"]),
      file: Schema.String,
      bytes: Schema.Finite,
      expiresAt: Schema.Finite
    }).pipe(Schema.encodeKeys({ dataType: "data_type", expiresAt: "expires_at" }))
  )
})

const Capabilities = Schema.Struct({
  s2s: Schema.Boolean,
  multiUser: Schema.Boolean,
  sessionPersistence: Schema.Boolean,
  customAuth: Schema.Boolean,
  customRateLimiting: Schema.Boolean,
  maxConcurrentSessions: Schema.Int,
  minLatencyMs: Schema.Finite,
  codecs: Schema.Array(Schema.String)
}).pipe(Schema.encodeKeys({
  multiUser: "multi_user",
  sessionPersistence: "session_persistence",
  customAuth: "custom_auth",
  customRateLimiting: "custom_rate_limiting",
  maxConcurrentSessions: "max_concurrent_sessions",
  minLatencyMs: "min_latency_ms"
}))

/**
 * The known providers, and what the backend runs.
 *
 * @category models
 * @since 0.1.0
 */
export const Providers = Schema.Struct({
  active: Schema.Struct({
    provider: Schema.String,
    pipelineType: PipelineType,
    agent: Schema.optionalKey(Schema.String),
    engines: Schema.Record(Schema.String, Schema.String)
  }).pipe(Schema.encodeKeys({ pipelineType: "pipeline_type" })),
  providers: Schema.Array(Schema.Struct({
    name: Schema.String,
    description: Schema.String,
    active: Schema.Boolean,
    capabilities: Capabilities
  }))
})

/**
 * Whether new sessions are accepted, and why not. `reason` and `parts` are for operators: they are left out for a caller
 * without a key where `server.operations` is `keys`, and on the first port where there is a `server.admin_port`.
 *
 * @category models
 * @since 0.1.0
 */
export const Readiness = Schema.Struct({
  status: Health,
  ready: Schema.Boolean,
  reason: Schema.optionalKey(Schema.String),
  parts: Schema.optionalKey(Schema.Array(HealthPart))
})

/** Process liveness: the event loop answers. */
const Liveness = Schema.Struct({ status: Schema.Literal("alive") })

const NotReady = Readiness.pipe(HttpApiSchema.status(503))

/** With the path of the new session. */
const Created = HttpApiSchema.WithHeaders(CreatedSession.pipe(HttpApiSchema.status(201)), { location: Schema.String })

const CallMade = HttpApiSchema.WithHeaders(CreatedCall.pipe(HttpApiSchema.status(201)), { location: Schema.String })

const id = { id: Schema.String }

/** Documents `Retry-After` on 429 and 503. */
const withRetryAfter = (paths: unknown): unknown => {
  const header = {
    "Retry-After": { description: "Seconds after which to try again", schema: { type: "integer" } }
  }
  const visit = (node: unknown, status: string | undefined): unknown => {
    if (typeof node !== "object" || node === null || Array.isArray(node)) return node
    const inner = Object.fromEntries(
      Object.entries(node).map(([key, value]) => [key, key === "content" ? value : visit(value, key)])
    )
    return "content" in inner && (status === "429" || status === "503") ? { ...inner, headers: header } : inner
  }
  return visit(paths, undefined)
}

class Sessions extends HttpApiGroup.make("sessions")
  .add(
    HttpApiEndpoint.post("create", "/v1/sessions", { payload: SessionRequest, success: Created })
      .annotateMerge(OpenApi.annotations({ summary: "Create a session and say how its user connects" })),
    HttpApiEndpoint.get("list", "/v1/sessions", { query: SessionPage, success: SessionList })
      .annotateMerge(OpenApi.annotations({ summary: "List the sessions: all, or with `limit` a page of them" })),
    HttpApiEndpoint.get("get", "/v1/sessions/:id", { params: id, success: SessionView })
      .annotateMerge(OpenApi.annotations({ summary: "Get a session" })),
    HttpApiEndpoint.get("history", "/v1/sessions/:id/history", { params: id, success: SessionHistory })
      .annotateMerge(OpenApi.annotations({ summary: "Get what was said in a session so far, as it was heard" })),
    HttpApiEndpoint.delete("close", "/v1/sessions/:id", { params: id })
      .annotateMerge(OpenApi.annotations({ summary: "End a session at once" })),
    HttpApiEndpoint.get("data", "/v1/sessions/:id/data", { params: id, success: SessionData })
      .annotateMerge(OpenApi.annotations({ summary: "List the recordings of a session, which may have ended" })),
    HttpApiEndpoint.delete("eraseData", "/v1/sessions/:id/data", { params: id })
      .annotateMerge(
        OpenApi.annotations({ summary: "Erase the recordings of a session; a running session records no more" })
      ),
    HttpApiEndpoint.patch("patchMetadata", "/v1/sessions/:id/metadata", {
      params: id,
      payload: Metadata,
      success: Metadata
    }).annotateMerge(OpenApi.annotations({ summary: "Merge a patch into the metadata (RFC 7396)" })),
    HttpApiEndpoint.post("control", "/v1/sessions/:id/call", { params: id, payload: CallCommand })
      .annotateMerge(
        OpenApi.annotations({ summary: "Control a session's call: send keys, transfer, hang up, hold or mute" })
      )
  )
  .middleware(ApiErrors)
{}

class Calls extends HttpApiGroup.make("calls")
  .add(
    HttpApiEndpoint.post("dial", "/v1/calls", {
      headers: IdempotencyHeader,
      payload: DialRequest,
      success: CallMade,
      error: KeyReused
    }).annotateMerge(OpenApi.annotations({ summary: "Call somebody, and give the session of the call while it rings" }))
  )
  .middleware(ApiErrors)
{}

class Backend extends HttpApiGroup.make("backend")
  .add(
    HttpApiEndpoint.get("providers", "/v1/providers", { success: Providers }).middleware(ApiErrors)
      .annotateMerge(OpenApi.annotations({ summary: "List the providers, and what the backend runs" })),
    HttpApiEndpoint.get("live", "/health/live", { success: Liveness })
      .annotateMerge(OpenApi.annotations({ summary: "Whether the process answers" })),
    HttpApiEndpoint.get("ready", "/health/ready", { success: Readiness, error: NotReady })
      .annotateMerge(
        OpenApi.annotations({
          summary: "Whether new sessions are accepted; 503 when not, with the causes for operators"
        })
      )
  )
{}

/**
 * The API.
 *
 * @category apis
 * @since 0.1.0
 */
export class Api extends HttpApi.make("effect-voice")
  .add(Sessions)
  .add(Calls)
  .add(Backend)
  .annotate(HttpApi.PayloadParseOptions, { errors: "all", onExcessProperty: "error" })
  .annotateMerge(OpenApi.annotations({
    title: "effect-voice",
    version: "1",
    description:
      "Real-time voice agents. Audio goes over the provider's routes; /asyncapi.json describes the WebSocket.",
    // A server without keys asks for none: authentication is optional in the document.
    transform: (document) => ({
      ...document,
      components: {
        ...document["components"],
        securitySchemes: {
          apiKey: { type: "http", scheme: "bearer", description: "One of the server's API keys" },
          userToken: {
            type: "http",
            scheme: "bearer",
            description: "With server.authentication hook: the user's token, which the application's AuthHook checks"
          }
        }
      },
      paths: withRetryAfter(document["paths"]),
      security: [{}, { apiKey: [] }, { userToken: [] }]
    })
  }))
{}
