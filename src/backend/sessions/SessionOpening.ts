/**
 * Opens a session of a backend: its agent and pipeline, its link to the user, what is stored of it, and its observer.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { Agent } from "../../agent/Agent.ts"
import * as CallContext from "../../agent/CallContext.ts"
import {
  asInternal,
  type BackendError,
  ConnectionFailed,
  detailsForUsers,
  InvalidConfig,
  messageForUsers
} from "../../BackendError.ts"
import { MAX_SAID } from "../../conversation/ConversationPolicy.ts"
import { connectDeadline } from "../../Deadline.ts"
import type { AudioQuota } from "../../hooks/AudioQuota.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import { lastTimestamp, type RestoredSession } from "../../session/persistence/SessionSnapshot.ts"
import type { PlayoutClock } from "../../session/playout/PlayoutClock.ts"
import * as Session from "../../session/Session.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import * as SessionObserver from "../../session/tracing/SessionObserver.ts"
import * as EngineFailure from "../../speech/EngineFailure.ts"
import type { BackendMetrics } from "../../telemetry/BackendMetrics.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import type { Load } from "../admission/LoadLevel.ts"
import type { BackendParts } from "../BackendParts.ts"
import type { CallLimits } from "../calls/CallLimits.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"
import * as LiveUpdate from "../config/LiveUpdate.ts"
import type { LatencyWindow } from "../health/LatencyWindow.ts"
import type { LinkedSession, SessionAccess } from "../provider/ProviderContract.ts"
import type { ProviderLink } from "../provider/ProviderLink.ts"
import type { Retention } from "./Retention.ts"
import type { SessionLeases } from "./SessionLeases.ts"

/**
 * A session in the backend's table.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionEntry {
  readonly handle: Session.SessionHandle
  readonly access: SessionAccess
  readonly scope: Scope.Closeable
  readonly observer: SessionObserver.SessionObserver
  /** Completes when nothing of the session is left. */
  readonly closed: Deferred.Deferred<void>
}

/**
 * A session to create, or to resume: then with its restored state.
 *
 * @category models
 * @since 0.1.0
 */
export interface Opening extends Pick<LinkedSession, "id" | "config"> {
  readonly restored?: RestoredSession | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface OpeningOptions {
  readonly parts: BackendParts
  /** The current config. */
  readonly config: () => BackendConfig
  /** The agent of sessions that name none. */
  readonly defaultAgent: () => Agent | undefined
  /** While the provider is connected. */
  readonly link: () => ProviderLink | undefined
  readonly calls: CallLimits
  readonly clock: Clock.Clock
  readonly tracer: Tracer.Tracer
  readonly frames: PlayoutClock["Service"]
  readonly audioQuota: AudioQuota
  readonly leases: SessionLeases
  readonly retention: Retention
  readonly load: Load
  readonly latency: LatencyWindow
  readonly metrics: BackendMetrics
}

/**
 * Opens a session in its scope.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionOpening = (
  opening: Opening,
  sessionScope: Scope.Closeable
) => Effect.Effect<SessionEntry, BackendError>

/** What a provider can reject of a caller's request. */
const requestFields: ReadonlySet<unknown> = new Set(["carrier", "connection_url", "from", "to", "transport", "user_id"])

/** Whether it is the request that is wrong, and not a part of the server: then the caller is told what. */
const isOfRequest = ({ code, details }: BackendError): boolean =>
  code === "invalid_config" && requestFields.has(details?.["path"])

/** Logs why an engine, a processor or the provider could not be opened; callers get its code alone. */
const ofParts = <A, R>(opening: Effect.Effect<A, BackendError, R>): Effect.Effect<A, BackendError, R> =>
  opening.pipe(
    Effect.tapCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.logError("the session could not be opened", ThrownValue.loggable(cause))
    ),
    Effect.mapError((error) => isOfRequest(error) ? error : asInternal(error))
  )

/** What a carrier answers that has understood the request and does not make the call. */
const refusals: ReadonlySet<string> = new Set([
  "invalid_config",
  "provider_not_found",
  "session_limit_exceeded",
  "rate_limit_exceeded",
  "authentication_failed",
  "authorization_failed"
])

/** Without an answer of the carrier it is not known whether it makes the call. */
const ofCall = <A, R>(opening: Effect.Effect<A, BackendError, R>): Effect.Effect<A, BackendError, R> =>
  Effect.mapError(opening, (error) =>
    refusals.has(error.code)
      ? error
      : asInternal(
        new ConnectionFailed({
          op: "VoiceBackend.dial",
          message: "it is not known whether the call was made",
          details: { ...detailsForUsers(error), reason: "call_unknown" },
          cause: error
        })
      ))

/** The time limits of a session: one that is called is waited for while it rings. */
const limitsOf = ({ call }: SessionConfig, { connectWindow, longest }: BackendConfig["session"]) => ({
  connectWindow: Duration.sum(connectWindow, Duration.millis(call?.dial?.ringTimeoutMs ?? 0)),
  longest: Duration.min(longest, call?.dial?.longestMs === undefined ? longest : Duration.millis(call.dial.longestMs))
})

/**
 * Opens sessions: each is created or resumed in its scope, observed from the start, and linked to its user.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: OpeningOptions): SessionOpening => {
  const { audioQuota, clock, frames, latency, leases, load, metrics, parts, retention, tracer } = options
  const { provider } = parts

  const agentOf = (session: SessionConfig) => {
    if (typeof session.agent === "string") return parts.findAgent(session.agent)
    if (session.agent !== undefined) return Effect.succeed(session.agent)
    const agent = options.defaultAgent()
    return agent !== undefined ? Effect.succeed(agent) : Effect.fail(
      new InvalidConfig({
        op: "VoiceBackend.createSession",
        message: "no agent: pass `agent` to createSession or configure a default one",
        details: { missing: "agent" }
      })
    )
  }

  const pipelineOf = (session: SessionConfig) => {
    const config = options.config()
    const type = session.pipelineType ?? config.pipelineType
    const pipeline = parts.pipelines[type]
    return pipeline !== undefined ? Effect.succeed(pipeline) : Effect.fail(
      new InvalidConfig({
        op: "VoiceBackend.createSession",
        message: `pipeline_type ${type} is not available: the backend has no engines for it`,
        details: { missing: type }
      })
    )
  }

  const open = Effect.fnUntraced(function*(opening: Opening, sessionScope: Scope.Closeable) {
    const config = options.config()
    const now = MonotonicTime.timestamps(clock, lastTimestamp(opening.restored))
    const observer = yield* SessionObserver.make({
      id: opening.id,
      provider: provider.name,
      pipelineType: opening.config.pipelineType ?? config.pipelineType,
      engines: parts.engines,
      resumed: opening.restored !== undefined,
      metrics: metrics.session(),
      tracing: config.enableTracing,
      tracer,
      speech: config.traceSpeech,
      logging: config.enableStructuredLogging,
      now
    })
    return yield* build(opening, observer, now, sessionScope).pipe(
      Effect.onError((cause) => Effect.sync(() => observer.failed(cause))),
      observer.within,
      // a tool of another call may have created it
      Effect.updateContext((context: Context.Context<never>) => CallContext.omit(context))
    )
  })

  const build = Effect.fnUntraced(function*(
    { config: session, id, restored }: Opening,
    observer: SessionObserver.SessionObserver,
    now: () => number,
    sessionScope: Scope.Closeable
  ) {
    const config = options.config()
    // taken first, so that it is given back last: when the call is over
    if (session.call?.dial !== undefined) {
      yield* options.calls.enter(session.call, restored !== undefined).pipe(Scope.provide(sessionScope))
    }
    const pipeline = yield* pipelineOf(session)
    const unsupported = pipeline.checkSpeech(session)
    if (unsupported !== undefined) return yield* unsupported
    // a speech-to-speech model answers without an agent
    const isS2s = (session.pipelineType ?? config.pipelineType) === "s2s"
    const policy = session.policy ?? config.conversation
    const agent = isS2s && session.agent === undefined
      ? options.defaultAgent() ?? LiveUpdate.silentAgent
      : yield* agentOf(session)
    const connected = options.link()
    if (connected === undefined) {
      return yield* new ConnectionFailed({ op: "VoiceBackend.createSession", message: "the provider is not connected" })
    }
    // an agent given as a closure cannot be restored by another process
    const isStored = typeof session.agent !== "object"
    const { resumeWindow } = config.session
    const { connectWindow, longest } = limitsOf(session, config.session)
    const takeAudio = yield* audioQuota.open(session.userId, config.rateLimits.audio.user).pipe(
      Scope.provide(sessionScope)
    )
    const recording = yield* retention.open(id, session).pipe(Scope.provide(sessionScope))
    const handle = yield* Session.make({
      id,
      config: session,
      provider: provider.name,
      agent,
      findAgent: parts.findAgent,
      history: config.history,
      pipeline,
      processors: parts.processors,
      echoCanceller: parts.echoCanceller,
      clock: frames,
      now,
      policy: isS2s ? policy : { greeting: agent.greeting?.slice(0, MAX_SAID) ?? "", ...policy },
      text: config.text,
      latencyTarget: config.latencyTarget,
      timeout: config.timeout,
      maxRetries: config.maxRetries,
      retryDelay: config.retryDelay,
      connectWindow,
      resumeWindow,
      maxDuration: longest,
      takeAudio,
      busy: () => load.busy,
      onLatency: (totalMs) => latency.add(totalMs > Duration.toMillis(options.config().latencyTarget)),
      observer,
      measure: metrics.operation,
      restored,
      retention: recording,
      writeSnapshot: isStored && leases.enabled ? (change) => leases.write(id, change) : undefined,
      leaseWatch: isStored ? leases.leaseWatch : undefined
    }).pipe(ofParts, Scope.provide(sessionScope))
    if (isStored && leases.enabled && restored === undefined) yield* leases.begin(id, handle.snapshot(), resumeWindow)
    if (isStored) leases.watch(id, handle)
    // written before the user reconnects: a further process must know the last event number and the interrupted reply
    if (restored !== undefined) yield* leases.write(id, { ...handle.snapshot(), from: 0 })
    const { access, attachments, call } = yield* EngineFailure.asked(
      "VoiceBackend.createSession",
      provider.name,
      () =>
        connected.provider.open({
          id,
          config: session,
          resumed: restored?.attached ?? false,
          endReason: handle.endReason,
          restored: restored !== undefined
        })
    ).pipe(
      Effect.map((link) => ({ access: link.access, attachments: link.attachments, call: link.call })),
      EngineFailure.caught("VoiceBackend.createSession", provider.name),
      connectDeadline(
        "VoiceBackend.createSession",
        `opening the session at provider ${provider.name}`,
        config.timeout
      ),
      ofParts,
      session.call?.dial === undefined || restored !== undefined ? identity : ofCall,
      Scope.provide(sessionScope)
    )
    if (call !== undefined) yield* Effect.forkIn(handle.follow(call), sessionScope, { startImmediately: true })
    yield* attachments.pipe(
      Stream.runForEach((next) =>
        handle.session.attach(next).pipe(
          Effect.catch((error) =>
            Effect.andThen(
              Effect.logWarning("connection refused by the session", ThrownValue.textOf(error)),
              next.close("session_ended")
            )
          )
        )
      ),
      EngineFailure.caught("SessionLink.attachments", provider.name),
      Effect.matchEffect({
        onFailure: (error) => {
          handle.linkEnded("failed", { type: "error", code: error.code, message: messageForUsers(error) })
          return Effect.annotateLogs(
            Effect.logWarning("the session's link failed", ThrownValue.loggable(Cause.fail(error))),
            {
              provider: provider.name
            }
          )
        },
        onSuccess: () => Effect.sync(() => handle.linkEnded("link_ended"))
      }),
      Effect.forkIn(sessionScope)
    )
    const closed = yield* Deferred.make<void>()
    return { handle, access, scope: sessionScope, closed, observer }
  })

  return open
}
