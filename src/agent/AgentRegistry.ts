/**
 * Agents by name, so that a session can be created and restored with the name of its agent.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Registry from "../Registry.ts"
import { type Agent, withContext } from "./Agent.ts"

/**
 * The agents that sessions can name.
 *
 * @category services
 * @since 0.1.0
 */
export class AgentRegistry extends Context.Service<AgentRegistry, Registry.Registry<Agent>>()(
  "effect-voice/agent/AgentRegistry"
) {
  /**
   * Provides a registry with these agents. The layer asks for what the agents need, such as a language model and the handlers of
   * their tools. A `Scope` is that of each answer.
   */
  static readonly layer = <Needs extends { readonly [name: string]: unknown } = {}>(
    agents?: { readonly [Name in keyof Needs]: Agent<Needs[Name]> }
  ): Layer.Layer<AgentRegistry, never, Exclude<Needs[keyof Needs], Scope.Scope>> => {
    const given = Object.entries((agents ?? {}) as { readonly [name: string]: Agent<Needs[keyof Needs]> })
    return Layer.effect(
      AgentRegistry,
      Effect.map(
        Effect.forEach(given, ([name, agent]) => Effect.map(withContext(agent), (own) => [name, own] as const)),
        (own) => Registry.make("AgentRegistry", "agent", Object.fromEntries(own))
      )
    )
  }
}
