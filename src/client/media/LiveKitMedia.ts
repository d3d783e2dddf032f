/**
 * A call in a LiveKit room: the voices are tracks, events and messages are data.
 *
 * `livekit-client` reconnects by itself; a room that it gives up is a lost link, and joining it again is a new one.
 *
 * @since 0.1.0
 */
import type * as LiveKit from "livekit-client"
import { parseServerMessage, type ServerMessage } from "../protocol/ClientProtocol.ts"
import { LIVEKIT_TOPIC } from "../protocol/WireProtocol.ts"
import { sessionReplaced, throwIfAborted, VoiceClientError } from "../VoiceClientError.ts"
import type { CallMedia, Levels, Link, LinkHandlers, SessionTarget } from "./CallMedia.ts"
import { TrackAudio } from "./TrackAudio.ts"

/**
 * The package `livekit-client`.
 *
 * @category models
 * @since 0.1.0
 */
export type LiveKitClient = typeof LiveKit

/** How long the last messages may take to leave before the room is left. */
const FLUSH_MS = 250

/**
 * Loads `livekit-client`. Rejects with `unsupported_browser` where it is missing.
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
      "This server uses LiveKit: pass livekit: () => import(\"livekit-client\")."
    )
  }
  try {
    return new LiveKitMedia(options.context, options.stream, await options.load())
  } catch (cause) {
    throw new VoiceClientError("unsupported_browser", "livekit-client could not be loaded. Is it installed?", { cause })
  }
}

class LiveKitMedia implements CallMedia {
  readonly #livekit: LiveKitClient
  readonly #audio: TrackAudio
  #room: LiveKit.Room | undefined

  constructor(context: AudioContext, stream: MediaStream | undefined, livekit: LiveKitClient) {
    this.#livekit = livekit
    this.#audio = new TrackAudio(context, stream)
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
      if (topic === LIVEKIT_TOPIC) receive(new TextDecoder().decode(payload))
    })
    // Messages that are too large for a data packet come as text streams.
    room.registerTextStreamHandler(LIVEKIT_TOPIC, (reader) => void reader.readAll().then(receive, () => undefined))
    room.on(RoomEvent.TrackSubscribed, ({ kind, mediaStreamTrack }) => {
      if (kind === Track.Kind.Audio) this.#audio.play(new MediaStream([mediaStreamTrack]))
    })
    const leave = () => {
      open = false
      if (this.#room === room) this.#room = undefined
      // Leaving at once would drop a `session.end` that was just sent. `false`: the call stops the microphone itself.
      setTimeout(() => void room.disconnect(false), FLUSH_MS)
    }
    room.on(RoomEvent.Disconnected, (reason) => {
      if (!open) return
      open = false
      if (this.#room === room) this.#room = undefined
      switch (reason) {
        case DisconnectReason.DUPLICATE_IDENTITY:
          return handlers.lost({ error: sessionReplaced() })
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
      throwIfAborted(signal)
      await room.connect(target.connectionUrl ?? "", target.token, { autoSubscribe: true })
      const { track } = this.#audio
      if (track !== undefined) {
        await room.localParticipant.publishTrack(track, { source: Track.Source.Microphone, name: "microphone" })
      }
    } catch (cause) {
      leave()
      throw this.#errorOf(cause, signal)
    } finally {
      signal.removeEventListener("abort", onAbort)
    }
    if (!open) throw new VoiceClientError("connection_failed", "The connection was lost while the call was set up.")
    this.#room = room
    return {
      send: (message) => {
        if (!open) return
        const text = JSON.stringify(message)
        void room.localParticipant.sendText(text, { topic: LIVEKIT_TOPIC }).catch(() => undefined)
      },
      close: leave
    }
  }

  onMessage(message: ServerMessage): void {
    this.#audio.onMessage(message)
  }

  setMicrophone(stream: MediaStream): Promise<void> {
    return this.#audio.changeMicrophone(stream, async (track) => {
      const room = this.#room
      if (room === undefined || track === undefined) return
      const { Track } = this.#livekit
      const published = room.localParticipant.getTrackPublication(Track.Source.Microphone)?.track
      if (published === undefined) {
        await room.localParticipant.publishTrack(track, { source: Track.Source.Microphone, name: "microphone" })
      } else await published.replaceTrack(track, true)
    })
  }

  setOutputDevice(deviceId: string): Promise<void> {
    return this.#audio.setOutputDevice(deviceId)
  }

  levels(): Levels {
    return this.#audio.levels()
  }

  close(): void {
    this.#room = undefined
    this.#audio.close()
  }

  #errorOf(cause: unknown, signal: AbortSignal): VoiceClientError {
    const { ConnectionError, ConnectionErrorReason } = this.#livekit
    if (signal.aborted) return new VoiceClientError("aborted", "The call was cancelled.", { cause })
    if (cause instanceof VoiceClientError) return cause
    return cause instanceof ConnectionError && cause.reason === ConnectionErrorReason.NotAllowed
      ? new VoiceClientError("authentication_failed", "The LiveKit server rejected the session's token.", {
        cause
      })
      : new VoiceClientError("connection_failed", "The LiveKit room could not be joined.", { cause })
  }
}
