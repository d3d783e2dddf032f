/**
 * Hears the keys that a user presses in their audio, where a carrier passes them in no other way.
 *
 * @since 0.1.0
 */
import { DtmfDetector } from "../audio/DtmfDetector.ts"
import type { UserConnection } from "../session/UserConnection.ts"

/**
 * The same connection, whose tones are also keys (`user.dtmf`). The tones stay in the audio.
 *
 * @category combinators
 * @since 0.1.0
 */
export const make = (connection: UserConnection): UserConnection => ({
  ...connection,
  listen: (listener) => {
    const detector = new DtmfDetector(connection.format.input.sampleRate)
    connection.listen({
      ...listener,
      audio: (pcm) => {
        // first: the audio is the listener's afterwards
        const digits = detector.push(pcm)
        listener.audio(pcm)
        for (let i = 0; i < digits.length; i++) listener.message({ type: "user.dtmf", digit: digits.charAt(i) })
      }
    })
  }
})
