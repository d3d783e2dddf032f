/** As much of `livekit-client` as a call uses, for tests in Node. */
import { assert } from "@effect/vitest"
import type { LiveKitClient, LiveKitLocalTrack, LiveKitParticipant } from "../../src/client/media/LiveKitClient.ts"

export const AGENT = 4

type Reader = (reader: AsyncIterable<string>, participant: { readonly identity: string }) => void

/** As with LiveKit's client, a track that is published is enabled, whatever it was. */
export const makeLiveKit = () => {
  class Local implements LiveKitLocalTrack {
    isMuted = false
    mediaStreamTrack: MediaStreamTrack
    constructor(track: MediaStreamTrack) {
      this.mediaStreamTrack = track
      track.enabled = true
    }
    async replaceTrack(track: MediaStreamTrack): Promise<void> {
      this.mediaStreamTrack = track
      track.enabled = !this.isMuted
    }
    // Not at once: there, too, one change waits for the former.
    async mute(): Promise<void> {
      await Promise.resolve()
      this.isMuted = true
      this.mediaStreamTrack.enabled = false
    }
    async unmute(): Promise<void> {
      await Promise.resolve()
      this.isMuted = false
      this.mediaStreamTrack.enabled = true
    }
  }
  class Room {
    readonly listeners = new Map<string, Array<(...args: ReadonlyArray<unknown>) => void>>()
    readonly remoteParticipants = new Map<string, LiveKitParticipant>()
    readonly sent: Array<string> = []
    state = "connected"
    published: LiveKitLocalTrack | undefined
    publishing: (() => void) | undefined
    reader: Reader | undefined
    readonly localParticipant = {
      publishTrack: async (track: LiveKitLocalTrack | MediaStreamTrack) => {
        assert.instanceOf(track, Local)
        this.published = track
        this.publishing?.()
      },
      getTrackPublication: () => this.published === undefined ? undefined : { track: this.published },
      sendText: async (text: string) => void this.sent.push(JSON.parse(text).type)
    }
    constructor() {
      rooms.push(this)
    }
    on(event: string, listener: (...args: never) => void): void {
      const former = this.listeners.get(event) ?? []
      this.listeners.set(event, [...former, listener as (...args: ReadonlyArray<unknown>) => void])
    }
    registerTextStreamHandler(_topic: string, handler: Reader): void {
      this.reader = handler
    }
    async connect(): Promise<void> {
      onConnect?.(this)
    }
    disconnect(): Promise<void> {
      return Promise.resolve()
    }
    emit(event: string, ...args: ReadonlyArray<unknown>): void {
      for (const listener of this.listeners.get(event) ?? []) listener(...args)
    }
    come(identity: string, kind: number): LiveKitParticipant {
      const participant = { identity, kind }
      this.remoteParticipants.set(identity, participant)
      return participant
    }
  }
  const rooms: Array<Room> = []
  let onConnect: ((room: Room) => void) | undefined
  const client: LiveKitClient = {
    Room,
    LocalAudioTrack: Local,
    RoomEvent: {
      DataReceived: "data",
      TrackSubscribed: "subscribed",
      TrackUnsubscribed: "unsubscribed",
      ParticipantConnected: "participant",
      SignalReconnecting: "signalReconnecting",
      Reconnecting: "reconnecting",
      Reconnected: "reconnected",
      Disconnected: "disconnected"
    },
    ConnectionState: { Connected: "connected" },
    Track: { Kind: { Audio: "audio" }, Source: { Microphone: "microphone" } },
    ParticipantKind: { AGENT },
    DisconnectReason: { DUPLICATE_IDENTITY: 2, ROOM_DELETED: 5, PARTICIPANT_REMOVED: 4 },
    ConnectionErrorReason: { NotAllowed: 0 }
  }
  return { client, rooms, whenConnected: (handle: (room: Room) => void) => onConnect = handle }
}
