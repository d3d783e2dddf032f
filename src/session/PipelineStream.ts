/**
 * A session as a Stream: PCM in, speech and events out, over an in-memory connection.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { isSampleRate } from "../audio/AudioFormat.ts"
import * as Pcm from "../audio/Pcm.ts"
import { type BackendError, ConnectionFailed, InvalidConfig } from "../BackendError.ts"
import type { ConnectionListener, UserConnection } from "./UserConnection.ts"
import type { PipelineOutput, VoiceSession } from "./VoiceSession.ts"

/** Frames (of 20 ms) that wait for a slow reader before playout waits for it. */
const MAX_FRAMES = 100
/** Events that wait for a slow reader; beyond that the connection is closed. */
const MAX_WAITING = 2_048

let count = 0

/**
 * A connection that discards audio and events, for a session that a program feeds.
 *
 * @category constants
 * @since 0.1.0
 */
export const nullConnection: UserConnection = {
  id: "none",
  transport: "memory",
  format: { input: { sampleRate: 16_000 }, output: { sampleRate: 24_000 } },
  listen: () => {},
  send: () => true,
  clear: () => 0,
  notify: () => {},
  close: () => Effect.void
}

const tooSlow = () =>
  Cause.fail(
    new ConnectionFailed({
      op: "VoiceSession.pipeline",
      message: "the reader is too slow: the connection was closed",
      details: { reason: "too_slow" }
    })
  )

/**
 * Runs a session over a stream of PCM bytes. Ending the input drains the session; interrupting the result
 * interrupts the agent and detaches. Once another connection has replaced this one, neither touches the session, and the
 * result ends. A reader that is too slow gets what waits for it, and then `connection_failed`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E, R>(
  session: VoiceSession,
  source: Stream.Stream<Uint8Array, E, R>,
  options: {
    readonly inputSampleRate: number
    readonly outputSampleRate: number
    /** Waits while the input is too far ahead of the engines. */
    readonly inputCapacity: Effect.Effect<void>
    readonly inputEnded: () => void
    /** Whether it is the session's present connection. */
    readonly isAttached: (connection: UserConnection) => boolean
  }
): Stream.Stream<PipelineOutput, BackendError | E, R> =>
  Stream.unwrap(Effect.gen(function*() {
    for (const rate of [options.inputSampleRate, options.outputSampleRate]) {
      if (!isSampleRate(rate)) {
        return yield* new InvalidConfig({
          op: "VoiceSession.pipeline",
          message: `unsupported sample rate: ${rate} Hz`
        })
      }
    }
    const out = yield* Queue.bounded<PipelineOutput, E | BackendError | Cause.Done>(MAX_WAITING)
    let listener: ConnectionListener | undefined
    let turn = 0
    const connection: UserConnection = {
      id: `pipeline-${++count}`,
      transport: "memory",
      format: {
        input: { sampleRate: options.inputSampleRate },
        output: { sampleRate: options.outputSampleRate }
      },
      listen: (next) => {
        listener = next
      },
      send: (frame) =>
        Queue.sizeUnsafe(out) < MAX_FRAMES &&
        Queue.offerUnsafe(out, { _tag: "Audio", turn, pcm: Pcm.fromInt16(frame).slice() }),
      clear: () => 0,
      notify: (event) => {
        if ("turn" in event && event.type !== "user.transcript") turn = event.turn
        if (Queue.offerUnsafe(out, { _tag: "Event", event })) return
        Queue.failCauseUnsafe(out, tooSlow())
        listener?.closed("reader too slow")
      },
      close: (reason) => Effect.asVoid(reason === "too_slow" ? Queue.failCause(out, tooSlow()) : Queue.end(out))
    }
    const isAttached = () => options.isAttached(connection)
    yield* session.attach(connection)
    const reader = new Pcm.PcmReader()
    // in pieces of 100 ms, because a whole recording may come at once
    const piece = Math.ceil(options.inputSampleRate / 10)
    const feed = Effect.fnUntraced(function*(bytes: Uint8Array) {
      const pcm = reader.push(bytes)
      for (let at = 0; at < pcm.length; at += piece) {
        listener?.audio(pcm.subarray(at, at + piece))
        yield* options.inputCapacity
      }
    })
    yield* source.pipe(
      Stream.runForEach(feed),
      Effect.andThen(Effect.sync(() => isAttached() ? options.inputEnded() : undefined)),
      Effect.catchCause((cause) => Queue.failCause(out, cause)),
      Effect.forkScoped
    )
    // without a reader the reply is interrupted
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() =>
        isAttached()
          ? session.interrupt({ force: true }).pipe(
            Effect.ignore,
            Effect.andThen(Effect.sync(() => listener?.closed("reader gone")))
          )
          : Effect.void
      )
    )
    return Stream.fromQueue(out)
  })).pipe(Stream.scoped)
