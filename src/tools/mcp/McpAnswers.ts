/**
 * The answers of MCP servers, made fit for the client of `effect/ai`: of servers that answer with an earlier revision of the
 * protocol, whose tools are the same, and of lists in which a tool is malformed.
 *
 * @since 0.1.0
 */
import type * as McpClient from "effect/ai/McpClient"
import type * as McpSchema from "effect/ai/McpSchema"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import * as McpResult from "./McpResult.ts"

/**
 * The notification that the list of tools has changed.
 *
 * @category constants
 * @since 0.1.0
 */
export const LIST_CHANGED = "notifications/tools/list_changed"

/** Revisions whose tools are listed and called as in 2025-11-25. */
const EARLIER = new Set(["2024-11-05", "2025-03-26", "2025-06-18"])

/**
 * Whether a message says that the list of tools has changed.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isChange = (message: unknown): boolean => isRecord(message) && message["method"] === LIST_CHANGED

/**
 * What a call tells the server besides its input.
 *
 * @category references
 * @since 0.1.0
 */
export const CallMeta = Context.Reference<JsonRecord | undefined>("effect-voice/tools/mcp/CallMeta", {
  defaultValue: () => undefined
})

/**
 * What is noticed in the answers.
 *
 * - `onVersion`: the earlier revision that the server speaks.
 * - `onListens`: a server of the newest revision would tell of changes to who asks for it (`subscriptions/listen`).
 *
 * @category models
 * @since 0.1.0
 */
export interface McpNotices {
  readonly onVersion?: (version: string) => void
  readonly onListens?: () => void
}

const tellsOfChanges = ({ capabilities }: JsonRecord): boolean =>
  isRecord(capabilities) && isRecord(capabilities["tools"]) && capabilities["tools"]["listChanged"] === true

/**
 * Makes the answers of a transport fit.
 *
 * @category combinators
 * @since 0.1.0
 */
export const lenient = (transport: McpClient.Transport, notices: McpNotices = {}): McpClient.Transport => {
  const fitted = (method: string, result: unknown): unknown => {
    if (!isRecord(result)) return result
    switch (method) {
      case "initialize": {
        const version = result["protocolVersion"]
        if (typeof version !== "string" || !EARLIER.has(version)) return result
        notices.onVersion?.(version)
        return { ...result, protocolVersion: transport.protocol.protocolVersion }
      }
      case "server/discover":
        if (tellsOfChanges(result)) notices.onListens?.()
        return result
      case "tools/list":
        return McpResult.page(result)
      case "tools/call": {
        const { _meta, structuredContent: _structured, ...rest } = result
        return {
          ...rest,
          content: [{ type: "text", text: McpResult.text(result) }],
          isError: result["isError"] === true
        }
      }
      default:
        return result
    }
  }
  const withMeta = (message: McpSchema.JsonRpcRequest) =>
    message.method !== "tools/call" ? Effect.succeed(message) : Effect.map(CallMeta, (meta) => {
      if (meta === undefined) return message
      const params = isRecord(message.params) ? message.params : {}
      return {
        ...message,
        params: { ...params, _meta: { ...(isRecord(params["_meta"]) ? params["_meta"] : {}), ...meta } }
      }
    })
  return {
    ...transport,
    request: (message, tool) =>
      Effect.map(
        Effect.flatMap(withMeta(message), (told) => transport.request(told, tool)),
        (response) =>
          "result" in response ? { ...response, result: fitted(message.method, response.result) as never } : response
      )
  }
}

/** The parameters of a request to be told of changes, in the newest revision. */
const listenParams = (version: string, client: { readonly name: string; readonly version: string }) => ({
  _meta: {
    "io.modelcontextprotocol/protocolVersion": version,
    "io.modelcontextprotocol/clientInfo": client,
    "io.modelcontextprotocol/clientCapabilities": {}
  },
  notifications: { toolsListChanged: true }
})

/**
 * The request to be told of changes, in the newest revision. Its answer comes with the end of the connection, and the
 * notifications before.
 *
 * @category constructors
 * @since 0.1.0
 */
export const listenRequest = (version: string): McpSchema.JsonRpcRequest => ({
  jsonrpc: "2.0",
  id: "listen",
  method: "subscriptions/listen",
  params: listenParams(version, CLIENT)
})

/**
 * How a server knows us.
 *
 * @category constants
 * @since 0.1.0
 */
export const CLIENT = { name: "effect-voice", version: "0.1.0" } as const
