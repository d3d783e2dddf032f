/**
 * The connections of a hosted recogniser: the part of it that is the same for all vendors, around the codec (`SttProtocol`).
 *
 * One socket serves a stream: audio goes out in pieces, `finalize` requests are answered in their order, an idle connection
 * is kept alive, and one that grows too old is replaced in a pause, while the user is silent and no answer is awaited. A
 * lost socket fails the stream: it makes one attempt. `ResilientSpeechToText` opens another and replays the utterance.
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
import { type BackendError, PipelineError } from "../../../BackendError.ts"
import { connectDeadline, finalizeWithin } from "../../../Deadline.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"
import * as RetryPolicy from "../../../RetryPolicy.ts"
import type { SpeechToTextStream, TranscriptEvent } from "../../../speech/SpeechToText.ts"
import { MAX_TEXT, tooMuch } from "../../../speech/TranscriptLimit.ts"
import * as VendorError from "../../../wire/VendorError.ts"
import * as VendorSocket from "../../../wire/VendorSocket.ts"
import { AudioChunker } from "./AudioChunker.ts"
import type { SttMessage, SttProtocol } from "./SttProtocol.ts"
import { VendorTimeline } from "./VendorTimeline.ts"

/**
 * - `sampleRate`: of the audio, in Hz. `chunkMs`: how much of it makes a message.
 * - `minChunkMs`: a vendor that refuses shorter messages gets one that is filled up with silence. Default: any length.
 * - `emptyAnswerMs`: after so long a `finalize` counts as answered without words, for a vendor that says nothing about
 *   silence; unless interim words are outstanding. Less than the engine's `finalizeTimeout`. Default: it answers always.
 * - `maxAge`: the age at which a connection is replaced in a pause. Default: never.
 * - `closeKinds`: what its close codes mean, where that is not a lost connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface SttConnectionOptions {
  readonly vendor: string
  readonly sampleRate: number
  readonly url: Redacted.Redacted<string>
  readonly headers: { readonly [name: string]: Redacted.Redacted<string> }
  readonly timeout: Duration.Duration
  readonly chunkMs: number
  readonly minChunkMs?: number | undefined
  readonly emptyAnswerMs?: number | undefined
  readonly maxAge?: Duration.Duration | undefined
  readonly closeKinds?: VendorError.CodeKinds | undefined
  readonly protocol: () => SttProtocol
}

const MAX_EVENTS = 1_024
/** The `finalize` requests that may wait for an answer. */
const MAX_REQUESTS = 64
/** A connection is replaced so long before the vendor ends it. */
const EXPIRY_MARGIN_MS = 30_000
/**
 * A vendor that tells the end in Unix time seems to end every connection at once when the machine's wall clock is far ahead;
 * such a connection lasts this long.
 */
const LEAST_LIFE_MS = 60_000
/** How often a connection is checked for its age and for being idle. */
const CHECK_EVERY = "1 second"
const CLOSE_WITHIN = "1 second"
/** Between attempts to replace a connection that still works. */
const replacement: RetryPolicy.RetryPolicy = { delay: Duration.seconds(1), maxDelay: Duration.minutes(1) }

const connecting = "SpeechToText.connect"
const receiving = "SpeechToText.events"

interface Connection {
  readonly scope: Scope.Closeable
  readonly protocol: SttProtocol
  readonly send: (message: string | Uint8Array) => void
  readonly timeline: VendorTimeline
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
  options: SttConnectionOptions
): Effect.fn.Return<SpeechToTextStream, BackendError, Scope.Scope> {
  const { sampleRate, vendor } = options
  const parent = yield* Effect.scope
  const clock = yield* Clock.Clock
  const now = () => MonotonicTime.nowMs(clock)
  const events = yield* Queue.bounded<TranscriptEvent, BackendError | Cause.Done>(MAX_EVENTS)
  yield* Effect.addFinalizer(() => Queue.shutdown(events))
  const run = yield* FiberSet.makeRuntime()
  const chunker = new AudioChunker(sampleRate, options.chunkMs, options.minChunkMs)
  /** Samples that were pushed, at the engine's rate. */
  let pushed = 0
  const requests: Array<number> = []
  let userSpeaking = false
  let interimOutstanding = false
  let failed = false
  let connection: Connection | undefined

  const fail = (error: BackendError): void => {
    if (failed) return
    failed = true
    Queue.failCauseUnsafe(events, Cause.fail(error))
  }
  const overloaded = (message: string): void =>
    fail(
      new PipelineError({
        op: receiving,
        message: `${vendor}: ${message}`,
        details: { vendor, reason: "overloaded" },
        retryable: true
      })
    )
  const emit = (event: TranscriptEvent): void => {
    if ("text" in event && event.text.length > MAX_TEXT) {
      return fail(tooMuch(receiving, vendor, `a transcript of more than ${MAX_TEXT} characters`))
    }
    if (!failed && !Queue.offerUnsafe(events, event)) overloaded(`event queue is full (${MAX_EVENTS})`)
  }
  const answer = (): void => {
    const id = requests.shift()
    if (id !== undefined) emit({ _tag: "Finalized", id })
  }

  const take = (message: SttMessage, from: Connection): void => {
    switch (message._tag) {
      case "Ready":
        return
      case "Interim":
        interimOutstanding = message.text !== ""
        return emit({ _tag: "Interim", text: message.text })
      case "Final":
        interimOutstanding = false
        return message.text === "" ? undefined : emit(from.timeline.transcript(message))
      case "Finalized":
        interimOutstanding = false
        return answer()
      case "EndOfTurn":
        return emit({
          _tag: "EndOfTurn",
          ...(message.confidence === undefined ? {} : { confidence: message.confidence })
        })
      case "Expires": {
        const leftMs = message.inMs - EXPIRY_MARGIN_MS
        from.expiresMs = Math.min(from.expiresMs, now() + (leftMs > 0 ? leftMs : LEAST_LIFE_MS))
        return
      }
      case "Failed":
        return fail(VendorError.toError(vendor, receiving, message.fault))
    }
  }

  /** A connection that is ready for audio, in its scope. */
  const connectIn = Effect.fnUntraced(function*(scope: Scope.Closeable) {
    const protocol = options.protocol()
    const ready = yield* Deferred.make<void, BackendError>()
    let opened: Connection | undefined
    const send = yield* VendorSocket.connect({
      vendor,
      op: connecting,
      url: options.url,
      headers: options.headers,
      timeout: options.timeout,
      closed: (code, reason) => VendorError.fromClose(vendor, { op: connecting, code, reason }, options.closeKinds)
    }, {
      message: (text) => {
        for (const message of protocol.receive(text)) {
          if (message._tag === "Ready") Deferred.doneUnsafe(ready, Effect.void)
          else if (message._tag === "Failed") {
            Deferred.doneUnsafe(ready, Effect.fail(VendorError.toError(vendor, connecting, message.fault)))
          }
          if (opened !== undefined && (connection === opened || message._tag === "Expires")) take(message, opened)
        }
      },
      closed: (error) => {
        Deferred.doneUnsafe(ready, Effect.fail(error))
        if (connection === opened && opened !== undefined) fail(error)
      }
    }).pipe(Scope.provide(scope))
    const openedMs = now()
    opened = {
      scope,
      protocol,
      send,
      timeline: new VendorTimeline(sampleRate),
      expiresMs: options.maxAge === undefined
        ? Number.POSITIVE_INFINITY
        : openedMs + Duration.toMillis(options.maxAge),
      sentMs: openedMs
    }
    for (const message of protocol.openMessages ?? []) send(message)
    if (protocol.waitsForReady === true) {
      yield* Deferred.await(ready).pipe(
        connectDeadline(connecting, `waiting for ${vendor} to be ready`, options.timeout, undefined, { vendor })
      )
    }
    return opened
  })
  /** A connection in a scope of its own, which ends when connecting fails; it is not the stream's yet. */
  const connect = Effect.flatMap(
    Scope.fork(parent),
    (scope) => Effect.onError(connectIn(scope), () => Scope.close(scope, Exit.void))
  )
  const close = ({ protocol, scope, send }: Connection): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (protocol.closeMessage !== undefined) send(protocol.closeMessage)
      return finalizeWithin(CLOSE_WITHIN)(Scope.close(scope, Exit.void))
    }).pipe(Effect.asVoid)

  connection = yield* connect
  yield* Effect.addFinalizer(() => {
    failed = true
    const last = connection
    connection = undefined
    return last === undefined ? Effect.void : close(last)
  })

  const send = (message: string | Uint8Array): void => {
    if (connection === undefined || failed) return
    connection.sentMs = now()
    connection.send(message)
  }
  const sendAudio = (piece: Int16Array, padding = 0): void => {
    if (connection === undefined) return
    connection.timeline.sent(piece.length, padding)
    send(connection.protocol.audio(piece))
  }
  const flush = (): void => {
    const rest = chunker.flush()
    if (rest !== undefined) sendAudio(rest.piece, rest.padding)
  }

  const isPause = () => !userSpeaking && !interimOutstanding && requests.length === 0
  let pauses: RetryPolicy.Pauses | undefined
  let retryAtMs = 0
  /** Goes on with a fresh connection; the former has nothing left to answer. */
  const replace = Effect.gen(function*() {
    const next = yield* connect
    const former = connection
    pauses = undefined
    if (!isPause() || former === undefined || failed) return yield* close(next)
    flush()
    next.timeline.begin(pushed)
    connection = next
    yield* close(former)
  }).pipe(
    // the present connection still works, so the stream goes on with it until a later attempt
    Effect.catch((error) =>
      Effect.gen(function*() {
        pauses ??= yield* RetryPolicy.start(replacement)
        retryAtMs = now() + ((yield* pauses(error)) ?? 0)
        yield* Effect.logDebug("replacing a connection failed; will retry", { vendor, code: error.code })
      })
    )
  )
  yield* Effect.sleep(CHECK_EVERY).pipe(
    Effect.andThen(Effect.suspend(() => {
      const current = connection
      if (current === undefined || failed) return Effect.void
      const { keepAlive } = current.protocol
      if (keepAlive !== undefined && now() - current.sentMs >= Duration.toMillis(keepAlive.every)) {
        send(keepAlive.message)
      }
      return isPause() && now() >= Math.max(current.expiresMs, retryAtMs) ? replace : Effect.void
    })),
    Effect.forever,
    Effect.forkScoped
  )

  return {
    push: (pcm) => {
      pushed += pcm.length
      chunker.push(pcm, sendAudio)
    },
    activity: ({ _tag }) => {
      userSpeaking = _tag === "SpeechStarted"
    },
    finalize: (id) => {
      if (connection === undefined) return
      if (requests.length >= MAX_REQUESTS) return overloaded(`${MAX_REQUESTS} finalize requests are unanswered`)
      flush()
      requests.push(id)
      send(connection.protocol.finalize())
      if (options.emptyAnswerMs === undefined) return
      run(
        Effect.sleep(options.emptyAnswerMs).pipe(
          Effect.andThen(Effect.sync(() => {
            if (!interimOutstanding && requests[0] === id) answer()
          }))
        )
      )
    },
    events: Stream.fromQueue(events)
  }
})
