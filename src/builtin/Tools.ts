/**
 * Opens the tools that a config names. Their clients are loaded when a config first names some.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ToolSource } from "../agent/tools/RemoteTool.ts"
import type { OpenToolSources } from "../backend/engines/OpenToolSources.ts"

/**
 * Connects to the MCP servers of a config, and makes its tools.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openToolSources: typeof OpenToolSources.Service = Effect.fnUntraced(function*({ mcp, openapi, tools }) {
  const requests: Array<ToolSource> = []
  if (tools.length + openapi.length > 0) {
    const http = yield* Effect.promise(() => import("../tools/http/index.ts"))
    if (tools.length > 0) requests.push(yield* http.make(tools))
    requests.push(...yield* http.openApi(openapi))
  }
  const servers = mcp.length === 0
    ? []
    : yield* (yield* Effect.promise(() => import("../tools/mcp/index.ts"))).connect(mcp)
  return [...requests, ...servers]
})
