/**
 * One sentence spoken by several engines in turn: retries, failover, stalls, and nothing twice.
 *
 * One engine at a time speaks a sentence. A failed attempt is repeated by the same engine, at most `maxRetries` times; what
 * was delivered is left out of the repetition. Before its first audio the next engine can take over; after it only the
 * same voice can finish the sentence, so another engine goes on with the next one.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Resampler from "../../audio/resampling/Resampler.ts"
import { type BackendError, PipelineError } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as RetryPolicy from "../../RetryPolicy.ts"
import * as EngineFailure from "../EngineFailure.ts"
import type { SessionSpeech } from "../SessionSpeech.ts"
import { SpeechLimit } from "../SpeechLimit.ts"
import type { SpeechChunk, TextToSpeech } from "../TextToSpeech.ts"
import type { Admission } from "./CircuitBreaker.ts"
import { DeliveredSpeech } from "./DeliveredSpeech.ts"
import { FailoverBudget } from "./FailoverBudget.ts"
import type { IncidentReporter } from "./IncidentReporter.ts"
import * as Resilience from "./Resilience.ts"
import type { SentenceText } from "./SentenceText.ts"
import type { SessionVoices } from "./SessionVoices.ts"
import { WrittenSpeech } from "./WrittenSpeech.ts"

const op = "TextToSpeech.speak"

/** Chunks without audio that an engine may give one after another. */
const MAX_EMPTY_CHUNKS = 64

/** Something in the text can be pronounced; an engine may well be silent about the rest. */
const speakable = /[\p{L}\p{N}]/u

/**
 * What the sentences of a session share. `outputRate` in Hz, that of the chunks which come out.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechContext {
  readonly engines: ReadonlyArray<Resilience.Guarded<TextToSpeech["Service"]>>
  readonly settings: Resilience.Settings
  /** What the session asks of its voice. */
  readonly wanted: SessionSpeech
  readonly report: IncidentReporter
  readonly voices: SessionVoices
  readonly outputRate: number
  /** The sentence as an engine gets it. */
  readonly textFor: SentenceText
}

/**
 * A stream of sentences, with the engine in use: each begins with the first one that its circuit breaker admits.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpokenReply {
  engine: number
  /** Why the last sentence broke off, if it did: no engine could finish it. */
  cut: BackendError | undefined
}

/** Whether the failure asks for a pause, so that it is not retried at once. */
const asksForPause = (error: BackendError): boolean =>
  error._tag === "RateLimitExceeded" || error._tag === "SessionLimitExceeded" || RetryPolicy.retryAfterMs(error) > 0

const silence = new Int16Array(0)

const noAudio = (message: string): BackendError => new PipelineError({ op, message, retryable: true })

/**
 * Speaks a sentence with the reply's engine, else with one of the others; fails with the last failure when no engine could
 * begin it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const speak = (context: SpeechContext, reply: SpokenReply, text: string) =>
  Stream.unwrap(Effect.gen(function*() {
    const { engines, outputRate, report, settings, textFor, voices, wanted } = context
    const count = engines.length
    reply.cut = undefined
    const scope = yield* Effect.scope
    const delivered = new DeliveredSpeech()
    const budget = new FailoverBudget(settings.timeoutMs, count, yield* MonotonicTime.currentMs)
    // of the engine in use; an interrupted waveform goes on in the same converter
    let converter: Resampler.Resampler | undefined
    let pauses: RetryPolicy.Pauses | undefined
    let last: BackendError | undefined

    /** How long the next chunk may take, in ms; `undefined`: without limit, for no other engine waits, and turns have a deadline. */
    const chunkTimeoutMs = (engine: TextToSpeech["Service"], started: boolean, now: number): number | undefined => {
      const { stallTimeout, startTimeout = stallTimeout } = engine
      const timeout = started ? stallTimeout : startTimeout
      const share = count === 1
        ? undefined
        : delivered.begun
        ? settings.timeoutMs / count
        : Math.max(1, budget.until - now)
      const stall = timeout === undefined ? undefined : Duration.toMillis(timeout)
      return share === undefined ? stall : stall === undefined ? share : Math.min(share, stall)
    }

    /** One attempt by one engine. */
    const attempt = Effect.fnUntraced(
      function*(index: number, engine: TextToSpeech["Service"], done: Effect.Effect<void>) {
        const waitMs = budget.until - (yield* MonotonicTime.currentMs)
        const voice = yield* voices.use(index, waitMs)
        if (engine.sampleRate !== outputRate) {
          converter ??= yield* Scope.provide(Resampler.scoped(engine.sampleRate, outputRate), scope)
        }
        const prepared = textFor(text, index)
        const given = prepared?.spoken ?? text
        const written = prepared === undefined ? undefined : new WrittenSpeech(prepared)
        const isSpeakable = speakable.test(prepared?.plain ?? text)
        const limit = new SpeechLimit(engine.name, engine.sampleRate, given)
        /** What was wrong with a chunk; the ones before are still to be heard. */
        let fault: BackendError | undefined
        const silent: Array<SpeechChunk> = []
        let empty = 0
        let started = false
        let ended = false

        const convert = (chunk: SpeechChunk): SpeechChunk =>
          // the converter keeps its buffer, the receiver keeps the chunk
          converter === undefined ? chunk : { ...chunk, pcm: converter.process(chunk.pcm).slice() }
        const take = (chunks: ReadonlyArray<SpeechChunk>): Array<SpeechChunk> => {
          const out: Array<SpeechChunk> = []
          for (const said of chunks) {
            fault ??= limit.fault(said)
            if (fault !== undefined) break
            const chunk = written === undefined ? said : written.take(said)
            empty = chunk.pcm.length === 0 ? empty + 1 : 0
            if (chunk.pcm.length === 0 && chunk.text === "" && chunk.words === undefined) continue
            if (!delivered.begun && chunk.pcm.length === 0) {
              silent.push(chunk)
              continue
            }
            for (const each of [...silent.splice(0), chunk]) {
              const fresh = delivered.take(each)
              if (fresh !== undefined) out.push(convert(fresh))
            }
          }
          return out
        }
        const finish = Effect.suspend((): Pull.Pull<Arr.NonEmptyReadonlyArray<SpeechChunk>, BackendError> => {
          ended = true
          if (!delivered.attemptBegun && isSpeakable) {
            return Effect.fail(noAudio(`${engine.name} sent no audio`))
          }
          const rest = silent.splice(0)
          const tail = converter?.flush().slice() ?? silence
          if (delivered.begun || rest.length > 0) rest.push({ pcm: tail, text: "", end: "whole" })
          return Effect.andThen(done, isNonEmpty(rest) ? Effect.succeed(rest) : Cause.done())
        })

        return Stream.transformPull(voice.stream.speak(given === "" ? Stream.empty : Stream.succeed(given)), (pull) => {
          const pulled = pull.pipe(
            Effect.map((chunks): ReadonlyArray<SpeechChunk> | undefined => chunks),
            Pull.catchDone(() => Effect.undefined)
          )
          const next: Pull.Pull<Arr.NonEmptyReadonlyArray<SpeechChunk>, BackendError> = Effect.gen(function*() {
            if (ended) return yield* Cause.done()
            while (true) {
              if (fault !== undefined) return yield* fault
              const limitMs = chunkTimeoutMs(engine, started, yield* MonotonicTime.currentMs)
              const chunks = yield* limitMs === undefined
                ? pulled
                : deadline(op, `waiting for audio from ${engine.name}`, Duration.millis(limitMs), {
                  engine: engine.name
                })(pulled)
              started = true
              if (chunks === undefined) return yield* finish
              const out = take(chunks)
              if (isNonEmpty(out)) return out
              if (fault === undefined && empty > MAX_EMPTY_CHUNKS) {
                return yield* noAudio(`${engine.name} sent ${empty} chunks without audio`)
              }
            }
          })
          return Effect.succeed(next)
        })
      }
    )

    type Speech = Effect.Effect<Stream.Stream<SpeechChunk, BackendError>, never, Scope.Scope>

    /** The next engine begins the sentence; the last failure when there is none. */
    const failOver = (error: BackendError): Speech =>
      Effect.flatMap(MonotonicTime.currentMs, (now) => {
        if (!budget.next(now)) return Effect.succeed(Stream.fail(error))
        reply.engine = (reply.engine + 1) % count
        pauses = undefined
        converter = undefined
        return begin
      })

    /** No engine can finish the sentence; the next one is spoken by another. */
    const breakOff = (index: number, error: BackendError): Stream.Stream<SpeechChunk> => {
      reply.engine = (index + 1) % count
      reply.cut = error
      return Stream.succeed({ pcm: silence, text: "", end: "cut" })
    }

    const failed = Effect.fnUntraced(function*(index: number, admission: Admission, error: BackendError) {
      last = error
      const isFirst = pauses === undefined
      pauses ??= yield* RetryPolicy.start(settings.retry)
      const pause = yield* pauses(error)
      const now = yield* MonotonicTime.currentMs
      if (delivered.progressed) budget.restart(now)
      // a voice that has worked gets the first retry at once: most often it was only the connection
      const atOnce = pause !== undefined && isFirst && error.retryable && now < budget.until && !admission.probe &&
        (delivered.begun || voices.hasSpoken(index)) && !asksForPause(error)
      const language = voices.language(index)
      const isSessionsOwn = Resilience.isSessionsOwn(error, { ...wanted, language })
      // a vendor that drops the connections of many sessions at once must not open the circuit before their retries
      const counts = !atOnce && !isSessionsOwn
      const opened = counts && (yield* admission.fail(error))
      report.failed(index, error, opened)
      yield* voices.drop(index)
      if (isSessionsOwn && voices.goBack(index)) {
        yield* Effect.logWarning("the voice cannot change its language, and keeps its own").pipe(
          Effect.annotateLogs({ engine: engines[index]?.engine.name, language })
        )
        return yield* begin
      }
      const delay = atOnce ? 0 : pause ?? 0
      if (pause !== undefined && error.retryable && !opened && now + delay < budget.until) {
        report.retrying(index, error)
        yield* Effect.sleep(delay)
        return yield* begin
      }
      if (!delivered.begun) return yield* failOver(error)
      return breakOff(index, error)
    })

    const begin: Speech = Effect.suspend(() => {
      const index = reply.engine
      const guarded = engines[index]
      if (guarded === undefined) return Effect.die(new RangeError(`no engine ${index}`))
      return Effect.flatMap(guarded.breaker.admit, (admission) => {
        if (admission === undefined) {
          const error = last ?? Resilience.circuitOpen(op, guarded)
          return delivered.begun ? Effect.succeed(breakOff(index, error)) : failOver(error)
        }
        report.using(index, last)
        delivered.attempt()
        const done = Effect.map(admission.succeed, (closed) => {
          voices.spoken(index)
          report.succeeded(index, closed)
        })
        return Effect.succeed(
          Stream.unwrap(attempt(index, guarded.engine, done)).pipe(
            Stream.catchCause((cause) =>
              Stream.unwrap(failed(index, admission, EngineFailure.fromCause(op, guarded.engine.name, cause)))
            )
          )
        )
      })
    })
    return Stream.unwrap(begin)
  }))

const isNonEmpty = <A>(items: ReadonlyArray<A>): items is Arr.NonEmptyReadonlyArray<A> => items.length > 0
