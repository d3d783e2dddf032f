/**
 * The health of a backend: its provider, engines, store and other dependencies, event loop, admission and latency, each with
 * a cause when it is not healthy.
 *
 * Probes run in parallel, at most once a second, each within a deadline: frequent health checks cost nothing, and a probe
 * that hangs or crashes makes its part unhealthy. A check answers within a second once there is an earlier answer to give: a
 * load balancer does not wait for a part that hangs.
 *
 * The backend is as its worst part is, but a dependency without which calls go on (`sources`) makes it no worse than
 * `degraded`.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { HealthSource } from "../../HealthSource.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { EngineHealth } from "../../speech/EngineHealth.ts"
import type { Admission } from "../admission/Admission.ts"
import type { EventLoopLag } from "../admission/EventLoopLag.ts"
import type { Load } from "../admission/LoadLevel.ts"
import type { ConnectionState } from "../BackendContract.ts"
import type { ProviderConnection } from "../provider/ProviderContract.ts"
import * as HealthChanges from "./HealthChanges.ts"
import * as HealthProbes from "./HealthProbes.ts"
import { atMostDegraded, type HealthPart, type HealthStatus, worst } from "./HealthStatus.ts"
import type { LatencyWindow } from "./LatencyWindow.ts"

/** How long a check waits for probes when there are earlier answers. */
const PATIENCE = "1 second"
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
  /** The dependencies, such as the session store. */
  readonly sources: ReadonlyArray<HealthSource>
  /** Gives a value whenever a dependency has changed: health is then checked at once. */
  readonly changes: Queue.Dequeue<void>
  /** Receives the status of each part at each check. */
  readonly onStatus: (part: string, status: HealthPart["status"]) => void
  readonly admission: Admission
  readonly latency: LatencyWindow
  readonly lag: EventLoopLag
  readonly load: Load
  readonly latencyTarget: () => Duration.Duration
  readonly clock: Clock.Clock
}

/**
 * The health check of a backend.
 *
 * @category models
 * @since 0.1.0
 */
export interface HealthCheck {
  /** Checks health for one who asks, within a second if possible. */
  readonly check: Effect.Effect<HealthStatus>
  /** Checks health and waits for every probe. */
  readonly monitor: Effect.Effect<HealthStatus>
}

/** The answers of some probes: those that were asked last, and the latest that came. */
interface Answers {
  /** What was asked: answers of a former connection do not count. */
  readonly of: unknown
  readonly askedMs: number
  readonly fiber: Fiber.Fiber<ReadonlyArray<HealthPart>>
  readonly latest: { parts: ReadonlyArray<HealthPart> | undefined }
}

const lagPart = (lagMs: number): HealthPart =>
  lagMs <= LAG_DEGRADED_MS ? { name: "event_loop", status: "healthy" } : {
    name: "event_loop",
    status: lagMs > LAG_UNHEALTHY_MS ? "unhealthy" : "degraded",
    cause: `event-loop lag up to ${Math.round(lagMs)} ms in the last minute`
  }

const describeLoad = ({ backlogMs, lagMs }: Load): string =>
  `overloaded, rejecting new sessions: event-loop lag ${Math.round(lagMs)} ms, backlog ${Math.round(backlogMs)} ms`

/** The answers when they come; for who is not patient, earlier ones if those take too long. */
const answered = (
  { fiber, latest: { parts } }: Answers,
  isPatient: boolean
): Effect.Effect<ReadonlyArray<HealthPart>> =>
  isPatient || parts === undefined
    ? Fiber.join(fiber)
    : Effect.timeoutOrElse(Fiber.join(fiber), { duration: PATIENCE, orElse: () => Effect.succeed(parts) })

/**
 * Makes the health check, and checks whenever a dependency has changed. A part whose status has changed since the last check
 * is logged.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: HealthOptions
): Effect.fn.Return<HealthCheck, never, Scope.Scope> {
  const { admission, clock, engines, lag, latency, link, load, provider, sources, speech } = options
  const scope = yield* Effect.scope
  const quiet = sources.flatMap(({ isLogged, name }) => isLogged === true ? [name] : [])
  const tell = HealthChanges.make(clock, options.onStatus, new Set(quiet))
  const asked = new Map<string, Answers>()

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

  /**
   * What a backend cannot serve without. An engine that speaks only beside a speech-to-speech model is not one, nor is a turn
   * detector: without it silence ends turns; nor an echo canceller.
   */
  const isEssential = (kind: string): boolean =>
    kind !== "turn" && kind !== "echo" && (kind !== "tts" || engines["s2s"] === undefined)

  const probeSpeech = (connection: ProviderConnection | undefined) =>
    Effect.map(
      Effect.all([
        connection === undefined
          ? Effect.succeed<HealthPart>({
            name: "provider",
            status: "unhealthy",
            cause: `the backend is ${admission.phase}`
          })
          : Effect.map(
            HealthProbes.part("provider", provider, "unhealthy", connection.probe),
            withConnectionState
          ),
        Effect.forEach(
          Object.entries(engines),
          ([kind, name]) => HealthProbes.engines(kind, speech[kind] ?? { name }),
          { concurrency: "unbounded" }
        )
      ], { concurrency: "unbounded" }),
      ([provided, spoken]): ReadonlyArray<HealthPart> => [provided, ...spoken.flat()]
    )

  /**
   * The answers of probes: of those that run already or were asked within `freshMs`, else of new ones. They run in the scope
   * of the health check: a caller may be interrupted while others wait.
   */
  const ask = (
    { freshMs, key, of, probes }: {
      readonly key: string
      readonly of?: unknown
      readonly freshMs: number
      readonly probes: Effect.Effect<ReadonlyArray<HealthPart>>
    },
    isPatient: boolean
  ): Effect.Effect<ReadonlyArray<HealthPart>> =>
    Effect.suspend(() => {
      const now = MonotonicTime.nowMs(clock)
      const known = asked.get(key)
      const isSame = known !== undefined && known.of === of
      if (isSame && (now - known.askedMs < freshMs || known.fiber.pollUnsafe() === undefined)) {
        return answered(known, isPatient)
      }
      const latest: Answers["latest"] = { parts: isSame ? known.latest.parts : undefined }
      const probing = Effect.tap(probes, (parts) =>
        Effect.sync(() => {
          latest.parts = parts
        }))
      return Effect.flatMap(Effect.forkIn(probing, scope), (fiber) => {
        const answers: Answers = { of, askedMs: now, fiber, latest }
        asked.set(key, answers)
        return answered(answers, isPatient)
      })
    })

  const providerAndEngines = (isPatient: boolean) =>
    Effect.suspend(() => {
      const connection = link()
      return ask({ key: "", of: connection, freshMs: FRESH_MS, probes: probeSpeech(connection) }, isPatient)
    })

  const dependencies = (isPatient: boolean) =>
    Effect.map(
      Effect.forEach(
        sources,
        (source) =>
          // each bounds its cost by itself
          ask({
            key: source.name,
            freshMs: 0,
            probes: Effect.map(HealthProbes.source(source), (part) => [part])
          }, isPatient),
        { concurrency: "unbounded" }
      ),
      (parts) => parts.flat()
    )

  const isOptional = ({ name }: HealthPart): boolean => !isEssential(name.split(":", 1)[0] ?? "")

  const check = (isPatient: boolean) =>
    Effect.all([providerAndEngines(isPatient), dependencies(isPatient)], { concurrency: 2 }).pipe(
      Effect.map(([provided, around]): HealthStatus => {
        const share = latency.exceeded
        const own: ReadonlyArray<HealthPart> = [
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
        const status = worst([
          ...provided.map((part) => isOptional(part) ? atMostDegraded(part) : part),
          ...around.map(atMostDegraded),
          ...own
        ])
        return { status, parts: [...provided, ...around, ...own], checkedAt: clock.currentTimeMillisUnsafe() }
      }),
      Effect.tap(({ parts }) => tell(parts))
    )

  const monitor = check(true)
  yield* Queue.take(options.changes).pipe(Effect.andThen(monitor), Effect.forever, Effect.forkScoped)
  return { check: check(false), monitor }
})
