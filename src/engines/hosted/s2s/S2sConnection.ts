/**
 * Keeps a session's talk with a hosted model connected: a dead or silent connection is replaced, one that the vendor is
 * going to end is replaced before, in a pause. What the next connection must know, the talk tells it.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type BackendError,
  ConnectionFailed,
  ConnectionTimeout,
  PipelineError,
  Timeout
} from "../../../BackendError.ts"
import type { EngineIncident, OnIncident } from "../../../EngineIncident.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechStream } from "../../../speech/SpeechToSpeech.ts"
import * as VendorSocket from "../../../wire/VendorSocket.ts"
import type { S2sProtocol, TalkListener } from "./S2sProtocol.ts"

/** Events that the session has not taken yet; more is the end of it. */
const MAX_EVENTS = 8_192
/** A connection that lived so long has not failed in a row with the last one. */
const STEADY_MS = 10_000
/** How often a connection that is due waits for a pause. */
const LOOK_FOR_PAUSE = "250 millis"

/**
 * - `request`: whom to call, asked anew for each connection.
 * - `silence`: how long the model may owe a message before its connection counts as dead.
 * - `rotateAfter`: the age at which a connection is replaced in the next pause, and `lifetime` the age at which it is
 *   replaced in any case.
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
  readonly talk: (listener: TalkListener) => S2sProtocol
}

/** Why a connection is over. */
interface Over {
  readonly error: BackendError
  /** Nothing has failed. */
  readonly planned: boolean
}

/**
 * Opens the talk: connected and ready, or failed with what the vendor said. Afterwards a connection that is lost is
 * replaced, at most `maxRetries` times in a row; then `events` fails.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function*(
  options: S2sConnectionOptions
): Effect.fn.Return<SpeechToSpeechStream, BackendError, Scope.Scope> {
  const { engine, sessionId } = options
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const events = yield* Queue.dropping<SpeechToSpeechEvent, BackendError | Cause.Done>(MAX_EVENTS)
  const tell = (what: EngineIncident["what"], error?: BackendError) =>
    options.onIncident?.({ engine, kind: "s2s", what, sessionId, ...(error === undefined ? {} : { error }) })

  // of the connection at hand
  let over = Deferred.makeUnsafe<Over>()
  let ready = Deferred.makeUnsafe<void>()
  let heardAt = 0
  const fatal = Deferred.makeUnsafe<never, BackendError>()
  const end = (reason: Over) => void Deferred.doneUnsafe(over, Effect.succeed(reason))
  const fail = (error: BackendError) => void Deferred.doneUnsafe(fatal, Effect.fail(error))
  const talk = options.talk({
    emit: (event) => {
      if (Queue.offerUnsafe(events, event)) return
      fail(
        new PipelineError({ op: "SpeechToSpeech.events", message: `${engine} is not listened to`, retryable: false })
      )
    },
    ready: () => void Deferred.doneUnsafe(ready, Effect.void),
    renew: (planned) =>
      end({
        planned,
        error: new ConnectionFailed({ op: "SpeechToSpeech.events", message: `${engine} ended the connection` })
      }),
    fail
  })

  /** Silence where the model owes something. */
  const silent = Effect.gen(function*() {
    const silenceMs = Duration.toMillis(options.silence)
    let since: number | undefined
    while (true) {
      yield* Effect.sleep(Math.max(50, silenceMs / 8))
      since = talk.expects() ? since ?? now() : undefined
      if (since === undefined || now() - Math.max(since, heardAt) < silenceMs) continue
      const message = `${engine} said nothing for ${Duration.format(options.silence)}`
      return { error: new Timeout({ op: "SpeechToSpeech.events", message }), planned: false }
    }
  })
  const due = Effect.gen(function*() {
    const error = new ConnectionFailed({ op: "SpeechToSpeech.events", message: `${engine}: the connection is too old` })
    yield* Effect.sleep(options.rotateAfter)
    const left = Duration.subtract(options.lifetime, options.rotateAfter)
    yield* Effect.sleep(LOOK_FOR_PAUSE).pipe(
      Effect.repeat({ while: () => talk.busy() }),
      Effect.timeoutOption(Duration.max(left, Duration.zero))
    )
    return { error, planned: true }
  })

  /** Uses one connection to its end; what it fails with, another may not. */
  const use = (onReady: () => void): Effect.Effect<Over, BackendError> =>
    Effect.scoped(Effect.gen(function*() {
      over = Deferred.makeUnsafe()
      ready = Deferred.makeUnsafe()
      const mine = over
      const send = yield* VendorSocket.connect(yield* options.request, {
        message: (text) => {
          heardAt = now()
          if (over === mine) talk.receive(text)
        },
        closed: (error) => {
          if (over === mine) end({ error, planned: false })
        }
      })
      talk.opened(send)
      const lost = Deferred.await(over)
      yield* Deferred.await(ready).pipe(
        Effect.raceFirst(Effect.flatMap(lost, ({ error }) => Effect.fail(error))),
        Effect.timeoutOrElse({
          duration: options.timeout,
          orElse: () =>
            Effect.fail(
              new ConnectionTimeout({ op: "SpeechToSpeech.open", message: `${engine} was not ready in time` })
            )
        })
      )
      heardAt = now()
      onReady()
      return yield* Effect.raceFirst(lost, Effect.raceFirst(silent, due))
    })).pipe(Effect.raceFirst(Deferred.await(fatal)))

  const opened = Deferred.makeUnsafe<void, BackendError>()
  const keep = Effect.gen(function*() {
    let failures = 0
    let unavailable = false
    while (true) {
      let readyAt: number | undefined
      const ended = yield* Effect.result(use(() => {
        readyAt = now()
        if (!Deferred.isDoneUnsafe(opened)) Deferred.doneUnsafe(opened, Effect.void)
        else if (failures > 0) tell("recovered")
        if (unavailable) tell("available")
        unavailable = false
      }))
      if (readyAt !== undefined && now() - readyAt >= STEADY_MS) failures = 0
      const error = ended._tag === "Failure" ? ended.failure : ended.success.error
      const again = talk.lost(error)
      if (ended._tag === "Success" && ended.success.planned) continue
      const mayRetry = (error.retryable || again) && failures < options.maxRetries && !(yield* Deferred.isDone(fatal))
      if (!mayRetry) return yield* error
      failures++
      if (Deferred.isDoneUnsafe(opened)) {
        tell("failed", error)
        if (readyAt === undefined && !unavailable) {
          unavailable = true
          tell("unavailable", error)
        }
      }
      // the first attempt after a connection that worked is made at once
      if (readyAt === undefined || failures > 1) yield* pause(options, failures, error)
    }
  })
  yield* keep.pipe(
    Effect.catch((error) => Effect.andThen(Deferred.fail(opened, error), Queue.fail(events, error))),
    Effect.forkScoped
  )
  yield* Deferred.await(opened)
  return { ...talk, events: Stream.fromQueue(events) }
})

const pause = Effect.fnUntraced(function*(
  { retryDelay, timeout }: S2sConnectionOptions,
  failures: number,
  error: BackendError
) {
  const asked = error.details?.["retryAfterMs"]
  const jitter = 0.8 + 0.4 * (yield* Random.next)
  const ms = typeof asked === "number" ? asked : Duration.toMillis(retryDelay) * 2 ** (failures - 1) * jitter
  // nobody waits longer than for a connection
  if (ms > Duration.toMillis(timeout)) return yield* error
  yield* Effect.sleep(ms)
})
