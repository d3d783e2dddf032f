/**
 * The connections of a hosted voice: the part of it that is the same for all vendors, around the codec (`TtsProtocol`).
 *
 * A session's socket is opened with the session and serves one sentence after another, in all its replies. One that is
 * too old, too long idle, or takes no more texts is replaced between two sentences. A socket that is lost fails the
 * sentences that it was speaking: it makes one attempt, and `ResilientTextToSpeech` another.
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
import { type BackendError, PipelineError } from "../../../BackendError.ts"
import { finalizeWithin } from "../../../Deadline.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"
import * as RetryPolicy from "../../../RetryPolicy.ts"
import * as VendorSpan from "../../../telemetry/VendorSpan.ts"
import * as VendorError from "../../../wire/VendorError.ts"
import * as VendorSocket from "../../../wire/VendorSocket.ts"
import { asked, type SpeakText, type SpeechPiece } from "./SpeechPieces.ts"
import type { TtsMessage, TtsProtocol } from "./TtsProtocol.ts"

/**
 * - `sampleRate`: of the PCM that the vendor sends, in Hz.
 * - `timeout`: how long a connection may take to open.
 * - `rotateAfter`, `idleAfter`: how old, and how long unused, a connection may be.
 * - `closeKinds`: what its close codes and reasons mean, where that is not a lost connection.
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
  readonly rotateAfter: Duration.Duration
  readonly idleAfter: Duration.Duration
  readonly closeKinds?: VendorError.CodeKinds | undefined
  readonly protocol: () => TtsProtocol
}

/** How much audio of a text may wait for its player, in s. */
const MAX_WAITING_S = 300
/** And how many pieces and timed words: pieces of 10 ms. */
const MAX_WAITING_PIECES = 32_768
/** How often the session's connection is checked between replies. */
const CHECK_EVERY = "1 second"
/** Between attempts to connect while no sentence waits for it. */
const reconnect: RetryPolicy.RetryPolicy = { delay: Duration.seconds(1), maxDelay: Duration.minutes(1) }
/** The pause after a refusal that another attempt is not likely to change. */
const HOPELESS_MS = 60_000
const CLOSE_WITHIN = "2 seconds"
const op = "TextToSpeech.speak"

const sizeOf = ({ words }: SpeechPiece): number => 1 + (words?.length ?? 0)

/** One text that a connection is speaking. */
interface Text {
  readonly queue: Queue.Queue<SpeechPiece, BackendError | Cause.Done>
  readonly pcm: Pcm.PcmReader
  /** Samples that wait in the queue, and pieces and timed words. */
  waiting: number
  waitingPieces: number
  done: boolean
}

interface Connection {
  readonly scope: Scope.Closeable
  readonly protocol: TtsProtocol
  readonly send: (message: string) => void
  readonly texts: Map<string, Text>
  readonly openedMs: number
  usedMs: number
  /** It gets no more texts, and is closed with its last. */
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
): Effect.fn.Return<SpeakText, BackendError, Scope.Scope> {
  const { sampleRate, vendor } = options
  const parent = yield* Effect.scope
  const clock = yield* Clock.Clock
  const now = () => MonotonicTime.nowMs(clock)
  const lock = Semaphore.makeUnsafe(1)
  let current: Connection | undefined
  let names = 0

  const run = yield* FiberSet.makeRuntime()
  const close = (connection: Connection): void => {
    run(finalizeWithin(CLOSE_WITHIN)(Scope.close(connection.scope, Exit.void)))
  }
  /** It gets no more texts, and is closed with its last. */
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

  /** Gives a piece to who reads the text; a vendor that is too far ahead of the player has failed. */
  const offer = (connection: Connection, text: Text, piece: SpeechPiece): void => {
    text.waiting += piece.pcm?.length ?? 0
    text.waitingPieces += sizeOf(piece)
    const ahead = text.waiting > MAX_WAITING_S * sampleRate
      ? `${MAX_WAITING_S} s of audio`
      : text.waitingPieces > MAX_WAITING_PIECES
      ? `${MAX_WAITING_PIECES} pieces`
      : undefined
    if (ahead === undefined) return void Queue.offerUnsafe(text.queue, piece)
    const message = `${vendor} sent more than ${ahead} ahead of playout`
    end(connection, new PipelineError({ op, message, details: { vendor }, retryable: false }))
  }

  const take = (connection: Connection, event: TtsMessage): void => {
    switch (event._tag) {
      case "Identified":
        connection.requestId = event.requestId
        return
      case "Failed": {
        const error = VendorError.toError(vendor, op, { requestId: connection.requestId, ...event.fault })
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
        return pcm.length > 0 ? offer(connection, text, { pcm }) : undefined
      }
      case "Words": {
        const text = connection.texts.get(event.context)
        return text === undefined ? undefined : offer(connection, text, { words: event.words })
      }
      case "Done": {
        const text = connection.texts.get(event.context)
        if (text === undefined) return
        text.done = true
        Queue.endUnsafe(text.queue)
      }
    }
  }

  const connectIn = Effect.fnUntraced(function*(scope: Scope.Closeable) {
    const protocol = options.protocol()
    let connection: Connection | undefined
    // messages that arrive together with the upgrade: an id, or a refusal
    const early: Array<TtsMessage> = []
    let lost: BackendError | undefined
    const receive = (frame: string | Uint8Array) => {
      for (const event of protocol.receive(frame)) {
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
      // the reason may repeat what was to be said, so it is not quoted
      closed: (code, reason) =>
        VendorError.fromClose(
          vendor,
          { op, code, reason, quote: false, requestId: connection?.requestId },
          options.closeKinds
        )
    }, {
      message: receive,
      binary: receive,
      closed: (error) => {
        lost = error
        if (connection !== undefined) end(connection, error)
      }
    }).pipe(Scope.provide(scope))
    connection = {
      scope,
      protocol,
      send,
      texts: new Map(),
      openedMs: now(),
      usedMs: now(),
      retired: false,
      requestId: undefined
    }
    for (const event of early) take(connection, event)
    if (lost !== undefined) return yield* lost
    return connection
  })
  /** A connection in a scope of its own, which ends when connecting fails. */
  const connect = Effect.flatMap(
    Scope.fork(parent),
    (scope) => Effect.onError(connectIn(scope), () => Scope.close(scope, Exit.void))
  )

  const isUsable = (connection: Connection) =>
    !connection.retired && connection.protocol.hasCapacity(now()) &&
    now() - connection.openedMs < Duration.toMillis(options.rotateAfter) &&
    now() - connection.usedMs < Duration.toMillis(options.idleAfter)

  /** A connection that takes one more text: the session's, or a new one in its place. */
  const usableConnection = lock.withPermit(Effect.suspend(() => {
    const former = current
    if (former !== undefined && isUsable(former)) return Effect.succeed(former)
    return Effect.gen(function*() {
      const next = yield* connect
      if (former !== undefined) retire(former)
      return current = next
    })
  }))

  /** Requests the speech of a text; closing the scope cancels it. */
  const request = (text: string) =>
    Effect.acquireRelease(
      Effect.gen(function*() {
        const connection = yield* usableConnection
        const queue = yield* Queue.unbounded<SpeechPiece, BackendError | Cause.Done>()
        const context = `c${names++}`
        const speech: Text = { queue, pcm: new Pcm.PcmReader(), waiting: 0, waitingPieces: 0, done: false }
        connection.texts.set(context, speech)
        connection.usedMs = now()
        for (const message of connection.protocol.speak(context, text, now())) connection.send(message)
        return { connection, context, text: speech }
      }),
      ({ connection, context, text }) =>
        Effect.suspend(() => {
          connection.texts.delete(context)
          connection.usedMs = now()
          if (!text.done) { for (const message of connection.protocol.cancel(context)) connection.send(message) }
          if (connection.retired && connection.texts.size === 0) close(connection)
          return Queue.shutdown(text.queue)
        }),
      { interruptible: true }
    )

  const requestWithSpan = (text: string) =>
    Effect.flatMap(
      VendorSpan.scoped(vendor),
      (annotate) =>
        Effect.tap(request(text), ({ connection }) => Effect.sync(() => annotate({ requestId: connection.requestId })))
    )

  const speak: SpeakText = (text) =>
    Stream.unwrap(
      Effect.map(requestWithSpan(text), ({ text: speech }) =>
        Stream.map(Stream.fromQueue(speech.queue), (piece) => {
          speech.waiting -= piece.pcm?.length ?? 0
          speech.waitingPieces -= sizeOf(piece)
          return piece
        }).pipe(asked))
    )

  yield* usableConnection
  let pauses: RetryPolicy.Pauses | undefined
  let retryAtMs = 0
  // so that the next reply finds an open socket
  yield* Effect.sleep(CHECK_EVERY).pipe(
    Effect.andThen(Effect.suspend(() => {
      const busy = current !== undefined && current.texts.size > 0
      if (busy || now() < retryAtMs || (current !== undefined && isUsable(current))) return Effect.void
      return usableConnection.pipe(
        Effect.andThen(Effect.sync(() => {
          pauses = undefined
        })),
        Effect.catch((error) =>
          Effect.gen(function*() {
            pauses ??= yield* RetryPolicy.start(reconnect)
            const pause = (yield* pauses(error)) ?? 0
            retryAtMs = now() + (error.retryable ? pause : Math.max(pause, HOPELESS_MS))
          })
        )
      )
    })),
    Effect.forever,
    Effect.forkScoped
  )

  return speak
})
