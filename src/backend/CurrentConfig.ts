/**
 * The config of a running backend as it is now, and the agent that answers by default.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Agent } from "../agent/Agent.ts"
import type { BackendError } from "../BackendError.ts"
import { deadline } from "../Deadline.ts"
import type { BackendParts } from "./BackendParts.ts"
import * as BackendConfig from "./config/BackendConfig.ts"
import * as LiveUpdate from "./config/LiveUpdate.ts"

/** The updates after it wait for a registry that hangs. */
const AGENT_DEADLINE = "10 seconds"

/**
 * @category models
 * @since 0.1.0
 */
export interface CurrentConfig {
  readonly get: () => BackendConfig.BackendConfig
  /** The agent of sessions that name none. */
  readonly defaultAgent: () => Agent | undefined
  /** Changes nothing unless the whole config is valid and the backend can change to it while it runs. */
  readonly update: (next: BackendConfig.BackendConfig) => Effect.Effect<void, BackendError>
}

/**
 * Makes it from a backend's first config. Updates run one at a time, in the order of the calls.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  parts: Pick<BackendParts, "config" | "agent" | "findAgent">
): Effect.fn.Return<CurrentConfig> {
  // one update at a time: the config that is compared must be the one that is replaced
  const updating = yield* Semaphore.make(1)
  const current = { config: parts.config, agent: parts.agent }
  const update = Effect.fnUntraced(function*(next: BackendConfig.BackendConfig) {
    const config = yield* BackendConfig.check(next)
    yield* LiveUpdate.checkUpdate(current.config, config)
    if (config.agent !== current.config.agent) {
      current.agent = config.agent === undefined
        ? parts.agent
        : yield* parts.findAgent(config.agent).pipe(
          deadline("VoiceBackend.updateConfig", `agent ${config.agent}`, AGENT_DEADLINE)
        )
    }
    current.config = config
  })
  return {
    get: () => current.config,
    defaultAgent: () => current.agent,
    update: (next) => updating.withPermits(1)(update(next))
  }
})
