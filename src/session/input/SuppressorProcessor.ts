/**
 * A noise suppressor as a processor of the chain, at the rate that it takes.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Resampler from "../../audio/resampling/Resampler.ts"
import { SampleQueue } from "../../audio/SampleQueue.ts"
import * as AudioProcessor from "../../hooks/AudioProcessor.ts"
import type { NoiseSuppressor } from "../../speech/NoiseSuppressor.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import type { ProcessorEntry } from "./ProcessorChain.ts"

const FRAME = TIMELINE_RATE / 50

/** Samples by which a conversion to the suppressor's rate and back may be shorter than its input, besides its latency. */
const ROUNDING = 4

const open = Effect.fnUntraced(function*(suppressor: NoiseSuppressor["Service"]) {
  const { name, sampleRate } = suppressor
  const stream = yield* suppressor.open
  if (sampleRate === TIMELINE_RATE) return AudioProcessor.sync({ name, process: stream.process })
  const up = yield* Resampler.scoped(TIMELINE_RATE, sampleRate)
  const down = yield* Resampler.scoped(sampleRate, TIMELINE_RATE)
  // delayed, so that from the first on as many samples come out as go in
  const delay = Math.ceil((up.latencyMs + down.latencyMs) * TIMELINE_RATE / 1000) + ROUNDING
  const fifo = new SampleQueue(delay)
  let out = new Int16Array(FRAME)
  return AudioProcessor.sync({
    name,
    process: (pcm) => {
      if (out.length !== pcm.length) out = new Int16Array(pcm.length)
      fifo.push(down.process(stream.process(up.process(pcm))))
      return fifo.take(out)
    }
  })
})

/**
 * The suppressor as an entry of the chain, the first of those with order 0.
 *
 * @category constructors
 * @since 0.1.0
 */
export const entry = (suppressor: NoiseSuppressor["Service"]): ProcessorEntry => ({
  name: suppressor.name,
  open: open(suppressor),
  order: 0,
  appliesTo: suppressor.appliesTo ?? ["receive"],
  onFailure: "bypass"
})
