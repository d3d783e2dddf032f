/**
 * One session's Silero detector: cuts its audio into windows and asks sherpa-onnx about each.
 *
 * The native detector is only used as a classifier of windows. Its own segments are flushed and cleared at every window
 * of speech, else it would copy the whole utterance again and again (and its buffer would grow without bound); what it
 * detects is the same. It must not be given a `maxSpeechDuration` whose samples overflow 32 bits: then it silently uses
 * a threshold of 0.9.
 *
 * @since 0.1.0
 */
import type { VoiceActivityStream } from "../../speech/VoiceActivityDetector.ts"
import type { Vad } from "../local/Sherpa.ts"
import { VadHysteresis, type VadHysteresisOptions } from "../local/VadHysteresis.ts"

/**
 * Samples of a window at 16 kHz; the model takes no other.
 *
 * @category constants
 * @since 0.1.0
 */
export const WINDOW = 512

// The native detector counts samples in 32 bits and would wrap after 37 hours: it starts anew in a silence before that.
const REFRESH = 16_000 * 3_600 * 8

/**
 * Positions count all samples pushed. Plain and synchronous: about 95 µs a window.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (vad: Vad, options: VadHysteresisOptions): VoiceActivityStream => {
  const gate = new VadHysteresis(options)
  const window = new Float32Array(WINDOW)
  let filled = 0
  let position = 0
  let refreshedAt = 0

  const judge = (): void => {
    vad.acceptWaveform(window)
    const speech = vad.isDetected()
    if (speech) {
      vad.flush()
      vad.clear()
    }
    gate.push(speech, position - WINDOW, position)
    if (!speech && !gate.speaking && position - refreshedAt > REFRESH) {
      vad.reset()
      refreshedAt = position
    }
  }

  return {
    push: (pcm) => {
      for (let i = 0; i < pcm.length; i++) {
        window[filled++] = pcm[i]! / 32768
        position++
        if (filled === WINDOW) {
          filled = 0
          judge()
        }
      }
    }
  }
}
