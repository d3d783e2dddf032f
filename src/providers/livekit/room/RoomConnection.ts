/**
 * The session's connection to a user in a room: one attachment, from joining to leaving.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SessionEvent } from "../../../session/SessionEvent.ts"
import type { ConnectionClose, UserConnection } from "../../../session/UserConnection.ts"
import { Inbox, nextId } from "../../../transport/Inbox.ts"
import type { TextOutbox } from "../text/TextOutbox.ts"
import { INPUT_SAMPLE_RATE } from "./AgentRoom.ts"
import type { RoomFacts } from "./RoomFacts.ts"
import { type RoomVoice, VOICE_SAMPLE_RATE } from "./RoomVoice.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RoomConnectionOptions {
  readonly voice: RoomVoice
  readonly outbox: TextOutbox
  readonly facts: () => RoomFacts
  readonly onEvent: (event: SessionEvent) => void
  /** Called when the session has closed the connection and the last data was sent. */
  readonly closed: (reason: ConnectionClose) => Effect.Effect<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RoomConnection {
  readonly connection: UserConnection
  readonly inbox: Inbox
}

/** How much audio the network and the user's jitter buffer may still hold. */
const FLUSH_MS = 150

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ closed, facts, onEvent, outbox, voice }: RoomConnectionOptions): RoomConnection => {
  const inbox = new Inbox(INPUT_SAMPLE_RATE)
  const connection: UserConnection = {
    id: nextId("livekit"),
    transport: "webrtc",
    get facts() {
      return facts()
    },
    format: { input: { sampleRate: INPUT_SAMPLE_RATE }, output: { sampleRate: VOICE_SAMPLE_RATE } },
    listen: (listener) => inbox.listen(listener),
    send: (frame) => inbox.endReason === undefined && voice.send(frame),
    clear: () => voice.clear(),
    notify: (event) => {
      onEvent(event)
      if (inbox.endReason === undefined) outbox.send(event)
    },
    close: Effect.fnUntraced(function*(reason: ConnectionClose) {
      const wasOpen = inbox.endReason === undefined
      inbox.closed(reason)
      if (!wasOpen) return
      // the last audio and the last event are still sent
      if (reason === "session_ended") yield* Effect.sleep(Duration.millis(voice.backlogMs + FLUSH_MS))
      else voice.clear()
      yield* outbox.flushed
      yield* closed(reason)
    })
  }
  return { connection, inbox }
}
