/**
 * A call in a LiveKit room: the voices are tracks, events and messages are data.
 *
 * Any number of people may be in the room, with any number of tracks: each is heard. Events are taken from the agent only.
 * `livekit-client` reconnects by itself; a room that it gives up is a lost link, and joining it again is a new one.
 *
 * @since 0.1.0
 */
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import { abortError, sessionReplaced, throwIfAborted, VoiceClientError } from "../VoiceClientError.ts"
import type { CallContext } from "./CallContext.ts"
import type { CallMedia, Levels, Link, LinkHandlers, SessionTarget } from "./CallMedia.ts"
import type { LiveKitClient, LiveKitParticipant, LiveKitRoom, LiveKitTrack } from "./LiveKitClient.ts"
import { receiveEvents } from "./LiveKitEvents.ts"
import { LiveKitMicrophone } from "./LiveKitMicrophone.ts"
import { LiveKitSender } from "./LiveKitSender.ts"
import { Outbox } from "./Outbox.ts"
import type { PlaybackWatch } from "./PlaybackWatch.ts"
import { TrackAudio } from "./TrackAudio.ts"

/** How long the last messages may take to leave before the room is left. */
const FLUSH_MS = 250
/** How long the connection to the server may be away, while the voices go on, before the user is told. */
const SIGNAL_GRACE_MS = 4_000

/**
 * Loads `livekit-client`. Rejects with `unsupported_browser` where it is missing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeLiveKitMedia = async (options: {
  readonly context: CallContext
  readonly watch: PlaybackWatch
  readonly stream: MediaStream | undefined
  readonly load: (() => Promise<LiveKitClient>) | undefined
}): Promise<CallMedia> => {
  if (options.load === undefined) {
    throw new VoiceClientError(
      "unsupported_browser",
      "This server uses LiveKit: pass livekit: () => import(\"livekit-client\")."
    )
  }
  let livekit: LiveKitClient
  try {
    livekit = await options.load()
  } catch (cause) {
    throw new VoiceClientError("unsupported_browser", "livekit-client could not be loaded. Is it installed?", { cause })
  }
  return new LiveKitMedia(livekit, new TrackAudio(options.context, options.watch, options.stream))
}

class LiveKitMedia implements CallMedia {
  readonly #livekit: LiveKitClient
  readonly #audio: TrackAudio
  readonly #microphone: LiveKitMicrophone
  /** What one room did not get is sent in the next. */
  readonly #outbox = new Outbox()
  #room: LiveKitRoom | undefined

  constructor(livekit: LiveKitClient, audio: TrackAudio) {
    this.#livekit = livekit
    this.#audio = audio
    this.#microphone = new LiveKitMicrophone(livekit)
  }

  async attach(target: SessionTarget, handlers: LinkHandlers, signal: AbortSignal): Promise<Link> {
    const { DisconnectReason, Room, RoomEvent, Track } = this.#livekit
    const room = new Room({ stopLocalTrackOnUnpublish: false })
    const isAgent = this.#agentOf(room, target)
    let open = true
    const sender = new LiveKitSender({ livekit: this.#livekit, room, isAgent, outbox: this.#outbox })
    receiveEvents(this.#livekit, room, isAgent, (message) => {
      if (!open) return
      if (message.type === "session.started") sender.started()
      if (message.type === "pong") sender.reached()
      handlers.message(message)
    })
    // Those of a former room are gone with it.
    this.#audio.clear()
    room.on(
      RoomEvent.TrackSubscribed,
      ({ kind, mediaStreamTrack, sid }: LiveKitTrack, _publication: unknown, participant: LiveKitParticipant) => {
        if (!open || kind !== Track.Kind.Audio) return
        const stream = new MediaStream([mediaStreamTrack])
        this.#audio.play(sid ?? mediaStreamTrack.id, stream, () => isAgent(participant))
      }
    )
    room.on(RoomEvent.TrackUnsubscribed, ({ mediaStreamTrack, sid }: LiveKitTrack) => {
      if (open) this.#audio.remove(sid ?? mediaStreamTrack.id)
    })
    const stopWatching = this.#watch(room, handlers.interrupted)
    const leave = () => {
      open = false
      sender.close()
      stopWatching()
      if (this.#room === room) this.#room = undefined
      // Leaving at once would drop a `session.end` that was just sent. `false`: the call stops the microphone itself.
      setTimeout(() => void room.disconnect(false), FLUSH_MS)
    }
    room.on(RoomEvent.Disconnected, (reason?: number) => {
      if (!open) return
      open = false
      sender.close()
      stopWatching()
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
      await this.#audio.sendTrack(undefined, (track) => this.#microphone.send(room, track))
    } catch (cause) {
      leave()
      throw this.#errorOf(cause, signal)
    } finally {
      signal.removeEventListener("abort", onAbort)
    }
    throwIfAborted(signal)
    if (!open) throw new VoiceClientError("connection_failed", "The connection was lost while the call was set up.")
    this.#room = room
    return {
      send: (message) => {
        if (open) sender.send(message)
      },
      close: leave,
      // LiveKit's client does so by itself.
      probe: () => undefined
    }
  }

  onMessage(message: ServerMessage): void {
    this.#audio.onMessage(message)
  }

  setMicrophone(stream: MediaStream): Promise<void> {
    return this.#audio.changeMicrophone(stream, async (track) => {
      if (this.#room !== undefined) await this.#microphone.send(this.#room, track)
    })
  }

  setMuted(muted: boolean): void {
    this.#microphone.setMuted(muted, this.#room)
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

  /**
   * Whether a participant is the agent of the session: the one that the server named for it, or else, where it names one for
   * the room, any agent. Only a server's token makes an agent.
   */
  #agentOf(room: LiveKitRoom, target: SessionTarget): (participant: LiveKitParticipant) => boolean {
    const agent = this.#livekit.ParticipantKind.AGENT
    const own = `agent-${target.id}`
    return ({ identity, kind }) => kind === agent && (identity === own || !room.remoteParticipants.has(own))
  }

  /** Tells while LiveKit's client reconnects, until the returned function is called. */
  #watch(room: LiveKitRoom, interrupted: (isInterrupted: boolean) => void): () => void {
    const { RoomEvent } = this.#livekit
    let told = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const tell = (isInterrupted: boolean) => {
      clearTimeout(timer)
      timer = undefined
      if (told === isInterrupted) return
      told = isInterrupted
      interrupted(isInterrupted)
    }
    room.on(RoomEvent.SignalReconnecting, () => {
      timer ??= setTimeout(() => tell(true), SIGNAL_GRACE_MS)
    })
    room.on(RoomEvent.Reconnecting, () => tell(true))
    room.on(RoomEvent.Reconnected, () => tell(false))
    return () => clearTimeout(timer)
  }

  #errorOf(cause: unknown, signal: AbortSignal): VoiceClientError {
    if (signal.aborted) return abortError(signal, cause)
    if (cause instanceof VoiceClientError) return cause
    const refused = cause instanceof Error && "reason" in cause &&
      cause.reason === this.#livekit.ConnectionErrorReason.NotAllowed
    return refused
      ? new VoiceClientError("authentication_failed", "The LiveKit server rejected the session's token.", { cause })
      : new VoiceClientError("connection_failed", "The LiveKit room could not be joined.", { cause })
  }
}
