/** A call through a loudspeaker in a room, with an echo canceller: what the engines get, in virtual time. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Resampler from "../../../src/audio/resampling/Resampler.ts"
import type { BackendError } from "../../../src/BackendError.ts"
import { AudioInput, type AudioListener } from "../../../src/session/input/AudioInput.ts"
import { EchoCancellation } from "../../../src/session/input/EchoCancellation.ts"
import { EchoGate } from "../../../src/session/input/EchoGate.ts"
import type { ProcessorChain } from "../../../src/session/input/ProcessorChain.ts"
import type { ProcessorIncident } from "../../../src/session/input/ProcessorHealth.ts"
import type { EchoCancellerStream } from "../../../src/speech/EchoCanceller.ts"

export interface CallOptions {
  /** What the agent says, at 16 kHz, from the beginning of the call. */
  readonly agent: Int16Array
  /** What the microphone hears meanwhile, at 16 kHz. */
  readonly mic: Int16Array
  readonly canceller: EchoCancellerStream | BackendError
  /** The rate at which the agent's voice is sent, in Hz. Default: 24,000. */
  readonly outputRate?: number
  /** The rate at which the microphone is sent, in Hz. Default: 16,000. */
  readonly inputRate?: number
  /** In pieces of so many ms. Default: 20. */
  readonly pieceMs?: number
  /** Packets come in bursts of so many pieces. Default: 1. */
  readonly burst?: number
  /** Whether the echo guard listens too. Default: false. */
  readonly guard?: boolean
  readonly chain?: ProcessorChain | undefined
  /** The session has lived for so long before. Default: 1 s. */
  readonly beforeMs?: number
  readonly listeners?: ReadonlyArray<AudioListener>
  /** Playout is cut at this time, in ms from the agent's first sound. */
  readonly cutAtMs?: number
}

/** What is sent ahead, in ms. */
const LEAD = 200

/** What the branches got, from the agent's first sound on. */
export const run = Effect.fnUntraced(function*(options: CallOptions) {
  const { beforeMs = 1_000, burst = 1, inputRate = 16_000, outputRate = 24_000, pieceMs = 20 } = options
  const resamplers = yield* Resampler.load
  const convert = (pcm: Int16Array, to: number) => Result.getOrThrow(resamplers.convert(pcm, 16_000, to))
  const played = convert(options.agent, outputRate)
  let now = 5_000
  const incidents: Array<ProcessorIncident> = []
  const cancellation = new EchoCancellation("scripted", options.canceller, {
    resamplers,
    now: () => now,
    onIncident: (incident) => incidents.push(incident)
  })
  const gate = options.guard === true ? new EchoGate(() => now) : undefined
  const input = new AudioInput<string>(resamplers, () => {}, options.chain, undefined, gate, cancellation)
  const heard = { stt: Array<Int16Array>(), vad: Array<Int16Array>(), receive: Array<Int16Array>() }
  for (const branch of ["stt", "vad", "receive"] as const) {
    Result.getOrThrow(input.add({ sampleRate: 16_000, branch, push: (pcm) => void heard[branch].push(pcm.slice()) }))
  }
  for (const listener of options.listeners ?? []) Result.getOrThrow(input.add(listener))
  Result.getOrThrow(input.open(inputRate))
  const sent = convert(Pcm.concat([new Int16Array(16 * beforeMs), options.mic]), inputRate)
  const piece = inputRate * pieceMs / 1_000
  const frame = outputRate / 50
  const begins = now + beforeMs
  let frames = 0
  for (let at = 0; at < sent.length; at += burst * piece) {
    now += burst * pieceMs
    for (; frames * 20 + begins < now + LEAD && now > begins && (frames + 1) * frame <= played.length; frames++) {
      if (options.cutAtMs !== undefined && now - begins > options.cutAtMs) break
      const pcm = played.subarray(frames * frame, (frames + 1) * frame)
      gate?.frame(pcm, outputRate, begins + frames * 20)
      cancellation.frame(pcm, outputRate, begins + frames * 20)
    }
    if (options.cutAtMs !== undefined && now - begins === options.cutAtMs) cancellation.cut(now)
    for (let i = 0; i < burst; i++) input.push(sent.subarray(at + i * piece, at + (i + 1) * piece))
  }
  input.free()
  const whole = (pieces: ReadonlyArray<Int16Array>) => Pcm.concat(pieces).subarray(16 * beforeMs)
  return { stt: whole(heard.stt), vad: whole(heard.vad), receive: whole(heard.receive), incidents }
})

/** The mean square of a stretch, in ms. */
export const power = (pcm: Int16Array, fromMs: number, toMs: number): number => {
  const part = pcm.subarray(16 * fromMs, 16 * toMs)
  return part.reduce((sum, sample) => sum + sample * sample, 0) / part.length
}
