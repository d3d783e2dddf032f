/**
 * Builds a backend whose engines, agent and processors are those that a config names.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BackendError } from "../BackendError.ts"
import type { BackendConfig } from "./BackendConfig.ts"
import type { BackendProvider, Registries } from "./BackendProvider.ts"
import type { VoiceBackend } from "./VoiceBackend.ts"

export declare const make: (
  provider: BackendProvider["Service"],
  config: BackendConfig
) => Effect.Effect<VoiceBackend["Service"], BackendError, Scope.Scope | Registries>
