/**
 * What a config may ask for: parts that are not there, and changes that cannot be made live, fail `invalid_config`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { Agent } from "../agent/Agent.ts"
import { InvalidConfig } from "../BackendError.ts"
import type { Fault } from "../Faults.ts"
import type { BackendConfig } from "./BackendConfig.ts"

/**
 * Who answers where nobody is asked.
 *
 * @category constants
 * @since 0.1.0
 */
export const silentAgent: Agent = { name: undefined, respond: () => Stream.empty }

const missing = (config: BackendConfig): ReadonlyArray<Fault> => {
  const faults: Array<Fault> = []
  const need = (path: string, wanted: boolean) => {
    if (wanted) faults.push({ path, message: "this version has no such part" })
  }
  need("noise_cancellation_provider", config.noiseCancellationProvider !== undefined)
  need("custom_processors", config.customProcessors.length > 0)
  return faults
}

/**
 * Fails when a config asks for a part that is not built, with all such parts in `details.missing`.
 *
 * @category checks
 * @since 0.1.0
 */
export const check = (config: BackendConfig): Effect.Effect<void, InvalidConfig> => {
  const faults = missing(config)
  return faults.length === 0 ? Effect.void : Effect.fail(
    new InvalidConfig({
      op: "VoiceBackend.make",
      message: `the config asks for what is not there: ${faults.map((fault) => fault.path).join(", ")}`,
      details: { missing: faults.map((fault) => fault.path), faults }
    })
  )
}

const fixed = [
  ["provider", "provider"],
  ["providerConfig", "provider_config"],
  ["pipelineType", "pipeline_type"],
  ["sttProvider", "stt_provider"],
  ["ttsProvider", "tts_provider"],
  ["s2sProvider", "s2s_provider"],
  ["vadProvider", "vad_provider"],
  ["turnDetectionProvider", "turn_detection_provider"],
  ["sttFallback", "stt_fallback"],
  ["ttsFallback", "tts_fallback"],
  ["engines", "engines"],
  ["store", "store"]
] as const

/**
 * Fails when a running backend would have to be another one, with the fields in `details.faults`.
 *
 * @category checks
 * @since 0.1.0
 */
export const checkUpdate = (current: BackendConfig, next: BackendConfig): Effect.Effect<void, InvalidConfig> => {
  const counting = ({ rateLimits: { store, url } }: BackendConfig) => [store, url && Redacted.value(url)]
  const changed = [
    ...fixed.filter(([key]) => !Equal.equals(current[key], next[key])).map(([, path]) => path),
    ...(Equal.equals(counting(current), counting(next)) ? [] : ["rate_limits.store"])
  ]
  return changed.length === 0 ? Effect.void : Effect.fail(
    new InvalidConfig({
      op: "VoiceBackend.updateConfig",
      message: `cannot change while running: ${changed.join(", ")}`,
      details: { faults: changed.map((path) => ({ path, message: "cannot change while running" })) }
    })
  )
}
