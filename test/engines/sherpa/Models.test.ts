/** What is looked at before the native library sees a model: its files, by hand-made ones. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { ModelFault } from "../../../src/engines/sherpa/model/ModelFault.ts"
import * as OnnxFile from "../../../src/engines/sherpa/model/OnnxFile.ts"
import type { SttKind } from "../../../src/engines/sherpa/model/SttKinds.ts"
import * as SttModels from "../../../src/engines/sherpa/model/SttModels.ts"
import * as TtsModels from "../../../src/engines/sherpa/model/TtsModels.ts"
import * as SpokenPieces from "../../../src/engines/sherpa/SpokenPieces.ts"
import * as Onnx from "./OnnxWriter.ts"

const root = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-sherpa-"))
process.on("exit", () => Fs.rmSync(root, { recursive: true, force: true }))

let made = 0
const folder = (files: Readonly<Record<string, string | Uint8Array>>): string => {
  const path = Path.join(root, String(made++))
  Fs.mkdirSync(path)
  return Onnx.folder(path, files)
}

const stt = (files: Readonly<Record<string, string | Uint8Array>>, more: Partial<SttModels.SttRequest> = {}) =>
  SttModels.find({ folder: folder(files), language: "en", files: {}, ...more })
const tts = (files: Readonly<Record<string, string | Uint8Array>>, more: Partial<TtsModels.TtsRequest> = {}) =>
  TtsModels.find({ folder: folder(files), language: "en", files: {}, ...more })

const refused = (run: () => unknown, expected: RegExp, what = "") => {
  try {
    run()
  } catch (cause) {
    assert.instanceOf(cause, ModelFault, what)
    return assert.match((cause as ModelFault).message, expected, what)
  }
  assert.fail(`${what} was not refused`)
}

const keys = (...names: ReadonlyArray<string>): Onnx.Metadata => Object.fromEntries(names.map((name) => [name, "4"]))
const table = Onnx.tokens(["<blk>", "a", "b", "c"])
const base64 = Onnx.tokens(["<blk>", "a", "b", "c"].map((token) => Buffer.from(token).toString("base64")))
const paraformer = keys("vocab_size", "lfr_window_size", "lfr_window_shift", "neg_mean", "inv_stddev")
const zipformer2 = {
  ...keys(
    "encoder_dims",
    "query_head_dims",
    "value_head_dims",
    "num_heads",
    "num_encoder_layers",
    "cnn_module_kernels",
    "left_context_len",
    "T",
    "decode_chunk_len"
  ),
  model_type: "zipformer2"
}
const nemoStreaming = {
  ...keys(
    "window_size",
    "chunk_shift",
    "subsampling_factor",
    "cache_last_time_dim1",
    "cache_last_time_dim2",
    "cache_last_time_dim3",
    "pred_rnn_layers",
    "pred_hidden"
  ),
  vocab_size: "3"
}
const nemo = {
  ...keys("subsampling_factor", "pred_rnn_layers", "pred_hidden"),
  vocab_size: "3",
  model_type: "EncDecRNNTBPEModel"
}
const whisper = {
  ...keys(
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
    "no_timestamps",
    "no_speech",
    "sot_sequence"
  ),
  is_multilingual: "1"
}
const decoder = Onnx.identity(keys("vocab_size", "context_size"))
const plain = Onnx.identity({})

/** Each kind by files named as its published archives name them. */
const published: ReadonlyArray<readonly [SttKind, Readonly<Record<string, string | Uint8Array>>]> = [
  ["streaming-transducer", {
    "encoder-epoch-99-avg-1-chunk-16-left-128.int8.onnx": Onnx.identity(zipformer2),
    "encoder-epoch-99-avg-1-chunk-16-left-128.onnx": Onnx.identity(zipformer2),
    "decoder-epoch-99-avg-1-chunk-16-left-128.onnx": decoder,
    "joiner-epoch-99-avg-1-chunk-16-left-128.int8.onnx": plain,
    "tokens.txt": table,
    "bpe.model": "x"
  }],
  ["streaming-nemo-transducer", {
    "encoder.onnx": Onnx.identity(nemoStreaming),
    "decoder.onnx": plain,
    "joiner.onnx": plain,
    "tokens.txt": table
  }],
  ["streaming-paraformer", {
    "encoder.int8.onnx": Onnx.identity({
      ...paraformer,
      ...keys("encoder_output_size", "decoder_num_blocks", "decoder_kernel_size")
    }),
    "decoder.int8.onnx": plain,
    "tokens.txt": table
  }],
  ["streaming-zipformer2-ctc", {
    "ctc-epoch-20-avg-1-chunk-16-left-128.int8.onnx": Onnx.identity(zipformer2),
    "tokens.txt": table
  }],
  ["streaming-nemo-ctc", { "model.onnx": Onnx.identity(nemoStreaming), "tokens.txt": table }],
  ["streaming-t-one-ctc", { "model.onnx": Onnx.tone(), "tokens.txt": Onnx.tokens(Onnx.words) }],
  ["transducer", {
    "encoder-epoch-30-avg-9.onnx": Onnx.identity({ model_type: "zipformer2" }),
    "decoder-epoch-30-avg-9.onnx": decoder,
    "joiner-epoch-30-avg-9.onnx": plain,
    "tokens.txt": table
  }],
  ["nemo-transducer", {
    "encoder.int8.onnx": Onnx.identity(nemo),
    "decoder.int8.onnx": plain,
    "joiner.int8.onnx": plain,
    "tokens.txt": table
  }],
  ["paraformer", { "model.int8.onnx": Onnx.identity(paraformer), "tokens.txt": table }],
  ["sense-voice", {
    "model.int8.onnx": Onnx.identity({
      ...paraformer,
      ...keys("with_itn", "without_itn", "lang_auto", "lang_zh", "lang_en", "lang_ja", "lang_ko", "lang_yue")
    }),
    "tokens.txt": table
  }],
  ["nemo-ctc", {
    "model.int8.onnx": Onnx.identity({ model_type: "EncDecCTCModelBPE", vocab_size: "3", subsampling_factor: "4" }),
    "tokens.txt": table
  }],
  ["zipformer-ctc", { "model.int8.onnx": Onnx.identity({ model_type: "zipformer2_ctc" }), "tokens.txt": table }],
  ["wenet-ctc", {
    "model.onnx": Onnx.identity({ model_type: "wenet_ctc", ...keys("vocab_size", "subsampling_factor") }),
    "tokens.txt": table
  }],
  ["telespeech-ctc", { "model.int8.onnx": Onnx.identity({ model_type: "telespeech_ctc" }), "tokens.txt": table }],
  ["dolphin", { "model.int8.onnx": Onnx.identity(keys("vocab_size", "mean", "invstd")), "tokens.txt": table }],
  ["medasr", { "model.int8.onnx": Onnx.identity({ model_type: "medasr_ctc", vocab_size: "4" }), "tokens.txt": table }],
  ["fire-red-ctc", {
    "model.int8.onnx": Onnx.identity({ model_type: "fire-red-asr-2-ctc", ...keys("cmvn_mean", "cmvn_inv_stddev") }),
    "tokens.txt": table
  }],
  ["fire-red", {
    "encoder.int8.onnx": Onnx.identity(keys("num_head", "head_dim", "sos", "eos", "max_len", "cmvn_mean")),
    "decoder.int8.onnx": plain,
    "tokens.txt": table
  }],
  ["whisper", {
    "tiny-encoder.int8.onnx": Onnx.identity(whisper),
    "tiny-encoder.onnx": Onnx.identity(whisper),
    "tiny-decoder.int8.onnx": plain,
    "tiny-tokens.txt": base64
  }],
  ["canary", {
    "encoder.int8.onnx": Onnx.identity({
      model_type: "EncDecMultiTaskModel",
      ...keys("vocab_size", "subsampling_factor", "feat_dim")
    }),
    "decoder.int8.onnx": plain,
    "tokens.txt": table
  }],
  ["cohere-transcribe", {
    "encoder.int8.onnx": Onnx.identity({ model_type: "cohere-transcribe-03-2026" }),
    "decoder.int8.onnx": plain,
    "tokens.txt": table
  }],
  ["moonshine", {
    "preprocess.onnx": plain,
    "encode.int8.onnx": plain,
    "uncached_decode.int8.onnx": plain,
    "cached_decode.int8.onnx": plain,
    "tokens.txt": base64
  }],
  ["moonshine", {
    "encoder_model.onnx": plain,
    "decoder_model_merged.onnx": Onnx.identity({}, 4, "input_ids"),
    "tokens.txt": base64
  }]
]

const data = Object.fromEntries(
  ["phontab", "phonindex", "phondata", "intonations"].map((name) => [`espeak-ng-data/${name}`, "x"])
)
const speaker = { ...keys("n_speakers"), sample_rate: "22050" }
const styled = { ...speaker, n_speakers: "2", has_espeak: "1", style_dim: "3,1,5", speaker_names: "a,b" }
const matcha = { ...speaker, model_type: "matcha-tts", ...keys("use_eos_bos", "pad_id") }

describe("the models of sherpa", () => {
  for (const [kind, files] of published) {
    it(`knows ${kind} by its files (${Object.keys(files)[0]})`, () => {
      const model = stt(files)
      assert.strictEqual(model.kind, kind)
      assert.strictEqual(model.streaming, kind.startsWith("streaming-"))
      assert.strictEqual(stt(files, { kind }).kind, kind)
      // the library ends its process where one of its files is missing
      for (const value of JSON.stringify(model.config).matchAll(/"(\/[^"]+)"/g)) assert.isTrue(Fs.existsSync(value[1]!))
    })
  }

  it("takes int8 before other precisions, and a stated file before any", () => {
    const files = { "model.int8.onnx": Onnx.tone(), "model.onnx": Onnx.tone(), "tokens.txt": Onnx.tokens(Onnx.words) }
    assert.match(JSON.stringify(stt(files).config), /model\.int8\.onnx/)
    assert.match(JSON.stringify(stt(files, { files: { model: "model.onnx" } }).config), /\/model\.onnx/)
    const two = { "a.onnx": Onnx.tone(), "b.onnx": Onnx.tone(), "tokens.txt": Onnx.tokens(Onnx.words) }
    refused(() => stt(two), /several files that may be the model \(a\.onnx, b\.onnx\): say which with files\.model/)
    refused(() => stt(files, { files: { model: "c.onnx" } }), /no file c\.onnx/)
    refused(() => stt(files, { files: { brain: "model.onnx" } }), /files\.brain is no part/)
  })

  it("passes the language on where a model takes it, and refuses one that it does not know", () => {
    const find = (kind: SttKind, language: string) => stt(published.find(([name]) => name === kind)![1], { language })
    assert.include(JSON.stringify(find("whisper", "de").config), "\"language\":\"de\"")
    assert.include(JSON.stringify(find("whisper", "auto").config), "\"language\":\"\"")
    assert.include(JSON.stringify(find("sense-voice", "ja").config), "\"language\":\"ja\"")
    assert.include(JSON.stringify(find("canary", "fr").config), "\"srcLang\":\"fr\",\"tgtLang\":\"fr\"")
    refused(() => find("sense-voice", "de"), /takes the languages auto, zh, en, ja, ko, yue, and not de/)
    refused(() => find("canary", "auto"), /needs a language/)
    refused(
      () =>
        stt({
          "encoder.onnx": Onnx.identity({ ...whisper, is_multilingual: "0" }),
          "decoder.onnx": plain,
          "tokens.txt": base64
        }, { language: "de" }),
      /not de/
    )
  })

  it("knows a voice by its files, with espeak-ng-data or a lexicon", () => {
    const vits = { ...speaker, language: "German", comment: "piper" }
    const kinds = [
      ["vits", tts({ "de_DE-thorsten-medium.onnx": Onnx.identity(vits), "tokens.txt": table, ...data })],
      ["vits", tts({ "model.onnx": Onnx.identity(vits), "tokens.txt": table, "lexicon.txt": "a a" })],
      ["vits", tts({ "model.onnx": Onnx.voice(), "tokens.txt": table })],
      [
        "kokoro",
        tts({ "model.onnx": Onnx.identity(styled), "voices.bin": new Uint8Array(120), "tokens.txt": table, ...data })
      ],
      [
        "kitten",
        tts({
          "model.fp16.onnx": Onnx.identity({ ...styled, model_type: "kitten-tts" }),
          "voices.bin": new Uint8Array(120),
          "tokens.txt": table,
          ...data
        })
      ],
      [
        "matcha",
        tts({
          "model-steps-3.onnx": Onnx.identity(matcha),
          "vocos-22khz-univ.onnx": Onnx.identity({ model_type: "vocos" }),
          "tokens.txt": table,
          ...data
        })
      ]
    ] as const
    for (const [kind, model] of kinds) assert.strictEqual(model.kind, kind)
    refused(
      () => tts({ "model.onnx": Onnx.identity(vits), "tokens.txt": table }),
      /neither espeak-ng-data nor a lexicon/
    )
    refused(
      () => tts({ "model.onnx": Onnx.identity(vits), "tokens.txt": table, "espeak-ng-data/phontab": "x" }),
      /espeak-ng-data has no phonindex, phondata, intonations/
    )
    refused(
      () =>
        tts({ "model.onnx": Onnx.identity(styled), "voices.bin": new Uint8Array(119), "tokens.txt": table, ...data }),
      /voices\.bin is of another voice: it has 119 bytes instead of 120/
    )
    refused(() => tts({ "model.onnx": Onnx.identity(matcha), "tokens.txt": table, ...data }), /needs a vocoder/)
    refused(() => tts({ "model.onnx": Onnx.tone(), "tokens.txt": table }), /holds no voice/)
    refused(() => tts({ "tokens.txt": table }), /no \.onnx file/)
    refused(() => stt({ "model.onnx": Onnx.voice(), "tokens.txt": table }), /holds a voice/)
    refused(() => stt({ "model.onnx": Onnx.voice(), "tokens.txt": table }, { kind: "paraformer" }), /holds a voice/)
  })

  it("refuses what the library ends its process on", () => {
    const tone = { "model.onnx": Onnx.tone(), "tokens.txt": Onnx.tokens(Onnx.words) }
    const whole = Onnx.tone()
    const wrong: ReadonlyArray<readonly [string, () => unknown, RegExp]> = [
      ["an empty folder", () => stt({}), /no \.onnx file/],
      ["no tokens", () => stt({ "model.onnx": whole }), /no tokens\.txt/],
      ["an empty model", () => stt({ ...tone, "model.onnx": "" }), /it is empty/],
      ["empty tokens", () => stt({ ...tone, "tokens.txt": "" }), /tokens\.txt is empty/],
      ["a page in place of a model", () => stt({ ...tone, "model.onnx": "<html>404</html>" }), /is no ONNX file/],
      [
        "a pointer in place of a model",
        () => stt({ ...tone, "model.onnx": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n" }),
        /is no ONNX file/
      ],
      [
        "tokens of another model",
        () =>
          stt({
            ...tone,
            "tokens.txt": Onnx.tokens([...Onnx.words, ...Array.from({ length: 200 }, (_, i) => `t${i}`)])
          }),
        /tokens\.txt is of another model: it has 203 tokens, and the model gives 3/
      ],
      [
        "too few tokens",
        () => stt({ ...tone, "tokens.txt": "<blk> 0\na 1\n" }),
        /it has 2 tokens, and the model gives 3/
      ],
      ["a number that is missing", () => stt({ ...tone, "tokens.txt": "<blk> 0\na 1\nb 3\n" }), /of another model/],
      ["no blank", () => stt({ ...tone, "tokens.txt": Onnx.tokens(["x", "y", "z"]) }), /no token <blk>/],
      [
        "lines of another form",
        () => stt({ ...tone, "tokens.txt": "<blk> 0\nnew york 1\nb 2\n" }),
        /its line 2 is not a token and its number/
      ],
      ["a line of 10 MB", () => stt({ ...tone, "tokens.txt": "x".repeat(10_000_000) }), /its line 1 is too long/],
      ["a table of 20 MB", () => stt({ ...tone, "tokens.txt": "x 1\n".repeat(5_000_000) }), /too much for a table/],
      [
        "plain tokens for a model that needs base64",
        () =>
          stt({
            "encoder_model.onnx": plain,
            "decoder_model_merged.onnx": Onnx.identity({}, 4, "input_ids"),
            "tokens.txt": "\u2581the 0\na 1\nb 2\nc 3\n"
          }),
        /not in base64/
      ],
      ["no metadata", () => stt({ ...tone, "model.onnx": plain }), /has no metadata model_type\): state it as kind/],
      [
        "too little metadata",
        () => stt({ ...tone, "model.onnx": Onnx.tone({ frame_length_ms: "300", state_dim: "4" }) }),
        /has no metadata sample_rate, which a model of the kind streaming-t-one-ctc must have/
      ],
      [
        "metadata that is no number",
        () => stt({ "model.int8.onnx": Onnx.identity({ ...paraformer, vocab_size: "many" }), "tokens.txt": table }),
        /vocab_size is not a whole number/
      ],
      ["another kind than stated", () => stt(tone, { kind: "paraformer" }), /has no metadata/],
      [
        "a kind whose file is missing",
        () => stt(tone, { kind: "whisper" }),
        /has a file for its encoder, and there is none/
      ],
      [
        "an encoder of another type",
        () =>
          stt({
            "encoder.onnx": Onnx.identity({ ...zipformer2, model_type: "gtcrn" }),
            "decoder.onnx": decoder,
            "joiner.onnx": plain,
            "tokens.txt": table
          }),
        /of the type "gtcrn"/
      ]
    ]
    for (const [what, run, expected] of wrong) refused(run, expected, what)
    for (let end = 0; end < whole.length; end += 7) {
      refused(() => stt({ ...tone, "model.onnx": whole.subarray(0, end) }), /./, `cut off after ${end}`)
    }
  })

  it("takes links to files, as caches of models have them, and nothing else that is named as a file", () => {
    const target = folder({ "blob": Onnx.tone(), "list": Onnx.tokens(Onnx.words) })
    const links = folder({})
    Fs.symlinkSync(Path.join(target, "blob"), Path.join(links, "model.onnx"))
    Fs.symlinkSync(Path.join(target, "list"), Path.join(links, "tokens.txt"))
    assert.strictEqual(SttModels.find({ folder: links, language: "en", files: {} }).kind, "streaming-t-one-ctc")
    for (const to of ["/dev/zero", "/nonexistent", target]) {
      const wrong = folder({ "tokens.txt": Onnx.tokens(Onnx.words) })
      Fs.symlinkSync(to, Path.join(wrong, "model.onnx"))
      refused(() => SttModels.find({ folder: wrong, language: "en", files: {} }), /no \.onnx file/, to)
    }
    const folders = folder({ "model.onnx/x": "x", "tokens.txt/x": "x" })
    refused(() => SttModels.find({ folder: folders, language: "en", files: {} }), /no \.onnx file/)
    refused(() => SttModels.find({ folder: Path.join(root, "none"), language: "en", files: {} }), /cannot be read/)
    refused(() => SttModels.find({ folder: Path.join(target, "blob"), language: "en", files: {} }), /cannot be read/)
  })

  it("refuses encoders and decoders of different models", () => {
    const encoder = Onnx.identity({}, 288)
    refused(
      () =>
        stt({
          "encoder_model.onnx": encoder,
          "decoder_model_merged.onnx": Onnx.identity({}, 416, "encoder_hidden_states"),
          "tokens.txt": base64
        }),
      /of different models: one gives 288 values, the other takes 416/
    )
  })
})

describe("OnnxFile", () => {
  it("reads names, shapes and metadata", () => {
    const path = Path.join(folder({ "m.onnx": Onnx.tone() }), "m.onnx")
    const file = OnnxFile.read(path)
    assert.deepEqual(Object.fromEntries(file.metadata), Onnx.toneMetadata)
    assert.deepEqual(file.inputs.map(({ name }) => name), ["signal", "state"])
    assert.deepEqual(file.outputs[0], { name: "logprobs", shape: [undefined, 10, 3] })
  })

  it.prop("refuses any other bytes, and ends", [Schema.Uint8Array], ([bytes]) => {
    const path = Path.join(root, "any.onnx")
    Fs.writeFileSync(path, bytes)
    refused(() => OnnxFile.read(path), /is no ONNX file/)
    Fs.writeFileSync(path, Buffer.concat([Onnx.tone().subarray(0, 40), bytes]))
    refused(() => OnnxFile.read(path), /is no ONNX file/)
  })
})

describe("SpokenPieces", () => {
  it.prop("keeps what can be said, in pieces of bounded length", [Schema.String], ([text]) => {
    const long = `${text}. `.repeat(40)
    const letters = (of: string) => [...of].filter((character) => /[\p{L}\p{N}]/u.test(character)).join("")
    const pieces = SpokenPieces.split(long)
    assert.isTrue(pieces.every((piece) => piece.length <= SpokenPieces.MAX_LENGTH))
    assert.strictEqual(letters(pieces.join("")), letters(long))
  })

  it("cuts at sentences, else at words, and says nothing of signs alone", () => {
    const sentence = "Der Zug nach Bonn hat heute zehn Minuten Verspätung. "
    assert.isTrue(SpokenPieces.split(sentence.repeat(40)).every((piece) => piece.endsWith("Verspätung.")))
    assert.isTrue(SpokenPieces.split("wort ".repeat(400)).every((piece) => /^(wort ?)+$/.test(piece)))
    assert.deepEqual(SpokenPieces.split("?! \u0000 …"), [])
    assert.strictEqual(
      SpokenPieces.chunks(new Int16Array(1000), 1000).map(({ length }) => length).join(),
      "200,200,200,200,200"
    )
  })
})
