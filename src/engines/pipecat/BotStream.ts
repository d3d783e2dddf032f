/**
 * Connects a session to its bot, and to a new bot when the connection is lost.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Framer } from "../../audio/Framer.ts"
import { type BackendError, ConnectionTimeout, PipelineError } from "../../BackendError.ts"
import type { EngineIncident } from "../../EngineIncident.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as RetryPolicy from "../../RetryPolicy.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechOptions, SpeechToSpeechStream } from "../../speech/SpeechToSpeech.ts"
import * as PipecatFrames from "../../wire/PipecatFrames.ts"
import * as Rtvi from "../../wire/Rtvi.ts"
import * as BotErrors from "./BotErrors.ts"
import { BotProtocol } from "./BotProtocol.ts"
import { BotRequests } from "./BotRequests.ts"
import * as BotSocket from "./BotSocket.ts"
import type { BotAddress } from "./BotStart.ts"

const name = "pipecat"
/** Events that the session has not consumed; more fails the stream. */
const MAX_EVENTS = 4_096
const FRAME_MS = 20
/** A connection that lasts less counts as a failed attempt, so that a bot that crashes at once is not retried for ever. */
const STABLE_MS = 10_000
const RETRY_DELAY = Duration.millis(500)
/** How long a bot may take to begin the answer to a typed turn: a bot may call tools before. */
const DEADLINE_MS = 30_000
const TICK = "1 second"
const INTERRUPTION = PipecatFrames.encode({ _tag: "Interruption" })

/**
 * Where bots are, their audio, and how long to try.
 *
 * @category models
 * @since 0.1.0
 */
export interface BotStreamOptions {
  /** The address of the next bot; evaluated for each connection. */
  readonly address: Effect.Effect<BotAddress, BackendError>
  readonly inputSampleRate: number
  readonly outputSampleRate: number
  /** How long a bot may take to be ready, starting it included. */
  readonly readyTimeout: Duration.Duration
  /** How many times a lost connection is retried, with growing delays. */
  readonly maxRetries: number
}

interface Bot {
  readonly send: (bytes: Uint8Array) => boolean
  readonly protocol: BotProtocol
  /** The error that ended the connection; `undefined` when the bot closed it normally. */
  readonly ended: Effect.Effect<BackendError | undefined>
}

/**
 * Connects to a bot and returns when it is ready.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: BotStreamOptions,
  { onIncident, sessionId }: Pick<SpeechToSpeechOptions, "onIncident" | "sessionId">
): Effect.fn.Return<SpeechToSpeechStream, BackendError, Scope.Scope> {
  const { inputSampleRate, outputSampleRate } = options
  const events = yield* Queue.bounded<SpeechToSpeechEvent, BackendError | Cause.Done>(MAX_EVENTS)
  const parent = yield* Effect.scope
  const clock = yield* Clock.Clock
  let replies = 0
  let bot: Bot | undefined
  let typed = 0
  const requests = new BotRequests({
    deadlineMs: DEADLINE_MS,
    now: () => MonotonicTime.nowMs(clock),
    send: (content) =>
      bot?.send(PipecatFrames.encode({
        _tag: "Message",
        data: Rtvi.encode({
          type: "send-text",
          id: `text-${++typed}`,
          data: { content, options: { run_immediately: true, audio_response: true } }
        })
      })) ?? false,
    emit: (event) => void Queue.offerUnsafe(events, event)
  })
  yield* Effect.sync(() => requests.tick()).pipe(
    Effect.delay(TICK),
    Effect.forever,
    Effect.forkScoped
  )

  const incident = (what: EngineIncident["what"], error?: BackendError) =>
    onIncident?.({ engine: name, kind: "s2s", what, sessionId, error })

  const connect = Effect.fnUntraced(function*(): Effect.fn.Return<Bot, BackendError, Scope.Scope> {
    const { token, url } = yield* options.address
    const ready = Deferred.makeUnsafe<void>()
    const broken = Deferred.makeUnsafe<BackendError>()
    const fail = (message: string, details: Record<string, unknown> = {}) =>
      Deferred.doneUnsafe(
        broken,
        Effect.succeed(
          new PipelineError({
            op: "SpeechToSpeech.events",
            message,
            details: { vendor: name, ...details },
            retryable: false
          })
        )
      )
    const protocol = new BotProtocol(outputSampleRate, () => `reply-${++replies}`, (event) => {
      switch (event._tag) {
        case "BotReady":
          return void Deferred.doneUnsafe(ready, Effect.void)
        case "BotError":
          if (event.fatal) return void fail("the Pipecat bot reported a fatal error: see the bot's log")
          return incident(
            "failed",
            new PipelineError({
              op: "SpeechToSpeech.events",
              message: "the Pipecat bot reported a non-fatal error: see the bot's log",
              details: { vendor: name },
              retryable: true
            })
          )
        case "UnexpectedSampleRate":
          return void fail(
            `the Pipecat bot sends audio at ${event.sampleRate} Hz instead of ${outputSampleRate} Hz: set ` +
              "engines.pipecat.output_sample_rate",
            { sampleRate: event.sampleRate }
          )
        default:
          if (
            !Queue.offerUnsafe(
              events,
              event._tag === "ReplyStarted" ? { ...event, request: requests.answered() } : event
            )
          ) {
            fail(`pipecat: event queue overflowed (${MAX_EVENTS} events were not consumed)`)
          }
      }
    })
    const socket = yield* BotSocket.connect({
      url,
      token,
      onFrame: (bytes) => {
        const frame = PipecatFrames.decode(bytes)
        if (Result.isSuccess(frame)) return protocol.receive(frame.success)
        // of a bot that has worked, the frame alone is lost
        if (!Deferred.isDoneUnsafe(ready)) fail(`the Pipecat bot sent a malformed frame: ${frame.failure}`)
      }
    })
    socket.send(PipecatFrames.encode({
      _tag: "Message",
      data: Rtvi.encode({
        type: "client-ready",
        id: "ready",
        data: { version: Rtvi.VERSION, about: { library: "effect-voice" } }
      })
    }))
    const closed = Effect.map(socket.closed, (code) => BotErrors.fromClose("SpeechToSpeech.open", code, false))
    yield* Deferred.await(ready).pipe(
      Effect.raceFirst(Effect.flatMap(Effect.raceFirst(closed, Deferred.await(broken)), Effect.fail))
    )
    const ended = socket.closed.pipe(
      Effect.map((code) =>
        code === 1000 || code === 1001 ? undefined : BotErrors.fromClose("SpeechToSpeech.events", code, true)
      ),
      Effect.raceFirst(Deferred.await(broken))
    )
    return { send: socket.send, protocol, ended }
  })

  /** Connects in a scope of its own, which is closed with the connection. */
  const begin = Effect.gen(function*() {
    const scope = yield* Scope.fork(parent)
    const next = yield* connect().pipe(
      Effect.timeoutOrElse({
        duration: options.readyTimeout,
        orElse: () =>
          Effect.fail(
            new ConnectionTimeout({
              op: "SpeechToSpeech.open",
              message: `the Pipecat bot was not ready within ${
                Duration.format(options.readyTimeout)
              }: check that it uses RTVI`,
              details: { vendor: name }
            })
          )
      }),
      Scope.provide(scope),
      Effect.onExit((exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)
    )
    bot = next
    return { next, scope }
  })

  const reconnect = begin.pipe(
    Effect.tapError((error) => Effect.sync(() => incident("retrying", error))),
    Effect.retry({
      schedule: RetryPolicy.schedule({ delay: RETRY_DELAY, maxRetries: options.maxRetries }),
      // a longer wait than for a bot to be ready is a failure: the session has nobody to answer meanwhile
      while: (error) => error.retryable && RetryPolicy.retryAfterMs(error) <= Duration.toMillis(options.readyTimeout)
    })
  )

  const first = yield* begin
  yield* Effect.gen(function*() {
    let current = first
    let shortLived = 0
    while (true) {
      const beganMs = yield* MonotonicTime.currentMs
      const error = yield* current.next.ended
      bot = undefined
      shortLived = (yield* MonotonicTime.currentMs) - beganMs < STABLE_MS ? shortLived + 1 : 1
      yield* Scope.close(current.scope, Exit.void)
      if (error === undefined) {
        return yield* Queue.end(events)
      }
      current.next.protocol.disconnected(error)
      requests.lost(error)
      incident("failed", error)
      if (!error.retryable || shortLived > options.maxRetries) return yield* Queue.fail(events, error)
      const next = yield* Effect.result(reconnect)
      if (Result.isFailure(next)) return yield* Queue.fail(events, next.failure)
      current = next.success
      requests.connected()
      incident("recovered")
    }
  }).pipe(Effect.forkScoped)

  const toFrame = PipecatFrames.audioEncoder(inputSampleRate)
  const framer = new Framer(inputSampleRate * FRAME_MS / 1_000, (frame) => {
    bot?.send(toFrame(frame))
  })
  return {
    push: (pcm) => framer.push(pcm),
    activity: () => {},
    commit: () => {},
    userText: (content, request) => requests.add(content, request),
    cancel: (request) => requests.cancel(request),
    // the capabilities exclude these
    say: () => {},
    toolResult: () => {},
    truncate: (reply) => {
      if (bot !== undefined && bot.protocol.truncate(reply)) bot.send(INTERRUPTION)
    },
    events: Stream.fromQueue(events)
  }
})
