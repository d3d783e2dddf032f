/**
 * A loudspeaker in the room of a scripted user: what the agent says comes back into the microphone, quieter and later.
 *
 * Pure; no Effect. There is no room besides the delay: in each frame of 20 ms the microphone hears the louder of the two, the
 * echo or the user, so that the scripted recogniser can read what the user says.
 *
 * @since 0.1.0
 */
import { PlayedAudio } from "../../audio/echo/PlayedAudio.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"

const SAMPLES_PER_MS = TIMELINE_RATE / 1_000
const MAX_DELAY_MS = 1_000

/**
 * - `gainDb`: the level of the echo beside that of what is played, in dB: -40 is quiet, -6 is loud.
 * - `delayMs`: by how much it comes later, at most 1,000 ms: the devices, the connection and the way through the room.
 *
 * @category models
 * @since 0.1.0
 */
export interface EchoOptions {
  readonly gainDb: number
  readonly delayMs: number
}

const power = (pcm: Int16Array): number => pcm.reduce((sum, sample) => sum + sample * sample, 0)

/**
 * @category models
 * @since 0.1.0
 */
export class Loudspeaker {
  readonly #gain: number
  readonly #delayMs: number
  readonly #played = new PlayedAudio()

  constructor({ delayMs, gainDb }: EchoOptions) {
    this.#gain = 10 ** (gainDb / 20)
    this.#delayMs = Math.max(0, Math.min(MAX_DELAY_MS, delayMs))
  }

  /** Plays a frame of this rate (in Hz) that ends at this time. */
  play(pcm: Int16Array, sampleRate: number, endMs: number): void {
    const length = Math.round(pcm.length * TIMELINE_RATE / sampleRate)
    const step = sampleRate / TIMELINE_RATE
    const echo = Int16Array.from({ length }, (_, i) => {
      const at = Math.floor(i * step)
      const rest = i * step - at
      const sample = pcm[at]! * (1 - rest) + (pcm[at + 1] ?? pcm[at]!) * rest
      return Math.max(-32_768, Math.min(32_767, Math.round(this.#gain * sample)))
    })
    this.#played.write(echo, Math.round((endMs + this.#delayMs) * SAMPLES_PER_MS) - length)
  }

  /** What the microphone hears in a frame that ends at this time, while the user makes this sound. */
  heard(user: Int16Array, endMs: number): Int16Array {
    const echo = new Int16Array(user.length)
    this.#played.read(Math.round(endMs * SAMPLES_PER_MS) - user.length, echo)
    return power(user) > power(echo) ? user : echo
  }
}
