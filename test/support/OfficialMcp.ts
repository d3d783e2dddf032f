/** An MCP server of the official SDK, which tests speak with: over HTTP here, and as a program in `OfficialMcpProgram.ts`. */
import {
  createMcpHandler,
  fromJsonSchema,
  McpServer,
  type McpServerFactory,
  Server,
  WebStandardStreamableHTTPServerTransport
} from "@modelcontextprotocol/server"
import { Effect, type Scope } from "effect"
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** What happened in the server. */
export interface OfficialState {
  readonly calls: Array<string>
  /** Calls whose client went away or cancelled them. */
  aborted: number
  /** Tools beside the usual ones. */
  readonly more: Array<string>
}

export const state = (): OfficialState => ({ calls: [], aborted: 0, more: [] })

const object = (properties: object, required: ReadonlyArray<string> = Object.keys(properties)) =>
  fromJsonSchema<{ readonly [key: string]: unknown }>({ type: "object", properties, required: [...required] } as never)

const text = (text: string) => ({ content: [{ type: "text" as const, text }] })

/** The usual tools. */
export const factory = (seen: OfficialState): McpServerFactory => () => {
  const server = new McpServer(
    { name: "official", version: "1.0.0" },
    { capabilities: { tools: { listChanged: true }, logging: {} } }
  )
  server.registerTool("add", {
    description: "Adds two numbers",
    inputSchema: object({ a: { type: "number" }, b: { type: "number" } }),
    outputSchema: object({ sum: { type: "number" } })
  }, ({ a, b }) => {
    seen.calls.push("add")
    const sum = Number(a) + Number(b)
    return { ...text(`the sum is ${sum}`), structuredContent: { sum } }
  })
  server.registerTool("numbers", {
    description: "Structured content alone",
    outputSchema: object({ list: { type: "array", items: { type: "number" } } })
  }, () => ({ content: [], structuredContent: { list: [1, 2] } }))
  server.registerTool(
    "refuse",
    { description: "Fails in words" },
    () => ({ ...text("There is no table."), isError: true })
  )
  server.registerTool("throw", { description: "Throws" }, () => {
    throw new Error("no such table")
  })
  server.registerTool("kinds", { description: "All kinds of content" }, () => ({
    content: [
      { type: "text", text: "a text" },
      { type: "image", data: "aGVsbG8=", mimeType: "image/png" },
      { type: "audio", data: "aGVsbG8=", mimeType: "audio/wav" },
      { type: "resource_link", uri: "file:///menu.txt", name: "menu", description: "The menu" },
      { type: "resource", resource: { uri: "file:///a.txt", text: "soup" } },
      { type: "resource", resource: { uri: "file:///b.bin", blob: "aGVsbG8=" } }
    ]
  }))
  server.registerTool("busy", { description: "Tells its progress" }, async (ctx) => {
    for (let progress = 1; progress <= 3; progress++) {
      await ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken: "p", progress, total: 3 } })
      await ctx.mcpReq.log("info", `step ${progress}`)
    }
    return text("done")
  })
  server.registerTool("slow", { description: "Answers when it is cancelled" }, (ctx) =>
    new Promise((resume) => {
      seen.calls.push("slow")
      ctx.mcpReq.signal.addEventListener("abort", () => {
        seen.aborted++
        resume(text("cancelled"))
      })
    }))
  server.registerTool(
    "big",
    { inputSchema: object({ size: { type: "number" } }) },
    ({ size }) => text("x".repeat(Number(size)))
  )
  server.registerTool("ask", { description: "Asks the user" }, async (ctx) => {
    await ctx.mcpReq.elicitInput({ message: "Sure?", requestedSchema: { type: "object", properties: {} } })
    return text("asked")
  })
  server.registerTool(
    "env",
    { description: "The names of its variables" },
    () => text(Object.keys(process.env).sort().join(" "))
  )
  server.registerTool("die", { description: "Ends the program" }, () => process.exit(3))
  server.registerTool("grow", { description: "Gives it another tool" }, () => {
    const name = `more_${seen.more.push("") - 1}`
    seen.more[seen.more.length - 1] = name
    server.registerTool(name, { description: name }, () => text(name))
    return text(name)
  })
  for (const name of seen.more) server.registerTool(name, { description: name }, () => text(name))
  return server
}

/** A server with `count` tools in pages of `page`. */
export const pagedFactory = (count: number, page: number): McpServerFactory => () => {
  const server = new Server({ name: "paged", version: "1.0.0" }, { capabilities: { tools: {} } })
  server.setRequestHandler("tools/list", ({ params }) => {
    const from = Number(params?.cursor ?? "0")
    return {
      tools: Array.from({ length: Math.min(page, count - from) }, (_, i) => ({
        name: `tool_${from + i}`,
        description: "d",
        inputSchema: { type: "object" as const, properties: {} }
      })),
      ...(from + page < count ? { nextCursor: String(from + page) } : {})
    }
  })
  server.setRequestHandler("tools/call", ({ params }) => text(params.name))
  return server
}

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const parts: Array<Buffer> = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

const serve = async (
  fetch: (request: Request) => Promise<Response>,
  origin: string,
  request: IncomingMessage,
  response: ServerResponse
) => {
  const body = request.method === "POST" ? await bodyOf(request) : undefined
  const gone = new AbortController()
  response.on("close", () => gone.abort())
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, String(value))
  const answer = await fetch(
    new Request(`${origin}${request.url}`, {
      method: request.method ?? "GET",
      headers,
      signal: gone.signal,
      ...(body === undefined ? {} : { body: new Uint8Array(body) })
    })
  )
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  response.flushHeaders()
  for await (const part of answer.body ?? []) response.write(part)
  response.end()
}

export interface OfficialMcp {
  readonly url: string
  readonly seen: OfficialState
  readonly requests: Array<{ readonly method: string; readonly headers: IncomingHttpHeaders }>
  /** Tells listeners of the newest revision that its tools have changed. */
  readonly changed: () => void
  /** Forgets all sessions, as a server that has been started again. */
  readonly forget: () => void
}

/**
 * Starts it over HTTP: `modern` speaks 2026-07-28 alone, `sessions` 2025-11-25 with sessions, `stateless` both, without any.
 */
export const make = (
  kind: "modern" | "sessions" | "stateless",
  make?: McpServerFactory
): Effect.Effect<OfficialMcp, never, Scope.Scope> =>
  Effect.gen(function*() {
    const seen = state()
    const own = make ?? factory(seen)
    const handler = createMcpHandler(own, { legacy: kind === "modern" ? "reject" : "stateless" })
    const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
    const withSessions = async (request: Request): Promise<Response> => {
      const id = request.headers.get("mcp-session-id")
      const known = id === null ? undefined : sessions.get(id)
      if (known !== undefined) return known.handleRequest(request)
      if (id !== null) {
        return Response.json({ jsonrpc: "2.0", error: { code: -32001, message: "Session not found" }, id: null }, {
          status: 404
        })
      }
      const transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => void sessions.set(id, transport)
      })
      const server = await own({ era: "legacy" })
      await server.connect(transport)
      return transport.handleRequest(request)
    }
    const requests: OfficialMcp["requests"] = []
    let origin = ""
    const server = createServer((request, response) => {
      requests.push({ method: request.method ?? "", headers: request.headers })
      void serve(kind === "sessions" ? withSessions : handler.fetch, origin, request, response).catch(() =>
        response.destroy()
      )
    })
    yield* Effect.acquireRelease(
      Effect.promise(() => new Promise<void>((resume) => void server.listen(0, "127.0.0.1", resume))),
      () =>
        Effect.promise(() =>
          new Promise<void>((resume) => {
            void handler.close()
            server.closeAllConnections()
            server.close(() => resume())
          })
        )
    )
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
    return {
      url: `${origin}/mcp`,
      seen,
      requests,
      changed: () => handler.notify.toolsChanged(),
      forget: () => sessions.clear()
    }
  })
