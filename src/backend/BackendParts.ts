/**
 * The parts that a backend is made of: its provider, its pipelines and engines, and its agent.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { Agent } from "../agent/Agent.ts"
import type { BackendError } from "../BackendError.ts"
import type { ProcessorEntry } from "../session/input/ProcessorChain.ts"
import type { PipelineFactory } from "../session/pipeline/Pipeline.ts"
import type { PipelineType } from "../session/SessionConfig.ts"
import type { EchoCanceller } from "../speech/EchoCanceller.ts"
import type { EngineHealth } from "../speech/EngineHealth.ts"
import type { BackendConfig } from "./config/BackendConfig.ts"
import type { ConfiguredProvider } from "./provider/ProviderContract.ts"

/**
 * The parts that a backend is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface BackendParts {
  /** Checked; nothing decodes it again. */
  readonly config: BackendConfig
  readonly provider: ConfiguredProvider
  /** The pipelines that can be built from its engines. */
  readonly pipelines: { readonly [Type in PipelineType]?: PipelineFactory | undefined }
  /** The processors of the users' audio. */
  readonly processors?: ReadonlyArray<ProcessorEntry> | undefined
  /** Takes the echo of the agent's voice out of the users' audio. Default: nothing does. */
  readonly echoCanceller?: EchoCanceller["Service"] | undefined
  /** The names of the engines, by kind. */
  readonly engines: { readonly [kind: string]: string }
  /** The engines themselves, for the health check. */
  readonly speech?: { readonly [kind: string]: EngineHealth } | undefined
  /** The agent of sessions that name none. */
  readonly agent: Agent | undefined
  /** Called once with a function that returns the current config: engines are made before the backend has one. */
  readonly useConfig?: ((config: () => BackendConfig) => void) | undefined
  /** The names that it finds, for the log; `undefined` without a registry. */
  readonly agentNames?: (() => ReadonlyArray<string>) | undefined
  /** Finds an agent by name. */
  readonly findAgent: (name: string) => Effect.Effect<Agent, BackendError>
}
