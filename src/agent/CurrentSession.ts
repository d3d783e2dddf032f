/**
 * The session in which a tool's handler runs.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"
import type { LanguageChange } from "../LanguageChange.ts"
import type { AgentCall } from "./AgentCall.ts"

/**
 * What a handler may do with its session: `Agent.background`, `Agent.handOver`, `Agent.setLanguage`, and what `Agent.callTools` do
 * with its call. Undefined outside of a session.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentSession = Context.Reference<
  | {
    readonly background: (effect: Effect.Effect<void>) => Effect.Effect<void, BackendError>
    readonly handOver: (name: string) => Effect.Effect<unknown, BackendError>
    readonly call: AgentCall | undefined
    readonly setLanguage: ((language: string) => Effect.Effect<LanguageChange, BackendError>) | undefined
  }
  | undefined
>("effect-voice/agent/CurrentSession", { defaultValue: () => undefined })
