/**
 * Reads RIFF/WAVE in its usual encodings, as 16-bit mono PCM.
 *
 * Parsing is pure and total: hostile bytes give a `WavError`, never an exception, and nothing is allocated for a size that
 * the file claims but does not have. Results own their samples; the input may be reused.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as G711 from "./G711.ts"
import { MonoMix } from "./MonoMix.ts"
import * as Pcm from "./Pcm.ts"
import * as WavFormat from "./WavFormat.ts"

/**
 * The longest audio that `parse` accepts by default, in seconds: one hour.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultMaxSeconds = 3_600

// A real file has about a dozen; a hostile file of empty chunks would only cost time.
const maxChunks = 4_096

/** How far into a file its first chunk is looked for behind bytes of others. */
const maxLead = 65_536

/** How many groups of samples are decoded at a time. */
const BLOCK = 4_096

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

/**
 * Parses a WAV file: PCM of 8, 16, 24 and 32 bits, float of 32 and 64 bits, µ-law and A-law, plain or extensible, little
 * or big endian (RIFX), with any number of channels and its chunks in any order. The channels are mixed as `MonoMix` does.
 *
 * What players take is taken: a tag of another format in front (ID3, within 64 KiB), chunks without their pad byte, names of
 * chunks in capital letters, a block size that contradicts the bits, a chunk whose size is wrong in front of the data. A data
 * chunk that ends early gives the samples that are there (`truncated`). A size of 0 or 0xFFFFFFFF in a header that was never
 * patched, as programs write into a pipe, means the rest of the file; RF64 and BW64 have their size in `ds64`. More than `maxSeconds` (default `defaultMaxSeconds`) of audio fails with
 * `too_long`. The message of `not_wav` and `unsupported_encoding` names what the file is, where it is known.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (
  bytes: Uint8Array,
  options?: { readonly maxSeconds?: number | undefined }
): Result.Result<Wav, WavFormat.WavError> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = startOf(view)
  if (start === undefined) {
    if (bytes.length < 12) {
      return WavFormat.fail("too_short", bytes.length, `expected at least 12 bytes, found ${bytes.length}`)
    }
    const name = WavFormat.nameOf(bytes)
    return WavFormat.fail(
      "not_wav",
      0,
      `not a WAV file: it ${name === undefined ? "does not start with RIFF … WAVE" : `is ${name}`}`
    )
  }
  const littleEndian = view.getUint8(start + 3) !== 0x58 // RIFX
  return Result.flatMap(findChunks(view, start, littleEndian), ({ data, format }) => {
    const frames = Math.floor((data.end - data.at) / (format.width * format.channels))
    const maxSeconds = options?.maxSeconds ?? defaultMaxSeconds
    const seconds = frames / format.sampleRate
    if (seconds > maxSeconds) {
      return WavFormat.fail(
        "too_long",
        data.at,
        `the audio lasts ${Math.ceil(seconds)} s, the limit is ${maxSeconds} s`
      )
    }
    return Result.succeed({
      sampleRate: format.sampleRate,
      channels: format.channels,
      samples: readMono(bytes.subarray(data.at), frames, format, littleEndian),
      truncated: data.truncated
    })
  })
}

/** Where the file begins, behind bytes of others; undefined when there is no beginning. */
const startOf = (view: DataView): number | undefined => {
  for (let at = 0; at + 12 <= view.byteLength && at <= maxLead; at++) {
    if (view.getUint8(at) === 0x52 || view.getUint8(at) === 0x42) { // R, B
      if (forms.has(fourCc(view, at)) && fourCc(view, at + 8) === "WAVE") return at
    }
  }
  return undefined
}

const forms: ReadonlySet<string> = new Set(["RIFF", "RIFX", "RF64", "BW64"])

interface Data {
  readonly at: number
  readonly end: number
  readonly truncated: boolean
}

const findChunks = (
  view: DataView,
  start: number,
  littleEndian: boolean
): Result.Result<{ readonly format: WavFormat.WavFormat; readonly data: Data }, WavFormat.WavError> => {
  const length = view.byteLength
  const riffSize = view.getUint32(start + 4, littleEndian)
  let format: WavFormat.WavFormat | undefined
  let data: Data | undefined
  let longSize: number | undefined
  let afterFormat = length
  let at = start + 12
  for (let chunks = 0; at + 8 <= length && (format === undefined || data === undefined); chunks++) {
    if (chunks === maxChunks) {
      return WavFormat.fail("too_many_chunks", at, `no format and data chunk within the first ${maxChunks} chunks`)
    }
    const id = fourCc(view, at).toLowerCase()
    const size = view.getUint32(at + 4, littleEndian)
    const body = at + 8
    if ((id === "fmt " || id === "fmt\0") && format === undefined) {
      const parsed = WavFormat.parse(view, body, size, littleEndian)
      if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
      format = parsed.success
      afterFormat = body + 16
    } else if (id === "ds64" && size >= 16 && body + 16 <= length) {
      longSize = Number(view.getBigUint64(body + 8, littleEndian))
    } else if (id === "data" && data === undefined) {
      data = dataAt(view, body, size === 0xffffffff && longSize !== undefined ? longSize : size, start + 8 + riffSize)
    }
    at = Math.max(body + size, data?.at === body ? data.end : 0)
    // many writers leave the pad byte out
    if ((size & 1) === 1 && !(isChunk(view, at) && !isChunk(view, at + 1))) at++
  }
  if (format === undefined) {
    return WavFormat.fail("no_format", Math.min(at, length), "the file has no format chunk")
  }
  data ??= lostData(view, afterFormat, start + 8 + riffSize, littleEndian)
  if (data === undefined) return WavFormat.fail("no_data", Math.min(at, length), "the file has no data chunk")
  return Result.succeed({ format, data })
}

/** The samples of a data chunk; `riffEnd` is where the file ends by its header. */
const dataAt = (view: DataView, body: number, size: number, riffEnd: number): Data => {
  const length = view.byteLength
  // 0 is an empty chunk, or a header that its writer could not patch: then the RIFF size ends here or is not set.
  const isUnset = size === 0xffffffff || size === 0 && (riffEnd <= body || riffEnd >= 0xffffffff)
  return isUnset
    ? { at: body, end: length, truncated: false }
    : { at: body, end: Math.min(body + size, length), truncated: body + size > length }
}

/** The data chunk behind one whose size is wrong, which players find by its name. */
const lostData = (view: DataView, from: number, riffEnd: number, littleEndian: boolean): Data | undefined => {
  for (let at = from; at + 8 <= view.byteLength; at++) {
    if (view.getUint8(at) === 0x64 && fourCc(view, at) === "data") {
      return dataAt(view, at + 8, view.getUint32(at + 4, littleEndian), riffEnd)
    }
  }
  return undefined
}

/** Whether a chunk may begin here: its name has printable characters only. */
const isChunk = (view: DataView, at: number): boolean =>
  at + 8 <= view.byteLength && /^[ -~]{4}$/u.test(fourCc(view, at))

const fourCc = (view: DataView, at: number): string =>
  String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3))

const readMono = (
  bytes: Uint8Array,
  frames: number,
  format: WavFormat.WavFormat,
  littleEndian: boolean
): Int16Array => {
  const { channels, encoding, width } = format
  const raw = bytes.subarray(0, frames * channels * width)
  if (channels === 1 && encoding === "integer" && width === 2 && littleEndian) return Pcm.copyInt16(raw)
  const decode = decoderOf(format, littleEndian)
  if (channels === 1) return decode(raw)
  const mix = new MonoMix(channels)
  const out = new Int16Array(frames)
  const block = BLOCK * channels * width
  for (let i = 0; i * BLOCK < frames; i++) {
    out.set(mix.push(decode(raw.subarray(i * block, (i + 1) * block))), i * BLOCK)
  }
  return out
}

/** Decodes bytes into samples of 16 bits of their own, channels still interleaved. */
const decoderOf = (
  { encoding, width }: WavFormat.WavFormat,
  littleEndian: boolean
): (raw: Uint8Array) => Int16Array => {
  if (encoding === "mulaw") return (raw) => G711.decodeMuLaw(raw)
  if (encoding === "alaw") return (raw) => G711.decodeALaw(raw)
  return (raw) => {
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
    const read = readerOf(view, encoding, width, littleEndian)
    const out = new Int16Array(raw.length / width)
    for (let i = 0; i < out.length; i++) out[i] = Pcm.saturate(read(i * width))
    return out
  }
}

/** Reads one sample in units of 16-bit PCM. */
const readerOf = (
  view: DataView,
  encoding: "integer" | "float",
  width: number,
  littleEndian: boolean
): (at: number) => number => {
  if (encoding === "float") {
    return width === 4
      ? (at) => view.getFloat32(at, littleEndian) * 32768
      : (at) => view.getFloat64(at, littleEndian) * 32768
  }
  switch (width) {
    case 1:
      return (at) => view.getUint8(at) - 128 << 8
    case 2:
      return (at) => view.getInt16(at, littleEndian)
    case 3:
      return littleEndian
        ? (at) => (view.getUint8(at) | view.getInt16(at + 1, true) << 8) / 256
        : (at) => (view.getUint8(at + 2) | view.getInt16(at, false) << 8) / 256
    default:
      return (at) => view.getInt32(at, littleEndian) / 65536
  }
}
