/**
 * One session's Silero detector in the session's own thread: sherpa-onnx classifies its audio window by window.
 *
 * The native detector is only used as a classifier of windows. Its own segments are flushed and cleared at every window of
 * speech; otherwise it would copy the whole utterance again and again and its buffer would grow without bound. This does not
 * change what it detects. Its `maxSpeechDuration` must not overflow 32 bits when counted in samples: then it silently uses a
 * threshold of 0.9.
 *
 * @since 0.1.0
 */
import type { VoiceActivityStream } from "../../speech/VoiceActivityDetector.ts"
import type { Vad } from "../local/Sherpa.ts"
import { VadHysteresis, type VadHysteresisOptions } from "../local/VadHysteresis.ts"

/**
 * Samples per window at 16 kHz; the model accepts no other size.
 *
 * @category constants
 * @since 0.1.0
 */
export const WINDOW = 512

// In samples, 8 hours. The native detector counts samples in 32 bits, which overflow after 37 hours: it is reset before
// that, during silence.
const RESET_AFTER = 16_000 * 3_600 * 8

/**
 * Creates a stream on a native detector. Plain and synchronous: about 95 µs per window.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (vad: Vad, options: VadHysteresisOptions): VoiceActivityStream => {
  const hysteresis = new VadHysteresis(options)
  const window = new Float32Array(WINDOW)
  let filled = 0
  let position = 0
  let resetAt = 0

  const classify = (): void => {
    vad.acceptWaveform(window)
    const speech = vad.isDetected()
    if (speech) {
      vad.flush()
      vad.clear()
    }
    hysteresis.push(speech, position - WINDOW, position)
    if (!speech && !hysteresis.speaking && position - resetAt > RESET_AFTER) {
      vad.reset()
      resetAt = position
    }
  }

  return {
    push: (pcm) => {
      for (let i = 0; i < pcm.length; i++) {
        window[filled++] = pcm[i]! / 32768
        position++
        if (filled === WINDOW) {
          filled = 0
          classify()
        }
      }
    }
  }
}
