/**
 * The way of a recogniser's events to the session: on its timeline, within bounds, and none lost when the stream is replaced.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { ConnectionFailed } from "../../BackendError.ts"
import * as EngineFailure from "../EngineFailure.ts"
import type { SpeechToText, TranscriptEvent } from "../SpeechToText.ts"
import { TranscriptLimit } from "../TranscriptLimit.ts"
import type * as RecogniserStream from "./RecogniserStream.ts"
import type { SttSession } from "./SttSession.ts"

const onTimeline = (event: TranscriptEvent, base: number): TranscriptEvent =>
  event._tag !== "Final" || event.words === undefined || base === 0 ? event : {
    ...event,
    words: event.words.map((word) => ({
      ...word,
      startSample: word.startSample + base,
      endSample: word.endSample + base
    }))
  }

/**
 * Delivers an event of a stream to the session, and remembers what need not be heard again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const deliver = Effect.fnUntraced(function*(
  { out, replay, room }: SttSession,
  stream: RecogniserStream.RecogniserStream,
  received: TranscriptEvent
) {
  if (received._tag === "Finalized") {
    stream.due.delete(received.id)
    // answered before, or never asked
    if (!replay.pending.includes(received.id)) return
  }
  const event = onTimeline(received, stream.base)
  // delivered and cut off the replay in one synchronous step, so that an interruption finds both or neither
  while (!Queue.offerUnsafe(out, event)) {
    room.closeUnsafe()
    yield* room.await
  }
  if (event._tag === "Interim") replay.interim()
  if (event._tag === "Final") replay.final(event.words)
  if (event._tag === "Finalized") replay.finalized(event.id)
  if (event._tag === "EndOfTurn") replay.endOfTurn()
})

/**
 * Delivers a stream's events until it ends, which is a failure. `index` is the engine's place in the order of preference.
 *
 * @category running
 * @since 0.1.0
 */
export const receive = (
  session: SttSession,
  index: number,
  stream: RecogniserStream.RecogniserStream,
  { name }: SpeechToText["Service"],
  succeeded: Effect.Effect<void>,
  now: () => number
) => {
  // made with the first event: most sessions are idle
  let limit: TranscriptLimit | undefined
  return Stream.runForEach(stream.events, (event) => {
    stream.quietSince = now()
    limit ??= new TranscriptLimit(name)
    const fault = limit.fault(event, stream.quietSince)
    if (fault !== undefined) {
      // what it sent before does not show that it works
      stream.flooded = true
      return Effect.fail(fault)
    }
    stream.quietFrom = session.replay.position
    if (event._tag !== "Finalized") {
      session.silentStreams = 0
      session.language.worked(index)
    }
    const delivered = deliver(session, stream, event)
    if (stream.proved) return delivered
    stream.proved = true
    return Effect.andThen(delivered, succeeded)
  }).pipe(
    Effect.andThen(
      Effect.suspend(() =>
        Effect.fail(new ConnectionFailed({ op: "SpeechToText.events", message: `${name} ended its stream` }))
      )
    ),
    EngineFailure.caught("SpeechToText.events", name)
  )
}
