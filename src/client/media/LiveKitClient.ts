/**
 * As much of the package `livekit-client` as a call uses: pages without LiveKit need neither the package nor its types.
 *
 * @since 0.1.0
 */

/**
 * A participant of a room.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveKitParticipant {
  readonly identity: string
  readonly kind: number
}

/**
 * A track of a participant.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveKitTrack {
  readonly kind: string
  readonly sid?: string | undefined
  readonly mediaStreamTrack: MediaStreamTrack
}

/**
 * The user's own microphone in a room.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveKitLocalTrack {
  readonly isMuted: boolean
  readonly mediaStreamTrack: MediaStreamTrack
  /** Sends another track from now on. */
  replaceTrack(track: MediaStreamTrack, userProvidedTrack?: boolean): Promise<unknown>
  /** Stops the sound of it. */
  mute(): Promise<unknown>
  /** Lets its sound through again. */
  unmute(): Promise<unknown>
}

/**
 * The user in a room.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveKitLocalParticipant {
  /** Offers a track to the room. */
  publishTrack(
    track: LiveKitLocalTrack | MediaStreamTrack,
    options?: { readonly source?: string; readonly name?: string }
  ): Promise<unknown>
  /** What the user has published of a source, such as `microphone`. */
  getTrackPublication(source: string): { readonly track?: LiveKitLocalTrack | undefined } | undefined
  /** Sends a text stream to the room. */
  sendText(text: string, options?: { readonly topic?: string }): Promise<unknown>
}

/**
 * A room. `on` takes the listeners that `livekit-client` documents for each event.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveKitRoom {
  /** `connected`, or another state while the client reconnects by itself. */
  readonly state: string
  readonly localParticipant: LiveKitLocalParticipant
  readonly remoteParticipants: ReadonlyMap<string, LiveKitParticipant>
  /** Adds a listener of an event. */
  on(event: string, listener: (...args: never) => void): unknown
  /** Receives the text streams of a topic. */
  registerTextStreamHandler(
    topic: string,
    handler: (reader: AsyncIterable<string>, participant: { readonly identity: string }) => void
  ): void
  /** Joins the room that the token names. */
  connect(url: string, token: string, options?: { readonly autoSubscribe?: boolean }): Promise<void>
  /** Leaves the room. */
  disconnect(stopTracks?: boolean): Promise<void>
}

/**
 * The package `livekit-client`, as `import("livekit-client")` gives it.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveKitClient {
  readonly Room: new(options?: { readonly stopLocalTrackOnUnpublish?: boolean }) => LiveKitRoom
  readonly LocalAudioTrack: new(
    track: MediaStreamTrack,
    constraints: undefined,
    userProvidedTrack: boolean
  ) => LiveKitLocalTrack
  readonly RoomEvent: {
    readonly DataReceived: string
    readonly TrackSubscribed: string
    readonly TrackUnsubscribed: string
    readonly ParticipantConnected: string
    readonly SignalReconnecting: string
    readonly Reconnecting: string
    readonly Reconnected: string
    readonly Disconnected: string
  }
  readonly ConnectionState: { readonly Connected: string }
  readonly Track: { readonly Kind: { readonly Audio: string }; readonly Source: { readonly Microphone: string } }
  readonly ParticipantKind: { readonly AGENT: number }
  readonly DisconnectReason: {
    readonly DUPLICATE_IDENTITY: number
    readonly ROOM_DELETED: number
    readonly PARTICIPANT_REMOVED: number
  }
  readonly ConnectionErrorReason: { readonly NotAllowed: number }
}
