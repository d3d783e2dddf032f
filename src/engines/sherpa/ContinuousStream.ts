/**
 * One session's stream of a model that hears continuously: sends its audio to the process of the model, and delivers what that
 * reports.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type BackendError, PipelineError } from "../../BackendError.ts"
import type { SpeechToTextStream, TranscriptEvent } from "../../speech/SpeechToText.ts"
import type { Reply } from "./process/ChildProtocol.ts"
import type { Channel, SherpaProcess } from "./process/SherpaProcess.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface ContinuousStreamOptions {
  readonly engine: string
  readonly process: SherpaProcess
  /** The language of its transcripts, BCP 47, where it is known. */
  readonly language: string | undefined
  readonly interim: boolean
}

/** Audio is sent in pieces of 100 ms. */
const BATCH = 1_600
/** The most audio that the process may be behind, 30 s. */
const MAX_BEHIND = 30 * 16_000
const MAX_EVENTS = 256

/**
 * Opens a stream that lives as long as its scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { engine, interim, language, process }: ContinuousStreamOptions
): Effect.fn.Return<SpeechToTextStream, BackendError, Scope.Scope> {
  const events = yield* Queue.bounded<TranscriptEvent, BackendError | Cause.Done>(MAX_EVENTS)
  yield* Effect.addFinalizer(() => Queue.shutdown(events))
  let dead = false
  let behind = 0
  let filled = 0
  const batch = new Int16Array(BATCH)

  const fail = (error: BackendError): void => {
    if (dead) return
    dead = true
    Queue.failCauseUnsafe(events, Cause.fail(error))
  }

  const overloaded = (message: string): void =>
    fail(
      new PipelineError({
        op: "SpeechToText.push",
        message: `${engine} ${message}`,
        details: { engine, reason: "overloaded" },
        retryable: true
      })
    )

  /** Of words and answers; they must not be lost. */
  const deliver = (event: TranscriptEvent): void => {
    if (!dead && !Queue.offerUnsafe(events, event)) overloaded("has more events than are taken from it")
  }

  const onReply = (reply: Reply | PipelineError): void => {
    if (reply instanceof PipelineError) return fail(reply)
    switch (reply.type) {
      case "heard":
        behind -= reply.samples
        break
      case "interim":
        if (interim && !dead) Queue.offerUnsafe(events, { _tag: "Interim", text: reply.text })
        break
      case "final":
        deliver({ _tag: "Final", text: reply.text, ...(language === undefined ? {} : { language }) })
        break
      case "endOfTurn":
        deliver({ _tag: "EndOfTurn" })
        break
      case "finalized":
        deliver({ _tag: "Finalized", id: reply.mark })
        break
      default:
        break
    }
  }

  const channel: Channel = yield* Effect.acquireRelease(process.open(onReply), (open) =>
    Effect.sync(() => {
      open.send({ type: "close", id: open.id })
      open.close()
    }))
  const { id } = channel
  channel.send({ type: "open", id })

  const flush = (): void => {
    if (filled === 0 || dead) return
    behind += filled
    if (behind > MAX_BEHIND) return overloaded("cannot keep up with the audio")
    channel.send({ type: "audio", id, pcm: batch.slice(0, filled) })
    filled = 0
  }

  return {
    push: (pcm) => {
      for (let at = 0; !dead && at < pcm.length;) {
        const part = pcm.subarray(at, at + BATCH - filled)
        batch.set(part, filled)
        filled += part.length
        at += part.length
        if (filled === BATCH) flush()
      }
    },
    activity: () => {},
    finalize: (mark) => {
      if (dead) return
      flush()
      channel.send({ type: "finalize", id, mark })
    },
    events: Stream.fromQueue(events)
  }
})
