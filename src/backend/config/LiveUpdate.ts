/**
 * What a running backend may be asked to change: the rest would make it another one, and fails `invalid_config`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Agent } from "../../agent/Agent.ts"
import { InvalidConfig } from "../../BackendError.ts"
import { BackendConfig } from "./BackendConfig.ts"
import * as ConfigDiff from "./ConfigDiff.ts"

/**
 * Who answers where nobody is asked.
 *
 * @category constants
 * @since 0.1.0
 */
export const silentAgent: Agent = { name: undefined, respond: () => Stream.empty }

const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/**
 * What may change while a backend runs. Sessions keep what they were made with; the rest is built in, and a change of it
 * would be another backend. Every field is here: a new one must say what it is.
 */
const isLive: { readonly [Key in keyof Required<BackendConfig>]: boolean } = {
  agent: true,
  latencyTarget: true,
  timeout: true,
  maxRetries: true,
  retryDelay: true,
  maxConcurrentSessions: true,
  overload: true,
  conversation: true,
  drain: true,
  // but for the key that signs what users hold
  session: true,
  // but for where they are counted
  rateLimits: true,
  retention: false,
  provider: false,
  providerConfig: false,
  pipelineType: false,
  sttProvider: false,
  ttsProvider: false,
  s2sProvider: false,
  vadProvider: false,
  turnDetectionProvider: false,
  agentInLoop: false,
  noiseCancellationProvider: false,
  llmProvider: false,
  customProcessors: false,
  sttFallback: false,
  ttsFallback: false,
  engines: false,
  store: false,
  enableTracing: true,
  traceSpeech: true,
  enableMetrics: true,
  enableStructuredLogging: true
}

const fixed = new Set([
  ...Object.entries(isLive).filter(([, live]) => !live).map(([key]) => snake(key)),
  "session.signing_key",
  "rate_limits.store",
  "rate_limits.url"
])

/** A change of `engines.flite.voice` is one of `engines`. */
const fixedPart = (path: string): string | undefined => {
  const parts = path.split(".")
  return parts.map((_, i) => parts.slice(0, i + 1).join(".")).find((part) => fixed.has(part))
}

/**
 * Fails when a running backend would have to be another one, with the fields in `details.faults`.
 *
 * @category checks
 * @since 0.1.0
 */
export const checkUpdate = Effect.fnUntraced(function*(
  current: BackendConfig,
  next: BackendConfig
): Effect.fn.Return<void, InvalidConfig> {
  const paths = (yield* ConfigDiff.changedPaths(BackendConfig, current, next)).flatMap((path) => fixedPart(path) ?? [])
  const changed = [...new Set(paths)]
  if (changed.length === 0) return
  return yield* new InvalidConfig({
    op: "VoiceBackend.updateConfig",
    message: `cannot change while running: ${changed.join(", ")}`,
    details: { faults: changed.map((path) => ({ path, message: "cannot change while running" })) }
  })
})
