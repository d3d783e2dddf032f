import { Context, Deferred, Duration, Effect, Layer, Redacted, Ref, Schema, Stream, SubscriptionRef } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import type { HealthStatus } from "../../src/backend/health/HealthStatus.ts"
import * as SessionPage from "../../src/backend/sessions/SessionPage.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import {
  type BackendError,
  InvalidConfig,
  PipelineError,
  RateLimitExceeded,
  SessionLimitExceeded,
  SessionNotFound
} from "../../src/BackendError.ts"
import * as VoiceServer from "../../src/server/Server.ts"
import * as Observable from "../../src/session/Observable.ts"
import type { Metadata } from "../../src/session/SessionConfig.ts"
import type { SessionEnd, SessionState } from "../../src/session/SessionEvent.ts"
import type { VoiceSession } from "../../src/session/VoiceSession.ts"

/** What a test sets and observes of the scripted backend. */
export class Script extends Context.Service<Script, {
  readonly health: Ref.Ref<HealthStatus>
  readonly ready: Ref.Ref<boolean>
  readonly createFails: Ref.Ref<BackendError | undefined>
  readonly log: Array<string>
}>()("test/Script") {}

const never = (): never => {
  throw new Error("not scripted")
}

const makeSession = Effect.fnUntraced(function*(id: string, config: VoiceSession["config"]) {
  const state = yield* SubscriptionRef.make<SessionState>("idle")
  const metadata = yield* Ref.make<Metadata>(config.metadata ?? {})
  const ended = yield* Deferred.make<SessionEnd>()
  const session: VoiceSession = {
    id,
    config,
    start: Effect.void,
    stop: Effect.void,
    processAudio: never,
    sendAudio: never,
    receiveAudio: Stream.empty,
    setAgent: never,
    setLanguage: never,
    language: Effect.undefined,
    state: Observable.fromRef(state),
    persistenceStatus: Effect.succeed("active"),
    metadata: Ref.get(metadata),
    updateMetadata: (patch) =>
      patch["refuse"] === true
        ? Effect.fail(new InvalidConfig({ op: "test", message: "too much metadata" }))
        : Ref.update(metadata, (old) => {
          const next = { ...old, ...patch }
          for (const key of Object.keys(next)) if (next[key] === null) delete next[key]
          return next
        }),
    events: Stream.empty,
    history: Effect.succeed([]),
    say: never,
    updatePolicy: never,
    control: never,
    sendDtmf: never,
    collectDigits: never,
    transfer: never,
    hangUp: Effect.void,
    hold: never,
    mute: never,
    sendText: never,
    interrupt: () => Effect.void,
    attach: never,
    pipeline: () => Stream.empty,
    ended: Deferred.await(ended)
  }
  return session
})

/** A slow machine must not make a test's backend refuse sessions. */
export const neverOverloaded = { maxLag: Duration.seconds(10), maxBacklog: Duration.seconds(30) }

const capabilities = {
  s2s: false,
  multiUser: false,
  sessionPersistence: false,
  customAuth: false,
  customRateLimiting: false,
  maxConcurrentSessions: 0,
  minLatency: Duration.millis(20),
  codecs: ["pcm"]
}

export const backend = Layer.effectContext(Effect.gen(function*() {
  const script = Script.of({
    health: yield* Ref.make<HealthStatus>({ status: "healthy", parts: [], checkedAt: 0 }),
    ready: yield* Ref.make(true),
    createFails: yield* Ref.make<BackendError | undefined>(undefined),
    log: []
  })
  const config = yield* BackendConfig.decode({
    provider: "scripted",
    pipeline_type: "stt_tts",
    stt_provider: "moonshine",
    tts_provider: "flite",
    agent: "builtin"
  })
  const sessions = new Map<string, VoiceSession>()
  const get = (id: string) =>
    Effect.suspend(() => {
      const session = sessions.get(id)
      return session === undefined
        ? Effect.fail(new SessionNotFound({ op: "VoiceBackend.getSession", message: "there is no such session" }))
        : Effect.succeed(session)
    })
  const service = VoiceBackend.of({
    start: Effect.void,
    stop: Effect.sync(() => {
      script.log.push("stop")
      return { completed: 0, interrupted: 0, durationMs: 0 }
    }),
    abort: Effect.void,
    createSession: Effect.fnUntraced(function*(config) {
      const error = yield* Ref.get(script.createFails)
      if (error !== undefined) return yield* error
      if (config.userId === "defect") return yield* Effect.die(new Error("secret defect"))
      const session = yield* makeSession(`s${sessions.size + 1}`, config)
      sessions.set(session.id, session)
      return session
    }),
    checkSession: Effect.succeed,
    openSession: never,
    dial: never,
    getSession: get,
    listSessions: Effect.sync(() => Array.from(sessions.values())),
    listPage: (page) => Effect.sync(() => SessionPage.of(Array.from(sessions.values()), page)),
    recover: (id) => Effect.asVoid(get(id)),
    closeSession: (id) => Effect.map(get(id), () => void sessions.delete(id)),
    access: (id) =>
      Effect.map(get(id), ({ config }) => ({
        connectionUrl: `/v1/sessions/${id}/audio`,
        token: "t0ken",
        expiresAt: 1_000,
        iceServers: config.transport === "webrtc"
          ? [{ urls: "stun:stun.example" }, {
            urls: ["turn:turn.example"],
            username: "u",
            credential: Redacted.make("p")
          }]
          : []
      })),
    healthCheck: Ref.get(script.health),
    connectionState: { get: Effect.succeed("connected"), changes: Stream.make("connected") },
    activeSessionCount: Effect.sync(() => sessions.size),
    config: Effect.succeed(config),
    updateConfig: never,
    provider: { name: "scripted", capabilities },
    engines: { stt: "moonshine", tts: "flite", vad: "silero" },
    ready: Ref.get(script.ready),
    places: Effect.sync(() => ({ taken: sessions.size, max: 100, processMax: 100 })),
    limitPlaces: () => {},
    placeSessions: () => {},
    loadLevel: Effect.succeed("normal"),
    routes: [
      HttpRouter.route("POST", "/v1/sessions/:id/offer", HttpServerResponse.text("answer")),
      HttpRouter.route(
        "GET",
        "/v1/sessions/:id/audio",
        HttpServerRequest.HttpServerRequest.pipe(
          Effect.flatMap((request) => request.upgrade),
          Effect.flatMap((socket) =>
            Effect.gen(function*() {
              const writer = yield* socket.writer
              const reader = yield* socket.reader
              while (true) for (const frame of yield* reader.pull) yield* writer.write(frame)
            })
          ),
          Effect.orElseSucceed(() => HttpServerResponse.empty()),
          Effect.scoped
        )
      )
    ]
  })
  return Context.make(VoiceBackend, service).pipe(Context.add(Script, script))
}))

export const serve = (options: VoiceServer.ServerOptions = {}) =>
  VoiceServer.layer({ port: 0, ...options }).pipe(Layer.provideMerge(backend))

export const limits = {
  limit: new SessionLimitExceeded({ op: "test", message: "full", details: { reason: "full" } }),
  rate: new RateLimitExceeded({ op: "test", message: "slow down", details: { retryAfterMs: 12_300 } }),
  pipeline: new PipelineError({ op: "test", message: "the engine failed", retryable: false })
}

const Body = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Any))

/** A request by `fetch`, with the body as JSON. */
export const call = (url: string, init: RequestInit = {}) =>
  Effect.promise(async () => {
    const response = await fetch(url, { redirect: "manual", ...init })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text }
  }).pipe(Effect.map((response) => ({
    ...response,
    get json(): { readonly [key: string]: any } { // oxlint-disable-line typescript/no-explicit-any -- a test looks at bodies of many shapes
      return Schema.decodeSync(Body)(response.text)
    }
  })))
