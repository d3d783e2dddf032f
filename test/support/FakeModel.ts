/**
 * A WebSocket server that is scripted per connection, for fakes of hosted speech-to-speech models: latency, stall, half-open,
 * reset, close codes, refusals, garbage, partial and reordered messages.
 */
import { Effect, type Scope } from "effect"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { type WebSocket, WebSocketServer } from "ws"

/** The faults of a connection; counts are messages that the server has sent on it. */
export interface Fault {
  readonly refuse?: { readonly status: number; readonly headers?: { readonly [name: string]: string } } | undefined
  /** Delays each message by so many ms. */
  readonly latencyMs?: number | undefined
  /** After so many messages sends nothing more; the socket stays open. */
  readonly stallAfter?: number | undefined
  /** After so many messages neither sends nor reads, not even pings. */
  readonly halfOpenAfter?: number | undefined
  readonly resetAfter?: number | undefined
  readonly close?: { readonly after: number; readonly code: number; readonly reason: string } | undefined
  /** Sends this text before the nth message. */
  readonly garbage?: { readonly at: number; readonly text: string } | undefined
  /** Cuts the nth message in half. */
  readonly partialAt?: number | undefined
  /** Exchanges the nth message with the one after it. */
  readonly swapAt?: number | undefined
}

/** The next answer of the model. */
export interface Answer {
  readonly text: string
  readonly delayMs?: number | undefined
  /** The delay between two pieces of audio. */
  readonly paceMs?: number | undefined
  readonly call?: { readonly name: string; readonly input: unknown } | undefined
  /** Its first audio is malformed. */
  readonly malformed?: "base64" | "odd" | undefined
  readonly fails?: string | undefined
  readonly how?: How | undefined
}

/**
 * What a model may do instead of answering: nothing at all; an answer without content; text instead of audio; audio that
 * stops after two pieces; all of the audio and no end.
 */
export const HOW = ["never", "empty", "writes", "stalls", "has no end"] as const
export type How = typeof HOW[number]

/** An entry of a fake's log, in order: what it received or did. */
export interface Told {
  readonly connection: number
  readonly what: string
  /** When, by `performance.now()`. */
  readonly at: number
  readonly [detail: string]: unknown
}

export interface FakeModelOptions {
  readonly faults?: ReadonlyArray<Fault> | undefined
  /** API keys that are accepted besides the usual one. */
  readonly keys?: ReadonlyArray<string> | undefined
  readonly answers?: ReadonlyArray<Answer | string> | undefined
  /** The transcripts of the user's turns. */
  readonly transcripts?: ReadonlyArray<string> | undefined
}

/** The server side of one connection. */
export interface Line {
  readonly index: number
  readonly request: IncomingMessage
  /** Bytes are sent as a binary message. */
  readonly send: (message: object | Uint8Array) => void
  readonly close: (code: number, reason: string) => void
  readonly after: (ms: number, run: () => void) => void
  readonly tell: (what: string, details?: { readonly [detail: string]: unknown }) => void
  readonly nextAnswer: () => Answer | undefined
  readonly nextTranscript: () => string | undefined
}

export interface FakeModel {
  readonly url: string
  readonly told: ReadonlyArray<Told>
  /** What each connection asked for: path and query. */
  readonly urls: ReadonlyArray<string>
  readonly connections: () => number
  /** Resets all open connections, as a network failure does. */
  readonly reset: () => void
}

export const LOUD = 1_000

/** Starts a server: `refuse` checks the upgrade request, `serve` handles the messages of an open connection. */
export const start = (
  options: FakeModelOptions,
  protocol: {
    readonly refuse: (request: IncomingMessage) => number | undefined
    /** Handles a message; `bytes` is set for a binary one. */
    readonly serve: (line: Line) => (message: string, bytes?: Buffer) => void
    readonly binary?: boolean
  }
): Effect.Effect<FakeModel, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<FakeModel & { readonly stop: Effect.Effect<void> }>((resume) => {
      const told: Array<Told> = []
      const urls: Array<string> = []
      const answers = [...(options.answers ?? [])]
      const transcripts = [...(options.transcripts ?? [])]
      const sockets = new Set<WebSocket>()
      const raw = new Map<WebSocket, Duplex>()
      let connections = 0
      const server = createServer((_, response) => response.writeHead(404).end())
      const wss = new WebSocketServer({ noServer: true, maxPayload: 16 * 1024 * 1024 })
      server.on("upgrade", (request, socket, head) => {
        const index = connections++
        urls.push(request.url ?? "")
        const fault = options.faults?.[index] ?? {}
        const status = fault.refuse?.status ?? protocol.refuse(request)
        if (status !== undefined) {
          const headers = { "x-request-id": `req_${index}`, "content-length": "0", ...fault.refuse?.headers }
          told.push({ connection: index, what: "refused", at: performance.now(), status })
          socket.end(
            `HTTP/1.1 ${status} Refused\r\n${
              Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("")
            }\r\n`
          )
          return
        }
        wss.handleUpgrade(request, socket, head, (ws) => {
          sockets.add(ws)
          raw.set(ws, socket)
          const timers = new Set<NodeJS.Timeout>()
          const after = (ms: number, run: () => void) => {
            const timer = setTimeout(() => {
              timers.delete(timer)
              run()
            }, ms)
            timers.add(timer)
          }
          ws.on("error", () => {})
          ws.on("close", (code) => {
            told.push({ connection: index, what: "closed", at: performance.now(), code })
            for (const timer of timers) clearTimeout(timer)
            sockets.delete(ws)
            raw.delete(ws)
          })
          let sent = 0
          let held: string | Uint8Array | undefined
          const put = (text: string | Uint8Array) => {
            if (ws.readyState !== ws.OPEN) return
            if (fault.stallAfter !== undefined && sent >= fault.stallAfter) return
            if (fault.halfOpenAfter !== undefined && sent >= fault.halfOpenAfter) return void socket.pause()
            if (fault.resetAfter !== undefined && sent >= fault.resetAfter) return void socket.destroy()
            if (fault.close !== undefined && sent >= fault.close.after) {
              return ws.close(fault.close.code, fault.close.reason)
            }
            const at = sent++
            if (fault.garbage?.at === at) ws.send(fault.garbage.text)
            if (fault.swapAt === at) {
              held = text
              return
            }
            const whole = fault.partialAt === at ? text.slice(0, text.length / 2) : text
            ws.send(protocol.binary === true && typeof whole === "string" ? Buffer.from(whole) : whole, {
              binary: protocol.binary === true || typeof whole !== "string"
            })
            if (held !== undefined) {
              ws.send(held)
              held = undefined
            }
          }
          const receive = protocol.serve({
            index,
            request,
            send: (message) => {
              const text = message instanceof Uint8Array ? message : JSON.stringify(message)
              if (fault.latencyMs === undefined) put(text)
              else after(fault.latencyMs, () => put(text))
            },
            close: (code, reason) => ws.close(code, reason),
            after,
            tell: (what, details) => void told.push({ connection: index, what, at: performance.now(), ...details }),
            nextAnswer: () => {
              const next = answers.shift()
              return typeof next === "string" ? { text: next } : next
            },
            nextTranscript: () => transcripts.shift()
          })
          ws.on("message", (data: Buffer, isBinary) => receive(data.toString("utf8"), isBinary ? data : undefined))
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo // listening on TCP
        resume(Effect.succeed({
          url: `ws://127.0.0.1:${port}`,
          told,
          urls,
          connections: () => connections,
          reset: () => {
            for (const socket of raw.values()) socket.destroy()
          },
          stop: Effect.callback<void>((done) => {
            for (const socket of raw.values()) socket.destroy()
            wss.close()
            server.closeAllConnections()
            server.close(() => done(Effect.void))
          })
        }))
      })
    }),
    ({ stop }) => stop
  )

/** The model's speech: 20 ms of a tone for each character, in pieces of 100 ms with the text that starts there. */
export const speech = (text: string, sampleRate: number) => {
  const perCharacter = sampleRate / 50
  const pcm = new Int16Array(text.length * perCharacter)
  for (let i = 0; i < pcm.length; i++) pcm[i] = Math.round(6_000 * Math.sin(i * 2 * Math.PI * 440 / sampleRate))
  const pieces: Array<{ readonly text: string; readonly pcm: Int16Array }> = []
  for (let at = 0; at < text.length; at += 5) {
    pieces.push({ text: text.slice(at, at + 5), pcm: pcm.subarray(at * perCharacter, (at + 5) * perCharacter) })
  }
  return pieces
}
