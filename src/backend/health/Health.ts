/**
 * The health of a backend: its provider, engines, store, event loop, admission and latency, each with a cause when it is not
 * healthy.
 *
 * Probes run in parallel, at most once a second, each within a deadline: frequent health checks cost nothing, and a probe
 * that hangs or crashes makes its part unhealthy.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { BackendError } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { SessionStore } from "../../session/persistence/SessionStore.ts"
import type { EngineHealth } from "../../speech/EngineHealth.ts"
import type { Admission } from "../admission/Admission.ts"
import type { EventLoopLag } from "../admission/EventLoopLag.ts"
import type { Load } from "../admission/LoadLevel.ts"
import type { ConnectionState } from "../BackendContract.ts"
import type { ProviderConnection } from "../provider/ProviderContract.ts"
import { type HealthPart, type HealthStatus, worst } from "./HealthStatus.ts"
import type { LatencyWindow } from "./LatencyWindow.ts"

const PROBE_DEADLINE = "5 seconds"
/** A backend is degraded when a larger share of its last turns exceeded the latency target. */
const LATE_SHARE = 0.05
/** How long a result of the probes is reused. */
const FRESH_MS = 1_000
/** More than two frames of 20 ms. A lag of half a second is audible in every conversation. */
const LAG_DEGRADED_MS = 50
const LAG_UNHEALTHY_MS = 500

/**
 * What is checked.
 *
 * @category models
 * @since 0.1.0
 */
export interface HealthOptions {
  readonly provider: string
  /** The provider's connection, while there is one. */
  readonly link: () => ProviderConnection | undefined
  /** The connection state that the provider reports. Default: connected. */
  readonly connectionState?: (() => ConnectionState) | undefined
  /** The names of the engines, by kind. */
  readonly engines: { readonly [kind: string]: string }
  /** The engines themselves, by kind, where they are known. */
  readonly speech: { readonly [kind: string]: EngineHealth }
  readonly store: SessionStore["Service"] | undefined
  readonly admission: Admission
  readonly latency: LatencyWindow
  readonly lag: EventLoopLag
  readonly load: Load
  readonly latencyTarget: () => Duration.Duration
  readonly clock: Clock.Clock
}

/** Probes one part; a failure, a crash and a time-out are results, too. */
const probePart = (
  name: string,
  what: string,
  status: HealthPart["status"],
  probe: Effect.Effect<HealthPart | void, BackendError>
): Effect.Effect<HealthPart> =>
  probe.pipe(
    Effect.map((part): HealthPart => part ?? { name, status: "healthy" }),
    deadline("VoiceBackend.healthCheck", what, PROBE_DEADLINE),
    Effect.catch((error) => Effect.succeed<HealthPart>({ name, status, cause: `${error.code}: ${error.message}` })),
    // the text of a crash may hold anything, so it is not shown
    Effect.catchDefect(() => Effect.succeed<HealthPart>({ name, status, cause: `the probe of ${what} crashed` }))
  )

/** The engines of one kind: degraded while one of them fails, unhealthy when all do. */
const probeEngines = (kind: string, engine: EngineHealth): Effect.Effect<ReadonlyArray<HealthPart>> =>
  Effect.forEach(engine.members ?? [engine], (member) =>
    probePart(
      `${kind}:${member.name}`,
      member.name,
      "degraded",
      Effect.suspend(() => {
        const error = member.failing?.()
        return error === undefined ? member.probe ?? Effect.void : Effect.fail(error)
      })
    ), { concurrency: "unbounded" }).pipe(
      Effect.map((parts) =>
        parts.some(({ status }) => status === "healthy")
          ? parts
          : parts.map((part): HealthPart => ({ ...part, status: "unhealthy" }))
      )
    )

const lagPart = (lagMs: number): HealthPart =>
  lagMs <= LAG_DEGRADED_MS ? { name: "event_loop", status: "healthy" } : {
    name: "event_loop",
    status: lagMs > LAG_UNHEALTHY_MS ? "unhealthy" : "degraded",
    cause: `event-loop lag up to ${Math.round(lagMs)} ms in the last minute`
  }

const describeLoad = ({ backlogMs, lagMs }: Load): string =>
  `overloaded, rejecting new sessions: event-loop lag ${Math.round(lagMs)} ms, backlog ${Math.round(backlogMs)} ms`

/**
 * Makes the health check. A part whose status has changed since the last check is logged.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: HealthOptions
): Effect.fn.Return<Effect.Effect<HealthStatus>, never, Scope.Scope> {
  const { admission, clock, engines, lag, latency, link, load, provider, speech, store } = options
  const scope = yield* Effect.scope
  const before = new Map<string, HealthPart["status"]>()
  let latest: { readonly at: number; readonly of: ProviderConnection | undefined; readonly fiber: Probing } | undefined

  /** A provider that answers its probe may still have lost the connection to its users. */
  const withConnectionState = (part: HealthPart): HealthPart => {
    const state = options.connectionState?.() ?? "connected"
    if (part.status !== "healthy" || state === "connected") return part
    return {
      ...part,
      status: state === "reconnecting" ? "degraded" : "unhealthy",
      cause: state === "reconnecting"
        ? `${provider} lost its connection, reconnecting`
        : `${provider} lost its connection`
    }
  }

  const probes = (connection: ProviderConnection | undefined) =>
    Effect.map(
      Effect.all([
        connection === undefined
          ? Effect.succeed<HealthPart>({
            name: "provider",
            status: "unhealthy",
            cause: `the backend is ${admission.phase}`
          })
          : Effect.map(probePart("provider", provider, "unhealthy", connection.probe), withConnectionState),
        Effect.forEach(
          Object.entries(engines),
          ([kind, name]) => probeEngines(kind, speech[kind] ?? { name }),
          { concurrency: "unbounded" }
        ),
        store === undefined
          ? Effect.succeed([])
          : Effect.map(probePart("store", store.name, "degraded", store.probe), (part) => [part])
      ], { concurrency: "unbounded" }),
      ([provided, spoken, kept]): ReadonlyArray<HealthPart> => [provided, ...spoken.flat(), ...kept]
    )

  /** The results of the last second, or those of the running probes, for the same connection; otherwise new ones. */
  const probed = Effect.suspend(() => {
    const connection = link()
    if (latest !== undefined && latest.of === connection && MonotonicTime.nowMs(clock) - latest.at < FRESH_MS) {
      return Fiber.join(latest.fiber)
    }
    if (latest !== undefined && latest.of === connection && latest.fiber.pollUnsafe() === undefined) {
      return Fiber.join(latest.fiber)
    }
    // in the scope of the health check: a caller may be interrupted while others wait
    return Effect.flatMap(Effect.forkIn(probes(connection), scope), (fiber) => {
      latest = { at: MonotonicTime.nowMs(clock), of: connection, fiber }
      return Fiber.join(fiber)
    })
  })

  const logChange = (part: HealthPart) =>
    Effect.suspend(() => {
      const former = before.get(part.name) ?? "healthy"
      before.set(part.name, part.status)
      if (former === part.status) return Effect.void
      const log = part.status === "healthy"
        ? Effect.logInfo(`${part.name} is healthy again`)
        : Effect.logWarning(`${part.name} is ${part.status}`)
      return Effect.annotateLogs(log, {
        part: part.name,
        status: part.status,
        former,
        ...(part.cause === undefined ? {} : { cause: part.cause })
      })
    })

  return probed.pipe(
    Effect.map((answers): HealthStatus => {
      const share = latency.exceeded
      const parts: ReadonlyArray<HealthPart> = [
        ...answers,
        lagPart(lag.p99),
        admission.phase === "draining"
          ? { name: "admission", status: "degraded", cause: "the backend is draining" }
          : admission.isFull
          ? { name: "admission", status: "degraded", cause: "session limit reached" }
          : load.overloaded
          ? { name: "admission", status: "degraded", cause: describeLoad(load) }
          : { name: "admission", status: "healthy" },
        share > LATE_SHARE
          ? {
            name: "latency",
            status: "degraded",
            cause: `${Math.round(100 * share)} % of the last turns exceeded the latency target of ${
              Duration.format(options.latencyTarget())
            }`
          }
          : { name: "latency", status: "healthy" }
      ]
      return { status: worst(parts), parts, checkedAt: clock.currentTimeMillisUnsafe() }
    }),
    Effect.tap(({ parts }) => Effect.forEach(parts, logChange, { discard: true }))
  )
})

type Probing = Fiber.Fiber<ReadonlyArray<HealthPart>>
