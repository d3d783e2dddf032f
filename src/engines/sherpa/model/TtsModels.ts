/**
 * The voices that sherpa-onnx speaks with: VITS (Piper), Kokoro, Kitten and Matcha; what the library needs of their files, and its
 * configuration for the library.
 *
 * `espeak-ng-data`, which most of them need, is under GPL-3: it is the user's own file and no part of this package.
 *
 * @since 0.1.0
 */
import { existsSync, statSync } from "node:fs"
import { basename, join } from "node:path"
import { ModelFault } from "./ModelFault.ts"
import * as ModelFolder from "./ModelFolder.ts"
import * as OnnxFile from "./OnnxFile.ts"
import * as TokenFile from "./TokenFile.ts"

/**
 * The kinds of voices, as `kind` states them.
 *
 * @category constants
 * @since 0.1.0
 */
export const kinds = ["vits", "matcha", "kokoro", "kitten"] as const

/**
 * @category models
 * @since 0.1.0
 */
export type TtsKind = typeof kinds[number]

/**
 * What to look for, as the engine's options state it.
 *
 * - `vocoder`: the path of the file that makes sound of what a Matcha model gives, where it is not in the folder.
 *
 * @category models
 * @since 0.1.0
 */
export interface TtsRequest {
  readonly folder: string
  readonly kind?: TtsKind | undefined
  readonly language: string
  readonly files: ModelFolder.StatedFiles
  readonly vocoder?: string | undefined
}

/**
 * A voice that was found whole.
 *
 * @category models
 * @since 0.1.0
 */
export interface TtsModel {
  readonly kind: TtsKind
  /** How many speakers it has, by its metadata. */
  readonly speakers: number
  readonly config: Readonly<Record<string, unknown>>
}

const patterns = {
  model: /^(?!.*(?:vocoder|vocos|hifigan|encoder|decoder|joiner|vad)).*\.onnx$/,
  vocoder: /(?:vocoder|vocos|hifigan).*\.onnx$/,
  voices: /^voices.*\.bin$/,
  tokens: /(?:^|[-_.])tokens\.txt$/
} as const

/** The files of `espeak-ng-data` that the library opens; it ends the process when one is missing. */
const phonemeFiles = ["phontab", "phonindex", "phondata", "intonations"]

const dataOf = (folder: ModelFolder.ModelFolder): string | undefined => {
  if (!folder.folders.includes("espeak-ng-data")) return undefined
  const path = join(folder.path, "espeak-ng-data")
  const missing = phonemeFiles.filter((name) => !existsSync(join(path, name)))
  if (missing.length > 0) throw new ModelFault(`${path} has no ${missing.join(", ")}`)
  return path
}

/** The files with this name, all of them, as the library takes them. */
const listOf = ({ files, path }: ModelFolder.ModelFolder, pattern: RegExp): string =>
  files.filter((name) => pattern.test(name)).map((name) => join(path, name)).join(",")

interface Parts {
  readonly folder: ModelFolder.ModelFolder
  readonly model: OnnxFile.OnnxFile
  readonly tokens: string
  readonly voices: string | undefined
  readonly vocoder: string | undefined
  readonly dataDir: string | undefined
  readonly lexicon: string
}

const readParts = ({ files, folder: path, vocoder }: TtsRequest): Parts => {
  const folder = ModelFolder.read(path)
  const unknown = Object.keys(files).filter((name) => !Object.hasOwn(patterns, name))
  if (unknown.length > 0) {
    throw new ModelFault(`files.${unknown[0]} is no part of a voice: ${Object.keys(patterns).join(", ")}`)
  }
  const at = (name: keyof typeof patterns) => ModelFolder.find(folder, name, patterns[name], files)
  const model = at("model")
  if (model === undefined) throw new ModelFault(`the folder ${path} has no .onnx file of a voice`)
  const tokens = at("tokens")
  if (tokens === undefined) throw new ModelFault(`the folder ${path} has no tokens.txt`)
  return {
    folder,
    model: OnnxFile.read(model),
    tokens,
    voices: at("voices"),
    vocoder: vocoder ?? at("vocoder"),
    dataDir: dataOf(folder),
    lexicon: listOf(folder, /^lexicon.*\.txt$/)
  }
}

const kindOf = ({ folder, model, voices }: Parts): TtsKind => {
  const type = model.metadata.get("model_type") ?? ""
  if (type === "kitten-tts") return "kitten"
  if (model.metadata.has("style_dim") && voices !== undefined) return "kokoro"
  if (type.includes("matcha")) return "matcha"
  if (model.metadata.has("sample_rate") && model.metadata.has("n_speakers")) return "vits"
  throw new ModelFault(
    `the folder ${folder.path} holds no voice: ${basename(model.path)} has no metadata sample_rate and n_speakers`
  )
}

/** Voices with their own table of speakers: its length must be what the metadata says. */
const checkVoices = ({ model, voices }: Parts, kind: TtsKind): string => {
  if (voices === undefined) throw new ModelFault(`a voice of the kind ${kind} has a file voices.bin, and there is none`)
  const style = (model.metadata.get("style_dim") ?? "").split(",").map(Number)
  const speakers = OnnxFile.integer(model, "n_speakers") ?? 0
  const bytes = 4 * speakers * style.reduce((product, size) => product * size, 1)
  if (!Number.isSafeInteger(bytes) || statSync(voices).size !== bytes) {
    throw new ModelFault(
      `${basename(voices)} is of another voice: it has ${statSync(voices).size} bytes instead of ${bytes}`
    )
  }
  return voices
}

const speech = (
  kind: TtsKind,
  { dataDir, folder, lexicon }: Parts
): { readonly dataDir: string; readonly lexicon: string } => {
  if (dataDir === undefined && lexicon === "") {
    throw new ModelFault(
      `the folder ${folder.path} has neither espeak-ng-data nor a lexicon, one of which a voice of the kind ${kind} needs`
    )
  }
  return { dataDir: dataDir ?? "", lexicon }
}

const configOf = (kind: TtsKind, parts: Parts, language: string): Readonly<Record<string, unknown>> => {
  const { model, tokens } = parts
  switch (kind) {
    case "vits": {
      OnnxFile.requireKeys(model, kind, ["sample_rate", "n_speakers", "language", "comment"])
      if (model.metadata.get("frontend") === "characters") return { vits: { model: model.path, tokens } }
      const { dataDir, lexicon } = speech(kind, parts)
      return { vits: { model: model.path, tokens, ...(dataDir === "" ? { lexicon } : { dataDir }) } }
    }
    case "matcha": {
      OnnxFile.requireKeys(model, kind, ["sample_rate", "n_speakers", "use_eos_bos", "pad_id"])
      if (parts.vocoder === undefined) {
        throw new ModelFault(
          "a voice of the kind matcha needs a vocoder, such as vocos-22khz-univ.onnx: put it into the folder, or state it as vocoder"
        )
      }
      const vocoder = OnnxFile.read(parts.vocoder)
      OnnxFile.requireKeys(vocoder, "vocoder", ["model_type"])
      return { matcha: { acousticModel: model.path, vocoder: parts.vocoder, tokens, ...speech(kind, parts) } }
    }
    case "kokoro":
      OnnxFile.requireKeys(model, kind, ["sample_rate", "n_speakers", "has_espeak", "style_dim", "speaker_names"])
      return {
        kokoro: {
          model: model.path,
          voices: checkVoices(parts, kind),
          tokens,
          ...speech(kind, parts),
          ...((OnnxFile.integer(model, "version") ?? 1) >= 2 ? { lang: language } : {})
        }
      }
    case "kitten": {
      OnnxFile.requireKeys(model, kind, ["sample_rate", "n_speakers", "has_espeak", "style_dim", "speaker_names"])
      if (parts.dataDir === undefined) throw new ModelFault(`the folder ${parts.folder.path} has no espeak-ng-data`)
      return { kitten: { model: model.path, voices: checkVoices(parts, kind), tokens, dataDir: parts.dataDir } }
    }
  }
}

/**
 * Finds the voice of a folder and checks what the library needs of it. Throws `ModelFault`.
 *
 * @category checks
 * @since 0.1.0
 */
export const find = (request: TtsRequest): TtsModel => {
  const parts = readParts(request)
  const kind = request.kind ?? kindOf(parts)
  const config = configOf(kind, parts, request.language)
  TokenFile.check(parts.tokens, {})
  const rules = listOf(parts.folder, /^(?:date|number|phone|new_heteronym|date-zh|number-zh|phone-zh).*\.fst$/)
  return {
    kind,
    speakers: Math.max(1, OnnxFile.integer(parts.model, "n_speakers") ?? 1),
    config: { model: config, ...(rules === "" ? {} : { ruleFsts: rules }) }
  }
}
