/**
 * A call in a LiveKit room: the voices are its tracks, the messages its data.
 *
 * `livekit-client` mends what it can of a bad network by itself; a room that it gives up is a lost link, and joining again
 * is another.
 *
 * @since 0.1.0
 */
import type * as LiveKit from "livekit-client"
import {
  type CallMedia,
  type Levels,
  type Link,
  type LinkHandlers,
  makeLevel,
  type SessionTarget
} from "./CallMedia.ts"
import { parseServerMessage, type ServerMessage } from "./ClientProtocol.ts"
import { RemoteVoice } from "./RemoteVoice.ts"
import { replaced, VoiceClientError } from "./VoiceClientError.ts"

/**
 * The package `livekit-client`.
 *
 * @category models
 * @since 0.1.0
 */
export type LiveKitClient = typeof LiveKit

/** What our messages are sent and received under. */
const TOPIC = "effect-voice"
/** How long the last messages may take to leave before the room is left. */
const FAREWELL_MS = 250

/**
 * Loads `livekit-client`. Rejects with `unsupported_browser` where it is not there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeLiveKitMedia = async (options: {
  readonly context: AudioContext
  readonly stream: MediaStream | undefined
  readonly load: (() => Promise<LiveKitClient>) | undefined
}): Promise<CallMedia> => {
  if (options.load === undefined) {
    throw new VoiceClientError(
      "unsupported_browser",
      "The server's users meet in LiveKit rooms: pass livekit: () => import(\"livekit-client\")."
    )
  }
  try {
    return new LiveKitMedia(options.context, options.stream, await options.load())
  } catch (cause) {
    throw new VoiceClientError("unsupported_browser", "livekit-client could not be loaded. Is it installed?", { cause })
  }
}

class LiveKitMedia implements CallMedia {
  readonly #context: AudioContext
  readonly #livekit: LiveKitClient
  readonly #user: ReturnType<typeof makeLevel>
  readonly #agent: RemoteVoice
  #stream: MediaStream | undefined
  #userSource: MediaStreamAudioSourceNode | undefined
  #room: LiveKit.Room | undefined

  constructor(context: AudioContext, stream: MediaStream | undefined, livekit: LiveKitClient) {
    this.#context = context
    this.#livekit = livekit
    this.#user = makeLevel(context)
    this.#agent = new RemoteVoice(context)
    if (stream !== undefined) this.#listenTo(stream)
  }

  async attach(target: SessionTarget, handlers: LinkHandlers, signal: AbortSignal): Promise<Link> {
    const { DisconnectReason, Room, RoomEvent, Track } = this.#livekit
    const room = new Room({ stopLocalTrackOnUnpublish: false })
    let open = true
    const receive = (text: string) => {
      const message = parseServerMessage(text)
      if (open && message !== undefined) handlers.message(message)
    }
    room.on(RoomEvent.DataReceived, (payload, _participant, _kind, topic) => {
      if (topic === TOPIC) receive(new TextDecoder().decode(payload))
    })
    // what is too large for a packet
    room.registerTextStreamHandler(TOPIC, (reader) => void reader.readAll().then(receive, () => undefined))
    room.on(RoomEvent.TrackSubscribed, ({ kind, mediaStreamTrack }) => {
      if (kind === Track.Kind.Audio) this.#agent.hear(new MediaStream([mediaStreamTrack]))
    })
    const leave = () => {
      open = false
      if (this.#room === room) this.#room = undefined
      // Leaving at once would drop a `session.end` that was just sent. The microphone is the call's.
      setTimeout(() => void room.disconnect(false), FAREWELL_MS)
    }
    room.on(RoomEvent.Disconnected, (reason) => {
      if (!open) return
      open = false
      if (this.#room === room) this.#room = undefined
      switch (reason) {
        case DisconnectReason.DUPLICATE_IDENTITY:
          return handlers.lost({ error: replaced() })
        case DisconnectReason.ROOM_DELETED:
        case DisconnectReason.PARTICIPANT_REMOVED:
          return handlers.lost({ closed: true })
        default:
          return handlers.lost({})
      }
    })
    const onAbort = () => leave()
    signal.addEventListener("abort", onAbort)
    try {
      if (signal.aborted) throw new VoiceClientError("aborted", "The call was cancelled.")
      await room.connect(target.connectionUrl ?? "", target.token, { autoSubscribe: true })
      const track = this.#stream?.getAudioTracks()[0]
      if (track !== undefined) {
        await room.localParticipant.publishTrack(track, { source: Track.Source.Microphone, name: "microphone" })
      }
    } catch (cause) {
      leave()
      throw this.#explain(cause, signal)
    } finally {
      signal.removeEventListener("abort", onAbort)
    }
    if (!open) throw new VoiceClientError("connection_failed", "The call broke off while it was set up.")
    this.#room = room
    return {
      send: (message) => {
        if (!open) return
        const text = JSON.stringify(message)
        // A stream takes texts of any length.
        void room.localParticipant.sendText(text, { topic: TOPIC }).catch(() => undefined)
      },
      close: leave
    }
  }

  onMessage(message: ServerMessage): void {
    this.#agent.onMessage(message)
  }

  async setMicrophone(stream: MediaStream): Promise<void> {
    this.#listenTo(stream)
    const room = this.#room
    const track = stream.getAudioTracks()[0]
    if (room === undefined || track === undefined) return
    const { Track } = this.#livekit
    const published = room.localParticipant.getTrackPublication(Track.Source.Microphone)?.track
    if (published === undefined) {
      await room.localParticipant.publishTrack(track, { source: Track.Source.Microphone, name: "microphone" })
    } else await published.replaceTrack(track, true)
  }

  async setOutputDevice(deviceId: string): Promise<void> {
    await this.#agent.setOutputDevice(deviceId)
  }

  levels(): Levels {
    return { user: this.#userSource === undefined ? 0 : this.#user.read(), agent: this.#agent.level }
  }

  close(): void {
    this.#room = undefined
    this.#userSource?.disconnect()
    this.#agent.close()
    if (this.#context.state !== "closed") void this.#context.close()
  }

  #listenTo(stream: MediaStream): void {
    this.#userSource?.disconnect()
    this.#stream = stream
    this.#userSource = this.#context.createMediaStreamSource(stream)
    this.#userSource.connect(this.#user.node)
  }

  #explain(cause: unknown, signal: AbortSignal): VoiceClientError {
    const { ConnectionError, ConnectionErrorReason } = this.#livekit
    if (signal.aborted) return new VoiceClientError("aborted", "The call was cancelled.", { cause })
    if (cause instanceof VoiceClientError) return cause
    return cause instanceof ConnectionError && cause.reason === ConnectionErrorReason.NotAllowed
      ? new VoiceClientError("authentication_failed", "The LiveKit server does not take the session's token.", {
        cause
      })
      : new VoiceClientError("connection_failed", "The LiveKit room could not be joined.", { cause })
  }
}
