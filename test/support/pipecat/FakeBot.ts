/** A bot's server that does as it is told, also what no bot should do: Pipecat's frames, RTVI and `/start`. */
import { Effect, Result } from "effect"
import { createServer, type IncomingMessage } from "node:http"
import { type WebSocket, WebSocketServer } from "ws"
import * as PipecatFrames from "../../../src/wire/PipecatFrames.ts"
import * as Rtvi from "../../../src/wire/Rtvi.ts"

/** A bot's end of one connection. */
export class FakeLine {
  readonly frames: Array<PipecatFrames.PipecatFrame | PipecatFrames.UnknownFrame> = []
  readonly socket: WebSocket
  readonly request: IncomingMessage
  constructor(socket: WebSocket, request: IncomingMessage) {
    this.socket = socket
    this.request = request
    socket.on("error", () => {})
    socket.on("message", (data: Buffer) => this.frames.push(Result.getOrThrow(PipecatFrames.decode(data))))
  }
  get messages(): ReadonlyArray<Rtvi.RtviMessage> {
    return this.frames.flatMap((frame) => frame._tag === "Message" ? [Result.getOrThrow(Rtvi.decode(frame.data))] : [])
  }
  send(frame: PipecatFrames.PipecatFrame): void {
    this.socket.send(PipecatFrames.encode(frame))
  }
  tell(type: string, data?: unknown): void {
    this.send({ _tag: "Message", data: Rtvi.encode({ type, data }) })
  }
  audio(ms: number, sampleRate = 24_000): void {
    this.send(PipecatFrames.audio(new Int16Array(sampleRate * ms / 1_000).fill(9), sampleRate))
  }
  /** Begins a reply. */
  speak(): void {
    this.tell("bot-llm-started")
    this.tell("bot-llm-text", { text: "Hello" })
    this.tell("bot-llm-stopped")
    this.audio(40)
    this.tell("bot-started-speaking")
  }
}

export interface FakeBotOptions {
  /** What it does with a client; by default it is ready. The count is from 0. */
  readonly greet?: ((line: FakeLine, count: number) => void) | undefined
  /** Its answer to `/start`; `undefined` never answers. By default its own address, with a token. */
  readonly start?: ((request: IncomingMessage, body: string) => StartAnswer | undefined) | undefined
  /** The status with which it refuses a WebSocket. */
  readonly refuse?: number | undefined
}

export interface StartAnswer {
  readonly status: number
  readonly body: string
  readonly headers?: Record<string, string> | undefined
}

export const ready = (line: FakeLine): void => line.tell("bot-ready", { version: "2.1.0" })

/** Serves until the scope ends. */
export const make = Effect.fnUntraced(function*(options: FakeBotOptions = {}) {
  const lines: Array<FakeLine> = []
  const http = createServer((request, response) => {
    let body = ""
    request.on("data", (chunk: Buffer) => body += chunk.toString())
    request.on("end", () => {
      const answer = (options.start ?? started)(request, body)
      if (answer !== undefined) response.writeHead(answer.status, answer.headers).end(answer.body)
    })
  })
  const sockets = new WebSocketServer({ noServer: true })
  http.on("upgrade", (request, socket, head) => {
    if (options.refuse !== undefined) {
      socket.end(`HTTP/1.1 ${options.refuse} No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
      return
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const line = new FakeLine(webSocket, request)
      lines.push(line)
      ;(options.greet ?? ready)(line, lines.length - 1)
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void http.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        for (const { socket } of lines) socket.terminate()
        http.closeAllConnections()
        http.close()
      })
  )
  const address = http.address()
  const host = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
  const started = (): StartAnswer => ({
    status: 200,
    body: JSON.stringify({ wsUrl: `wss://${host}/ws-client`, sessionId: "1", token: "of-this-bot" })
  })
  return { url: `ws://${host}/`, startUrl: `http://${host}/start`, lines }
})
