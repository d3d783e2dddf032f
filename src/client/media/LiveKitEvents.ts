/**
 * The events that an agent sends in a LiveKit room: in data packets, or in text streams where they are too large for one.
 *
 * @since 0.1.0
 */
import { MAX_EVENT_LENGTH, parseServerMessage, type ServerMessage } from "../protocol/ClientProtocol.ts"
import { LIVEKIT_TOPIC } from "../protocol/WireProtocol.ts"
import type { LiveKitClient, LiveKitParticipant, LiveKitRoom } from "./LiveKitClient.ts"

/** Streams that are read at the same time; further ones are left out. */
const MAX_READERS = 64
/** How long a stream may take: as long as the server gives those of the user. */
const READ_DEADLINE_MS = 10_000

const collect = async (parts: AsyncIterator<string>): Promise<string | undefined> => {
  let text = ""
  for (;;) {
    const { done, value } = await parts.next()
    if (done === true) return text
    text += value
    if (text.length > MAX_EVENT_LENGTH) return undefined
  }
}

/** The text of a stream; `undefined` when it is longer than any event, or does not end in time. */
const readText = (reader: AsyncIterable<string>): Promise<string | undefined> => {
  const parts = reader[Symbol.asyncIterator]()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), READ_DEADLINE_MS)
  })
  return Promise.race([collect(parts), late]).finally(() => {
    clearTimeout(timer)
    parts.return?.().catch(() => undefined)
  })
}

/**
 * Takes the events of a room from its agent, for as long as the room is joined. Call it before that.
 *
 * @category constructors
 * @since 0.1.0
 */
export const receiveEvents = (
  { RoomEvent }: LiveKitClient,
  room: LiveKitRoom,
  isAgent: (participant: LiveKitParticipant) => boolean,
  onMessage: (message: ServerMessage) => void
): void => {
  /** Data may come before its sender is announced, so an unknown sender counts as the agent until that is there. */
  const fromAgent = (participant: LiveKitParticipant | undefined) =>
    participant === undefined
      ? !Array.from(room.remoteParticipants.values()).some(isAgent)
      : isAgent(participant)
  const receive = (text: string | undefined) => {
    const message = text === undefined ? undefined : parseServerMessage(text)
    if (message !== undefined) onMessage(message)
  }
  room.on(
    RoomEvent.DataReceived,
    (payload: Uint8Array, participant: LiveKitParticipant | undefined, _kind: unknown, topic?: string) => {
      if (topic === LIVEKIT_TOPIC && fromAgent(participant)) receive(new TextDecoder().decode(payload))
    }
  )
  let readers = 0
  room.registerTextStreamHandler(LIVEKIT_TOPIC, (reader, { identity }) => {
    if (readers >= MAX_READERS || !fromAgent(room.remoteParticipants.get(identity))) return
    readers++
    void readText(reader).then(receive, () => undefined).finally(() => readers--)
  })
}
