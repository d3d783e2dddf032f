/**
 * Opens the tools that a config names for the agent `llm`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ToolSource } from "../../agent/tools/RemoteTool.ts"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"

/**
 * Opens the sources of a config in the current scope. Default: it fails where a config names some.
 * `effect-voice/builtin` has the clients.
 *
 * @category references
 * @since 0.1.0
 */
export const OpenToolSources = Context.Reference<
  (
    config: Pick<BackendConfig, "mcp" | "openapi" | "tools">
  ) => Effect.Effect<ReadonlyArray<ToolSource>, BackendError, Scope.Scope>
>("effect-voice/backend/OpenToolSources", {
  defaultValue: () => ({ mcp, openapi, tools }) =>
    mcp.length + openapi.length + tools.length === 0 ? Effect.succeed([]) : Effect.fail(
      new InvalidConfig({
        op: "VoiceBackend.make",
        message: "mcp, openapi and tools need a client: provide the layer of effect-voice/builtin",
        details: { missing: "OpenToolSources" }
      })
    )
})
