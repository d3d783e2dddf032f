/**
 * Which model files the engines of a config will want, so that a program can fetch them with progress before it starts.
 *
 * @since 0.1.0
 */
import type { BackendConfig } from "../backend/BackendConfig.ts"

/**
 * The names of the models in the `ModelStore`, without repetition; empty for engines that need none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const modelsOf = (config: BackendConfig): ReadonlyArray<string> => {
  const used = new Set([config.sttProvider, config.vadProvider, ...config.sttFallback])
  const model = config.engines["moonshine"]?.["model"]
  return [
    ...(used.has("moonshine") ? [`moonshine-${model === "base" ? "base" : "tiny"}-en`] : []),
    ...(used.has("silero") ? ["silero-vad"] : [])
  ]
}
