/**
 * Reads RIFF/WAVE in its usual encodings, as 16-bit mono PCM.
 *
 * Parsing is pure and total: hostile bytes give a `WavError`, never an exception, and nothing is allocated for a size that
 * the file claims but does not have. Results own their samples; the input may be reused.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as G711 from "./G711.ts"
import * as Pcm from "./Pcm.ts"

/**
 * The longest audio that `parse` accepts by default, in seconds: one hour.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultMaxSeconds = 3_600

// A real file has about a dozen; a hostile file of empty chunks would only cost time.
const maxChunks = 4_096

const minSampleRate = 1_000
const maxSampleRate = 384_000

/**
 * Why a WAV file was refused.
 *
 * @category errors
 * @since 0.1.0
 */
export type WavReason =
  | "not_wav"
  | "too_short"
  | "too_many_chunks"
  | "no_format"
  | "bad_format"
  | "unsupported_encoding"
  | "no_data"
  | "too_long"

/**
 * The file is not a readable WAV: `reason` for programs, `at` the byte offset of the error, `message` for people.
 *
 * @category errors
 * @since 0.1.0
 */
export class WavError extends Data.TaggedError("WavError")<{
  readonly reason: WavReason
  /** The offset in bytes from the start of the file. */
  readonly at: number
  readonly message: string
}> {}

/**
 * The audio of a file, mixed to mono.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wav {
  /** In Hz, 1,000 to 384,000. */
  readonly sampleRate: number
  /** How many channels the file had before they were mixed. */
  readonly channels: number
  readonly samples: Int16Array
  /** The file ended before its declared size; `samples` has what it contained. */
  readonly truncated: boolean
}

type Encoding = "integer" | "float" | "mulaw" | "alaw"

interface Format {
  readonly encoding: Encoding
  readonly channels: number
  readonly sampleRate: number
  /** Bytes of one sample of one channel. */
  readonly width: number
}

const fail = (reason: WavReason, at: number, message: string): Result.Result<never, WavError> =>
  Result.fail(new WavError({ reason, at, message: `${message} (byte ${at})` }))

/**
 * Parses a WAV file: PCM of 8, 16, 24 and 32 bits, float of 32 and 64 bits, µ-law and A-law, plain or extensible, with
 * any number of channels and its chunks in any order.
 *
 * A data chunk that ends early gives the samples that are there (`truncated`). A size of 0 or 0xFFFFFFFF in a header that was
 * never patched, as programs write into a pipe, means the rest of the file; RF64 is read like that. More than `maxSeconds` (default
 * `defaultMaxSeconds`) of audio fails with `too_long`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (
  bytes: Uint8Array,
  options?: { readonly maxSeconds?: number | undefined }
): Result.Result<Wav, WavError> => {
  if (bytes.length < 12) {
    return fail("too_short", bytes.length, `expected at least 12 bytes, found ${bytes.length}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const form = fourCc(view, 0)
  if ((form !== "RIFF" && form !== "RF64") || fourCc(view, 8) !== "WAVE") {
    return fail("not_wav", 0, "not a WAV file: it does not start with RIFF … WAVE")
  }
  const riffEnd = 8 + view.getUint32(4, true)
  let format: Format | undefined
  let data: { readonly at: number; readonly end: number; readonly truncated: boolean } | undefined
  let at = 12
  for (let chunks = 0; at + 8 <= bytes.length && (format === undefined || data === undefined); chunks++) {
    if (chunks === maxChunks) {
      return fail("too_many_chunks", at, `no format and data chunk within the first ${maxChunks} chunks`)
    }
    const id = fourCc(view, at)
    const size = view.getUint32(at + 4, true)
    const body = at + 8
    if (id === "fmt " && format === undefined) {
      const parsed = parseFormat(view, body, size)
      if (Result.isFailure(parsed)) {
        return Result.fail(parsed.failure)
      }
      format = parsed.success
    } else if (id === "data" && data === undefined) {
      // 0 is an empty chunk, or a header that its writer could not patch: then the RIFF size ends here or is not set.
      const toEnd = size === 0xffffffff ||
        size === 0 && (riffEnd === 8 || riffEnd === 8 + 0xffffffff || riffEnd <= body)
      const end = toEnd ? bytes.length : Math.min(body + size, bytes.length)
      data = { at: body, end, truncated: !toEnd && body + size > bytes.length }
      if (toEnd) {
        break
      }
    }
    at = body + size + (size & 1)
  }
  if (format === undefined) {
    return fail("no_format", Math.min(at, bytes.length), "the file has no format chunk")
  }
  if (data === undefined) {
    return fail("no_data", Math.min(at, bytes.length), "the file has no data chunk")
  }
  const frames = Math.floor((data.end - data.at) / (format.width * format.channels))
  const maxSeconds = options?.maxSeconds ?? defaultMaxSeconds
  const seconds = frames / format.sampleRate
  if (seconds > maxSeconds) {
    return fail("too_long", data.at, `the audio lasts ${Math.ceil(seconds)} s, the limit is ${maxSeconds} s`)
  }
  return Result.succeed({
    sampleRate: format.sampleRate,
    channels: format.channels,
    samples: readMono(bytes, view, data.at, frames, format),
    truncated: data.truncated
  })
}

const fourCc = (view: DataView, at: number): string =>
  String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3))

// KSDATAFORMAT_SUBTYPE_* of mmreg.h: two bytes of format tag, then these 14.
const subtypeTail = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]

const parseFormat = (view: DataView, at: number, size: number): Result.Result<Format, WavError> => {
  if (size < 16 || at + 16 > view.byteLength) {
    return fail("bad_format", at, "the format chunk is shorter than 16 bytes")
  }
  let tag = view.getUint16(at, true)
  const channels = view.getUint16(at + 2, true)
  const sampleRate = view.getUint32(at + 4, true)
  const blockAlign = view.getUint16(at + 12, true)
  const bits = view.getUint16(at + 14, true)
  if (tag === 0xfffe) {
    if (size < 40 || at + 40 > view.byteLength) {
      return fail("bad_format", at, "the extensible format chunk is shorter than 40 bytes")
    }
    if (subtypeTail.some((byte, i) => view.getUint8(at + 26 + i) !== byte)) {
      return fail("unsupported_encoding", at + 24, "the extensible format has an unknown encoding")
    }
    tag = view.getUint16(at + 24, true)
  }
  if (channels === 0) {
    return fail("bad_format", at + 2, "the format has 0 channels")
  }
  if (sampleRate < minSampleRate || sampleRate > maxSampleRate) {
    return fail("bad_format", at + 4, `sample rate ${sampleRate} Hz is outside ${minSampleRate}..${maxSampleRate}`)
  }
  const encoding: Encoding | undefined = tag === 1
    ? "integer"
    : tag === 3
    ? "float"
    : tag === 6
    ? "alaw"
    : tag === 7
    ? "mulaw"
    : undefined
  if (encoding === undefined) {
    return fail("unsupported_encoding", at, `format tag 0x${tag.toString(16)} is not PCM, float, µ-law or A-law`)
  }
  // The container may be wider than the valid bits (24 in 32, 12 in 16); blockAlign has its width, but some writers leave it 0.
  const width = blockAlign === 0 ? Math.ceil(bits / 8) : blockAlign / channels
  const supported = encoding === "integer"
    ? width >= 1 && width <= 4
    : encoding === "float"
    ? width === 4 || width === 8
    : width === 1
  if (!Number.isInteger(width) || !supported || bits > 8 * width) {
    return fail(
      "bad_format",
      at + 12,
      `${bits} bits in blocks of ${blockAlign} bytes for ${channels} channels do not match ${encoding} samples`
    )
  }
  return Result.succeed({ encoding, channels, sampleRate, width })
}

const readMono = (bytes: Uint8Array, view: DataView, at: number, frames: number, format: Format): Int16Array => {
  const { channels, encoding, width } = format
  const raw = bytes.subarray(at, at + frames * channels * width)
  if (encoding === "mulaw" || encoding === "alaw") {
    const decoded = encoding === "mulaw" ? G711.decodeMuLaw(raw) : G711.decodeALaw(raw)
    return channels === 1 ? decoded : Pcm.mixToMono(decoded, channels)
  }
  if (encoding === "integer" && width === 2) {
    return channels === 1 ? Pcm.copyInt16(raw) : Pcm.mixToMono(Pcm.toInt16(raw), channels)
  }
  const read = readerOf(view, encoding, width)
  const out = new Int16Array(frames)
  for (let i = 0; i < frames; i++) {
    let sum = 0
    for (let c = 0; c < channels; c++) {
      sum += read(at)
      at += width
    }
    const mean = Math.round(sum / channels)
    out[i] = mean > 32767 ? 32767 : mean < -32768 ? -32768 : mean
  }
  return out
}

// Reads one sample in units of 16-bit PCM. Floats are clipped here, so that no NaN or infinity reaches the mean.
const readerOf = (view: DataView, encoding: Encoding, width: number): (at: number) => number => {
  if (encoding === "float") {
    const read = width === 4 ? (at: number) => view.getFloat32(at, true) : (at: number) => view.getFloat64(at, true)
    return (at) => {
      const value = read(at)
      return value >= 1 ? 32767 : value <= -1 ? -32768 : value * 32768 || 0
    }
  }
  switch (width) {
    case 1:
      return (at) => view.getUint8(at) - 128 << 8
    case 3:
      return (at) => (view.getUint8(at) | view.getInt16(at + 1, true) << 8) / 256
    default:
      return (at) => view.getInt32(at, true) / 65536
  }
}
