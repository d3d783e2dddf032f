/**
 * OpenAI's `POST /v1/audio/speech`, from its documentation: streamed PCM, JSON errors, a request id. Faults are scripted for
 * each request.
 */
import { Effect } from "effect"
import { createServer, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type * as FakeModel from "./FakeModel.ts"
import { type FakeVoiceOptions, KEY, piecesOf } from "./FakeVoices.ts"

const codes: { readonly [status: number]: string } = {
  401: "invalid_api_key",
  402: "insufficient_quota",
  429: "rate_limit_exceeded"
}

const VOICES = /^(?:alloy|ash|ballad|coral|echo|sage|shimmer|verse|marin|cedar|fable|onyx|nova)$/

export const start = (options: FakeVoiceOptions & { readonly code?: string } = {}) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly server: Server; readonly fake: FakeModel.FakeModel }>((resume) => {
        const told: Array<FakeModel.Told> = []
        const urls: Array<string> = []
        const open = new Set<ServerResponse>()
        const timers = new Set<NodeJS.Timeout>()
        let requests = 0
        const after = (ms: number, run: () => void) => {
          const timer = setTimeout(() => {
            timers.delete(timer)
            run()
          }, ms)
          timers.add(timer)
        }
        const server = createServer((request, response) => {
          const index = requests++
          urls.push(request.url ?? "")
          const fault = options.faults?.[index] ?? {}
          open.add(response)
          response.on("close", () => {
            open.delete(response)
            told.push({
              connection: index,
              at: performance.now(),
              what: response.writableFinished ? "finished" : "aborted"
            })
          })
          const id = { "x-request-id": `req_${index}` }
          const refuse = (status: number, headers: { readonly [name: string]: string } = {}) => {
            const code = options.code ?? codes[status] ?? "server_error"
            response.writeHead(status, { ...id, "content-type": "application/json", ...headers })
            response.end(JSON.stringify({ error: { message: "no", type: "error", param: null, code } }))
          }
          if (fault.refuse !== undefined) return refuse(fault.refuse.status, fault.refuse.headers)
          if (request.method !== "POST" || request.url !== "/v1/audio/speech") return refuse(404)
          if (request.headers.authorization !== `Bearer ${KEY}`) return refuse(401)
          let body = ""
          request.setEncoding("utf8").on("data", (more: string) => {
            body += more
          }).on("end", () => {
            const { input, model, response_format: format, voice } = JSON.parse(body) as {
              readonly [key: string]: unknown
            }
            told.push({ connection: index, at: performance.now(), what: "request", body: JSON.parse(body) })
            if (typeof input !== "string" || input === "" || input.length > 4_096) return refuse(400)
            if (typeof model !== "string" || typeof voice !== "string" || !VOICES.test(voice)) return refuse(400)
            if (format !== "pcm") return refuse(400)
            const pieces = piecesOf(input, 24_000)
            const step = (at: number): void => {
              if (response.destroyed) return
              if (fault.stallAfter !== undefined && at >= fault.stallAfter) return
              if (fault.resetAfter !== undefined && at >= fault.resetAfter) return void response.destroy()
              const piece = pieces[at]
              if (piece === undefined) return void response.end()
              response.write(piece.bytes)
              // send each piece separately
              after(options.paceMs ?? 1, () => step(at + 1))
            }
            after(fault.latencyMs ?? 0, () => {
              response.writeHead(200, { ...id, "content-type": "audio/pcm" })
              response.flushHeaders()
              step(0)
            })
          })
        })
        server.listen(0, "127.0.0.1", () => {
          const { port } = server.address() as AddressInfo // listening on TCP
          resume(Effect.succeed({
            server,
            fake: {
              url: `http://127.0.0.1:${port}/v1/audio/speech`,
              told,
              urls,
              connections: () => requests,
              reset: () => {
                for (const response of open) response.destroy()
              }
            }
          }))
        })
      }),
      ({ server }) =>
        Effect.callback<void>((done) => {
          server.closeAllConnections()
          server.close(() => done(Effect.void))
        })
    ),
    ({ fake }) => fake
  )
