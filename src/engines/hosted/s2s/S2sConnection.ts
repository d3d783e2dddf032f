/**
 * Keeps a session connected to a hosted model: a dead connection and one whose model does not answer are replaced, and one
 * that the vendor will close because of its age is replaced before, during a pause. The protocol carries the conversation over to the next connection.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type BackendError, ConnectionFailed, PipelineError } from "../../../BackendError.ts"
import { connectDeadline } from "../../../Deadline.ts"
import type { EngineIncident, OnIncident } from "../../../EngineIncident.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"
import * as RetryPolicy from "../../../RetryPolicy.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechStream } from "../../../speech/SpeechToSpeech.ts"
import * as VendorSocket from "../../../wire/VendorSocket.ts"
import type { S2sListener, S2sProtocol, S2sProtocolOptions } from "./S2sProtocol.ts"

/** Events that the session has not consumed; more fails the stream. */
const MAX_EVENTS = 8_192
/** A connection that lasted this long resets the count of consecutive failures. */
const STABLE_MS = 10_000
/** A connection that is to be replaced sooner than this was of no use. */
const USEFUL_MS = 1_000
/** The longest pause before such a connection is replaced, in ms. */
const MAX_PAUSE_MS = 30_000
/** How often within the deadline of an answer the protocol looks for what is overdue. */
const TICKS = 8
/** How often a connection that is due for replacement is checked for a pause. */
const PAUSE_CHECK_INTERVAL = "250 millis"

/**
 * Options of a connection.
 *
 * - `request`: the endpoint and its headers, evaluated for each connection.
 * - `silence`: how long the model may take to begin a reply, and between two events of one.
 * - `rotateAfter`: the age at which a connection is replaced in the next pause; `lifetime`: the age at which it is replaced
 *   in any case.
 * - `maxRetries`: how many times in a row a lost connection is replaced; `retryDelay`: the first delay, doubled each time.
 * - `protocol`: creates the vendor's protocol of this session.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sConnectionOptions {
  readonly engine: string
  readonly sessionId: string
  readonly request: Effect.Effect<VendorSocket.SocketRequest, BackendError>
  readonly timeout: Duration.Duration
  readonly silence: Duration.Duration
  readonly rotateAfter: Duration.Duration
  readonly lifetime: Duration.Duration
  readonly maxRetries: number
  readonly retryDelay: Duration.Duration
  readonly onIncident?: OnIncident | undefined
  readonly protocol: (options: S2sListener & Pick<S2sProtocolOptions, "deadlineMs" | "now">) => S2sProtocol
}

/** Why a connection has ended. */
interface ConnectionEnd {
  readonly error: BackendError
  /** A rotation, not a failure. */
  readonly planned: boolean
  /** The model does not answer. It was reached, so this does not count as a failure to connect. */
  readonly unanswered?: boolean
}

/**
 * Connects, and returns when the vendor is ready; fails with the vendor's error. Later a lost connection is replaced, at
 * most `maxRetries` times in a row; after that `events` fails.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function*(
  options: S2sConnectionOptions
): Effect.fn.Return<SpeechToSpeechStream, BackendError, Scope.Scope> {
  const { engine, sessionId } = options
  const clock = yield* Clock.Clock
  const now = () => MonotonicTime.nowMs(clock)
  const silenceMs = Duration.toMillis(options.silence)
  const events = yield* Queue.dropping<SpeechToSpeechEvent, BackendError | Cause.Done>(MAX_EVENTS)
  const report = (what: EngineIncident["what"], error?: BackendError) =>
    options.onIncident?.({ engine, kind: "s2s", what, sessionId, ...(error === undefined ? {} : { error }) })

  // state of the current connection
  let ended = Deferred.makeUnsafe<ConnectionEnd>()
  let ready = Deferred.makeUnsafe<void>()
  const fatal = Deferred.makeUnsafe<never, BackendError>()
  const end = (reason: ConnectionEnd) => void Deferred.doneUnsafe(ended, Effect.succeed(reason))
  const fail = (error: BackendError) => void Deferred.doneUnsafe(fatal, Effect.fail(error))
  const protocol = options.protocol({
    emit: (event) => {
      if (Queue.offerUnsafe(events, event)) return
      fail(
        new PipelineError({
          op: "SpeechToSpeech.events",
          message: `${engine}: event queue overflowed (${MAX_EVENTS} events were not consumed)`,
          retryable: false
        })
      )
    },
    ready: () => void Deferred.doneUnsafe(ready, Effect.void),
    renew: (planned, error) =>
      end({
        planned,
        unanswered: !planned,
        error: error ??
          new ConnectionFailed({ op: "SpeechToSpeech.events", message: `${engine} closed the connection` })
      }),
    fail,
    deadlineMs: silenceMs,
    now
  })

  /** Never ends: what is overdue ends the connection. */
  const deadlines = Effect.suspend(() => {
    protocol.tick()
    return Effect.sleep(Math.max(20, silenceMs / TICKS))
  }).pipe(Effect.forever)
  /** Ends in a pause after `rotateAfter`, or at `lifetime`. */
  const rotation = Effect.gen(function*() {
    const message = `${engine}: session lifetime reached; reconnecting`
    const error = new ConnectionFailed({ op: "SpeechToSpeech.events", message })
    yield* Effect.sleep(options.rotateAfter)
    const left = Duration.subtract(options.lifetime, options.rotateAfter)
    yield* Effect.sleep(PAUSE_CHECK_INTERVAL).pipe(
      Effect.repeat({ while: () => protocol.isBusy() }),
      Effect.timeoutOption(Duration.max(left, Duration.zero))
    )
    return { error, planned: true }
  })

  /** Connects once and runs the connection to its end. */
  const runConnection = (onReady: () => void): Effect.Effect<ConnectionEnd, BackendError> =>
    Effect.scoped(Effect.gen(function*() {
      ended = Deferred.makeUnsafe()
      ready = Deferred.makeUnsafe()
      const mine = ended
      const send = yield* VendorSocket.connect(yield* options.request, {
        message: (text) => {
          if (ended === mine) protocol.receive(text)
        },
        closed: (error) => {
          if (ended === mine) end({ error, planned: false })
        }
      })
      protocol.connected(send)
      const lost = Deferred.await(ended)
      yield* Deferred.await(ready).pipe(
        Effect.raceFirst(Effect.flatMap(lost, ({ error }) => Effect.fail(error))),
        connectDeadline("SpeechToSpeech.open", `connecting to ${engine}`, options.timeout)
      )
      onReady()
      return yield* Effect.raceFirst(lost, Effect.raceFirst(deadlines, rotation))
    })).pipe(Effect.raceFirst(Deferred.await(fatal)))

  const policy: RetryPolicy.RetryPolicy = { delay: options.retryDelay, maxRetries: options.maxRetries }
  const opened = Deferred.makeUnsafe<void, BackendError>()
  const keepConnected = Effect.gen(function*() {
    let failures = 0
    let retries = yield* RetryPolicy.start(policy)
    let unavailable = false
    /** How many connections in a row were to be replaced at once. */
    let useless = 0
    while (true) {
      let readyAt: number | undefined
      const result = yield* Effect.result(runConnection(() => {
        readyAt = now()
        if (!Deferred.isDoneUnsafe(opened)) Deferred.doneUnsafe(opened, Effect.void)
        else if (failures > 0) report("recovered")
        if (unavailable) report("available")
        unavailable = false
      }))
      const unanswered = result._tag === "Success" && result.success.unanswered === true
      if (readyAt !== undefined && (unanswered || now() - readyAt >= STABLE_MS)) {
        failures = 0
        retries = yield* RetryPolicy.start(policy)
      }
      const error = result._tag === "Failure" ? result.failure : result.success.error
      const again = protocol.disconnected(error)
      if (result._tag === "Success" && result.success.planned) {
        useless = readyAt !== undefined && now() - readyAt >= USEFUL_MS ? 0 : useless + 1
        const pauseMs = Duration.toMillis(options.retryDelay) * 2 ** Math.min(useless - 2, 16)
        if (useless > 1) yield* Effect.sleep(Math.min(pauseMs, MAX_PAUSE_MS))
        continue
      }
      // whatever closed a connection that worked, another one may work
      const mayRetry = (error.retryable || again || readyAt !== undefined) && !(yield* Deferred.isDone(fatal))
      const delayMs = mayRetry ? yield* retries(error) : undefined
      if (delayMs === undefined) return yield* error
      failures++
      if (Deferred.isDoneUnsafe(opened)) {
        report("failed", error)
        if (readyAt === undefined && !unavailable) {
          unavailable = true
          report("unavailable", error)
        }
      }
      // the first attempt after a connection that worked is made without a delay
      if (readyAt !== undefined && failures === 1) continue
      // a longer delay than the timeout of a connection is a failure
      if (delayMs > Duration.toMillis(options.timeout)) return yield* error
      yield* Effect.sleep(delayMs)
    }
  })
  yield* keepConnected.pipe(
    Effect.catch((error) => Effect.andThen(Deferred.fail(opened, error), Queue.fail(events, error))),
    Effect.forkScoped
  )
  yield* Deferred.await(opened)
  return { ...protocol, events: Stream.fromQueue(events) }
})
