/**
 * A hosted voice on a WebSocket, behind `TextToSpeech`: what its wire protocol (`TtsProtocol`) does not know of sessions.
 *
 * A session's socket is opened with the session and serves one sentence after another, in all its replies. One that is
 * too old, too long idle, or has no room left is replaced between two sentences. A socket that dies or falls silent
 * within a sentence is re-opened; the sentence is asked for again, and what was given of it is left out.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Pcm from "../../../audio/Pcm.ts"
import { type BackendError, ConnectionFailed, PipelineError } from "../../../BackendError.ts"
import { finalizeWithin } from "../../../Deadline.ts"
import type { TextToSpeechStream } from "../../../speech/TextToSpeech.ts"
import * as VendorSpan from "../../../telemetry/VendorSpan.ts"
import * as VendorSocket from "../../../wire/VendorSocket.ts"
import { errorOf } from "./TtsErrors.ts"
import type { TtsProtocol, VoiceEvent } from "./TtsProtocol.ts"
import * as TtsRetry from "./TtsRetry.ts"

/**
 * - `sampleRate`: of the PCM that the vendor sends, in Hz.
 * - `timeout`: how long a connection may take to open.
 * - `silence`: how long a sentence may go on without any message.
 * - `rotateAfter`, `idleAfter`: how old, and how long unused, a connection may be.
 * - `maxText`: what one request may hold, in characters; longer texts are asked for in pieces.
 * - `closed`: what a close code means.
 *
 * @category models
 * @since 0.1.0
 */
export interface TtsConnectionOptions {
  readonly vendor: string
  readonly sampleRate: number
  readonly url: Redacted.Redacted<string>
  readonly headers: { readonly [name: string]: Redacted.Redacted<string> }
  readonly timeout: Duration.Duration
  readonly silence: Duration.Duration
  readonly rotateAfter: Duration.Duration
  readonly idleAfter: Duration.Duration
  readonly maxText: number
  readonly closed?: ((code: number, reason: string) => BackendError | undefined) | undefined
  readonly wire: () => TtsProtocol
}

/** How much audio of a text may wait to be taken, in s. */
const MAX_WAITING_S = 300
const LOOK = "1 second"
/** The longest pause between attempts to open a socket that nobody waits for, in ms. */
const MAX_PAUSE_MS = 60_000
const CLOSE_WITHIN = "2 seconds"
const op = "TextToSpeech.speak"

/** One text that a connection is speaking. */
interface Text {
  readonly queue: Queue.Queue<TtsRetry.Heard, BackendError | Cause.Done>
  readonly pcm: Pcm.PcmReader
  /** Samples that nobody has taken. */
  waiting: number
  done: boolean
}

interface Connection {
  readonly scope: Scope.Closeable
  readonly wire: TtsProtocol
  readonly send: (message: string) => void
  readonly texts: Map<string, Text>
  readonly openedMs: number
  usedMs: number
  /** Nothing more is asked of it; closed with its last text. */
  retired: boolean
  requestId: string | undefined
}

/**
 * Opens a session's voice; its sockets live as long as the scope. Fails when the vendor cannot be reached or refuses.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function*(
  options: TtsConnectionOptions
): Effect.fn.Return<TextToSpeechStream, BackendError, Scope.Scope> {
  const { sampleRate, vendor } = options
  const parent = yield* Effect.scope
  const clock = yield* Clock.Clock
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const lock = Semaphore.makeUnsafe(1)
  let current: Connection | undefined
  let names = 0

  const run = yield* FiberSet.makeRuntime()
  const close = (connection: Connection): void => {
    run(finalizeWithin(CLOSE_WITHIN)(Scope.close(connection.scope, Exit.void)))
  }
  /** Nothing more is asked of it; it closes with its last text. */
  const retire = (connection: Connection): void => {
    connection.retired = true
    if (current === connection) current = undefined
    if (connection.texts.size === 0) close(connection)
  }
  const end = (connection: Connection, error: BackendError): void => {
    connection.retired = true
    if (current === connection) current = undefined
    for (const text of connection.texts.values()) Queue.failCauseUnsafe(text.queue, Cause.fail(error))
    connection.texts.clear()
    close(connection)
  }

  const take = (connection: Connection, event: VoiceEvent): void => {
    switch (event._tag) {
      case "Identified":
        connection.requestId = event.requestId
        return
      case "Faulted": {
        const error = errorOf(vendor, { requestId: connection.requestId, ...event.fault })
        if (event.context === undefined) return end(connection, error)
        const text = connection.texts.get(event.context)
        if (text === undefined) return
        text.done = true
        Queue.failCauseUnsafe(text.queue, Cause.fail(error))
        return
      }
      case "Audio": {
        const text = connection.texts.get(event.context)
        if (text === undefined) return
        // the reader keeps its buffer
        const pcm = text.pcm.push(event.bytes).slice()
        text.waiting += pcm.length
        if (text.waiting > MAX_WAITING_S * sampleRate) {
          const message = `${vendor} sent more audio than is taken`
          return end(connection, new PipelineError({ op, message, details: { vendor }, retryable: false }))
        }
        if (pcm.length > 0) Queue.offerUnsafe(text.queue, { pcm })
        return
      }
      case "Words": {
        const text = connection.texts.get(event.context)
        if (text !== undefined) Queue.offerUnsafe(text.queue, { words: event.words })
        return
      }
      case "Done": {
        const text = connection.texts.get(event.context)
        if (text === undefined) return
        text.done = true
        Queue.endUnsafe(text.queue)
      }
    }
  }

  const lost = (code: number, requestId: string | undefined): BackendError =>
    new ConnectionFailed({
      op,
      message: `${vendor} ended the connection`,
      details: { vendor, closeCode: code, ...(requestId === undefined ? {} : { requestId }) }
    })

  const greet = Effect.fnUntraced(function*(scope: Scope.Closeable) {
    const wire = options.wire()
    let connection: Connection | undefined
    // what comes before anything was asked: an id, or a refusal
    const early: Array<VoiceEvent> = []
    let over: BackendError | undefined
    const receive = (frame: string | Uint8Array) => {
      for (const event of wire.receive(frame)) {
        if (connection === undefined) early.push(event)
        else take(connection, event)
      }
    }
    const send = yield* VendorSocket.connect({
      vendor,
      op: "TextToSpeech.open",
      url: options.url,
      headers: options.headers,
      timeout: options.timeout,
      closed: (code, reason) => options.closed?.(code, reason) ?? lost(code, connection?.requestId)
    }, {
      message: receive,
      binary: receive,
      closed: (error) => {
        over = error
        if (connection !== undefined) end(connection, error)
      }
    }).pipe(Scope.provide(scope))
    connection = {
      scope,
      wire,
      send,
      texts: new Map(),
      openedMs: now(),
      usedMs: now(),
      retired: false,
      requestId: undefined
    }
    for (const event of early) take(connection, event)
    if (over !== undefined) return yield* Effect.fail(over)
    return connection
  })
  /** One in a scope of its own, which ends when it cannot be had. */
  const connect = Effect.flatMap(
    Scope.fork(parent),
    (scope) => Effect.onError(greet(scope), () => Scope.close(scope, Exit.void))
  )

  const isFit = (connection: Connection) =>
    !connection.retired && connection.wire.room(now()) &&
    now() - connection.openedMs < Duration.toMillis(options.rotateAfter) &&
    now() - connection.usedMs < Duration.toMillis(options.idleAfter)

  /** A connection that takes one more text: the session's, or a new one in its place. */
  const fit = lock.withPermit(Effect.suspend(() => {
    const former = current
    if (former !== undefined && isFit(former)) return Effect.succeed(former)
    return Effect.gen(function*() {
      const next = yield* connect
      if (former !== undefined) retire(former)
      return current = next
    })
  }))

  /** Asks for a text; the end of the scope stops it where it has not ended. */
  const ask = (text: string) =>
    Effect.acquireRelease(
      Effect.gen(function*() {
        const connection = yield* fit
        const queue = yield* Queue.unbounded<TtsRetry.Heard, BackendError | Cause.Done>()
        const context = `c${names++}`
        const asked: Text = { queue, pcm: new Pcm.PcmReader(), waiting: 0, done: false }
        connection.texts.set(context, asked)
        connection.usedMs = now()
        for (const message of connection.wire.speak(context, text, now())) connection.send(message)
        return { connection, context, text: asked }
      }),
      ({ connection, context, text }) =>
        Effect.suspend(() => {
          connection.texts.delete(context)
          connection.usedMs = now()
          if (!text.done) { for (const message of connection.wire.cancel(context)) connection.send(message) }
          if (connection.retired && connection.texts.size === 0) close(connection)
          return Queue.shutdown(text.queue)
        }),
      { interruptible: true }
    )

  const spanned = (text: string) =>
    Effect.flatMap(
      VendorSpan.scoped(vendor),
      (annotate) =>
        Effect.tap(ask(text), ({ connection }) => Effect.sync(() => annotate({ requestId: connection.requestId })))
    )

  const speech = (text: string): Stream.Stream<TtsRetry.Heard, BackendError> =>
    Stream.unwrap(Effect.map(spanned(text), ({ connection, text: asked }) =>
      Stream.fromQueue(asked.queue).pipe(
        TtsRetry.watched(vendor, options.silence),
        Stream.map((heard) => {
          asked.waiting -= heard.pcm?.length ?? 0
          return heard
        }),
        // a connection that lost one text is not trusted with another
        Stream.tapError((error) =>
          Effect.sync(() => {
            if (TtsRetry.isLoss(error)) end(connection, error)
          })
        )
      )))

  yield* fit
  let failures = 0
  let nextMs = 0
  // so that the next reply finds an open socket
  yield* Effect.sleep(LOOK).pipe(
    Effect.andThen(Effect.suspend(() => {
      const busy = current !== undefined && current.texts.size > 0
      if (busy || now() < nextMs || (current !== undefined && isFit(current))) return Effect.void
      return fit.pipe(
        Effect.andThen(Effect.sync(() => {
          failures = 0
        })),
        Effect.catch((error) =>
          Effect.sync(() => {
            nextMs = now() +
              (error.retryable ? Math.min(MAX_PAUSE_MS, 1_000 * 2 ** Math.min(10, failures++)) : MAX_PAUSE_MS)
          })
        )
      )
    })),
    Effect.forever,
    Effect.forkScoped
  )

  return TtsRetry.make({ sampleRate, maxText: options.maxText, ask: speech })
})
