/**
 * A scripted `/v1/chat/completions` server: its answers and their faults.
 */
import { Effect, type Scope } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export type Piece =
  | { readonly text: string }
  | { readonly refusal: string }
  | { readonly reasoning: string }
  | { readonly call: { readonly index: number; readonly id?: string; readonly name?: string; readonly input?: string } }
  | { readonly waitMs: number }
  | { readonly error: object }
  | { readonly raw: string }
  /** Resets the connection. */
  | { readonly reset: true }
  /** Sends nothing more; the connection stays open. */
  | { readonly stall: true }

export interface ChatAnswer {
  /** Refuses instead of answering. */
  readonly refuse?: {
    readonly status: number
    readonly headers?: { readonly [name: string]: string }
    readonly body?: unknown
  }
  readonly pieces?: ReadonlyArray<Piece>
  readonly finish?: string | null
  readonly done?: boolean
  /** The number of bytes written at once. */
  readonly chunk?: number
  /** One JSON body, like a server that does not stream. */
  readonly whole?: object
}

export interface ChatRequest {
  readonly body: {
    readonly model: string
    readonly stream?: boolean
    readonly messages: ReadonlyArray<{ readonly role: string; readonly [key: string]: unknown }>
    readonly [key: string]: unknown
  }
  readonly path: string
  readonly authorization: string | undefined
}

export const text = (...texts: ReadonlyArray<string>): ChatAnswer => ({ pieces: texts.map((text) => ({ text })) })

const chunk = (delta: object, finish: string | null = null) => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1_700_000_000,
  model: "fake",
  choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }]
})

const deltaOf = (piece: Piece): object | undefined => {
  if ("text" in piece) return chunk({ content: piece.text })
  if ("refusal" in piece) return chunk({ refusal: piece.refusal })
  if ("reasoning" in piece) return chunk({ reasoning_content: piece.reasoning, reasoning: piece.reasoning })
  if ("error" in piece) return { error: piece.error }
  if (!("call" in piece)) return undefined
  const { id, index, input, name } = piece.call
  return chunk({
    tool_calls: [{
      index,
      ...(id === undefined ? {} : { id, type: "function" }),
      function: { ...(name === undefined ? {} : { name }), ...(input === undefined ? {} : { arguments: input }) }
    }]
  })
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let body = ""
  for await (const part of request) body += String(part)
  return body
}

const pause = (ms: number) => new Promise<void>((resume) => setTimeout(resume, ms))

const write = async (response: ServerResponse, told: string, size: number) => {
  const bytes = Buffer.from(told)
  for (let at = 0; at < bytes.length; at += size) {
    response.write(bytes.subarray(at, at + size))
    // each in a packet of its own, as far as a loopback has packets
    if (size < bytes.length) await new Promise<void>((resume) => setImmediate(resume))
  }
}

const answer = async (response: ServerResponse, told: ChatAnswer) => {
  if (told.refuse !== undefined) {
    const { body, headers, status } = told.refuse
    response.writeHead(status, { "content-type": "application/json", "x-request-id": "req_refused", ...headers })
    response.end(typeof body === "string" ? body : JSON.stringify(body ?? {}))
    return
  }
  if (told.whole !== undefined) {
    response.writeHead(200, { "content-type": "application/json" })
    response.end(JSON.stringify(told.whole))
    return
  }
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_1" })
  const size = told.chunk ?? Number.POSITIVE_INFINITY
  const pieces = told.pieces ?? []
  await write(response, `data: ${JSON.stringify(chunk({ role: "assistant", content: "" }))}\n\n`, size)
  for (const piece of pieces) {
    if ("waitMs" in piece) await pause(piece.waitMs)
    else if ("stall" in piece) return
    else if ("reset" in piece) {
      response.socket?.resetAndDestroy()
      return
    } else if ("raw" in piece) await write(response, piece.raw, size)
    else await write(response, `data: ${JSON.stringify(deltaOf(piece))}\n\n`, size)
  }
  const finish = told.finish === undefined
    ? pieces.some((piece) => "call" in piece) ? "tool_calls" : "stop"
    : told.finish
  if (finish !== null) await write(response, `data: ${JSON.stringify(chunk({}, finish))}\n\n`, size)
  if (told.done !== false) await write(response, "data: [DONE]\n\n", size)
  response.end()
}

export interface FakeChat {
  /** With its `/v1`. */
  readonly url: string
  readonly requests: Array<ChatRequest>
  /** Requests whose client went away before the answer was whole. */
  readonly aborted: () => number
}

/** Starts it; the nth request gets the nth answer, and the last again. */
export const make = (
  answers: ReadonlyArray<ChatAnswer> | ((request: ChatRequest, index: number) => ChatAnswer)
): Effect.Effect<FakeChat, never, Scope.Scope> =>
  Effect.gen(function*() {
    const requests: Array<ChatRequest> = []
    let aborted = 0
    const server = createServer((request, response) => {
      response.on("close", () => {
        if (!response.writableFinished) aborted++
      })
      const take = async () => {
        const asked: ChatRequest = {
          body: JSON.parse(await bodyOf(request)),
          path: request.url ?? "",
          authorization: request.headers.authorization
        }
        const index = requests.push(asked) - 1
        const told = typeof answers === "function"
          ? answers(asked, index)
          : answers[Math.min(index, answers.length - 1)] ?? {}
        await answer(response, told)
      }
      void take().catch(() => response.destroy())
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    )
    const { port } = server.address() as AddressInfo // it listens on a port
    return { url: `http://127.0.0.1:${port}/v1`, requests, aborted: () => aborted }
  })
