/**
 * Sends text to a room, in order: events, transcriptions, the agent's state.
 *
 * At most 256 items wait; beyond that the oldest is dropped, which clients see by the events' sequence numbers. An item that
 * LiveKit rejects or does not take within 5 s is skipped, so that text never ends the call.
 *
 * @since 0.1.0
 */
import type { LocalParticipant, TextStreamWriter } from "@livekit/rtc-node"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { finalizeWithin } from "../../../Deadline.ts"
import type { SessionEvent } from "../../../session/SessionEvent.ts"
import * as Event from "../../../session/SessionEvent.ts"
import * as Transcription from "./Transcription.ts"

/**
 * The topic of events (out) and messages (in), as JSON in data packets, or in text streams if too large for a packet.
 *
 * @category constants
 * @since 0.1.0
 */
export const TOPIC = "effect-voice"

const MAX_WAITING = 256
/** LiveKit's limit for a packet is 15 KiB; larger ones are sent as a stream. */
const MAX_PACKET_BYTES = 14_336
const SEND_DEADLINE = "5 seconds"
const FLUSH_DEADLINE = "5 seconds"

/**
 * The used methods of a room.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextRoom {
  readonly localParticipant?:
    | Pick<LocalParticipant, "publishData" | "sendText" | "setAttributes" | "streamText">
    | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface TextOutboxOptions {
  /** The session's id, part of the segment ids. */
  readonly session: string
  readonly room: TextRoom
  /** The present identities that receive events. Transcriptions and state go to all participants. */
  readonly listeners: () => ReadonlyArray<string>
  /** The identity of the speaker in the user's transcripts. */
  readonly speaker: () => string | undefined
  /** The track ids with which clients match transcripts to voices. */
  readonly tracks: { readonly user: () => string | undefined; readonly agent: () => string | undefined }
}

/**
 * @category models
 * @since 0.1.0
 */
export interface TextOutbox {
  /** Queues an event, and its transcription for LiveKit's clients; never blocks. */
  readonly send: (event: SessionEvent) => void
  /** Ends when everything queued was sent, when the agent has left the room, or after 5 s. */
  readonly flushed: Effect.Effect<void>
}

type Job = SessionEvent | { readonly type: "flush"; readonly done: () => void }

/** The text with the space that separates it from the text before. */
const withSpace = (before: string, text: string): string =>
  before === "" || /\s$/.test(before) || /^[\s,.;:!?]/.test(text) ? text : ` ${text}`

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: TextOutboxOptions
): Effect.fn.Return<TextOutbox, never, Scope.Scope> {
  const { room, session } = options
  const queue = yield* Queue.sliding<Job>(MAX_WAITING)
  /** The agent's open segment and its text so far. */
  let openSegment: { readonly segment: string; readonly writer: TextStreamWriter; text: string } | undefined
  let state: Transcription.AgentState | undefined
  const run = yield* FiberSet.makeRuntime()

  const attempt = (send: () => Promise<unknown> | undefined) =>
    Effect.tryPromise(async () => {
      await send()
    }).pipe(Effect.timeoutOption(SEND_DEADLINE), Effect.ignore)

  const close = Effect.suspend(() => {
    const closing = openSegment
    openSegment = undefined
    return closing === undefined ? Effect.void : attempt(() => closing.writer.close())
  })

  const sendWhole = (step: Extract<Transcription.TranscriptionStep, { readonly _tag: "Whole" }>) =>
    attempt(() => {
      const isUser = step.speaker === "user"
      const sender = isUser ? options.speaker() : undefined
      const track = isUser ? options.tracks.user() : options.tracks.agent()
      return room.localParticipant?.streamText({
        topic: Transcription.TOPIC,
        attributes: Transcription.attributes(step.segment, step.final, track),
        ...(sender === undefined ? {} : { senderIdentity: sender })
      }).then(async (writer) => {
        await writer.write(step.text)
        await writer.close()
      })
    })

  const appendText = Effect.fnUntraced(function*(segment: string, text: string) {
    if (openSegment !== undefined && openSegment.segment !== segment) yield* close
    yield* attempt(async () => {
      if (openSegment === undefined) {
        const writer = await room.localParticipant?.streamText({
          topic: Transcription.TOPIC,
          attributes: Transcription.attributes(segment, false, options.tracks.agent())
        })
        if (writer === undefined) return
        openSegment = { segment, writer, text: "" }
      }
      const piece = withSpace(openSegment.text, text)
      openSegment.text += piece
      await openSegment.writer.write(piece)
    })
  })

  const runStep = (step: Transcription.TranscriptionStep): Effect.Effect<void> => {
    switch (step._tag) {
      case "Whole":
        return sendWhole(step)
      case "Append":
        return appendText(step.segment, step.text)
      case "Close":
        return close
      case "State":
        if (state === step.state) return Effect.void
        state = step.state
        // not awaited, because LiveKit does not always answer
        return Effect.sync(() => {
          run(attempt(() => room.localParticipant?.setAttributes({ [Transcription.STATE_ATTRIBUTE]: step.state })))
        })
    }
  }

  const deliver = Effect.fnUntraced(function*(event: SessionEvent) {
    const listeners = options.listeners()
    if (listeners.length > 0) {
      const text = Event.toJson(event)
      const data = Buffer.from(text)
      // packets keep their order; text streams do not
      yield* attempt(() =>
        data.length <= MAX_PACKET_BYTES
          ? room.localParticipant?.publishData(data, {
            topic: TOPIC,
            reliable: true,
            destination_identities: [...listeners]
          })
          : room.localParticipant?.sendText(text, { topic: TOPIC, destinationIdentities: [...listeners] })
      )
    }
    for (const step of Transcription.steps(session, event)) yield* runStep(step)
  })

  yield* Queue.take(queue).pipe(
    Effect.flatMap((job) => job.type === "flush" ? Effect.sync(job.done) : deliver(job)),
    Effect.forever,
    Effect.forkScoped
  )
  yield* Effect.addFinalizer(() => Queue.shutdown(queue))
  return {
    send: (event) => {
      Queue.offerUnsafe(queue, event)
    },
    flushed: Effect.callback<void>((resume) => {
      const isQueued = Queue.offerUnsafe(queue, { type: "flush", done: () => resume(Effect.void) })
      if (!isQueued) resume(Effect.void)
    }).pipe(finalizeWithin(FLUSH_DEADLINE), Effect.asVoid)
  }
})
