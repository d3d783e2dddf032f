/**
 * The shared port of several workers: parses the first request of each connection, hands the socket of a WebSocket over
 * to the worker that has the session, and proxies ordinary requests one by one.
 *
 * No frame of a handed-over socket passes through the primary. An ordinary connection may carry requests for several
 * sessions, so its requests are proxied. Plain callbacks of Node. Heads, waiting times and sockets are bounded here,
 * bodies by the workers.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import * as Net from "node:net"
import { ConnectionFailed } from "../../BackendError.ts"
import * as Problem from "../../transport/Problem.ts"
import * as MergedReports from "./MergedReports.ts"
import * as RequestHead from "./RequestHead.ts"
import type { SessionPlacement, WorkerView } from "./SessionPlacement.ts"

/** How long the head of a connection's first request may take. */
const HEAD_TIMEOUT_MS = 10_000
/** How long a worker may take to answer a request that goes to all of them. */
const ASK_TIMEOUT_MS = 6_000
/** The largest answer of a worker that is merged here: lists and metrics. */
const MAX_ANSWER_BYTES = 16_777_216

/**
 * A worker as the front sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface FrontWorker extends WorkerView {
  /** The port that it listens on, on loopback. */
  readonly port: number
  /** Counts a session that is being created; call the result with whether it was. */
  readonly onCreate: () => (made: boolean) => void
  readonly handOver: (socket: Net.Socket, head: Buffer) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface FrontOptions {
  readonly workers: () => ReadonlyArray<FrontWorker>
  readonly places: SessionPlacement
  /** The largest number of open sockets. */
  readonly maxConnections: number
  /** How long the head of a connection's first request may take. Default: 10 s. */
  readonly headTimeoutMs?: number | undefined
}

const problem = (status: number, message: string): string =>
  JSON.stringify(Problem.fromError(new ConnectionFailed({ op: "Front", message }), status))

const noWorker = "no worker is up; try again in a moment"

/** Headers of a single hop (RFC 9110 §7.6.1), which a proxy must not forward. */
const hop = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "proxy-connection"])

const headersOf = (request: Http.IncomingMessage): Http.OutgoingHttpHeaders => {
  const headers: Http.OutgoingHttpHeaders = {}
  for (const [name, value] of Object.entries(request.headers)) if (!hop.has(name)) headers[name] = value
  const former = request.headers["x-forwarded-for"]
  const from = request.socket.remoteAddress ?? ""
  headers["x-forwarded-for"] = former === undefined ? from : `${String(former)}, ${from}`
  // it means the same as X-Forwarded-For; if they contradict each other, neither is believed
  delete headers["forwarded"]
  return headers
}

/** For a request with its body. A chunked one stays chunked, or the worker would parse the body as further requests. */
const wholeHeadersOf = (request: Http.IncomingMessage): Http.OutgoingHttpHeaders => ({
  ...headersOf(request),
  ...(request.headers["transfer-encoding"] === undefined ? {} : { "transfer-encoding": "chunked" })
})

/** For a request without its body. */
const bareHeadersOf = (request: Http.IncomingMessage): Http.OutgoingHttpHeaders => {
  const { "content-length": _, expect: __, ...headers } = headersOf(request)
  return headers
}

/**
 * Makes the server; it does not listen yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { headTimeoutMs = HEAD_TIMEOUT_MS, maxConnections, places, workers }: FrontOptions
): Net.Server => {
  const find = (index: number | undefined) => workers().find((worker) => worker.index === index)

  /** The complete answer of a worker; status 0 when it did not answer. */
  const ask = (worker: FrontWorker, request: Http.IncomingMessage) =>
    new Promise<{ readonly worker: number; readonly status: number; readonly text: string }>((resolve) => {
      const none = { worker: worker.index, status: 0, text: "" }
      const asked = Http.request({
        host: "127.0.0.1",
        port: worker.port,
        method: "GET",
        path: request.url,
        headers: bareHeadersOf(request),
        timeout: ASK_TIMEOUT_MS
      }, (response) => {
        const chunks: Array<Buffer> = []
        let size = 0
        response.on("data", (chunk: Buffer) => {
          size += chunk.length
          if (size > MAX_ANSWER_BYTES) return asked.destroy()
          chunks.push(chunk)
        })
        response.on(
          "end",
          () =>
            resolve({ worker: worker.index, status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() })
        )
        response.on("error", () => resolve(none))
      })
      asked.on("timeout", () => asked.destroy())
      asked.on("error", () => resolve(none))
      asked.on("close", () => resolve(none))
      asked.end()
    })

  const gathered = async (request: Http.IncomingMessage, response: Http.ServerResponse): Promise<void> => {
    request.resume()
    const path = (request.url ?? "").split("?", 1)[0]
    const answers = await Promise.all(
      workers().map((worker) => worker.up ? ask(worker, request) : { worker: worker.index, status: 0, text: "" })
    )
    const send = (status: number, type: string, body: string) =>
      response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body)
    if (path === "/health/ready") {
      const { status, text } = MergedReports.readiness(answers)
      return void send(status, "application/json", text)
    }
    const good = answers.filter(({ status }) => status === 200)
    // all workers refuse an unauthorized request alike, so any refusal will do
    const refusal = answers.find(({ status }) => status >= 400)
    if (good.length === 0) {
      return void send(refusal?.status ?? 503, Problem.contentType, refusal?.text ?? problem(503, noWorker))
    }
    if (path === "/metrics") {
      return void send(
        200,
        "text/plain; version=0.0.4; charset=utf-8",
        MergedReports.metrics(good.map(({ text, worker }) => [worker, text]))
      )
    }
    send(200, "application/json", MergedReports.sessions(good.map(({ text }) => text)))
  }

  const isGathered = ({ method, url }: Http.IncomingMessage) =>
    method === "GET" && /^\/(?:metrics|health\/ready|v1\/sessions)(?:$|\?)/u.test(url ?? "")

  /** Remembers which worker has created or closed a session. */
  const remember = (request: Http.IncomingMessage, answer: Http.IncomingMessage, index: number): void => {
    const session = RequestHead.sessionOf(request.url ?? "")
    if (request.method === "DELETE" && session !== undefined) places.forget(session)
    if (request.method !== "POST" || answer.statusCode !== 201) return
    const made = RequestHead.sessionOf((answer.headers.location ?? "").replace(/^.*?(?=\/v1\/)/u, ""))
    if (made !== undefined) places.remember(decodeURIComponent(made), index)
  }

  const passOn = (request: Http.IncomingMessage, response: Http.ServerResponse): void => {
    const session = RequestHead.sessionOf(request.url ?? "")
    const worker = find(places.pick(session, workers()))
    const refuse = (status: number, detail: string): void => {
      if (response.headersSent) return void response.destroy()
      response.writeHead(status, { "content-type": Problem.contentType, "retry-after": "1" })
      response.end(problem(status, detail))
    }
    if (worker === undefined) return refuse(503, noWorker)
    // counted before it exists, or all requests of a burst would go to the same worker
    const created = request.method === "POST" && session === undefined ? worker.onCreate() : undefined
    const asked = Http.request({
      host: "127.0.0.1",
      port: worker.port,
      method: request.method,
      path: request.url,
      headers: wholeHeadersOf(request)
    }, (answer) => {
      remember(request, answer, worker.index)
      created?.(answer.statusCode === 201)
      const headers: Http.OutgoingHttpHeaders = {}
      for (const [name, value] of Object.entries(answer.headers)) if (!hop.has(name)) headers[name] = value
      response.writeHead(answer.statusCode ?? 502, headers)
      answer.pipe(response)
      answer.on("error", () => response.destroy())
    })
    asked.on("error", () => refuse(502, "the worker of this session is being restarted; try again in a moment"))
    response.on("close", () => {
      created?.(false)
      asked.destroy()
    })
    request.pipe(asked)
  }

  const http = Http.createServer({
    headersTimeout: headTimeoutMs,
    requestTimeout: 30_000,
    connectionsCheckingInterval: 2_000,
    maxHeaderSize: RequestHead.MAX_BYTES,
    requireHostHeader: false
  }, (request, response) => {
    if (isGathered(request)) void gathered(request, response)
    else passOn(request, response)
  })
  const toWorker = (socket: Net.Socket, head: Buffer, path: string): void => {
    const worker = find(places.pick(RequestHead.sessionOf(path), workers()))
    if (worker === undefined) {
      return void socket.end(`HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)
    }
    worker.handOver(socket, head)
  }
  http.on("upgrade", (_, socket) => {
    // a later request of an ordinary connection: the parser has read from the socket, so it cannot be handed over,
    // and the client tries again on a new connection
    socket.end("HTTP/1.1 421 Misdirected Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
  })

  const front = Net.createServer({ pauseOnConnect: false, noDelay: true }, (socket) => {
    let bytes: Buffer = Buffer.alloc(0)
    // counted from the connect on, so that sending byte by byte gains no time
    const late = setTimeout(() => socket.destroy(), headTimeoutMs)
    const give = () => {
      socket.off("data", onData)
      clearTimeout(late)
      socket.pause()
    }
    const onData = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
      const head = RequestHead.read(bytes)
      if (head._tag === "More") return
      give()
      if (head._tag === "Request" && head.upgrades) return toWorker(socket, bytes, head.path)
      // the HTTP server also answers what is not a valid request
      http.emit("connection", socket)
      socket.emit("data", bytes)
      socket.resume()
    }
    socket.on("error", () => socket.destroy())
    socket.on("close", () => clearTimeout(late))
    socket.on("data", onData)
  })
  front.maxConnections = maxConnections
  return front
}
