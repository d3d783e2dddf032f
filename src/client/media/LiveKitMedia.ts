/**
 * A call in a LiveKit room: the voices are tracks, events and messages are data.
 *
 * Any number of people may be in the room, with any number of tracks: each is heard. Events are taken from the agent only.
 * `livekit-client` reconnects by itself; a room that it gives up is a lost link, and joining it again is a new one.
 *
 * @since 0.1.0
 */
import { MAX_EVENT_LENGTH, parseServerMessage, type ServerMessage } from "../protocol/ClientProtocol.ts"
import { type ClientMessage, LIVEKIT_TOPIC } from "../protocol/WireProtocol.ts"
import { abortError, sessionReplaced, throwIfAborted, VoiceClientError } from "../VoiceClientError.ts"
import type { CallContext } from "./CallContext.ts"
import type { CallMedia, Levels, Link, LinkHandlers, SessionTarget } from "./CallMedia.ts"
import type {
  LiveKitClient,
  LiveKitLocalTrack,
  LiveKitParticipant,
  LiveKitRoom,
  LiveKitTrack
} from "./LiveKitClient.ts"
import { Outbox } from "./Outbox.ts"
import type { PlaybackWatch } from "./PlaybackWatch.ts"
import { TrackAudio } from "./TrackAudio.ts"

/** How long the last messages may take to leave before the room is left. */
const FLUSH_MS = 250
/** How often, and how many times, an agent that has begun to serve the user is asked whether it gets what is sent. */
const PING_MS = 500
const MAX_PINGS = 20
/** How long the connection to the server may be away, while the voices go on, before the user is told. */
const SIGNAL_GRACE_MS = 4_000
/** Messages that are read at the same time; further ones are left out. */
const MAX_READERS = 64

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

/** The text of a stream; `undefined` when it is longer than any event. */
const readText = async (reader: AsyncIterable<string>): Promise<string | undefined> => {
  let text = ""
  for await (const chunk of reader) {
    text += chunk
    if (text.length > MAX_EVENT_LENGTH) return undefined
  }
  return text
}

class LiveKitMedia implements CallMedia {
  readonly #livekit: LiveKitClient
  readonly #audio: TrackAudio
  #room: LiveKitRoom | undefined
  #muted = false

  constructor(livekit: LiveKitClient, audio: TrackAudio) {
    this.#livekit = livekit
    this.#audio = audio
  }

  async attach(target: SessionTarget, handlers: LinkHandlers, signal: AbortSignal): Promise<Link> {
    const { DisconnectReason, Room, RoomEvent, Track } = this.#livekit
    const room = new Room({ stopLocalTrackOnUnpublish: false })
    const isAgent = this.#agentOf(room, target)
    let open = true
    const sender = this.#sender(room, isAgent)
    this.#receive(room, isAgent, (message) => {
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
      await this.#audio.sendTrack(undefined, (track) => this.#send(room, track))
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
      if (this.#room !== undefined) await this.#send(this.#room, track)
    })
  }

  setMuted(muted: boolean): void {
    this.#muted = muted
    // It enables and disables its tracks itself, whatever they were.
    const published = this.#room?.localParticipant.getTrackPublication(this.#livekit.Track.Source.Microphone)?.track
    if (published !== undefined) void this.#mute(published).catch(() => undefined)
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

  #receive(
    room: LiveKitRoom,
    isAgent: (participant: LiveKitParticipant) => boolean,
    onMessage: (message: ServerMessage) => void
  ): void {
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
      this.#livekit.RoomEvent.DataReceived,
      (payload: Uint8Array, participant: LiveKitParticipant | undefined, _kind: unknown, topic?: string) => {
        if (topic === LIVEKIT_TOPIC && fromAgent(participant)) receive(new TextDecoder().decode(payload))
      }
    )
    // Messages that are too large for a data packet come as text streams.
    let readers = 0
    room.registerTextStreamHandler(LIVEKIT_TOPIC, (reader, { identity }) => {
      if (readers >= MAX_READERS || !fromAgent(room.remoteParticipants.get(identity))) return
      readers++
      void readText(reader).then(receive, () => undefined).finally(() => readers--)
    })
  }

  /**
   * Sends messages to the agent. While LiveKit's client reconnects, and until the agent serves the user again, they wait:
   * nobody would get them. `started` is to be called when the agent begins to serve the user; it does so again with whoever
   * joins again, and then LiveKit's client has other objects for the participants, too. LiveKit loses what is sent in the
   * first moments after either has joined: the messages wait until the agent has answered a ping, when `reached` is to be
   * called, or has not within 10 s.
   */
  #sender(
    room: LiveKitRoom,
    isAgent: (participant: LiveKitParticipant) => boolean
  ): {
    readonly send: (message: ClientMessage) => void
    readonly started: () => void
    readonly reached: () => void
    readonly close: () => void
  } {
    const { ConnectionState, RoomEvent } = this.#livekit
    const outbox = new Outbox()
    let hasStarted = false
    let serving: LiveKitParticipant | undefined
    let isReached = false
    let pings = 0
    let timer: ReturnType<typeof setTimeout> | undefined
    const post = (message: ClientMessage) =>
      void room.localParticipant.sendText(JSON.stringify(message), { topic: LIVEKIT_TOPIC }).catch(() => undefined)
    const ping = () => {
      if (timer !== undefined) return
      pings++
      post({ type: "ping" })
      timer = setTimeout(() => {
        timer = undefined
        flush()
      }, PING_MS)
    }
    const flush = () => {
      const agent = Array.from(room.remoteParticipants.values()).find(isAgent)
      if (room.state !== ConnectionState.Connected || agent === undefined) return
      if (hasStarted) {
        serving = agent
        isReached = false
        pings = 0
      }
      hasStarted = false
      if (serving !== agent) return
      if (!isReached && pings < MAX_PINGS) return ping()
      for (const message of outbox.take()) post(message)
    }
    room.on(RoomEvent.Reconnected, flush)
    room.on(RoomEvent.ParticipantConnected, flush)
    return {
      send: (message) => {
        outbox.add(message)
        // The room is left a moment later.
        if (message.type === "session.end") isReached = true
        flush()
      },
      started: () => {
        hasStarted = true
        flush()
      },
      reached: () => {
        if (isReached) return
        isReached = true
        clearTimeout(timer)
        timer = undefined
        flush()
      },
      close: () => clearTimeout(timer)
    }
  }

  /** Sends this track instead of the former; muted from the start, if the user is. */
  async #send(room: LiveKitRoom, track: MediaStreamTrack | undefined): Promise<void> {
    if (track === undefined) return
    const { LocalAudioTrack, Track } = this.#livekit
    const source = Track.Source.Microphone
    const published = room.localParticipant.getTrackPublication(source)?.track
    if (published !== undefined) {
      await published.replaceTrack(track, true)
      // LiveKit's client mutes a microphone that was unplugged, and would keep its successor muted.
      return await this.#mute(published)
    }
    // `true`: the track is the call's, to be stopped by it.
    const local = new LocalAudioTrack(track, undefined, true)
    await this.#mute(local)
    await room.localParticipant.publishTrack(local, { source, name: "microphone" })
    await this.#mute(local)
  }

  /** LiveKit's client mutes a little later; meanwhile the user may have chosen otherwise. */
  async #mute(track: LiveKitLocalTrack): Promise<void> {
    while (track.isMuted !== this.#muted) await (this.#muted ? track.mute() : track.unmute())
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
