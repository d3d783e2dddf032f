/**
 * What goes to a room as text, one thing after the other: events, transcriptions, the agent's state.
 *
 * At most 256 things wait; of more the oldest is dropped, as events tell by their numbers. A thing that LiveKit does not
 * take within 5 s, or refuses, is left out: text is never worth the call.
 *
 * @since 0.1.0
 */
import type { LocalParticipant, TextStreamWriter } from "@livekit/rtc-node"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { finalizeWithin } from "../../Deadline.ts"
import type { SessionEvent } from "../../session/SessionEvent.ts"
import * as Event from "../../session/SessionEvent.ts"
import * as Transcription from "./Transcription.ts"

/**
 * The topic of our own data packets and, for what is too large for one, text streams: events as JSON out, messages as JSON
 * in.
 *
 * @category constants
 * @since 0.1.0
 */
export const TOPIC = "effect-voice"

const MAX_WAITING = 256
/** LiveKit takes packets of 15 KiB; what is larger goes as a stream. */
const MAX_PACKET_BYTES = 14_336
const SEND_DEADLINE = "5 seconds"
const FLUSH_DEADLINE = "5 seconds"

/**
 * What is used of a room.
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
  /** The session, whose id makes the names of segments. */
  readonly session: string
  readonly room: TextRoom
  /** Who gets events: the users' identities, now. Transcriptions and state are for all. */
  readonly listeners: () => ReadonlyArray<string>
  /** Whose words transcripts of the user are. */
  readonly speaker: () => string | undefined
  /** The ids of tracks, for the clients to match words to voices. */
  readonly tracks: { readonly user: () => string | undefined; readonly agent: () => string | undefined }
}

/**
 * @category models
 * @since 0.1.0
 */
export interface TextOutbox {
  /** Puts an event, and what it means to LiveKit's clients, in line; never blocks. */
  readonly send: (event: SessionEvent) => void
  /** Ends when all that is in line has gone out, the room has been left, or 5 s are over. */
  readonly flushed: Effect.Effect<void>
}

type Job = SessionEvent | { readonly type: "flush"; readonly done: () => void }

/** What stands between two texts of one speech. */
const glue = (before: string, text: string): string =>
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
  /** The agent's segment that grows, with what it holds. */
  let growing: { readonly segment: string; readonly writer: TextStreamWriter; text: string } | undefined
  let state: Transcription.AgentState | undefined
  const run = yield* FiberSet.makeRuntime()

  const attempt = (send: () => Promise<unknown> | undefined) =>
    Effect.tryPromise(async () => {
      await send()
    }).pipe(Effect.timeoutOption(SEND_DEADLINE), Effect.ignore)

  const close = Effect.suspend(() => {
    const open = growing
    growing = undefined
    return open === undefined ? Effect.void : attempt(() => open.writer.close())
  })

  const whole = (step: Extract<Transcription.TranscriptionStep, { readonly _tag: "Whole" }>) =>
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

  const grow = Effect.fnUntraced(function*(segment: string, text: string) {
    if (growing !== undefined && growing.segment !== segment) yield* close
    yield* attempt(async () => {
      if (growing === undefined) {
        const writer = await room.localParticipant?.streamText({
          topic: Transcription.TOPIC,
          attributes: Transcription.attributes(segment, false, options.tracks.agent())
        })
        if (writer === undefined) return
        growing = { segment, writer, text: "" }
      }
      const piece = glue(growing.text, text)
      growing.text += piece
      await growing.writer.write(piece)
    })
  })

  const take = (step: Transcription.TranscriptionStep): Effect.Effect<void> => {
    switch (step._tag) {
      case "Whole":
        return whole(step)
      case "Grow":
        return grow(step.segment, step.text)
      case "Close":
        return close
      case "State":
        if (state === step.state) return Effect.void
        state = step.state
        // LiveKit does not always answer to this: nothing waits for it
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
      // packets keep their order, which streams of text do not
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
    for (const step of Transcription.steps(session, event)) yield* take(step)
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
      const waits = Queue.offerUnsafe(queue, { type: "flush", done: () => resume(Effect.void) })
      if (!waits) resume(Effect.void)
    }).pipe(finalizeWithin(FLUSH_DEADLINE), Effect.asVoid)
  }
})
