/**
 * The agent in a room: it joins, hears those who are to be heard, and speaks. LiveKit's callbacks become ours.
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
import { type BackendError, ConnectionTimeout } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import { MAX_MESSAGE_BYTES } from "../../session/ClientMessage.ts"
import * as LiveKitErrors from "./LiveKitErrors.ts"
import type { LiveKitPackages } from "./LiveKitPackages.ts"
import { QUEUE_MS, RoomVoice, VOICE_SAMPLE_RATE } from "./RoomVoice.ts"

/**
 * What the users' voices are asked for in: 16 kHz, what speech recognition takes. LiveKit converts.
 *
 * @category constants
 * @since 0.1.0
 */
export const INPUT_SAMPLE_RATE = 16_000

/**
 * How a stay in a room ended.
 *
 * - `over`: for good: the room was deleted, or the agent put out of it.
 * - `replaced`: another participant of the same identity has come: another process goes on with the session.
 * - `lost`: the server or the way to it is gone; the room may be joined again.
 *
 * @category models
 * @since 0.1.0
 */
export type RoomEnd = "over" | "replaced" | "lost"

/**
 * What happens in the room. All synchronous; audio is only valid during the call.
 *
 * @category models
 * @since 0.1.0
 */
export interface RoomListener {
  /** Somebody came or went. */
  readonly participantsChanged: () => void
  readonly participantLeft: (identity: string, ofOwnAccord: boolean) => void
  /** Mono PCM at 16 kHz, 20 ms. */
  readonly audio: (identity: string, pcm: Int16Array) => void
  /** A voice has ended: the track is gone. */
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
  /** Whether somebody's voice is wanted. */
  readonly acceptsAudio: (identity: string) => boolean
  /** Called with the room before it is joined, so that nothing that happens in it is missed. */
  readonly prepare: (room: Room) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface AgentRoom {
  readonly room: Room
  readonly voice: RoomVoice
  /** Those who may be users: no agents, and none who only record. */
  readonly participants: () => ReadonlyArray<RemoteParticipant>
  /** Ends when the voices that the people here send are received; bounded. */
  readonly voicesReceived: Effect.Effect<void>
  /** The id of somebody's voice. */
  readonly trackOf: (identity: string) => string | undefined
  readonly ownTrack: () => string | undefined
  readonly ended: Effect.Effect<RoomEnd>
}

const op = "LiveKitProvider.join"
const LEAVE_DEADLINE = "2 seconds"
const SUBSCRIBE_AGAIN = "100 millis"
/** How long a voice may take from its being sent to its being received. */
const LISTENING_DEADLINE = "1 second"

const endOf = (reasons: typeof DisconnectReason, reason: DisconnectReason): RoomEnd => {
  switch (reason) {
    case reasons.DUPLICATE_IDENTITY:
      return "replaced"
    case reasons.ROOM_DELETED:
    case reasons.ROOM_CLOSED:
    case reasons.PARTICIPANT_REMOVED:
    case reasons.CLIENT_INITIATED:
      return "over"
    default:
      return "lost"
  }
}

/**
 * Joins a room for as long as the scope. Fails `authentication_failed`, `connection_failed`, or `connection_timeout` where
 * the server answers and no media path is found.
 *
 * @category constructors
 * @since 0.1.0
 */
export const join = Effect.fnUntraced(function*(
  options: AgentRoomOptions
): Effect.fn.Return<AgentRoom, BackendError, Scope.Scope> {
  const { acceptsAudio: hears, listener, packages: { rtc }, url } = options
  const ended = yield* Deferred.make<RoomEnd>()
  const ears = yield* FiberMap.make<string>()
  const hear = yield* FiberMap.runtime(ears)()
  /** The voice of each, by the id of its track. */
  const voices = new Map<string, string>()
  const heard = Latch.makeUnsafe(false)

  const room = yield* Effect.acquireRelease(
    Effect.sync(() => new rtc.Room()),
    (room) =>
      Effect.promise(() => room.disconnect().catch(() => {})).pipe(
        finalizeWithin(LEAVE_DEADLINE),
        Effect.ensuring(Effect.sync(() => room.removeAllListeners()))
      )
  )
  yield* options.prepare(room)

  const isPerson = ({ kind }: RemoteParticipant) =>
    kind !== rtc.ParticipantKind.AGENT && kind !== rtc.ParticipantKind.EGRESS
  const isVoice = ({ kind, source }: RemoteTrackPublication) =>
    kind === rtc.TrackKind.KIND_AUDIO &&
    (source === rtc.TrackSource.SOURCE_MICROPHONE || source === rtc.TrackSource.SOURCE_UNKNOWN)
  /** Only voices that are wanted are subscribed to: a camera would be sent to us as well. */
  const subscribe = () => {
    for (const person of room.remoteParticipants.values()) {
      if (!isPerson(person) || !hears(person.identity)) continue
      for (const publication of person.trackPublications.values()) {
        if (isVoice(publication) && !publication.subscribed) publication.setSubscribed(true)
      }
    }
  }

  const isHeard = (person: RemoteParticipant): boolean =>
    !isPerson(person) || !hears(person.identity) || voices.has(person.identity) ||
    !Array.from(person.trackPublications.values()).some(isVoice)
  const allHeard: Effect.Effect<void> = Effect.suspend(() => {
    if (Array.from(room.remoteParticipants.values()).every(isHeard)) return Effect.void
    heard.closeUnsafe()
    return Effect.andThen(heard.await, allHeard)
  })

  /** Reads a voice as it comes, so that LiveKit's own queue, which has no bound, stays empty. */
  const listen = (track: Track, identity: string, sid: string) =>
    Effect.tryPromise(async (signal) => {
      const stream = new rtc.AudioStream(track, { sampleRate: INPUT_SAMPLE_RATE, numChannels: 1, frameSizeMs: 20 })
      const reader = stream.getReader()
      signal.addEventListener("abort", () => void reader.cancel().catch(() => {}))
      while (true) {
        const { done, value } = await reader.read()
        if (done) return
        // what is still read of a voice that has ended must not begin it again
        if (voices.get(identity) === sid) listener.audio(identity, value.data)
      }
    })

  const silence = (sid: string | undefined) => {
    if (sid === undefined) return
    for (const [identity, voice] of voices) {
      if (voice !== sid) continue
      voices.delete(identity)
      listener.voiceEnded(identity)
    }
  }

  room.on("participantConnected", () => listener.participantsChanged())
  room.on("participantDisconnected", (person) => {
    silence(voices.get(person.identity))
    listener.participantLeft(person.identity, person.disconnectReason === rtc.DisconnectReason.CLIENT_INITIATED)
    listener.participantsChanged()
  })
  room.on("trackPublished", subscribe)
  room.on("trackSubscribed", (track, publication, { identity }) => {
    const { sid } = publication
    if (sid === undefined || !isVoice(publication)) return
    // one voice each, the newest
    voices.set(identity, sid)
    heard.openUnsafe()
    const over = Effect.sync(() => silence(sid))
    hear(
      identity,
      Effect.matchEffect(listen(track, identity, sid), {
        onSuccess: () => over,
        // under load, LiveKit may hand out a track that it has let go of already: the voice is asked for once more
        onFailure: () =>
          Effect.sync(() => publication.setSubscribed(false)).pipe(
            Effect.andThen(over),
            Effect.andThen(Effect.sleep(SUBSCRIBE_AGAIN)),
            Effect.andThen(Effect.sync(() => publication.setSubscribed(true))),
            Effect.ignore
          )
      })
    )
  })
  room.on("trackUnsubscribed", (_track, { sid }) => silence(sid))
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
        dataStream: { maxPayloadByteLength: MAX_MESSAGE_BYTES }
      })
      // a room that is being joined cannot be left: nobody waits for this one any more
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
          message: `the room was not joined within ${Duration.format(options.timeout)}`,
          details: { vendor: "livekit", server: url }
        })
      )
  }))
  subscribe()

  return {
    room,
    voice,
    participants: () => Array.from(room.remoteParticipants.values()).filter(isPerson),
    voicesReceived: Effect.asVoid(Effect.timeoutOption(allHeard, LISTENING_DEADLINE)),
    trackOf: (identity) => voices.get(identity),
    ownTrack: () => publication?.sid,
    ended: Deferred.await(ended)
  }
})
