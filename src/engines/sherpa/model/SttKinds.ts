/**
 * The kinds of recognition models that sherpa-onnx decodes, and how each is known by its files.
 *
 * @since 0.1.0
 */
import { basename } from "node:path"
import { ModelFault } from "./ModelFault.ts"
import * as ModelFolder from "./ModelFolder.ts"
import * as OnnxFile from "./OnnxFile.ts"

/**
 * The kinds of models, as `kind` states them. The first hear continuously; the others are given one utterance at a time.
 *
 * @category constants
 * @since 0.1.0
 */
export const kinds = [
  "streaming-transducer",
  "streaming-nemo-transducer",
  "streaming-paraformer",
  "streaming-zipformer2-ctc",
  "streaming-nemo-ctc",
  "streaming-t-one-ctc",
  "transducer",
  "nemo-transducer",
  "paraformer",
  "sense-voice",
  "nemo-ctc",
  "zipformer-ctc",
  "wenet-ctc",
  "telespeech-ctc",
  "dolphin",
  "medasr",
  "omnilingual",
  "fire-red-ctc",
  "fire-red",
  "whisper",
  "canary",
  "cohere-transcribe",
  "moonshine"
] as const

/**
 * @category models
 * @since 0.1.0
 */
export type SttKind = typeof kinds[number]

/**
 * The files that were found, by their part.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  readonly tokens: string
  readonly encoder: OnnxFile.OnnxFile | undefined
  readonly decoder: OnnxFile.OnnxFile | undefined
  readonly joiner: OnnxFile.OnnxFile | undefined
  /** The files of the first Moonshine models, which have four. */
  readonly preprocessor: OnnxFile.OnnxFile | undefined
  readonly cachedDecoder: OnnxFile.OnnxFile | undefined
  readonly uncachedDecoder: OnnxFile.OnnxFile | undefined
  /** The one file of a model that has no parts. */
  readonly model: OnnxFile.OnnxFile | undefined
}

const patterns = {
  encoder: /(?:^|[-_.])(?:encoder|encode)(?:[-_.].*)?\.(?:onnx|ort)$/,
  decoder: /(?:^|[-_.])decoder(?:[-_.].*)?\.(?:onnx|ort)$/,
  joiner: /(?:^|[-_.])joiner(?:[-_.].*)?\.(?:onnx|ort)$/,
  preprocessor: /^preprocess(?:or)?(?:[-_.].*)?\.(?:onnx|ort)$/,
  cachedDecoder: /^cached_decode(?:[-_.].*)?\.(?:onnx|ort)$/,
  uncachedDecoder: /^uncached_decode(?:[-_.].*)?\.(?:onnx|ort)$/,
  model: /^(?!.*(?:encode|decode|joiner|preprocess|vad|vocoder|vocos|hifigan)).*\.(?:onnx|ort)$/,
  tokens: /(?:^|[-_.])tokens\.txt$/
} as const

/**
 * Reads the files of a model. Throws `ModelFault` for a folder that holds none, and for stated parts that there are not.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readParts = (folder: ModelFolder.ModelFolder, files: ModelFolder.StatedFiles): Parts => {
  const unknown = Object.keys(files).filter((part) => !Object.hasOwn(patterns, part))
  if (unknown.length > 0) {
    throw new ModelFault(`files.${unknown[0]} is no part of a model: ${Object.keys(patterns).join(", ")}`)
  }
  const at = (part: keyof typeof patterns) => ModelFolder.find(folder, part, patterns[part], files)
  const onnx = (part: keyof typeof patterns) => {
    const path = at(part)
    return path === undefined ? undefined : OnnxFile.read(path)
  }
  const tokens = at("tokens")
  const encoder = onnx("encoder")
  const parts = {
    encoder,
    decoder: onnx("decoder"),
    joiner: onnx("joiner"),
    preprocessor: onnx("preprocessor"),
    cachedDecoder: onnx("cachedDecoder"),
    uncachedDecoder: onnx("uncachedDecoder"),
    model: encoder === undefined ? onnx("model") : undefined
  }
  if (Object.values(parts).every((part) => part === undefined)) {
    throw new ModelFault(`the folder ${folder.path} has no .onnx file: it is no model of sherpa-onnx`)
  }
  if (tokens === undefined) throw new ModelFault(`the folder ${folder.path} has no tokens.txt`)
  return { ...parts, tokens }
}

/**
 * The type that the metadata of a file state; empty when they state none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const modelTypeOf = (file: OnnxFile.OnnxFile | undefined): string => file?.metadata.get("model_type") ?? ""

/**
 * Whether the metadata of a file have all of these keys.
 *
 * @category guards
 * @since 0.1.0
 */
export const has = (file: OnnxFile.OnnxFile | undefined, ...keys: ReadonlyArray<string>): boolean =>
  file !== undefined && keys.every((key) => file.metadata.has(key))

const nemoTransducers = new Set(["EncDecHybridRNNTCTCBPEModel", "EncDecRNNTBPEModel", "EncDecRNNTModel"])
const nemoCtc = new Set(["EncDecCTCModel", "EncDecCTCModelBPE", "EncDecHybridRNNTCTCBPEModel"])

/** How each kind is known, in this order. */
const marks: ReadonlyArray<readonly [SttKind, (parts: Parts) => boolean]> = [
  ["moonshine", ({ cachedDecoder, preprocessor }) => preprocessor !== undefined || cachedDecoder !== undefined],
  [
    "streaming-nemo-transducer",
    ({ decoder, encoder, joiner }) =>
      joiner !== undefined && (has(decoder, "streaming_model_type") || has(encoder, "chunk_shift"))
  ],
  ["streaming-transducer", ({ encoder, joiner }) => joiner !== undefined && has(encoder, "decode_chunk_len")],
  [
    "nemo-transducer",
    ({ encoder, joiner }) =>
      joiner !== undefined && (has(encoder, "pred_rnn_layers") || nemoTransducers.has(modelTypeOf(encoder)))
  ],
  ["transducer", ({ joiner }) => joiner !== undefined],
  ["whisper", ({ encoder }) => has(encoder, "n_text_layer")],
  ["canary", ({ encoder }) => modelTypeOf(encoder) === "EncDecMultiTaskModel"],
  ["cohere-transcribe", ({ encoder }) => modelTypeOf(encoder).includes("cohere-transcribe")],
  ["fire-red", ({ encoder }) => has(encoder, "cmvn_mean", "max_len")],
  ["streaming-paraformer", ({ encoder }) => has(encoder, "decoder_num_blocks")],
  [
    "moonshine",
    ({ decoder, encoder }) =>
      encoder !== undefined && encoder.metadata.size === 0 && decoder !== undefined &&
      /decoder_model_merged/.test(basename(decoder.path))
  ],
  ["streaming-t-one-ctc", ({ model }) => has(model, "frame_length_ms", "state_dim")],
  ["streaming-nemo-ctc", ({ model }) => has(model, "chunk_shift")],
  ["streaming-zipformer2-ctc", ({ model }) => has(model, "decode_chunk_len")],
  ["sense-voice", ({ model }) => has(model, "lang_auto", "with_itn")],
  ["medasr", ({ model }) => modelTypeOf(model) === "medasr_ctc"],
  ["fire-red-ctc", ({ model }) => modelTypeOf(model) === "fire-red-asr-2-ctc"],
  ["nemo-ctc", ({ model }) => nemoCtc.has(modelTypeOf(model))],
  ["zipformer-ctc", ({ model }) => modelTypeOf(model) === "zipformer2_ctc"],
  ["wenet-ctc", ({ model }) => modelTypeOf(model) === "wenet_ctc"],
  ["telespeech-ctc", ({ model }) => modelTypeOf(model) === "telespeech_ctc"],
  ["paraformer", ({ model }) => has(model, "neg_mean", "lfr_window_size")],
  ["dolphin", ({ model }) => has(model, "mean", "invstd")]
]

/**
 * Whether it is a voice: a voice has these keys, a recogniser none.
 *
 * @category guards
 * @since 0.1.0
 */
export const isVoice = ({ model }: Parts): boolean => has(model, "sample_rate", "n_speakers")

/**
 * The kind of a model by its files. Throws `ModelFault` for a voice, and for a kind that is not known by its files.
 *
 * @category accessors
 * @since 0.1.0
 */
export const kindOf = (folder: ModelFolder.ModelFolder, parts: Parts): SttKind => {
  if (isVoice(parts)) {
    throw new ModelFault(`the folder ${folder.path} holds a voice, and no model that recognises speech`)
  }
  const kind = marks.find(([, matches]) => matches(parts))?.[0]
  if (kind !== undefined) return kind
  const main = parts.encoder ?? parts.model
  throw new ModelFault(
    `the kind of the model in ${folder.path} is not known by its files${
      main === undefined
        ? ""
        : ` (${basename(main.path)}${modelTypeOf(main) === "" ? " has no metadata model_type" : ""})`
    }: state it as kind, if it is one of ${kinds.join(", ")}`
  )
}
