/**
 * What sherpa-onnx needs of the parts of each kind of recognition model, and its configuration for the library.
 *
 * @since 0.1.0
 */
import { basename } from "node:path"
import { ModelFault } from "./ModelFault.ts"
import * as OnnxFile from "./OnnxFile.ts"
import { has, modelTypeOf, type Parts, type SttKind } from "./SttKinds.ts"
import type * as TokenFile from "./TokenFile.ts"

const zipformer2 = [
  "encoder_dims",
  "query_head_dims",
  "value_head_dims",
  "num_heads",
  "num_encoder_layers",
  "cnn_module_kernels",
  "left_context_len",
  "T",
  "decode_chunk_len"
]
const nemoCaches = [
  "window_size",
  "chunk_shift",
  "subsampling_factor",
  "vocab_size",
  "cache_last_time_dim1",
  "cache_last_time_dim2",
  "cache_last_time_dim3"
]
const paraformer = ["vocab_size", "lfr_window_size", "lfr_window_shift", "neg_mean", "inv_stddev"]

/** The metadata that the streaming encoders of icefall have, by the model's type. */
const streamingEncoders: Readonly<Record<string, ReadonlyArray<string>>> = {
  zipformer2,
  zipformer: [
    "encoder_dims",
    "attention_dims",
    "num_encoder_layers",
    "cnn_module_kernels",
    "left_context_len",
    "T",
    "decode_chunk_len"
  ],
  conformer: [
    "num_encoder_layers",
    "T",
    "decode_chunk_len",
    "left_context",
    "encoder_dim",
    "pad_length",
    "cnn_module_kernel"
  ],
  lstm: ["num_encoder_layers", "T", "decode_chunk_len", "rnn_hidden_size", "d_model"],
  ebranchformer: [
    "decode_chunk_len",
    "T",
    "num_hidden_layers",
    "hidden_size",
    "intermediate_size",
    "csgu_kernel_size",
    "merge_conv_kernel",
    "left_context_len",
    "num_heads",
    "head_dim"
  ]
}

const nemoTransducerKeys = (decoder: OnnxFile.OnnxFile): ReadonlyArray<string> =>
  has(decoder, "streaming_model_type")
    ? ["vocab_size", "subsampling_factor", "pred_rnn_layers", "pred_hidden"]
    : [...nemoCaches, "pred_rnn_layers", "pred_hidden"]

/** How many values a model gives for each step, by the last dimension of its first output. */
const widthOf = (file: OnnxFile.OnnxFile | undefined): number | undefined => file?.outputs[0]?.shape.at(-1)

const integerOf = (file: OnnxFile.OnnxFile, key: string): number | undefined => OnnxFile.integer(file, key)

/**
 * A model whose parts are there and fit: the rules of its table of tokens, and the library's configuration.
 *
 * @category models
 * @since 0.1.0
 */
export interface Checked {
  readonly tokens: TokenFile.TokenRules
  readonly config: Readonly<Record<string, unknown>>
}

const part = (kind: SttKind, parts: Parts, name: Exclude<keyof Parts, "tokens">): OnnxFile.OnnxFile => {
  const file = parts[name]
  if (file === undefined) {
    throw new ModelFault(`a model of the kind ${kind} has a file for its ${name}, and there is none`)
  }
  return file
}

const single = (
  kind: SttKind,
  parts: Parts,
  key: string,
  keys: ReadonlyArray<string>,
  rules: (model: OnnxFile.OnnxFile) => TokenFile.TokenRules
): Checked => {
  const model = part(kind, parts, "model")
  OnnxFile.requireKeys(model, kind, keys)
  return { tokens: rules(model), config: { [key]: { model: model.path } } }
}

const transducer = (kind: SttKind, parts: Parts): Checked => {
  const [encoder, decoder, joiner] = [
    part(kind, parts, "encoder"),
    part(kind, parts, "decoder"),
    part(kind, parts, "joiner")
  ]
  const isNemo = kind === "nemo-transducer" || kind === "streaming-nemo-transducer"
  const config = {
    transducer: { encoder: encoder.path, decoder: decoder.path, joiner: joiner.path },
    ...(kind === "nemo-transducer"
      ? { modelType: "nemo_transducer" }
      : kind === "transducer"
      ? { modelType: "transducer" }
      : {})
  }
  if (isNemo) {
    OnnxFile.requireKeys(
      encoder,
      kind,
      kind === "nemo-transducer"
        ? ["vocab_size", "subsampling_factor", "pred_rnn_layers", "pred_hidden"]
        : nemoTransducerKeys(decoder)
    )
    const size = integerOf(encoder, "vocab_size")
    return { config, tokens: { blank: true, ...(size === undefined ? {} : { size: size + 1 }) } }
  }
  if (kind === "streaming-transducer") {
    const keys = streamingEncoders[modelTypeOf(encoder)]
    if (keys === undefined) {
      throw new ModelFault(
        `${basename(encoder.path)} is an encoder of the type ${
          JSON.stringify(modelTypeOf(encoder))
        }, which no streaming transducer has: ${Object.keys(streamingEncoders).join(", ")}`
      )
    }
    OnnxFile.requireKeys(encoder, kind, keys)
  }
  OnnxFile.requireKeys(decoder, kind, ["vocab_size", "context_size"])
  return { config, tokens: { size: integerOf(decoder, "vocab_size") } }
}

const withLanguage = (language: string, allowed: ReadonlyArray<string>, kind: SttKind): string => {
  if (!allowed.includes(language)) {
    throw new ModelFault(`a model of the kind ${kind} takes the languages ${allowed.join(", ")}, and not ${language}`)
  }
  return language
}

const moonshine = (kind: SttKind, parts: Parts): Checked => {
  const encoder = part(kind, parts, "encoder")
  if (parts.preprocessor !== undefined || parts.cachedDecoder !== undefined) {
    return {
      config: {
        moonshine: {
          preprocessor: part(kind, parts, "preprocessor").path,
          encoder: encoder.path,
          uncachedDecoder: part(kind, parts, "uncachedDecoder").path,
          cachedDecoder: part(kind, parts, "cachedDecoder").path
        }
      },
      tokens: { base64: true, size: widthOf(parts.uncachedDecoder) }
    }
  }
  const decoder = part(kind, parts, "decoder")
  const width = encoder.outputs[0]?.shape.at(-1)
  const taken = decoder.inputs.find(({ name }) => name === "encoder_hidden_states")?.shape.at(-1)
  if (width !== undefined && taken !== undefined && width !== taken) {
    throw new ModelFault(
      `${basename(encoder.path)} and ${
        basename(decoder.path)
      } are of different models: one gives ${width} values, the other takes ${taken}`
    )
  }
  // the library logs an error at each decode, and gives no words
  if (decoder.inputs.length > 0 && !decoder.inputs.some(({ name }) => name === "input_ids")) {
    throw new ModelFault(`${basename(decoder.path)} has no input input_ids: it is no decoder of Moonshine`)
  }
  return {
    config: { moonshine: { encoder: encoder.path, mergedDecoder: decoder.path } },
    tokens: { base64: true, size: widthOf(decoder) }
  }
}

const pair = (
  kind: SttKind,
  parts: Parts,
  keys: ReadonlyArray<string>
): readonly [encoder: OnnxFile.OnnxFile, decoder: OnnxFile.OnnxFile] => {
  const encoder = part(kind, parts, "encoder")
  const decoder = part(kind, parts, "decoder")
  OnnxFile.requireKeys(encoder, kind, keys)
  return [encoder, decoder]
}

const vocabulary = (model: OnnxFile.OnnxFile): TokenFile.TokenRules => ({
  blank: true,
  size: integerOf(model, "vocab_size")
})

/**
 * Checks the parts of each kind: what the library needs of their metadata and their shapes. Throws `ModelFault`.
 *
 * @category checks
 * @since 0.1.0
 */
export const checkers: { readonly [Kind in SttKind]: (parts: Parts, language: string) => Checked } = {
  "streaming-transducer": (parts) => transducer("streaming-transducer", parts),
  "streaming-nemo-transducer": (parts) => transducer("streaming-nemo-transducer", parts),
  transducer: (parts) => transducer("transducer", parts),
  "nemo-transducer": (parts) => transducer("nemo-transducer", parts),
  "streaming-paraformer": (parts) => {
    const [encoder, decoder] = pair("streaming-paraformer", parts, [
      ...paraformer,
      "encoder_output_size",
      "decoder_num_blocks",
      "decoder_kernel_size"
    ])
    return {
      config: { paraformer: { encoder: encoder.path, decoder: decoder.path } },
      tokens: { size: integerOf(encoder, "vocab_size") }
    }
  },
  "streaming-zipformer2-ctc": (parts) =>
    single(
      "streaming-zipformer2-ctc",
      parts,
      "zipformer2Ctc",
      zipformer2,
      (model) => ({ blank: true, size: widthOf(model) })
    ),
  "streaming-nemo-ctc": (parts) =>
    single(
      "streaming-nemo-ctc",
      parts,
      "nemoCtc",
      nemoCaches,
      (model) => ({ blank: true, size: (integerOf(model, "vocab_size") ?? 0) + 1 })
    ),
  "streaming-t-one-ctc": (parts) =>
    single(
      "streaming-t-one-ctc",
      parts,
      "toneCtc",
      ["frame_length_ms", "state_dim", "sample_rate"],
      (model) => ({ blank: true, size: widthOf(model) })
    ),
  paraformer: (parts) =>
    single("paraformer", parts, "paraformer", paraformer, (model) => ({ size: integerOf(model, "vocab_size") })),
  "sense-voice": (parts, language) => {
    const model = part("sense-voice", parts, "model")
    OnnxFile.requireKeys(model, "sense-voice", [
      ...paraformer,
      "with_itn",
      "without_itn",
      "lang_auto",
      "lang_zh",
      "lang_en",
      "lang_ja",
      "lang_ko",
      "lang_yue"
    ])
    return {
      config: {
        senseVoice: {
          model: model.path,
          language: withLanguage(language, ["auto", "zh", "en", "ja", "ko", "yue"], "sense-voice"),
          useInverseTextNormalization: 1
        }
      },
      tokens: { size: integerOf(model, "vocab_size") }
    }
  },
  "nemo-ctc": (parts) =>
    single(
      "nemo-ctc",
      parts,
      "nemoCtc",
      ["vocab_size", "subsampling_factor"],
      (model) => ({ blank: true, size: (integerOf(model, "vocab_size") ?? 0) + 1 })
    ),
  "zipformer-ctc": (parts) =>
    single("zipformer-ctc", parts, "zipformerCtc", [], (model) => ({ blank: true, size: widthOf(model) })),
  "wenet-ctc": (parts) => single("wenet-ctc", parts, "wenetCtc", ["vocab_size", "subsampling_factor"], vocabulary),
  "telespeech-ctc": (parts) => {
    const model = part("telespeech-ctc", parts, "model")
    return { config: { teleSpeechCtc: model.path }, tokens: { blank: true, size: widthOf(model) } }
  },
  dolphin: (parts) => single("dolphin", parts, "dolphin", ["vocab_size", "mean", "invstd"], vocabulary),
  medasr: (parts) => single("medasr", parts, "medasr", ["vocab_size"], vocabulary),
  omnilingual: (parts) => single("omnilingual", parts, "omnilingual", [], (model) => ({ size: widthOf(model) })),
  "fire-red-ctc": (parts) =>
    single(
      "fire-red-ctc",
      parts,
      "fireRedAsrCtc",
      ["cmvn_mean", "cmvn_inv_stddev"],
      (model) => ({ blank: true, size: widthOf(model) })
    ),
  "fire-red": (parts) => {
    const [encoder, decoder] = pair("fire-red", parts, ["num_head", "head_dim", "sos", "eos", "max_len", "cmvn_mean"])
    return {
      config: { fireRedAsr: { encoder: encoder.path, decoder: decoder.path } },
      tokens: { size: widthOf(decoder) }
    }
  },
  whisper: (parts, language) => {
    const [encoder, decoder] = pair("whisper", parts, [
      "n_mels",
      "n_text_layer",
      "n_text_ctx",
      "n_text_state",
      "n_vocab",
      "sot",
      "eot",
      "blank_id",
      "translate",
      "transcribe",
      "is_multilingual",
      "no_timestamps",
      "no_speech",
      "sot_sequence"
    ])
    const many = integerOf(encoder, "is_multilingual") !== 0
    if (!many) withLanguage(language, ["en"], "whisper")
    // the table has the words; the marks after them are not in it
    return {
      config: {
        whisper: {
          encoder: encoder.path,
          decoder: decoder.path,
          language: language === "auto" ? "" : language,
          task: "transcribe"
        }
      },
      tokens: { base64: true }
    }
  },
  canary: (parts, language) => {
    const [encoder, decoder] = pair("canary", parts, ["vocab_size", "subsampling_factor", "feat_dim"])
    if (language === "auto") throw new ModelFault("a model of the kind canary needs a language, and not auto")
    return {
      config: {
        canary: { encoder: encoder.path, decoder: decoder.path, srcLang: language, tgtLang: language, usePnc: 1 }
      },
      tokens: { size: integerOf(encoder, "vocab_size") }
    }
  },
  "cohere-transcribe": (parts, language) => {
    const [encoder, decoder] = pair("cohere-transcribe", parts, ["model_type"])
    if (language === "auto") {
      throw new ModelFault("a model of the kind cohere-transcribe needs a language, and not auto")
    }
    return {
      config: { cohereTranscribe: { encoder: encoder.path, decoder: decoder.path, language, usePunct: 1, useItn: 1 } },
      tokens: {}
    }
  },
  moonshine: (parts) => moonshine("moonshine", parts)
}
