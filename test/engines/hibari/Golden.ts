/** Golden data of the voice, as its authors' implementation made it (see `test/fixtures/README.md`). */
import { readFileSync } from "node:fs"
import { BINS, type Spectra } from "../../../src/engines/hibari/vocoder/Spectra.ts"

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../fixtures/hibari/${name}`, import.meta.url), "utf8"))

export const dsp: {
  readonly frames: number
  readonly f0: ReadonlyArray<number>
  readonly pulses_from_600: ReadonlyArray<number>
  readonly pulses_from_2400: ReadonlyArray<number>
  readonly samples: ReadonlyArray<number>
} = read("dsp.json")

export interface WaveformCase {
  readonly text: string
  readonly phonemes: string
  readonly ids: ReadonlyArray<number>
  readonly speed: number
  readonly frames: number
  readonly outputs:
    & {
      readonly [name in "lh" | "theta" | "ln" | "lr" | "phi"]: {
        readonly at: ReadonlyArray<readonly [bin: number, frame: number, value: number]>
      }
    }
    & { readonly f0: { readonly values: ReadonlyArray<number> } }
  readonly rms: number
  readonly samples_from_7200?: ReadonlyArray<number>
  readonly middle_from?: number
  readonly middle_samples?: ReadonlyArray<number>
}

export const waveforms: ReadonlyArray<WaveformCase> = read("waveform.json")

/** Spectra by formula. */
export const spectraOf = (
  frames: number,
  pitch: ReadonlyArray<number>,
  formulas: { readonly [Part in Exclude<keyof Spectra, "frames" | "pitch">]: (bin: number, frame: number) => number }
): Spectra => {
  const fill = (formula: (bin: number, frame: number) => number) =>
    Float32Array.from({ length: BINS * frames }, (_, i) => formula(Math.floor(i / frames), i % frames))
  return {
    frames,
    pitch: Float32Array.from(pitch),
    harmonic: fill(formulas.harmonic),
    harmonicPhase: fill(formulas.harmonicPhase),
    noise: fill(formulas.noise),
    free: fill(formulas.free),
    freePhase: fill(formulas.freePhase)
  }
}

/** The input of `dsp.json`. */
export const dspSpectra = (noise: (bin: number, frame: number) => number = () => -100): Spectra =>
  spectraOf(dsp.frames, dsp.f0, {
    harmonic: (k, f) => 1.5 - k / 90 + 0.5 * Math.sin(0.7 * f + k / 40),
    harmonicPhase: (k, f) => 0.3 * Math.sin(0.05 * k - 0.4 * f),
    noise,
    free: (k, f) => -2 - k / 120 + 0.3 * Math.cos(0.9 * f),
    freePhase: (k, f) => 0.013 * k * (f + 1) - 2 * Math.cos(k / 7)
  })

/** How far `samples` from `from` on are from what is expected, as a ratio of powers in dB. */
export const signalToError = (samples: ArrayLike<number>, expected: ReadonlyArray<number>, from = 0): number => {
  let signal = 0
  let error = 0
  expected.forEach((value, i) => {
    signal += value * value
    error += (samples[from + i]! - value) ** 2
  })
  return 10 * Math.log10(signal / error)
}
