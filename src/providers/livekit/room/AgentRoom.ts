/**
 * The agent as a participant of a room: joins it, subscribes to the users' voices, and publishes its own.
 *
 * @since 0.1.0
 */
import type { DisconnectReason, RemoteParticipant, RemoteTrackPublication, Room, Track } from "@livekit/rtc-node"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionTimeout } from "../../../BackendError.ts"
import { finalizeWithin } from "../../../Deadline.ts"
import * as LiveKitErrors from "../LiveKitErrors.ts"
import type { LiveKitPackages } from "../LiveKitPackages.ts"
import { ParticipantVoices } from "./ParticipantVoices.ts"
import { QUEUE_MS, RoomVoice, VOICE_SAMPLE_RATE } from "./RoomVoice.ts"

/**
 * The sample rate of the users' voices, in Hz: LiveKit resamples to the 16 kHz of speech recognition.
 *
 * @category constants
 * @since 0.1.0
 */
export const INPUT_SAMPLE_RATE = 16_000

/**
 * How the agent's stay in a room ended.
 *
 * - `closed`: for good: the room was deleted, or the agent was removed from it.
 * - `replaced`: another participant with the same identity has joined: another process has taken the session over.
 * - `lost`: the connection to the server is lost; the room can be joined again.
 *
 * @category models
 * @since 0.1.0
 */
export type RoomEnd = "closed" | "replaced" | "lost"

/**
 * Callbacks of a room. All are synchronous; audio is only valid during the call.
 *
 * @category models
 * @since 0.1.0
 */
export interface RoomListener {
  /** A participant has joined or left. */
  readonly participantsChanged: () => void
  readonly participantLeft: (identity: string, ofOwnAccord: boolean) => void
  /** A participant's voice: 20 ms of mono PCM at 16 kHz. */
  readonly audio: (identity: string, pcm: Int16Array) => void
  /** The last voice of a participant who stays has ended. */
  readonly voiceEnded: (identity: string) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface AgentRoomOptions {
  readonly packages: LiveKitPackages
  readonly url: string
  readonly token: string
  readonly timeout: Duration.Duration
  readonly listener: RoomListener
  /** Whether to subscribe to a participant's voice. */
  readonly acceptsAudio: (identity: string) => boolean
  /** Called with the room before it is joined, so that no event is missed. */
  readonly prepare: (room: Room) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface AgentRoom {
  readonly room: Room
  readonly voice: RoomVoice
  /** The participants that can be users: neither agents nor egress (recorders). */
  readonly participants: () => ReadonlyArray<RemoteParticipant>
  readonly agents: () => ReadonlyArray<RemoteParticipant>
  /** Ends when all published voices are received, or after 1 s. */
  readonly voicesReceived: Effect.Effect<void>
  /** The id of a participant's audio track, the heard one of several. */
  readonly trackOf: (identity: string) => string | undefined
  readonly ownTrack: () => string | undefined
  readonly ended: Effect.Effect<RoomEnd>
}

const op = "LiveKitProvider.join"
const LEAVE_DEADLINE = "2 seconds"
const RESUBSCRIBE_DELAY = "100 millis"
/** How long a published voice may take to be received. */
const RECEIVE_DEADLINE = "1 second"
/** LiveKit drops a larger text without a word: far above what `TextInbox` takes, which can then say so. */
const MAX_STREAM_BYTES = 1_048_576
/** How many voices of one participant are received: microphones before other tracks, then those with sound, then the newest. */
const MAX_VOICES = 4

const endOf = (reasons: typeof DisconnectReason, reason: DisconnectReason): RoomEnd => {
  switch (reason) {
    case reasons.DUPLICATE_IDENTITY:
      return "replaced"
    case reasons.ROOM_DELETED:
    case reasons.ROOM_CLOSED:
    case reasons.PARTICIPANT_REMOVED:
    case reasons.CLIENT_INITIATED:
      return "closed"
    default:
      return "lost"
  }
}

/**
 * Joins a room for as long as the scope. Fails `authentication_failed`, `connection_failed`, or `connection_timeout` if
 * the server answers but no media path is found.
 *
 * @category constructors
 * @since 0.1.0
 */
export const join = Effect.fnUntraced(function*(
  options: AgentRoomOptions
): Effect.fn.Return<AgentRoom, BackendError, Scope.Scope> {
  const { acceptsAudio, listener, packages: { rtc }, url } = options
  const ended = yield* Deferred.make<RoomEnd>()
  const readers = yield* FiberMap.make<string>()
  const startReader = yield* FiberMap.runtime(readers)()
  const voices = new ParticipantVoices()
  const received = Latch.makeUnsafe(false)

  const room = yield* Effect.acquireRelease(
    Effect.sync(() => new rtc.Room()),
    (room) =>
      Effect.promise(() => room.disconnect().catch(() => {})).pipe(
        finalizeWithin(LEAVE_DEADLINE),
        Effect.ensuring(Effect.sync(() => room.removeAllListeners()))
      )
  )
  yield* options.prepare(room)

  const isUser = ({ kind }: RemoteParticipant) =>
    kind !== rtc.ParticipantKind.AGENT && kind !== rtc.ParticipantKind.EGRESS
  const isVoice = ({ kind, source }: RemoteTrackPublication) =>
    kind === rtc.TrackKind.KIND_AUDIO &&
    (source === rtc.TrackSource.SOURCE_MICROPHONE || source === rtc.TrackSource.SOURCE_UNKNOWN)
  const rank = ({ muted, source }: RemoteTrackPublication) =>
    (source === rtc.TrackSource.SOURCE_MICROPHONE ? 2 : 0) + (muted === true ? 0 : 1)
  /** Subscribes to the accepted voices only, so that LiveKit does not send video as well. */
  const subscribe = () => {
    for (const participant of room.remoteParticipants.values()) {
      if (!isUser(participant) || !acceptsAudio(participant.identity)) continue
      const published = Array.from(participant.trackPublications.values()).filter(isVoice)
        .sort((a, b) => rank(a) - rank(b))
      for (const [i, publication] of published.entries()) {
        const isReceived = i >= published.length - MAX_VOICES
        if (publication.subscribed !== isReceived) publication.setSubscribed(isReceived)
      }
    }
  }

  const isReceived = (person: RemoteParticipant): boolean =>
    !isUser(person) || !acceptsAudio(person.identity) || voices.has(person.identity) ||
    !Array.from(person.trackPublications.values()).some(isVoice)
  const allReceived: Effect.Effect<void> = Effect.suspend(() => {
    if (Array.from(room.remoteParticipants.values()).every(isReceived)) return Effect.void
    received.closeUnsafe()
    return Effect.andThen(received.await, allReceived)
  })

  /** Reads a voice continuously, because LiveKit's own queue is unbounded. */
  const readVoice = (track: Track, identity: string, sid: string) =>
    Effect.tryPromise(async (signal) => {
      const stream = new rtc.AudioStream(track, { sampleRate: INPUT_SAMPLE_RATE, numChannels: 1, frameSizeMs: 20 })
      const reader = stream.getReader()
      signal.addEventListener("abort", () => void reader.cancel().catch(() => {}))
      while (true) {
        const { done, value } = await reader.read()
        if (done) return
        // also ignores audio that arrives after the voice has ended
        if (voices.hears(identity, sid, value.data)) listener.audio(identity, value.data)
      }
    })

  const endVoice = (identity: string, sid: string) => {
    if (voices.remove(identity, sid)) listener.voiceEnded(identity)
  }

  room.on("participantConnected", () => listener.participantsChanged())
  room.on("participantDisconnected", (person) => {
    voices.removeAll(person.identity)
    listener.participantLeft(
      person.identity,
      // removed by a moderator, they do not come back either
      person.disconnectReason === rtc.DisconnectReason.CLIENT_INITIATED ||
        person.disconnectReason === rtc.DisconnectReason.PARTICIPANT_REMOVED
    )
    listener.participantsChanged()
  })
  room.on("trackPublished", subscribe)
  room.on("trackUnmuted", subscribe)
  room.on("trackSubscribed", (track, publication, { identity }) => {
    const { sid } = publication
    if (sid === undefined || !isVoice(publication)) return
    voices.add(identity, sid)
    received.openUnsafe()
    const ended = Effect.sync(() => endVoice(identity, sid))
    startReader(
      sid,
      Effect.matchEffect(readVoice(track, identity, sid), {
        onSuccess: () => ended,
        // under load, LiveKit may give a track that it has already released: subscribe once more
        onFailure: () =>
          Effect.sync(() => publication.setSubscribed(false)).pipe(
            Effect.andThen(ended),
            Effect.andThen(Effect.sleep(RESUBSCRIBE_DELAY)),
            Effect.andThen(Effect.sync(() => publication.setSubscribed(true))),
            Effect.ignore
          )
      })
    )
  })
  room.on("trackUnsubscribed", (_track, { sid }, { identity }) => {
    if (sid !== undefined) endVoice(identity, sid)
  })
  room.on("trackUnpublished", ({ sid }, person) => {
    if (sid !== undefined) endVoice(person.identity, sid)
    // of those that are left, one may have been beyond the limit
    subscribe()
  })
  room.on("disconnected", (reason) => {
    voice.isOpen = false
    Deferred.doneUnsafe(ended, Effect.succeed(endOf(rtc.DisconnectReason, reason)))
  })
  room.on("reconnecting", () => {
    voice.isOpen = false
  })
  room.on("reconnected", () => {
    voice.isOpen = true
    subscribe()
    listener.participantsChanged()
  })

  const source = yield* Effect.acquireRelease(
    Effect.sync(() => new rtc.AudioSource(VOICE_SAMPLE_RATE, 1, QUEUE_MS)),
    (source) => finalizeWithin(LEAVE_DEADLINE)(Effect.promise(() => source.close().catch(() => {})))
  )
  const voice = new RoomVoice(
    source,
    (samples) => new rtc.AudioFrame(samples, VOICE_SAMPLE_RATE, 1, samples.length),
    () => Deferred.doneUnsafe(ended, Effect.succeed("lost"))
  )

  const publication = yield* Effect.tryPromise({
    try: async (signal) => {
      await room.connect(url, options.token, {
        autoSubscribe: false,
        dynacast: false,
        dataStream: { maxPayloadByteLength: MAX_STREAM_BYTES }
      })
      // a join cannot be aborted: leave the room if the caller was interrupted meanwhile
      if (signal.aborted) return await room.disconnect()
      const publish = new rtc.TrackPublishOptions({ source: rtc.TrackSource.SOURCE_MICROPHONE })
      return await room.localParticipant?.publishTrack(rtc.LocalAudioTrack.createAudioTrack("agent", source), publish)
    },
    catch: LiveKitErrors.fromJoin(op, url)
  }).pipe(Effect.timeoutOrElse({
    duration: options.timeout,
    orElse: () =>
      Effect.fail(
        new ConnectionTimeout({
          op,
          message: `joining the LiveKit room timed out after ${Duration.format(options.timeout)}`,
          details: { vendor: "livekit", server: url }
        })
      )
  }))
  subscribe()

  return {
    room,
    voice,
    participants: () => Array.from(room.remoteParticipants.values()).filter(isUser),
    agents: () => Array.from(room.remoteParticipants.values()).filter(({ kind }) => kind === rtc.ParticipantKind.AGENT),
    voicesReceived: Effect.asVoid(Effect.timeoutOption(allReceived, RECEIVE_DEADLINE)),
    trackOf: (identity) => voices.heard(identity),
    ownTrack: () => publication?.sid,
    ended: Deferred.await(ended)
  }
})
