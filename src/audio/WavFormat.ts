/**
 * Reads the format chunk of RIFF/WAVE files, and names what is in files that cannot be read.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"

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
 * Fails with an error whose message names the byte.
 *
 * @category errors
 * @since 0.1.0
 */
export const fail = (reason: WavReason, at: number, message: string): Result.Result<never, WavError> =>
  Result.fail(new WavError({ reason, at, message: `${message} (byte ${at})` }))

/**
 * How a file encodes its samples.
 *
 * @category models
 * @since 0.1.0
 */
export interface WavFormat {
  readonly encoding: "integer" | "float" | "mulaw" | "alaw"
  readonly channels: number
  /** In Hz. */
  readonly sampleRate: number
  /** Bytes of one sample of one channel. */
  readonly width: number
}

const minSampleRate = 1_000
const maxSampleRate = 384_000

/** KSDATAFORMAT_SUBTYPE_* of mmreg.h: two bytes of format tag, then these 14. */
const subtypeTail = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]

/** WAVE_FORMAT_* of mmreg.h, of the encodings that are met in files and are not read. */
const codecs: ReadonlyMap<number, string> = new Map([
  [0x0002, "Microsoft ADPCM"],
  [0x0011, "IMA ADPCM"],
  [0x0031, "GSM 6.10"],
  [0x0040, "G.721"],
  [0x0045, "G.726"],
  [0x0050, "MPEG audio"],
  [0x0055, "MP3"],
  [0x0065, "G.722"],
  [0x0092, "Dolby AC-3"],
  [0x00ff, "AAC"],
  [0x0160, "Windows Media Audio"],
  [0x0161, "Windows Media Audio"],
  [0x1610, "AAC"],
  [0xf1ac, "FLAC"]
])

/**
 * Reads a format chunk whose body of `size` bytes begins at `at`; `littleEndian` is false in RIFX files.
 *
 * The width of a sample follows from three fields, of which writers get one wrong now and then: the bits, the block and the
 * byte rate. PCM of at most 8 bits, µ-law and A-law have one byte, and PCM of 16 and 32 bits has as many as it says;
 * otherwise the block says (24 bits in 32), unless it is too small for the bits or not a multiple of the channels: then the
 * bits do.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (
  view: DataView,
  at: number,
  size: number,
  littleEndian: boolean
): Result.Result<WavFormat, WavError> => {
  if (size < 16 || at + 16 > view.byteLength) {
    return fail("bad_format", at, "the format chunk is shorter than 16 bytes")
  }
  let tag = view.getUint16(at, littleEndian)
  const channels = view.getUint16(at + 2, littleEndian)
  const sampleRate = view.getUint32(at + 4, littleEndian)
  const blockAlign = view.getUint16(at + 12, littleEndian)
  const bits = view.getUint16(at + 14, littleEndian)
  if (tag === 0xfffe) {
    if (size < 40 || at + 40 > view.byteLength) {
      return fail("bad_format", at, "the extensible format chunk is shorter than 40 bytes")
    }
    if (subtypeTail.some((byte, i) => view.getUint8(at + 26 + i) !== byte)) {
      return fail("unsupported_encoding", at + 24, "the extensible format has an unknown encoding")
    }
    tag = view.getUint16(at + 24, littleEndian)
  }
  if (channels === 0) return fail("bad_format", at + 2, "the format has 0 channels")
  if (sampleRate < minSampleRate || sampleRate > maxSampleRate) {
    return fail("bad_format", at + 4, `sample rate ${sampleRate} Hz is outside ${minSampleRate}..${maxSampleRate}`)
  }
  const encoding = encodingOf(tag)
  if (encoding === undefined) {
    return fail(
      "unsupported_encoding",
      at,
      `the audio is ${codecs.get(tag) ?? `of format tag 0x${tag.toString(16)}`}, not PCM, float, µ-law or A-law`
    )
  }
  const width = widthOf(encoding, bits, blockAlign / channels)
  if (width === undefined) {
    return fail(
      "bad_format",
      at + 12,
      `${bits} bits in blocks of ${blockAlign} bytes for ${channels} channels do not match ${encoding} samples`
    )
  }
  return Result.succeed({ encoding, channels, sampleRate, width })
}

const encodingOf = (tag: number): WavFormat["encoding"] | undefined =>
  tag === 1 ? "integer" : tag === 3 ? "float" : tag === 6 ? "alaw" : tag === 7 ? "mulaw" : undefined

const widthOf = (encoding: WavFormat["encoding"], bits: number, ofBlock: number): number | undefined => {
  if (encoding === "mulaw" || encoding === "alaw") return 1
  const supports = (width: number) => encoding === "float" ? width === 4 || width === 8 : width >= 1 && width <= 4
  const ofBits = Math.ceil(bits / 8)
  if (encoding === "integer" && (ofBits === 1 || bits === 16 || bits === 32)) return ofBits
  if (Number.isInteger(ofBlock) && ofBlock >= ofBits && supports(ofBlock)) return ofBlock
  return supports(ofBits) ? ofBits : undefined
}

const signatures: ReadonlyArray<readonly [at: number, bytes: string, name: string]> = [
  [0, "ID3", "an MP3 file"],
  [0, "OggS", "an Ogg file"],
  [0, "fLaC", "a FLAC file"],
  [4, "ftyp", "an MP4 or M4A file"],
  [0, "\x1aE\xdf\xa3", "a WebM or Matroska file"],
  [0, "FORM", "an AIFF file"],
  [0, "caff", "a Core Audio file"],
  [0, ".snd", "a Sun AU file"],
  [0, "#!AMR", "an AMR file"],
  [0, "riff\x2e\x91\xcf\x11", "a Wave64 file"],
  [0, "wvpk", "a WavPack file"],
  [0, "MThd", "a MIDI file"],
  [0, "0&\xb2u", "a Windows Media file"],
  [8, "AVI ", "an AVI file"],
  [0, "PK\x03\x04", "a ZIP archive"],
  [0, "\x1f\x8b", "a gzip file"],
  [0, "<", "a text, HTML or XML file"],
  [0, "{", "a JSON file"]
]

/**
 * What a file that is no WAV file is, by its first bytes, as "an MP3 file"; undefined when they are of no known kind.
 *
 * @category getters
 * @since 0.1.0
 */
export const nameOf = (bytes: Uint8Array): string | undefined => {
  const starts = (at: number, text: string) =>
    [...text].every((character, i) => bytes[at + i] === character.charCodeAt(0))
  const known = signatures.find(([at, text]) => starts(at, text))
  if (known !== undefined) return known[2]
  // a frame of MPEG audio begins with eleven bits that are set; layer 0 is AAC
  if (bytes[0] === 0xff && (bytes[1]! & 0xe0) === 0xe0) {
    return (bytes[1]! & 0x06) === 0 ? "an AAC file" : "an MP3 file"
  }
  return undefined
}
