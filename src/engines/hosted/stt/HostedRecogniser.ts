/**
 * A hosted recogniser behind `SpeechToText`: what its wire protocol does not know of sessions.
 *
 * One socket a stream: audio goes out in pieces, questions (`finalize`) are answered in their order, a quiet line is kept
 * alive, and a connection that grows too old is replaced by a fresh one in a pause, while nothing is being said or asked. A
 * socket that fails ends the stream; whoever opened it (`ResilientSpeechToText`) opens another and says the utterance again.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type BackendError, ConnectionTimeout } from "../../../BackendError.ts"
import { finalizeWithin } from "../../../Deadline.ts"
import type { SpeechToTextStream, TranscriptEvent } from "../../../speech/SpeechToText.ts"
import { TIMELINE_RATE } from "../../../speech/VoiceActivityDetector.ts"
import * as VendorSocket from "../../../wire/VendorSocket.ts"
import { failed, type Heard, type Talk } from "./SttProtocol.ts"

/**
 * - `chunkMs`: how much audio makes a message; what a question asks for goes out at once.
 * - `leastMs`: a vendor that refuses shorter messages gets one that is filled up with silence. Default: any length is taken.
 * - `graceMs`: a vendor that has heard nothing may leave a question without an answer: after so long it is answered with
 *   nothing, unless words are outstanding. It must be less than what is waited for (3 s). Default: it
 *   answers always.
 * - `maxAge`: a connection is replaced after it, in a pause. Default: never.
 *
 * @category models
 * @since 0.1.0
 */
export interface HostedRecogniserOptions {
  readonly vendor: string
  readonly sampleRate: number
  readonly url: Redacted.Redacted<string>
  readonly headers: { readonly [name: string]: Redacted.Redacted<string> }
  readonly timeout: Duration.Duration
  readonly chunkMs: number
  readonly leastMs?: number | undefined
  readonly graceMs?: number | undefined
  readonly maxAge?: Duration.Duration | undefined
  readonly closed: (code: number, reason: string) => BackendError
  readonly talk: () => Talk
}

const MAX_EVENTS = 1_024
/** A question for which as many wait is one too many. */
const MAX_QUESTIONS = 64
/** Before a vendor's own end of a connection. */
const EXPIRY_MARGIN_MS = 30_000
/** As many may lie within the words of one turn. */
const MAX_FILLINGS = 64
const PAUSE_LOOK = "1 second"
/** Between two attempts to replace a connection. */
const FIRST_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 60_000
const FAREWELL = "1 second"
const op = "SpeechToText.connect"

interface Connection {
  readonly scope: Scope.Closeable
  readonly talk: Talk
  readonly send: (message: string | Uint8Array) => void
  /** Where its audio begins on the stream's timeline, in samples at 16 kHz. */
  base: number
  /** Samples that were sent on it. */
  sent: number
  /** Silence that nobody said, by its place on the vendor's clock. */
  readonly fillings: Array<{ readonly atMs: number; readonly ms: number }>
  readonly openedMs: number
  expiresMs: number
  sentMs: number
}

/**
 * Opens a stream that lives as long as its scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function*(
  options: HostedRecogniserOptions
): Effect.fn.Return<SpeechToTextStream, BackendError, Scope.Scope> {
  const { sampleRate, vendor } = options
  const parent = yield* Effect.scope
  const clock = yield* Clock.Clock
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const events = yield* Queue.bounded<TranscriptEvent, BackendError | Cause.Done>(MAX_EVENTS)
  yield* Effect.addFinalizer(() => Queue.shutdown(events))
  const run = yield* FiberSet.makeRuntime()
  const chunk = new Int16Array(Math.round(sampleRate * options.chunkMs / 1_000))
  const least = Math.min(chunk.length, Math.round(sampleRate * (options.leastMs ?? 0) / 1_000))
  let filled = 0
  /** Samples that were pushed, at the engine's rate. */
  let pushed = 0
  const questions: Array<number> = []
  let speaking = false
  let outstanding = false
  let dead = false
  let connection: Connection | undefined

  const fail = (error: BackendError): void => {
    if (dead) return
    dead = true
    Queue.failCauseUnsafe(events, Cause.fail(error))
  }
  const emit = (event: TranscriptEvent): void => {
    if (dead || Queue.offerUnsafe(events, event)) return
    fail(failed(vendor, "more words came than are taken", { reason: "overloaded" }))
  }
  const answer = (): void => {
    const id = questions.shift()
    if (id !== undefined) emit({ _tag: "Finalized", id })
  }
  const timeline = (ms: number, { base, fillings }: Connection) =>
    base +
    Math.round(
      fillings.reduce((left, { atMs, ms: filled }) => atMs < ms ? left - filled : left, ms) * TIMELINE_RATE / 1_000
    )

  const take = (heard: Heard, from: Connection): void => {
    switch (heard._tag) {
      case "Ready":
        return
      case "Interim":
        outstanding = heard.text !== ""
        return emit({ _tag: "Interim", text: heard.text })
      case "Final": {
        outstanding = false
        const { confidence, language, text, words } = heard
        if (text === "") return
        return emit({
          _tag: "Final",
          text,
          ...(confidence === undefined ? {} : { confidence }),
          ...(language === undefined ? {} : { language }),
          ...(words === undefined ? {} : {
            words: words.map((word) => ({
              text: word.text,
              startSample: timeline(word.startMs, from),
              endSample: timeline(word.endMs, from),
              ...(word.confidence === undefined ? {} : { confidence: word.confidence })
            }))
          })
        })
      }
      case "Finalized":
        outstanding = false
        return answer()
      case "EndOfTurn":
        return emit({
          _tag: "EndOfTurn",
          ...(heard.confidence === undefined ? {} : { confidence: heard.confidence })
        })
      case "Expires":
        from.expiresMs = Math.min(from.expiresMs, now() + heard.inMs - EXPIRY_MARGIN_MS)
        return
      case "Failed":
        return fail(heard.error)
    }
  }

  /** A connection that is ready for audio, in its scope. */
  const greet = Effect.fnUntraced(function*(scope: Scope.Closeable) {
    const talk = options.talk()
    const ready = yield* Deferred.make<void, BackendError>()
    let opened: Connection | undefined
    const send = yield* VendorSocket.connect({
      vendor,
      op,
      url: options.url,
      headers: options.headers,
      timeout: options.timeout,
      closed: options.closed
    }, {
      message: (text) => {
        for (const heard of talk.receive(text)) {
          if (heard._tag === "Ready") Deferred.doneUnsafe(ready, Effect.void)
          else if (heard._tag === "Failed") Deferred.doneUnsafe(ready, Effect.fail(heard.error))
          if (opened !== undefined && (connection === opened || heard._tag === "Expires")) take(heard, opened)
        }
      },
      closed: (error) => {
        Deferred.doneUnsafe(ready, Effect.fail(error))
        if (connection === opened && opened !== undefined) fail(error)
      }
    }).pipe(Scope.provide(scope))
    const at = now()
    opened = {
      scope,
      talk,
      send,
      base: 0,
      sent: 0,
      fillings: [],
      openedMs: at,
      expiresMs: options.maxAge === undefined ? Number.POSITIVE_INFINITY : at + Duration.toMillis(options.maxAge),
      sentMs: at
    }
    for (const message of talk.greeting ?? []) send(message)
    if (talk.speaksFirst === true) {
      yield* Deferred.await(ready).pipe(Effect.timeoutOrElse({
        duration: options.timeout,
        orElse: () =>
          Effect.fail(new ConnectionTimeout({ op, message: `${vendor} was not ready in time`, details: { vendor } }))
      }))
    }
    return opened
  })
  /** One in a scope of its own, which ends when it cannot be had; it is not the stream's yet. */
  const connect = Effect.flatMap(
    Scope.fork(parent),
    (scope) => Effect.onError(greet(scope), () => Scope.close(scope, Exit.void))
  )

  const part = (former: Connection): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (former.talk.farewell !== undefined) former.send(former.talk.farewell)
      return finalizeWithin(FAREWELL)(Scope.close(former.scope, Exit.void))
    }).pipe(Effect.asVoid)

  const first = yield* connect
  connection = first
  yield* Effect.addFinalizer(() => {
    dead = true
    const last = connection
    connection = undefined
    return last === undefined ? Effect.void : part(last)
  })

  const put = (message: string | Uint8Array): void => {
    const current = connection
    if (current === undefined || dead) return
    current.sentMs = now()
    current.send(message)
  }
  const flush = (): void => {
    if (filled === 0 || connection === undefined) return
    if (filled < least) {
      chunk.fill(0, filled, least)
      // the vendor's clock runs ahead of ours by what nobody said
      const ms = (least - filled) * 1_000 / sampleRate
      connection.fillings.push({ atMs: (connection.sent + filled) * 1_000 / sampleRate, ms })
      filled = least
      if (connection.fillings.length > MAX_FILLINGS) {
        const [oldest] = connection.fillings.splice(0, 1)
        connection.base -= Math.round((oldest?.ms ?? 0) * TIMELINE_RATE / 1_000)
      }
    }
    connection.sent += filled
    put(connection.talk.audio(chunk.subarray(0, filled)))
    filled = 0
  }

  const isPause = () => !speaking && !outstanding && questions.length === 0
  let failures = 0
  let againMs = 0
  /** Begins anew on a fresh connection; the former has nothing left to say. */
  const rotate = Effect.gen(function*() {
    const next = yield* connect
    const former = connection
    if (!isPause() || former === undefined || dead) return yield* part(next)
    flush()
    next.base = Math.round(pushed * TIMELINE_RATE / sampleRate)
    connection = next
    yield* part(former)
  }).pipe(
    Effect.andThen(Effect.sync(() => {
      failures = 0
    })),
    // the present one still works; a later look tries again
    Effect.catch((error) => {
      const asked = error.details?.["retryAfterMs"]
      const pauseMs = typeof asked === "number" ? asked : FIRST_PAUSE_MS * 2 ** Math.min(10, failures)
      failures++
      againMs = now() + Math.min(MAX_PAUSE_MS, pauseMs)
      return Effect.logDebug("a connection was not replaced", { vendor, code: error.code })
    })
  )
  yield* Effect.sleep(PAUSE_LOOK).pipe(
    Effect.andThen(Effect.suspend(() => {
      const current = connection
      if (current === undefined || dead) return Effect.void
      const { keepAlive } = current.talk
      if (keepAlive !== undefined && now() - current.sentMs >= Duration.toMillis(keepAlive.every)) {
        put(keepAlive.message)
      }
      return isPause() && now() >= Math.max(current.expiresMs, againMs) ? rotate : Effect.void
    })),
    Effect.forever,
    Effect.forkScoped
  )

  return {
    push: (pcm) => {
      pushed += pcm.length
      for (let at = 0; at < pcm.length;) {
        const taken = pcm.subarray(at, at + chunk.length - filled)
        chunk.set(taken, filled)
        filled += taken.length
        at += taken.length
        if (filled === chunk.length) flush()
      }
    },
    activity: ({ _tag }) => {
      speaking = _tag === "SpeechStarted"
    },
    finalize: (id) => {
      if (connection === undefined) return
      if (questions.length >= MAX_QUESTIONS) {
        return fail(failed(vendor, "questions are not answered", { reason: "overloaded" }))
      }
      flush()
      questions.push(id)
      put(connection.talk.finalize())
      if (options.graceMs === undefined) return
      run(
        Effect.sleep(options.graceMs).pipe(
          Effect.andThen(Effect.sync(() => {
            if (!outstanding && questions[0] === id) answer()
          }))
        )
      )
    },
    events: Stream.fromQueue(events)
  }
})
