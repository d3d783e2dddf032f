/**
 * Makes one dependable voice out of several text-to-speech engines.
 *
 * Each sentence is asked of one engine at a time. What fails before its first audio is asked again, then of the next
 * engine; what fails later is not begun again, because what was heard cannot be unsaid: the next engine goes on with the
 * next sentence. The caller sees an ordinary engine at the first one's sample rate. Each session opens an engine when it
 * first needs it; breakers are shared by all sessions of the result.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Resampler from "../../audio/Resampler.ts"
import {
  type BackendError,
  fromCause,
  type InvalidConfig,
  normalize,
  PipelineError,
  Timeout
} from "../../BackendError.ts"
import * as SessionSpeech from "../SessionSpeech.ts"
import type { SpeechChunk, TextToSpeech, TextToSpeechOptions, TextToSpeechStream } from "../TextToSpeech.ts"
import * as Resilience from "./Resilience.ts"

type Engine = TextToSpeech["Service"]

/** Chunks without audio that an engine may give before its first audio. */
const MAX_SILENT_CHUNKS = 64

/** Something in the text can be pronounced; an engine may well be silent about the rest. */
const speakable = /[\p{L}\p{N}]/u

const made = new WeakSet<Engine>()

/**
 * Whether an engine is one that `make` has made. Made dependable once more it would ask again what has been given up.
 *
 * @category guards
 * @since 0.1.0
 */
export const isResilient = (engine: Engine): boolean => made.has(engine)

/** One engine's voice within a session: closed when it has failed and nothing uses it any more. */
interface Voice {
  readonly stream: TextToSpeechStream
  readonly scope: Scope.Closeable
  users: number
  dropped: boolean
}

/** Where a stream of sentences is: the engine that it uses. */
interface Reply {
  index: number
}

/**
 * Makes a voice of these engines, the most wanted first. `timeout` bounds the time to the first audio of a sentence, all
 * engines and retries together; an engine that has begun may pause as long as its share of it.
 *
 * Fails `invalid_config` when the rates differ and the converter is missing. `open` fails when no engine can be opened,
 * `speak` with the last failure when no engine could begin a sentence. What of a session's own
 * voice and language a fallback does not support is left to its own choice.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  engines: Arr.NonEmptyReadonlyArray<Engine>,
  options: Resilience.ResilienceOptions = {}
): Effect.fn.Return<Engine, InvalidConfig> {
  const [first] = engines
  const guarded = yield* Resilience.guard(engines, options)
  if (engines.some(({ sampleRate }) => sampleRate !== first.sampleRate)) yield* Resampler.load
  const engine: Engine = {
    name: first.name,
    members: Resilience.members(guarded),
    sampleRate: first.sampleRate,
    capabilities: {
      voices: first.capabilities.voices,
      languages: first.capabilities.languages
    },
    open: (voice) => open(guarded, Resilience.settings(options), options, voice)
  }
  made.add(engine)
  return engine
})

const open = Effect.fnUntraced(function*(
  engines: ReadonlyArray<Resilience.Guarded<Engine>>,
  settings: Resilience.Settings,
  { onIncident }: Resilience.ResilienceOptions,
  session: TextToSpeechOptions
): Effect.fn.Return<TextToSpeechStream, BackendError, Scope.Scope> {
  const parent = yield* Effect.scope
  const { onIncident: onSessionIncident, ...wanted } = session
  const report = new Resilience.IncidentReporter("tts", engines, session.sessionId, [onIncident, onSessionIncident])
  const count = engines.length
  const outputRate = engines[0]?.engine.sampleRate ?? 0
  const slots = engines.map(() => ({ lock: Semaphore.makeUnsafe(1), voice: undefined as Voice | undefined }))

  const expect = <A, R>(
    effect: Effect.Effect<A, BackendError, R>,
    what: string,
    waitMs: number
  ): Effect.Effect<A, BackendError, R> =>
    Effect.timeoutOrElse(effect, {
      duration: Duration.millis(Math.max(1, waitMs)),
      orElse: () =>
        Effect.fail(
          new Timeout({
            op: "TextToSpeech.speak",
            message: `${what} within ${Duration.format(Duration.millis(waitMs))}`
          })
        )
    })

  /** The session's voice of an engine, opened when there is none. */
  const voiceOf = (index: number, waitMs: number): Effect.Effect<Voice, BackendError> =>
    Effect.suspend(() => {
      const slot = slots[index]
      const guarded = engines[index]
      if (slot === undefined || guarded === undefined) return Effect.die(new RangeError(`no engine ${index}`))
      const { engine } = guarded
      if (slot.voice !== undefined) return Effect.succeed(slot.voice)
      const opening = Effect.gen(function*() {
        // another reply may have opened it meanwhile
        if (slot.voice !== undefined) return slot.voice
        const scope = yield* Scope.fork(parent)
        const stream = yield* engine.open(index === 0 ? wanted : SessionSpeech.supportedBy(engine, wanted)).pipe(
          Scope.provide(scope),
          normalize("TextToSpeech.open"),
          Effect.onError(() => close(scope))
        )
        return slot.voice = { stream, scope, users: 0, dropped: false }
      })
      return expect(slot.lock.withPermit(opening), `${engine.name} did not open`, waitMs)
    })

  // what a failed engine does at its end must not keep the next one waiting
  const close = (scope: Scope.Closeable) => Effect.forkIn(Scope.close(scope, Exit.void), parent)
  const release = (voice: Voice) =>
    Effect.suspend(() => --voice.users === 0 && voice.dropped ? close(voice.scope) : Effect.void)
  const drop = (index: number) =>
    Effect.suspend(() => {
      const slot = slots[index]
      const voice = slot?.voice
      if (slot === undefined || voice === undefined) return Effect.void
      slot.voice = undefined
      voice.dropped = true
      return voice.users === 0 ? close(voice.scope) : Effect.void
    })

  /** One engine speaks one text. `heard` tells whether any audio was given. */
  const speech = Effect.fnUntraced(function*(
    { engine }: Resilience.Guarded<Engine>,
    index: number,
    text: string,
    waitMs: number,
    startedAt: number,
    spoken: Effect.Effect<void>,
    progress: { heard: boolean }
  ): Effect.fn.Return<Stream.Stream<SpeechChunk, BackendError>, BackendError, Scope.Scope> {
    const voice = yield* Effect.acquireRelease(
      Effect.tap(voiceOf(index, waitMs), (voice) => Effect.sync(() => void voice.users++)),
      release,
      { interruptible: true }
    )
    const resampler = engine.sampleRate === outputRate
      ? undefined
      : yield* Resampler.scoped(engine.sampleRate, outputRate)
    const gapMs = settings.timeoutMs / count
    const silent: Array<SpeechChunk> = []
    let ended = false

    const convert = (chunk: SpeechChunk): SpeechChunk =>
      // the converter keeps its buffer, the receiver keeps the chunk
      resampler === undefined ? chunk : { ...chunk, pcm: resampler.process(chunk.pcm).slice() }
    const take = (chunks: ReadonlyArray<SpeechChunk>): Array<SpeechChunk> => {
      const out: Array<SpeechChunk> = []
      for (const chunk of chunks) {
        if (!progress.heard && chunk.pcm.length === 0) {
          silent.push(chunk)
          continue
        }
        if (!progress.heard) out.push(...silent.splice(0))
        progress.heard = true
        out.push(convert(chunk))
      }
      return out
    }
    const nothing = (message: string) =>
      Effect.fail(
        new PipelineError({ op: "TextToSpeech.speak", message: `${engine.name} ${message}`, retryable: true })
      )
    const finish = Effect.suspend((): Pull.Pull<Arr.NonEmptyReadonlyArray<SpeechChunk>, BackendError> => {
      ended = true
      if (!progress.heard && speakable.test(text)) return nothing("ended without a sound")
      const rest = silent.splice(0)
      const tail = resampler === undefined ? undefined : resampler.flush().slice()
      if (tail !== undefined && tail.length > 0) rest.push({ pcm: tail, text: "" })
      return Effect.andThen(spoken, isNonEmpty(rest) ? Effect.succeed(rest) : Cause.done())
    })

    return Stream.transformPull(voice.stream.speak(Stream.succeed(text)), (pull) => {
      const next: Pull.Pull<Arr.NonEmptyReadonlyArray<SpeechChunk>, BackendError> = Effect.gen(function*() {
        if (ended) return yield* Cause.done()
        while (true) {
          const pulled = pull.pipe(
            Effect.map((chunks): ReadonlyArray<SpeechChunk> | undefined => chunks),
            Pull.catchDone(() => Effect.undefined)
          )
          // whoever waits for one that is alone does not wait for ever; there is no other to leave time for
          const chunks = yield* count === 1
            ? pulled
            : expect(
              pulled,
              `${engine.name} gave no audio`,
              progress.heard ? gapMs : startedAt + waitMs - (yield* Clock.currentTimeMillis)
            )
          if (chunks === undefined) return yield* finish
          const out = take(chunks)
          if (isNonEmpty(out)) return out
          if (silent.length > MAX_SILENT_CHUNKS) return yield* nothing(`gave ${silent.length} chunks without audio`)
        }
      })
      return Effect.succeed(next)
    })
  })

  /** Speaks a sentence with the reply's engine, else with one of the others. */
  const sentence = (reply: Reply, text: string): Stream.Stream<SpeechChunk, BackendError> => {
    type Speech = Effect.Effect<Stream.Stream<SpeechChunk, BackendError>, never, Scope.Scope>
    let deadline: number | undefined
    let last: BackendError | undefined

    /** `tried` engines have been given up for this sentence. */
    const on = (tried: number): Speech =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        deadline ??= now + settings.timeoutMs
        return attempt(tried, 0, now + Math.max(0, deadline - now) / (count - tried), now)
      })

    const next = (tried: number, error: BackendError): Speech => {
      if (tried + 1 >= count) return Effect.succeed(Stream.fail(error))
      reply.index = (reply.index + 1) % count
      return on(tried + 1)
    }

    const attempt = (tried: number, retry: number, until: number, now: number): Speech => {
      const index = reply.index
      const guarded = engines[index]
      if (guarded === undefined) return Effect.die(new RangeError(`no engine ${index}`))
      const progress = { heard: false }
      return Effect.flatMap(guarded.breaker.admit, (permit) => {
        if (permit === undefined) return next(tried, last ?? Resilience.circuitOpen("TextToSpeech.speak", guarded))
        report.using(index, last)
        const spoken = Effect.map(permit.succeed, (closed) => report.succeeded(index, closed))

        const failed = Effect.fnUntraced(function*(error: BackendError) {
          last = error
          const opened = yield* permit.fail(error)
          report.failed(index, error, opened)
          yield* drop(index)
          if (progress.heard) {
            reply.index = (index + 1) % count
            return Stream.empty
          }
          const delay = yield* Resilience.backoff(settings, retry, error)
          const now = yield* Clock.currentTimeMillis
          if (!error.retryable || opened || retry >= settings.maxRetries || now + delay >= until) {
            return yield* next(tried, error)
          }
          report.retrying(index, error)
          yield* Effect.sleep(delay)
          return yield* attempt(tried, retry + 1, until, now + delay)
        })
        return Effect.succeed(
          Stream.unwrap(speech(guarded, index, text, until - now, now, spoken, progress)).pipe(
            Stream.catchCause((cause) =>
              Cause.hasInterruptsOnly(cause)
                ? Stream.fromEffect(Effect.interrupt)
                : Stream.unwrap(failed(fromCause("TextToSpeech.speak", cause)))
            )
          )
        )
      })
    }
    return Stream.unwrap(on(0))
  }

  // one engine is enough to start; the others are opened when they are needed
  yield* Effect.gen(function*() {
    let last: BackendError | undefined
    const deadline = (yield* Clock.currentTimeMillis) + settings.timeoutMs
    for (const [index, guarded] of engines.entries()) {
      const permit = yield* guarded.breaker.admit
      if (permit === undefined) {
        last ??= Resilience.circuitOpen("TextToSpeech.open", guarded)
        continue
      }
      const share = (deadline - (yield* Clock.currentTimeMillis)) / (count - index)
      const failure = yield* voiceOf(index, share).pipe(Effect.as(undefined), Effect.catch(Effect.succeed))
      if (failure === undefined) return report.using(index, last)
      last = failure
      report.failed(index, failure, yield* permit.fail(failure))
    }
    if (last !== undefined) return yield* Effect.fail(last)
  }).pipe(Effect.scoped)

  return {
    speak: (sentences) =>
      Stream.suspend(() => {
        // each reply begins with the most wanted engine that its breaker admits
        const reply: Reply = { index: 0 }
        return Stream.flatMap(sentences, (text) => sentence(reply, text))
      })
  }
})

const isNonEmpty = <A>(items: ReadonlyArray<A>): items is Arr.NonEmptyReadonlyArray<A> => items.length > 0
