/**
 * This process as an agent worker of livekit-server: registers, says how loaded it is, and takes jobs.
 *
 * It registers once the backend has a place, and again, for ever, when the socket is lost: calls go on meanwhile. What the
 * server sends is untrusted: it is bounded, and what cannot be read is ignored.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { ProviderHost, ProviderPlaces, ReservedPlace } from "../../../backend/provider/BackendProvider.ts"
import { type BackendError, ConnectionFailed } from "../../../BackendError.ts"
import { connectDeadline } from "../../../Deadline.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"
import * as RetryPolicy from "../../../RetryPolicy.ts"
import type { SessionEnd } from "../../../session/SessionEvent.ts"
import * as VendorSocket from "../../../wire/VendorSocket.ts"
import type { Dispatch } from "../LiveKitConfig.ts"
import * as AgentMessage from "./AgentMessage.ts"
import type { JobSession, JobSessions } from "./JobSessions.ts"
import * as WorkerProtocol from "./WorkerProtocol.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface AgentWorkerOptions {
  /** The server, with `ws` or `wss`. */
  readonly url: string
  /** A new token with the grant `agent`. */
  readonly token: Effect.Effect<string>
  readonly dispatch: Dispatch
  /** The agent's name in a room. */
  readonly name: string
  readonly timeout: Duration.Duration
  readonly host: Pick<ProviderHost, "places">
  readonly jobs: Pick<JobSessions, "reserve" | "start">
}

/**
 * @category models
 * @since 0.1.0
 */
export interface AgentWorker {
  /** Why the server does not know this worker, also before it does for the first time; `undefined` when it does. */
  readonly fault: () => BackendError | undefined
}

const op = "LiveKitProvider.dispatch"
const vendor = "livekit"
/** How soon an assignment follows a yes: the server sends it at once, or never. */
const ASSIGNED_WITHIN = "10 seconds"
/** How often the load is said, as LiveKit's own workers do; a change of the status within a tick. */
const LOAD_EVERY_MS = 2_500
const TICK = "250 millis"
/** Messages that wait: more than a server sends which awaits answers. */
const MAX_MESSAGES = 1_024
const RECONNECT: RetryPolicy.RetryPolicy = { delay: Duration.millis(500), maxDelay: Duration.seconds(15) }

const jobTypes = { room: "JT_ROOM", participant: "JT_PARTICIPANT", publisher: "JT_PUBLISHER" } as const

/** Ends for which nobody is to be asked again; after the others the call may be taken up. */
const SUCCESSES: ReadonlySet<SessionEnd> = new Set([
  "user_ended",
  "closed",
  "input_ended",
  "longest",
  "user_away",
  "link_ended",
  "resume_expired",
  "taken_over"
])

interface Held {
  readonly scope: Scope.Closeable
  readonly place: ReservedPlace
  session?: JobSession
  /** It was terminated before its session was there. */
  drained?: boolean
}

/**
 * The load, from 0 to 1: the share of the places that are taken, or the load of the process.
 *
 * @category accessors
 * @since 0.1.0
 */
export const loadOf = ({ load, max, taken }: ProviderPlaces): number =>
  Math.min(1, Math.max(max > 0 ? taken / max : 1, load / 2, 0))

/**
 * Registers for as long as the scope. Ends at once; the first connection is made when the backend has a place.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: AgentWorkerOptions
): Effect.fn.Return<AgentWorker, never, Scope.Scope> {
  const { dispatch, host, jobs, name, timeout, url } = options
  const parent = yield* Effect.scope
  const clock = yield* Clock.Clock
  const turn = yield* Semaphore.make(1)
  /** By job: what waits for its assignment, then its session. */
  const fibers = yield* FiberMap.make<string>()
  const held = new Map<string, Held>()
  let state: WorkerProtocol.WorkerJobs = new Map()
  let send: ((text: string) => void) | undefined
  let fault: BackendError | undefined = new ConnectionFailed({ op, message: "it has not been registered yet" })

  const places = (): ProviderPlaces => host.places?.() ?? { taken: 0, max: 0, refuses: true, load: 0 }
  const write = (message: AgentMessage.WorkerMessage) => send?.(AgentMessage.encode(message))
  let saidAt = Number.NEGATIVE_INFINITY
  let said: string | undefined
  /** Says the load, unless it was said lately and is the same. */
  const sayLoad = (changed = false): void => {
    const now = places()
    const status = now.refuses ? "WS_FULL" : "WS_AVAILABLE"
    const nowMs = MonotonicTime.nowMs(clock)
    if (!changed && status === said && nowMs - saidAt < LOAD_EVERY_MS) return
    saidAt = nowMs
    said = status
    write({ updateWorker: { status, load: loadOf(now), jobCount: state.size } })
  }

  const release = (job: string) =>
    Effect.suspend(() => {
      const found = held.get(job)
      held.delete(job)
      return found === undefined ? Effect.void : Scope.close(found.scope, Exit.void)
    })

  const reserve = Effect.fnUntraced(function*(job: AgentMessage.Job) {
    // one that is over by the protocol, and not yet by its session
    if (held.has(job.id)) return { _tag: "Refused", job: job.id } as const
    const scope = yield* Scope.fork(parent)
    const place = yield* Effect.result(jobs.reserve(job).pipe(Scope.provide(scope)))
    if (place._tag === "Failure") {
      yield* Scope.close(scope, Exit.void)
      yield* Effect.logDebug(`a job of LiveKit was refused: ${place.failure.message}`)
      return { _tag: "Refused", job: job.id } as const
    }
    held.set(job.id, { scope, place: place.success })
    yield* FiberMap.run(
      fibers,
      job.id,
      Effect.andThen(Effect.sleep(ASSIGNED_WITHIN), dispatchEvent({ _tag: "Expired", job: job.id }))
    )
    return { _tag: "Reserved", job: job.id, session: place.success.id } as const
  })

  /** Runs a job's session, and says how it has ended. */
  const runJob = (job: AgentMessage.Job, given: { readonly token: string; readonly url: string | undefined }) =>
    Effect.gen(function*() {
      const own = held.get(job.id)
      if (own === undefined) return "no place"
      const session = yield* jobs.start(job, own.place, given)
      own.session = session
      if (own.drained === true) yield* session.drain
      const reason = yield* session.ended
      return SUCCESSES.has(reason) ? undefined : reason
    }).pipe(
      Effect.catch(({ code, message }) =>
        Effect.as(
          Effect.annotateLogs(Effect.logWarning("a job of LiveKit was not started", { code, message }), {
            job: job.id,
            room: job.room.name
          }),
          code
        )
      ),
      Effect.flatMap((error) =>
        dispatchEvent({
          _tag: "Ended",
          job: job.id,
          status: error === undefined ? "JS_SUCCESS" : "JS_FAILED",
          error
        })
      ),
      Effect.ensuring(release(job.id))
    )

  const drain = (job: string) =>
    Effect.suspend(() => {
      const found = held.get(job)
      if (found === undefined) return Effect.void
      found.drained = true
      // it may ask LiveKit first
      return found.session === undefined ? Effect.void : Effect.asVoid(Effect.forkIn(found.session.drain, parent))
    })

  const perform = Effect.fnUntraced(function*(first: WorkerProtocol.WorkerEvent) {
    const events = [first]
    for (let event = events.shift(); event !== undefined; event = events.shift()) {
      const { commands, jobs: next } = WorkerProtocol.step(state, event, name)
      state = next
      for (const command of commands) {
        switch (command._tag) {
          case "Send":
            write(command.message)
            break
          case "Reserve":
            events.push(yield* reserve(command.job))
            break
          case "Release":
            yield* FiberMap.remove(fibers, command.job).pipe(Effect.forkIn(parent))
            yield* release(command.job)
            break
          case "Start":
            yield* FiberMap.run(fibers, command.job.id, runJob(command.job, command))
            break
          case "Drain":
            yield* drain(command.job)
            break
        }
      }
    }
    if (send !== undefined) sayLoad(first._tag !== "Terminated")
  })

  /** One event after the other, each to its end. */
  const dispatchEvent = (event: WorkerProtocol.WorkerEvent): Effect.Effect<void> =>
    Effect.uninterruptible(turn.withPermits(1)(perform(event)))

  const hasPlace = Effect.repeat(Effect.sleep(TICK), { until: () => !places().refuses })

  /** One connection, to its end. Fails when the server did not take the worker. */
  const once = Effect.gen(function*() {
    yield* hasPlace
    const closed = yield* Deferred.make<BackendError>()
    const registered = yield* Deferred.make<string>()
    const messages = yield* Queue.dropping<AgentMessage.ServerMessage>(MAX_MESSAGES)
    let malformed = 0
    const socket = yield* VendorSocket.connect({
      vendor,
      op,
      url: Redacted.make(`${url}/agent?protocol=1`),
      headers: { authorization: Redacted.make(`Bearer ${yield* options.token}`) },
      timeout
    }, {
      message: (text) => {
        const message = AgentMessage.decode(text)
        if (message === "malformed") malformed++
        else if (message === "unknown") return
        else if (message._tag === "Registered") Deferred.doneUnsafe(registered, Effect.succeed(message.worker))
        // the connection is given up, and its server with it
        else if (!Queue.offerUnsafe(messages, message)) throw new Error("too many messages wait")
      },
      closed: (error) => Deferred.doneUnsafe(closed, Effect.succeed(error))
    })
    const lost = Effect.flatMap(Deferred.await(closed), (error) => Effect.fail(error))
    socket(AgentMessage.encode({
      register: {
        type: jobTypes[dispatch.type],
        agentName: dispatch.agentName ?? "",
        version: "1",
        allowedPermissions: { canSubscribe: true, canPublish: true, canPublishData: true, canUpdateMetadata: true }
      }
    }))
    const worker = yield* Deferred.await(registered).pipe(
      Effect.raceFirst(lost),
      connectDeadline(op, "registering the agent worker", timeout, undefined, { vendor })
    )
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        send = undefined
      }).pipe(Effect.andThen(dispatchEvent({ _tag: "Lost" })))
    )
    send = socket
    said = undefined
    fault = undefined
    sayLoad()
    yield* Effect.annotateLogs(Effect.logInfo("registered at LiveKit as an agent worker"), {
      worker,
      agent_name: dispatch.agentName ?? ""
    })
    const serve = Effect.forever(
      Effect.flatMap(
        Queue.take(messages),
        (message) => message._tag === "Registered" ? Effect.void : dispatchEvent(message)
      )
    )
    const report = Effect.sleep(TICK).pipe(
      Effect.andThen(Effect.suspend(() => {
        sayLoad()
        const count = malformed
        malformed = 0
        return count === 0
          ? Effect.void
          : Effect.logWarning("messages of LiveKit that cannot be read were ignored", { count })
      })),
      Effect.forever
    )
    return yield* Deferred.await(closed).pipe(Effect.raceFirst(serve), Effect.raceFirst(report))
  })

  const noted = (error: BackendError) =>
    Effect.suspend(() => {
      const isNew = fault?.message !== error.message
      fault = error
      return isNew
        ? Effect.logWarning("the agent worker is not registered at LiveKit", {
          code: error.code,
          message: error.message
        })
        : Effect.void
    })

  yield* Effect.scoped(once).pipe(
    Effect.tapError(noted),
    Effect.retry(RetryPolicy.schedule(RECONNECT)),
    Effect.tap(noted),
    // not at once: it may have been closed because the server is ending
    Effect.andThen(Effect.sleep(RECONNECT.delay)),
    Effect.forever,
    Effect.catchDefect((cause) => noted(new ConnectionFailed({ op, message: "the agent worker failed", cause }))),
    Effect.forever,
    Effect.forkScoped
  )
  return { fault: () => fault }
})
