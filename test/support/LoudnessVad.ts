/** A voice activity detector for what a browser sends: it goes by the loudest sample of 20 ms, and takes some of them for its decisions. */
import { Effect, Layer } from "effect"
import { TIMELINE_RATE, VoiceActivityDetector } from "../../src/speech/VoiceActivityDetector.ts"

const WINDOW = TIMELINE_RATE / 50
const LOUD = 600
const ONSET = 4
const HANGOVER = 15

export const layer = Layer.succeed(VoiceActivityDetector, {
  name: "loudness",
  sampleRate: TIMELINE_RATE,
  open: ({ onActivity }) =>
    Effect.sync(() => {
      let [position, peak, filled, others, speaking] = [0, 0, 0, 0, false]
      const decide = (): void => {
        others = peak >= LOUD === speaking ? 0 : others + 1
        peak = 0
        filled = 0
        if (others < (speaking ? HANGOVER : ONSET)) return
        speaking = !speaking
        onActivity({
          _tag: speaking ? "SpeechStarted" : "SpeechStopped",
          atSample: position - others * WINDOW,
          decidedAtSample: position
        })
        others = 0
      }
      return {
        push: (pcm) => {
          for (const sample of pcm) {
            position++
            peak = Math.max(peak, Math.abs(sample))
            if (++filled === WINDOW) decide()
          }
        }
      }
    })
})
