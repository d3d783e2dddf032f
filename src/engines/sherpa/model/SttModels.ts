/**
 * Finds the recognition model of a folder: its kind, and the configuration with which sherpa-onnx decodes it.
 *
 * @since 0.1.0
 */
import * as ModelFolder from "./ModelFolder.ts"
import * as SttCheckers from "./SttCheckers.ts"
import * as SttKinds from "./SttKinds.ts"
import * as TokenFile from "./TokenFile.ts"

/**
 * What to look for, as the engine's options state it.
 *
 * - `language`: the primary subtag (`de`), or `auto`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SttRequest {
  readonly folder: string
  readonly kind?: SttKinds.SttKind | undefined
  readonly language: string
  readonly files: ModelFolder.StatedFiles
}

/**
 * A model that was found whole: its kind, and the model part of the library's configuration.
 *
 * @category models
 * @since 0.1.0
 */
export interface SttModel {
  readonly kind: SttKinds.SttKind
  readonly streaming: boolean
  readonly config: Readonly<Record<string, unknown>>
}

/**
 * Finds the model of a folder and checks what the library needs of it. Throws `ModelFault`.
 *
 * @category checks
 * @since 0.1.0
 */
export const find = ({ files, folder, kind, language }: SttRequest): SttModel => {
  const content = ModelFolder.read(folder)
  const parts = SttKinds.readParts(content, files)
  if (kind !== undefined && SttKinds.isVoice(parts)) SttKinds.kindOf(content, parts)
  const found = kind ?? SttKinds.kindOf(content, parts)
  const { config, tokens } = SttCheckers.checkers[found](parts, language)
  TokenFile.check(parts.tokens, tokens)
  return { kind: found, streaming: found.startsWith("streaming-"), config: { ...config, tokens: parts.tokens } }
}
