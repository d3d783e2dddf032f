/**
 * The transports of MCP servers: over HTTP, or of a program.
 *
 * @since 0.1.0
 */
import type * as McpClient from "effect/ai/McpClient"
import type { McpClientError } from "effect/ai/McpClientError"
import * as McpProtocol from "effect/ai/McpProtocol"
import type * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import type * as Scope from "effect/Scope"
import type { McpServerOptions } from "../../agent/tools/McpServerOptions.ts"
import * as McpHttp from "./McpHttp.ts"
import type { McpListener } from "./McpListener.ts"
import * as McpStdio from "./McpStdio.ts"

/**
 * The revisions in the order in which they are tried.
 *
 * @category constants
 * @since 0.1.0
 */
export const protocols = [McpProtocol.v2025_11_25, McpProtocol.v2026_07_28] as const

/**
 * Opens the transport of a server in the current scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  server: McpServerOptions,
  protocol: (typeof protocols)[number],
  listener: McpListener
): Effect.Effect<
  McpClient.Transport,
  McpClientError,
  Scope.Scope | HttpClient.HttpClient | ChildProcessSpawner.ChildProcessSpawner
> => server.url === undefined ? McpStdio.make(server, protocol, listener) : McpHttp.make(server, protocol, listener)
