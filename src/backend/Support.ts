/**
 * What a running backend may be asked to change: the rest would make it another one, and fails `invalid_config`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { Agent } from "../agent/Agent.ts"
import { InvalidConfig } from "../BackendError.ts"
import type { BackendConfig } from "./BackendConfig.ts"

/**
 * Who answers where nobody is asked.
 *
 * @category constants
 * @since 0.1.0
 */
export const silentAgent: Agent = { name: undefined, respond: () => Stream.empty }

const fixed = [
  ["provider", "provider"],
  ["providerConfig", "provider_config"],
  ["pipelineType", "pipeline_type"],
  ["sttProvider", "stt_provider"],
  ["ttsProvider", "tts_provider"],
  ["s2sProvider", "s2s_provider"],
  ["vadProvider", "vad_provider"],
  ["turnDetectionProvider", "turn_detection_provider"],
  ["noiseCancellationProvider", "noise_cancellation_provider"],
  ["customProcessors", "custom_processors"],
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
