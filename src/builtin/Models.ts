/**
 * The model files that the engines of a config need, so that a program can download them, with progress, before it starts.
 *
 * @since 0.1.0
 */
import type { BackendConfig } from "../backend/config/BackendConfig.ts"
import { isRecord } from "../schema/Json.ts"
import type { OwnEngines } from "./Registries.ts"

/**
 * The names of the models in the `ModelStore`, without repetition; empty for engines that need none, and for those of the
 * application (`own`).
 *
 * @category accessors
 * @since 0.1.0
 */
export const modelsOf = (config: BackendConfig, own: OwnEngines = {}): ReadonlyArray<string> => {
  const used = new Set([config.sttProvider, config.vadProvider, ...config.sttFallback])
  const cascade = config.s2sProvider === "cascade" ? config.engines["cascade"] ?? {} : undefined
  if (cascade !== undefined) {
    used.add(String(cascade["stt"] ?? "moonshine"))
    // the backend is the turn authority, so it needs a detector
    used.add(config.vadProvider ?? "silero")
  }
  const options = cascade === undefined ? config.engines["moonshine"] : cascade["stt_options"]
  const model = isRecord(options) ? options["model"] : undefined
  return [
    ...(used.has("moonshine") && own.stt?.["moonshine"] === undefined
      ? [`moonshine-${model === "base" ? "base" : "tiny"}-en`]
      : []),
    ...(used.has("silero") && own.vad?.["silero"] === undefined ? ["silero-vad"] : [])
  ]
}
