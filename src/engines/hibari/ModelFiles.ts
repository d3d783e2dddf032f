/**
 * The voice's model files, and other voices for them: their sizes and hashes.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { type FilePin, readPinned, type Wheel } from "../local/ModelFile.ts"

/**
 * The wheel that the files come from, on PyPI.
 *
 * @category constants
 * @since 0.1.0
 */
export const wheel: Wheel = {
  package: "hibari-tts",
  version: "0.2.1",
  file: "hibari_tts-0.2.1-py3-none-any.whl",
  bytes: 14_032_178,
  sha256: "49f2abbbe451c988e7448b5afa08c8a56410535ebb855c0e7d174275df5ca1f3",
  directory: "hibari/assets",
  licences: "hibari_tts-0.2.1.dist-info/licenses"
}

/**
 * The texts of the licence.
 *
 * @category constants
 * @since 0.1.0
 */
export const licences = {
  LICENSE: { bytes: 11_358, sha256: "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30" },
  NOTICE: { bytes: 2_429, sha256: "971f53a04730ac7a4de33b3c9586e0347e4487f3a8aafd0fb3c1d074a3426adc" }
} as const satisfies Record<string, FilePin>

/**
 * The files in `model/`.
 *
 * @category constants
 * @since 0.1.0
 */
export const files = {
  "hibari.onnx": { bytes: 7_936_868, sha256: "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8" },
  "lexicon_us_gold.json.gz": {
    bytes: 719_352,
    sha256: "63ae94f8ef0e906d5b24fe9b59ffcbd1529aca5686a774610e43973cbaa86ad2"
  },
  "lexicon_us_silver.json.gz": {
    bytes: 682_530,
    sha256: "c4c2546ebf1eb07010331e7ef785a431aa17ba8e7bfb6b4af8d654ee96a71fd3"
  },
  "oov.onnx": { bytes: 2_975_020, sha256: "d3cfd8122c5f172a98c8de38268bf1213ee09f2c2ae4df6e055fc6532590fe76" },
  "oov.json": { bytes: 2_273, sha256: "b462e6e5dbdf0e7346c732385d0dd844f612f1770871441c56932bff4ca75d8c" },
  "tagger.json.gz": { bytes: 1_240_667, sha256: "d2da7502284bbbe45d49e0b7ce3ce67bdab82254150f4317f1b8559b4d38d0eb" },
  "tokenizer_exceptions.json": {
    bytes: 32_450,
    sha256: "ddf3a3da07bdcf5144270ea4530191d8580fb4fd6f5ae93296e87916e795659a"
  },
  "normalize.json": { bytes: 6_769, sha256: "d478ff05404bc43ac3e0468e306674e51085f1b1afc94cdef7c7ea4fb0d56bd8" },
  "vocab.json": { bytes: 1_144, sha256: "70abefbe8a1c8865e43e0a43bbdc25b91a33e4aa053479d443ccf23e20a59e5d" },
  "lexicon_gb_gold.json.gz": {
    bytes: 696_547,
    sha256: "66e675f23eb007d6707d23fe6603ba5e19f3513aefe42e3c8cd6c078a85f2ce0"
  },
  "lexicon_gb_silver.json.gz": {
    bytes: 799_678,
    sha256: "637f887dd557d193af8c106f5c26624850db3e7bf0ec751ba917aac6d75e948d"
  },
  "oov_gb.onnx": { bytes: 942_734, sha256: "0997e3219543247de5646078d770f8ca77011d8fd0abb29fe48d12c60f53e9e1" },
  "oov_gb.json": { bytes: 2_096, sha256: "e29077fc3548f08f2fab82a87e03309f614658d91d0ba464e653265e9a4d0cad" }
} as const satisfies Record<string, FilePin>

/**
 * The name of a model file.
 *
 * @category models
 * @since 0.1.0
 */
export type FileName = keyof typeof files

/**
 * Reads one of `files` from a directory, checked.
 *
 * @category reading
 * @since 0.1.0
 */
export const read = (directory: string, name: FileName): Uint8Array<ArrayBuffer> =>
  readPinned(join(directory, name), files[name])

/**
 * The rules that text is read by: American or British.
 *
 * @category models
 * @since 0.1.0
 */
export type Accent = "us" | "gb"

/**
 * The voices that are known, by name: `heart` comes with the package, the others are files of their author's (`maureesewilliams/hibari`, folder
 * `voices`). A voice is trained on one accent's phonemes.
 *
 * @category constants
 * @since 0.1.0
 */
export const voices = {
  heart: { accent: "us", file: "hibari.onnx", ...files["hibari.onnx"] },
  kore: {
    accent: "us",
    file: "af_kore.int8.onnx",
    bytes: 7_936_868,
    sha256: "346885752673e45d42f9864c9e2432094bc4b6385df060d4b83273da764d2fa9"
  },
  fenrir: {
    accent: "us",
    file: "am_fenrir_v2.int8.onnx",
    bytes: 8_031_158,
    sha256: "f59fbd87908c91f827bc21b1b89443757b9a8580db9eee20aa948deb731321f4"
  },
  emma: {
    accent: "gb",
    file: "bf_emma.int8.onnx",
    bytes: 7_936_868,
    sha256: "f709f0488ee63b583a22189a955aaf4257b9806dd330be3490661e53af0a89c1"
  },
  fable: {
    accent: "gb",
    file: "bm_fable.int8.onnx",
    bytes: 7_936_868,
    sha256: "c28529302f2d27cd12f62625c24425888c4e3c2675583100ec530259136b8bc6"
  }
} as const satisfies Record<string, FilePin & { readonly accent: Accent; readonly file: string }>

/**
 * The name of a known voice.
 *
 * @category models
 * @since 0.1.0
 */
export type VoiceName = keyof typeof voices

/**
 * The file of a voice's network, its SHA-256 if that is known, and the rules that the voice was trained on.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceModel {
  readonly path: string
  readonly sha256?: string | undefined
  readonly accent: Accent
}

/** The voices have 8 MB. */
const MAX_VOICE_BYTES = 256 * 2 ** 20

/**
 * Thrown for a file that is not the network of a voice, or not the expected one.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotAVoice extends Error {}

/**
 * Reads the file of a voice's network, with its hash. Throws `NotAVoice` for one that cannot be read, is too large, or has
 * another hash than the known one.
 *
 * @category reading
 * @since 0.1.0
 */
export const readVoice = (
  { path, sha256: expected }: VoiceModel
): { readonly content: Uint8Array<ArrayBuffer>; readonly sha256: string } => {
  let content: Uint8Array<ArrayBuffer>
  try {
    const { size } = statSync(path)
    if (size > MAX_VOICE_BYTES) throw new Error(`it has ${size} bytes, more than ${MAX_VOICE_BYTES}`)
    content = readFileSync(path)
  } catch (cause) {
    throw new NotAVoice(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  const sha256 = createHash("sha256").update(content).digest("hex")
  if (expected !== undefined && sha256 !== expected) {
    throw new NotAVoice(`${path} is not the expected file: ${content.length} bytes, SHA-256 ${sha256}`)
  }
  return { content, sha256 }
}
