/**
 * Tools from servers of the Model Context Protocol (MCP), for any agent with a language model.
 *
 * **Example** (An agent with the tools of two servers)
 *
 * ```ts
 * import { Agent } from "effect-voice"
 * import * as Mcp from "effect-voice/tools/mcp"
 * import * as Redacted from "effect/Redacted"
 *
 * export const agent = Agent.fromLanguageModel({ instructions: "You take orders.", toolkit: Mcp.toolkit })
 *
 * export const tools = Mcp.layer([
 *   { name: "orders", url: "https://orders.example.com/mcp", headers: { authorization: Redacted.make("Bearer …") } },
 *   { name: "files", command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", "/srv/menus"] }
 * ])
 * ```
 *
 * @since 0.1.0
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Options from "../../agent/tools/McpServerOptions.ts"
import type { ToolSource } from "../../agent/tools/RemoteTool.ts"
import * as RemoteToolkit from "../../agent/tools/RemoteToolkit.ts"
import type { InvalidConfig } from "../../BackendError.ts"
import { HealthSources } from "../../HealthSource.ts"
import * as Faults from "../../schema/Faults.ts"
import * as McpConnection from "./McpConnection.ts"

export type { AnyTool, RemoteToolkit } from "../../agent/tools/RemoteToolkit.ts"

/**
 * A server as a program writes it: what has a default may be left out, and the values of `headers` and `env` are `Redacted`.
 *
 * @category models
 * @since 0.1.0
 */
export type Server = Pick<Options.McpServerOptions, "name"> & Partial<Options.McpServerOptions>

/**
 * Connects to servers in the current scope: one client for each. A server that cannot be reached has no tools until it can.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = (
  servers: ReadonlyArray<Options.McpServerOptions>
): Effect.Effect<ReadonlyArray<ToolSource>, never, Scope.Scope> =>
  servers.length === 0 ? Effect.succeed([]) : Effect.gen(function*() {
    const services = yield* Layer.build(Layer.merge(NodeServices.layer, FetchHttpClient.layer))
    return yield* Effect.forEach(servers, (server) => Effect.provideContext(McpConnection.make(server), services), {
      concurrency: "unbounded"
    })
  })

/**
 * The tools of some servers, with their handlers, at this moment.
 *
 * @category services
 * @since 0.1.0
 */
export class McpTools extends Context.Service<McpTools, {
  readonly toolkit: Effect.Effect<RemoteToolkit.RemoteToolkit>
}>()("effect-voice/tools/mcp/McpTools") {}

/**
 * The toolkit of the servers, for `Agent.fromLanguageModel({ toolkit: Mcp.toolkit })`: each answer has the tools that can be
 * called when it begins.
 *
 * @category accessors
 * @since 0.1.0
 */
export const toolkit: Effect.Effect<RemoteToolkit.RemoteToolkit, never, McpTools> = Effect.flatMap(
  McpTools,
  (tools) => tools.toolkit
)

/**
 * Connects to servers, and adds each to the health report of backends that are built on it. Building waits until each has listed
 * its tools or failed to, at most its `timeout` for each of the two steps; a failure is logged and no failure of the layer. Fails
 * `invalid_config` when the options are not valid.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (servers: ReadonlyArray<Server>): Layer.Layer<McpTools, InvalidConfig> =>
  Layer.effectContext(Effect.gen(function*() {
    const defaults = Schema.decodeSync(Options.McpServerOptions)({ name: "server", url: "http://127.0.0.1" })
    const { url: _, ...rest } = defaults
    const complete = servers.map((server) => ({ ...rest, ...server }))
    const checked = yield* Faults.check(Options.McpServers, complete, {
      op: "Mcp.layer",
      what: "the options of the MCP servers",
      at: ["mcp"]
    })
    const sources = yield* connect(checked)
    const around = yield* HealthSources
    return Context.make(McpTools, { toolkit: RemoteToolkit.make(sources) }).pipe(
      Context.add(HealthSources, [...around, ...sources.flatMap(({ health }) => health ?? [])])
    )
  }))
