/**
 * The user's microphone in LiveKit rooms: what is published of it, and whether it is muted.
 *
 * @since 0.1.0
 */
import type { LiveKitClient, LiveKitLocalTrack, LiveKitRoom } from "./LiveKitClient.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class LiveKitMicrophone {
  readonly #livekit: LiveKitClient
  #muted = false

  constructor(livekit: LiveKitClient) {
    this.#livekit = livekit
  }

  /** Mutes or unmutes what is published in the room, and what will be in any. */
  setMuted(muted: boolean, room: LiveKitRoom | undefined): void {
    this.#muted = muted
    // LiveKit's client enables and disables its tracks itself, whatever they were.
    const published = room === undefined ? undefined : this.#published(room)
    if (published !== undefined) void this.#mute(published).catch(() => undefined)
  }

  /** Sends this track instead of the former; muted from the start, if the user is. */
  async send(room: LiveKitRoom, track: MediaStreamTrack | undefined): Promise<void> {
    if (track === undefined) return
    const { LocalAudioTrack, Track } = this.#livekit
    const published = this.#published(room)
    if (published !== undefined) {
      await published.replaceTrack(track, true)
      // LiveKit's client mutes a microphone that was unplugged, and would keep its successor muted.
      return await this.#mute(published)
    }
    // `true`: the track is the call's, to be stopped by it.
    const local = new LocalAudioTrack(track, undefined, true)
    await this.#mute(local)
    await room.localParticipant.publishTrack(local, { source: Track.Source.Microphone, name: "microphone" })
    await this.#mute(local)
  }

  #published(room: LiveKitRoom): LiveKitLocalTrack | undefined {
    return room.localParticipant.getTrackPublication(this.#livekit.Track.Source.Microphone)?.track
  }

  /** LiveKit's client mutes a little later; meanwhile the user may have chosen otherwise. */
  async #mute(track: LiveKitLocalTrack): Promise<void> {
    while (track.isMuted !== this.#muted) await (this.#muted ? track.mute() : track.unmute())
  }
}
