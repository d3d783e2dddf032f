/**
 * The voice tracks of the participants of a room, and which track of each is heard.
 *
 * Plain and synchronous. A participant may publish several: a new microphone before the former one is taken away, a soundboard,
 * a page that publishes twice. Of these the one with sound is heard, the newest of several; when it ends, one that is left is.
 *
 * @since 0.1.0
 */

/** Quieter than this, of 32,768, is no sound: a codec's silence, an open microphone in a quiet room. */
const MIN_PEAK = 100
/** How much of a track's loudness is left after a frame: after 300 ms of silence 3 %. */
const DECAY = 0.8
/** A newer track is heard from half the loudness of the heard one on, an older one only from four times its loudness on. */
const NEWER = 0.5
const OLDER = 4
/** A track that gives no frame while another gives so many is muted, and the other is heard instead: 240 ms. */
const MAX_MISSED = 12

interface VoiceTrack {
  readonly sid: string
  /** The recent peak. */
  loudness: number
  /** How many frames of other tracks came since its last one. */
  missed: number
}

interface Voices {
  /** In the order in which they came. */
  readonly tracks: Array<VoiceTrack>
  heard: VoiceTrack
}

const peakOf = (pcm: Int16Array): number => {
  let peak = 0
  for (const sample of pcm) {
    const level = sample < 0 ? -sample : sample
    if (level > peak) peak = level
  }
  return peak
}

/**
 * @category models
 * @since 0.1.0
 */
export class ParticipantVoices {
  readonly #voices = new Map<string, Voices>()

  /** Whether there is a voice of the participant. */
  has(identity: string): boolean {
    return this.#voices.has(identity)
  }

  /** The track of the participant that is heard. */
  heard(identity: string): string | undefined {
    return this.#voices.get(identity)?.heard.sid
  }

  /** A track of the participant begins. It is heard at once if it is the only one, and otherwise with its first sound. */
  add(identity: string, sid: string): void {
    const voices = this.#voices.get(identity)
    const track = { sid, loudness: 0, missed: 0 }
    if (voices === undefined) this.#voices.set(identity, { tracks: [track], heard: track })
    else if (!voices.tracks.some((each) => each.sid === sid)) voices.tracks.push(track)
  }

  /** A track of the participant has ended. Returns whether it was their last. */
  remove(identity: string, sid: string): boolean {
    const voices = this.#voices.get(identity)
    const at = voices?.tracks.findIndex((each) => each.sid === sid) ?? -1
    if (voices === undefined || at === -1) return false
    voices.tracks.splice(at, 1)
    const newest = voices.tracks.at(-1)
    if (newest === undefined) return this.#voices.delete(identity)
    if (voices.heard.sid === sid) voices.heard = newest
    return false
  }

  /** The participant has left. */
  removeAll(identity: string): void {
    this.#voices.delete(identity)
  }

  /** A frame of a track: returns whether it is heard. */
  hears(identity: string, sid: string, pcm: Int16Array): boolean {
    const voices = this.#voices.get(identity)
    if (voices === undefined) return false
    const { heard, tracks } = voices
    // the usual case costs nothing
    if (tracks.length === 1) return heard.sid === sid
    const track = tracks.find((each) => each.sid === sid)
    if (track === undefined) return false
    const peak = peakOf(pcm)
    track.loudness = Math.max(peak, track.loudness * DECAY)
    track.missed = 0
    if (track === heard) return true
    const isNewer = tracks.indexOf(track) > tracks.indexOf(heard)
    const isSilent = ++heard.missed > MAX_MISSED
    const isLoud = peak >= MIN_PEAK && peak >= heard.loudness * (isNewer ? NEWER : OLDER)
    if (isSilent || isLoud) voices.heard = track
    return isSilent || isLoud
  }
}
