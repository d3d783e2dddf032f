/**
 * A scripted MCP server over HTTP (Streamable HTTP with a session), which can also misbehave.
 */
import { Effect, type Scope } from "effect"
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export interface FakeTool {
  readonly name: string
  readonly description?: string
  readonly inputSchema?: unknown
}

export interface McpRequest {
  readonly method: string
  readonly params: { readonly [key: string]: unknown }
  readonly headers: IncomingHttpHeaders
}

/** What a method is answered with: a result, or whatever is done with the response. */
export type Answer = { readonly result: object } | { readonly error: object } | {
  readonly raw: (response: ServerResponse, id: unknown) => void
}

export interface FakeMcpOptions {
  readonly version?: string
  /** Answers in place of the usual one; `undefined` leaves it. */
  readonly on?: (request: McpRequest) => Answer | undefined
  /** Answers as events, with a notification in front. */
  readonly stream?: boolean
  /** Whether `GET` opens a stream of notifications. Default: true. */
  readonly listens?: boolean
}

export interface FakeMcp {
  readonly url: string
  readonly requests: Array<McpRequest>
  tools: ReadonlyArray<FakeTool>
  /** The number of streams of notifications that are open. */
  readonly listeners: () => number
  readonly notify: (method: string) => void
  /** Ends every connection and refuses new ones until `back`. */
  readonly away: () => Promise<void>
  readonly back: () => Promise<void>
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let body = ""
  for await (const part of request) body += String(part)
  return body
}

export const echo: FakeTool = {
  name: "echo",
  description: "Says it again",
  inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] }
}

/** Starts it. */
export const make = (
  tools: ReadonlyArray<FakeTool>,
  options: FakeMcpOptions = {}
): Effect.Effect<FakeMcp, never, Scope.Scope> =>
  Effect.gen(function*() {
    const requests: Array<McpRequest> = []
    const streams = new Set<ServerResponse>()
    let port = 0
    const usual = ({ method, params }: McpRequest): object => {
      switch (method) {
        case "initialize":
          return {
            protocolVersion: options.version ?? "2025-11-25",
            capabilities: { tools: { listChanged: true } },
            serverInfo: { name: "fake", version: "1" }
          }
        case "tools/list":
          return { tools: fake.tools }
        default:
          return {
            content: [{ type: "text", text: `${String(params["name"])}: ${JSON.stringify(params["arguments"])}` }]
          }
      }
    }
    const take = async (request: IncomingMessage, response: ServerResponse) => {
      const { headers } = request
      if (request.method === "GET") {
        if (options.listens === false) return response.writeHead(405).end()
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.write(": open\n\n")
        streams.add(response)
        response.on("close", () => streams.delete(response))
        return
      }
      if (request.method === "DELETE") return response.writeHead(204).end()
      const { id, method, params = {} } = JSON.parse(await bodyOf(request))
      const asked: McpRequest = { method, params, headers }
      requests.push(asked)
      if (id === undefined) return response.writeHead(202).end()
      const answer = options.on?.(asked) ?? { result: usual(asked) }
      if ("raw" in answer) return answer.raw(response, id)
      const told = JSON.stringify({ jsonrpc: "2.0", id, ...answer })
      const session = method === "initialize" ? { "mcp-session-id": "session-1" } : {}
      if (options.stream === true) {
        response.writeHead(200, { "content-type": "text/event-stream", ...session })
        const note = { jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "busy" } }
        response.end(`data: ${JSON.stringify(note)}\n\nevent: message\ndata: ${told}\n\n`)
      } else response.writeHead(200, { "content-type": "application/json", ...session }).end(told)
    }
    const server = createServer((request, response) => void take(request, response).catch(() => response.destroy()))
    const listen = () =>
      new Promise<void>((resume) =>
        void server.listen(port, "127.0.0.1", () => {
          port = (server.address() as AddressInfo).port // it listens on a port
          resume()
        })
      )
    const close = () =>
      new Promise<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume())
      })
    yield* Effect.acquireRelease(Effect.promise(listen), () => Effect.promise(close))
    const fake: FakeMcp = {
      url: `http://127.0.0.1:${port}/mcp`,
      requests,
      tools,
      listeners: () => streams.size,
      notify: (method) => {
        for (const stream of streams) stream.write(`data: ${JSON.stringify({ jsonrpc: "2.0", method })}\n\n`)
      },
      away: close,
      back: listen
    }
    return fake
  })
