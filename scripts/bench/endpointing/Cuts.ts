/**
 * Cuts of recordings: what a user says up to a pause, the pause, and what follows, as a microphone or a telephone gives it.
 *
 * A pause is made as long as wanted out of its own sound, with a room's noise at -70 dBFS under all: a microphone never gives
 * zeros.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as G711 from "../../../src/audio/G711.ts"
import * as Pcm from "../../../src/audio/Pcm.ts"
import type { ResamplerFactory } from "../../../src/audio/resampling/Resampler.ts"
import * as Wav from "../../../src/audio/Wav.ts"
import { room } from "../../../test/engines/Recordings.ts"
import { fetch } from "./Fetch.ts"
import type { SourceName } from "./Sources.ts"

const RATE = 16_000
const MS = RATE / 1_000

/** Where in a recording the speaker pauses: inside a sentence, between two sentences, or at the end of what there is to say. */
export type Kind = "inside" | "sentence" | "end"

/** A labelled pause: from and until when, in ms, its kind, and the last words before it. */
export type Label = readonly [from: number, to: number, kind: Kind, before: string]

/** A recording of the table. `rate`: of one without a header. `begin`: where the first word is, in ms. */
export interface Recording {
  readonly source: SourceName
  readonly path: string
  readonly sha256: string
  readonly rate?: number | undefined
  readonly begin?: number | undefined
  readonly language: string
  readonly set: string
  readonly pauses: ReadonlyArray<Label>
}

export type Table = Readonly<Record<string, Recording>>

/** How the audio comes: as recorded, with noise 15 dB below the speech, or over a telephone (8 kHz, mu-law). */
export const conditions = ["clean", "noise", "telephone"] as const
export type Condition = typeof conditions[number]

/** How long a turn before a pause is, at most: the detector hears 8 s of it. */
const LONGEST_MS = 10_000
/** The room before a turn. */
export const LEAD_MS = 700
/** How much of the speech after a pause is heard. */
const AFTER_MS = 1_200
const NOISE_DB = -15

/** A pause of a recording, with the turn before it. */
export interface Cut {
  readonly id: string
  readonly set: string
  readonly language: string
  readonly kind: Kind
  readonly before: string
  readonly recording: Int16Array
  /** Of the turn, in ms of the recording. */
  readonly begin: number
  readonly from: number
  readonly to: number
}

/** A cut as it is heard. `pausedAt`: where the user falls silent, in ms. */
export interface Heard {
  readonly pcm: Int16Array
  readonly pausedAt: number
}

const read = (
  { path, rate, sha256, source }: Recording,
  paths: ReadonlyArray<string>,
  resamplers: ResamplerFactory
) => {
  const bytes = readFileSync(join(fetch(source, paths), path))
  const found = createHash("sha256").update(bytes).digest("hex")
  if (found !== sha256) throw new Error(`${path} of ${source} is not the recording that was labelled: ${found}`)
  const { sampleRate, samples } = rate === undefined
    ? Result.getOrThrow(Wav.parse(bytes))
    : { samples: Pcm.copyInt16(bytes), sampleRate: rate }
  return sampleRate === RATE ? samples : Result.getOrThrow(resamplers.convert(samples, sampleRate, RATE))
}

/** The turn before a pause begins after the last end, at most 10 s before, where the speaker had paused if that can be. */
const beginOf = (first: number, pauses: ReadonlyArray<Label>, index: number): number => {
  const [from] = pauses[index] ?? [0]
  const earlier = pauses.slice(0, index)
  const lastEnd = earlier.findLast(([, , kind]) => kind === "end")?.[1] ?? first
  const least = Math.max(lastEnd, from - LONGEST_MS)
  return [first, ...earlier.map(([, to]) => to)].find((at) => at >= least && from - at > 300) ?? least
}

/** All the pauses of a table. Throws where a package cannot be fetched, or holds other recordings than the table's. */
export const cutsOf = (table: Table, resamplers: ResamplerFactory): ReadonlyArray<Cut> => {
  const recordings = Object.entries(table)
  return recordings.flatMap(([name, recording]) => {
    const paths = recordings.flatMap(([, { path, source }]) => source === recording.source ? [path] : [])
    const pcm = read(recording, paths, resamplers)
    const { begin = 0, language, pauses, set } = recording
    return pauses.map(([from, to, kind, before], index): Cut => ({
      id: `${name}@${from}`,
      set,
      language,
      kind,
      before,
      recording: pcm,
      begin: beginOf(begin, pauses, index),
      from,
      to
    }))
  })
}

/** Sound as long as wanted, out of a piece that is played forth and back. */
const stretched = (piece: Int16Array, length: number): Int16Array => {
  if (piece.length === 0) return new Int16Array(length)
  const period = 2 * piece.length
  return Int16Array.from({ length }, (_, i) => {
    const at = i % period
    return piece[at < piece.length ? at : period - 1 - at] ?? 0
  })
}

/** Noise with the spectrum of a fan: white, and white through a low pass, the same every time. */
const fan = (length: number): Float64Array => {
  let state = 98_765
  let low = 0
  return Float64Array.from({ length }, () => {
    state = (state * 1103515245 + 12345) & 0x7fffffff
    const white = state / 0x40000000 - 1
    low += 0.08 * (white - low)
    return 0.3 * white + 2 * low
  })
}

const rms = (samples: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < samples.length; i++) sum += samples[i]! ** 2
  return Math.sqrt(sum / Math.max(1, samples.length))
}

const mixed = (pcm: Int16Array, noise: ArrayLike<number>, factor: number): Int16Array =>
  pcm.map((sample, i) => Pcm.saturate(sample + factor * noise[i]!))

const overTelephone = (pcm: Int16Array, resamplers: ResamplerFactory): Int16Array => {
  const narrow = Result.getOrThrow(resamplers.convert(pcm, RATE, 8_000))
  const heard = G711.decodeMuLaw(G711.encodeMuLaw(narrow))
  const wide = Result.getOrThrow(resamplers.convert(heard, 8_000, RATE))
  return wide.subarray(0, pcm.length)
}

const through = (condition: Condition, pcm: Int16Array, speech: Int16Array, resamplers: ResamplerFactory) => {
  switch (condition) {
    case "clean":
      return pcm
    case "noise": {
      const noise = fan(pcm.length)
      return mixed(pcm, noise, Pcm.gainOfDb(NOISE_DB) * rms(speech) / rms(noise.subarray(0, RATE)))
    }
    case "telephone":
      return overTelephone(pcm, resamplers)
  }
}

/** A cut with a pause of some length; what follows it, if anything, is heard for a second. */
export const hear = (cut: Cut, pauseMs: number, condition: Condition, resamplers: ResamplerFactory): Heard => {
  const { begin, from, kind, recording, to } = cut
  const part = (a: number, b: number) => recording.subarray(Math.max(0, a) * MS, b * MS)
  const speech = part(begin - 60, from)
  const quiet = part(from, to)
  const after = kind === "end" ? new Int16Array(0) : part(to, to + AFTER_MS)
  const plain = Pcm.concat([new Int16Array(LEAD_MS * MS), speech, stretched(quiet, pauseMs * MS), after])
  const pcm = through(condition, mixed(plain, room(plain.length / RATE), 1), speech, resamplers)
  return { pcm, pausedAt: LEAD_MS + speech.length / MS }
}
