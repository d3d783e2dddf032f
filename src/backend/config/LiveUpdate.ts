/**
 * The fields of a config that can change while the backend runs; a change of any other field fails `invalid_config`.
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
 * The agent of a speech-to-speech session whose model answers by itself.
 *
 * @category constants
 * @since 0.1.0
 */
export const silentAgent: Agent = { name: undefined, respond: () => Stream.empty }

const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/**
 * Whether a field can change while a backend runs; running sessions keep their values. The fields that cannot are built into
 * the backend. Every field is listed, so that a new one must be decided on.
 */
const isLive: { readonly [Key in keyof Required<BackendConfig>]: boolean } = {
  agent: true,
  history: true,
  latencyTarget: true,
  timeout: true,
  maxRetries: true,
  retryDelay: true,
  maxConcurrentSessions: true,
  overload: true,
  conversation: true,
  text: true,
  drain: true,
  // except for the key that signs tokens
  session: true,
  // except for the store that counts them
  rateLimits: true,
  retention: false,
  cluster: false,
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
  echoCancellation: false,
  llmProvider: false,
  mcp: false,
  tools: false,
  openapi: false,
  callTools: false,
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

/** The field that cannot change: that of `engines.flite.voice` is `engines`. */
const fixedPart = (path: string): string | undefined => {
  const parts = path.split(".")
  return parts.map((_, i) => parts.slice(0, i + 1).join(".")).find((part) => fixed.has(part))
}

/**
 * Fails when the next config changes a field that cannot change while the backend runs; the fields are in `details.faults`.
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
