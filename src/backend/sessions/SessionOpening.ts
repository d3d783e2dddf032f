/**
 * How a session of a backend comes to be: its agent and pipeline, its link to the user, what is kept of it, and who watches.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { Agent } from "../../agent/Agent.ts"
import { ConnectionFailed, InvalidConfig } from "../../BackendError.ts"
import { connectDeadline } from "../../Deadline.ts"
import type { AudioQuota } from "../../hooks/AudioQuota.ts"
import type { RestoredSession } from "../../session/persistence/SessionSnapshot.ts"
import type { PlayoutClock } from "../../session/playout/PlayoutClock.ts"
import * as Session from "../../session/Session.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import * as SessionObserver from "../../session/tracing/SessionObserver.ts"
import type { BackendMetrics } from "../../telemetry/BackendMetrics.ts"
import type { Load } from "../admission/LoadLevel.ts"
import type { BackendParts } from "../BackendParts.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"
import * as LiveUpdate from "../config/LiveUpdate.ts"
import type { LatencyWindow } from "../health/LatencyWindow.ts"
import type { LinkedSession, SessionAccess } from "../provider/ProviderContract.ts"
import type { ProviderLink } from "../provider/ProviderLink.ts"
import type { Retention } from "./Retention.ts"
import type { SessionLeases } from "./SessionLeases.ts"

/**
 * A session, as its backend holds it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionEntry {
  readonly handle: Session.SessionHandle
  readonly access: SessionAccess
  readonly scope: Scope.Closeable
  readonly watch: SessionObserver.SessionObserver
  /** Completes when nothing of the session is left. */
  readonly gone: Deferred.Deferred<void>
}

/**
 * A session to be made, or gone on with: then with its past.
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
  /** As it is now. */
  readonly config: () => BackendConfig
  /** Who answers when a session names nobody. */
  readonly defaultAgent: () => Agent | undefined
  /** While the provider is connected. */
  readonly link: () => ProviderLink | undefined
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
 * Makes a session in its scope, or goes on with one, and opens its link; it is watched from here on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: OpeningOptions) => {
  const {
    audioQuota: allowance,
    clock,
    frames,
    leases: keeper,
    latency,
    load,
    metrics,
    parts,
    retention: retainer,
    tracer
  } = options
  const { provider } = parts

  const agentOf = (session: SessionConfig) => {
    if (typeof session.agent === "string") return parts.findAgent(session.agent)
    if (session.agent !== undefined) return Effect.succeed(session.agent)
    const standing = options.defaultAgent()
    return standing !== undefined ? Effect.succeed(standing) : Effect.fail(
      new InvalidConfig({
        op: "VoiceBackend.createSession",
        message: "nobody would answer: give the session or the backend an agent",
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
        message: `this backend has no engines for pipeline_type ${type}`,
        details: { missing: type }
      })
    )
  }

  const open = Effect.fnUntraced(function*(opening: Opening, sessionScope: Scope.Closeable) {
    const config = options.config()
    const watch = yield* SessionObserver.make({
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
      now: () => clock.currentTimeMillisUnsafe()
    })
    return yield* build(opening, watch, sessionScope).pipe(
      Effect.onError((cause) => Effect.sync(() => watch.failed(cause))),
      watch.within
    )
  })

  const build = Effect.fnUntraced(function*(
    { config: session, id, restored: past }: Opening,
    watch: SessionObserver.SessionObserver,
    sessionScope: Scope.Closeable
  ) {
    const config = options.config()
    const pipeline = yield* pipelineOf(session)
    // a model that speaks for itself needs nobody to answer
    const agent = (session.pipelineType ?? config.pipelineType) === "s2s" && session.agent === undefined
      ? options.defaultAgent() ?? LiveUpdate.silentAgent
      : yield* agentOf(session)
    const connected = options.link()
    if (connected === undefined) {
      return yield* new ConnectionFailed({ op: "VoiceBackend.createSession", message: "the provider is not connected" })
    }
    // no other process has the agent that a program gave to this session alone
    const isKept = typeof session.agent !== "object"
    const { connectWindow, longest, resumeWindow } = config.session
    const takeAudio = yield* allowance.open(session.userId, config.rateLimits.audio.user).pipe(
      Scope.provide(sessionScope)
    )
    const retention = yield* retainer.open(id, session)
    const handle = yield* Session.make({
      id,
      config: session,
      agent,
      findAgent: parts.findAgent,
      pipeline,
      processors: parts.processors,
      clock: frames,
      policy: session.policy ?? config.conversation,
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
      observer: watch,
      measure: metrics.operation,
      restored: past,
      retention,
      writeSnapshot: isKept && keeper.enabled ? (change) => keeper.write(id, change) : undefined
    }).pipe(Scope.provide(sessionScope))
    if (isKept && keeper.enabled && past === undefined) yield* keeper.begin(id, handle.snapshot(), resumeWindow)
    // before anybody hears of it: the next process, too, must know how far its numbers have come, and what was cut
    if (past !== undefined) yield* keeper.write(id, { ...handle.snapshot(), from: 0 })
    const { access, attachments } = yield* connected.provider.open({
      id,
      config: session,
      resumed: past?.attached ?? false
    }).pipe(
      connectDeadline(
        "VoiceBackend.createSession",
        `opening the session at provider ${provider.name}`,
        config.timeout
      ),
      Scope.provide(sessionScope)
    )
    yield* attachments.pipe(
      Stream.runForEach((next) =>
        handle.session.attach(next).pipe(
          Effect.catch((error) =>
            Effect.andThen(Effect.logWarning("an attachment was refused", error.message), next.close("session_ended"))
          )
        )
      ),
      Effect.matchEffect({
        onFailure: ({ code, message }) => {
          handle.linkEnded("failed", { type: "error", code, message })
          return Effect.logWarning("a session's link failed", { session: id, code, message })
        },
        onSuccess: () => Effect.sync(() => handle.linkEnded("link_ended"))
      }),
      Effect.forkIn(sessionScope)
    )
    const gone = yield* Deferred.make<void>()
    return { handle, access, scope: sessionScope, gone, watch }
  })

  return open
}
