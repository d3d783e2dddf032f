/**
 * Agents by name, so that a session can be created and restored with the name of its agent.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Registry from "../Registry.ts"
import type { Agent } from "./Agent.ts"

/**
 * The agents that sessions can name.
 *
 * @category services
 * @since 0.1.0
 */
export class AgentRegistry extends Context.Service<AgentRegistry, Registry.Registry<Agent>>()(
  "effect-voice/agent/AgentRegistry"
) {
  /** Provides a registry with these agents. */
  static readonly layer = (agents: { readonly [name: string]: Agent } = {}) =>
    Layer.sync(AgentRegistry, () => Registry.make("AgentRegistry", "agent", agents))
}
