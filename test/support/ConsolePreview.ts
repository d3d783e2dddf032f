/**
 * A stand-in for the server, to look at the console page and to exercise the browser client without engines: it serves
 * both, and speaks the wire protocol with canned words and a tone for a voice.
 *
 * Run it as a program (`node test/support/ConsolePreview.ts 8081`) or start it from a test. It binds to loopback.
 *
 * @since 0.1.0
 */
import { readFile } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { stripTypeScriptTypes } from "node:module"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { type WebSocket, WebSocketServer } from "ws"

const source = fileURLToPath(new URL("../../src/", import.meta.url))
const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml"
}

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';" +
  " media-src 'self' blob: mediastream:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** What the page asks for, as a file under `src/`; `undefined` for anything else. */
const fileOf = (path: string): { readonly file: string; readonly type: string } | undefined => {
  if (path === "/") return { file: `${source}server/console/index.html`, type: types["html"]! }
  const found = /^\/(client|assets\/console)\/((?:[a-z]+\/)?[A-Za-z]+)\.(js|css|svg)$/.exec(path)
  if (found === null) return undefined
  const [, area, name, extension] = found
  const folder = area === "client" ? "client" : "server/console"
  return { file: `${source}${folder}/${name}.${extension === "js" ? "ts" : extension}`, type: types[extension!]! }
}

const staticFile = async (path: string, response: ServerResponse): Promise<void> => {
  const found = fileOf(path)
  if (found === undefined) {
    response.writeHead(404).end()
    return
  }
  const content = await readFile(found.file, "utf8")
  response.writeHead(200, {
    "content-type": found.type,
    "content-security-policy": policy,
    "cache-control": "no-store"
  })
  response.end(
    found.file.endsWith(".ts")
      ? stripTypeScriptTypes(content).replace(/(\bfrom\s+"\.[^"]*)\.ts"/g, "$1.js\"")
      : content
  )
}

const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify(body))
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const replies: ReadonlyArray<readonly [heard: string, answer: string]> = [
  ["hello there who are you", "Hello! I am the voice agent of this server. Ask me for the time, or tell me to count."],
  ["could you count to twenty please", "Of course. One, two, three, four, five, six, seven, eight, nine, ten, eleven."],
  ["thank you what time is it", "It is a quarter past three in the afternoon."]
]

/** A vowel-like tone that swells with each syllable, 20 ms at 24 kHz. */
const tone = (position: number): Buffer => {
  const pcm = Buffer.alloc(960)
  for (let i = 0; i < 480; i++) {
    const t = (position + i) / 24_000
    const swell = 0.55 + 0.45 * Math.sin(2 * Math.PI * 3.5 * t)
    const voice = [1, 2, 3, 4].reduce((sum, n) => sum + Math.sin(2 * Math.PI * 140 * n * t) / n, 0)
    pcm.writeInt16LE(Math.round(5_000 * swell * voice), i * 2)
  }
  return pcm
}

/** What the preview saw of one session, for assertions. */
export interface PreviewSession {
  readonly id: string
  readonly token: string
  readonly received: Array<Record<string, unknown>>
  inputBytes: number
  attachments: number
  socket?: WebSocket | undefined
}

/** A running preview. */
export interface Preview {
  readonly url: string
  readonly sessions: Map<string, PreviewSession>
  readonly close: () => Promise<void>
}

const converse = async (session: PreviewSession, socket: WebSocket, script: boolean): Promise<void> => {
  let seq = 0
  let turn = 0
  let speaking: { stop: boolean } | undefined
  const isOpen = () => socket.readyState === socket.OPEN
  const send = (message: Record<string, unknown>) => {
    seq++
    if (isOpen()) socket.send(JSON.stringify({ seq, at_ms: Date.now(), ...message }))
  }
  const state = (name: string) => send({ type: "session.state", state: name })
  const answer = async (text: string, cutAfter: number): Promise<void> => {
    const current = { stop: false }
    speaking = current
    const mine = turn
    state("processing")
    await wait(300)
    state("speaking")
    send({ type: "agent.speech_started", turn: mine })
    send({
      type: "turn.latency",
      turn: mine,
      total_ms: 540 + 90 * mine,
      parts: [
        { name: "vad", ms: 32 },
        { name: "endpointing", ms: 268 },
        { name: "transcript", ms: 62 + 31 * mine },
        { name: "agent", ms: 40 + 40 * mine },
        { name: "clause", ms: 30 },
        { name: "tts", ms: 96 + 19 * mine },
        { name: "playout", ms: 12 }
      ]
    })
    const words = text.split(" ")
    const heard: Array<string> = []
    let position = 0
    for (const word of words) {
      if (current.stop || !isOpen() || heard.length >= cutAfter) break
      send({ type: "agent.transcript", turn: mine, text: word })
      for (let frame = 0; frame < 12; frame++, position += 480) {
        if (current.stop) break
        if (isOpen()) socket.send(tone(position))
        await wait(20)
      }
      heard.push(word)
    }
    const cut = heard.length < words.length
    if (cut) {
      send({ type: "agent.transcript", turn: mine, text: words.slice(heard.length).join(" ") })
      send({ type: "playout.clear", turn: mine })
    }
    send({ type: "agent.speech_stopped", turn: mine, reason: cut ? "interrupted" : "completed", text: heard.join(" ") })
    state("listening")
  }
  const hear = async (text: string): Promise<void> => {
    turn++
    send({ type: "user.speech_started", turn })
    const words = text.split(" ")
    for (let count = 1; count <= words.length && isOpen(); count++) {
      await wait(140)
      send({ type: "user.transcript", turn, text: words.slice(0, count).join(" "), final: false })
    }
    send({ type: "user.speech_stopped", turn })
    send({ type: "user.transcript", turn, text, final: true })
  }
  socket.on("message", (data, isBinary) => {
    if (isBinary) {
      session.inputBytes += Buffer.isBuffer(data) ? data.byteLength : 0
      return
    }
    const message: unknown = JSON.parse(String(data))
    if (typeof message !== "object" || message === null || !("type" in message)) return
    session.received.push({ ...message })
    if (message.type === "ping") send({ type: "pong" })
    if (message.type === "agent.interrupt" && speaking !== undefined) speaking.stop = true
    if (message.type === "user.text" && "text" in message) {
      turn++
      send({ type: "user.transcript", turn, text: message.text, final: true })
      void answer(`You wrote: ${String(message.text)}. I say it back so that you hear me.`, Infinity)
    }
    if (message.type === "session.end") {
      send({ type: "session.ended", reason: "user_ended" })
      socket.close(1000)
    }
  })
  send({
    type: "session.started",
    input: { sample_rate: 16_000 },
    output: { sample_rate: 24_000 },
    resumed: session.attachments > 1
  })
  state("listening")
  if (!script || session.attachments > 1) return
  await wait(500)
  for (const [index, [heard, text]] of replies.entries()) {
    await hear(heard)
    await answer(text, index === 1 ? 8 : Infinity)
    await wait(500)
  }
}

/**
 * Starts the preview. `script` false keeps it silent until it is written to.
 *
 * @since 0.1.0
 */
export const startConsolePreview = async (
  options: { readonly port?: number | undefined; readonly script?: boolean | undefined } = {}
): Promise<Preview> => {
  const sessions = new Map<string, PreviewSession>()
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has("effect-voice.v1") ? "effect-voice.v1" : false)
  })
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? "/", "http://preview").pathname
    if (path === "/health/live") return json(response, 200, { status: "live" })
    if (path === "/v1/providers") {
      return json(response, 200, {
        providers: [{ name: "local", capabilities: {} }],
        active: { provider: "local", engines: { stt: "moonshine", tts: "flite", vad: "silero" } }
      })
    }
    if (path === "/v1/sessions" && request.method === "POST") {
      const id = crypto.randomUUID()
      const token = `preview-${id.slice(0, 8)}`
      sessions.set(id, { id, token, received: [], inputBytes: 0, attachments: 0 })
      return json(response, 201, { id, token, connection_url: `/v1/sessions/${id}/audio`, state: "idle" })
    }
    const session = /^\/v1\/sessions\/([^/]+)\/audio$/.exec(path)
    if (session !== null) return json(response, sessions.has(session[1]!) ? 426 : 404, {})
    if (path.endsWith("/offer")) {
      return json(response, 400, { code: "invalid_config", message: "The preview speaks WebSocket only." })
    }
    return await staticFile(path, response)
  }
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => json(response, 500, { message: String(error) }))
  })
  server.on("upgrade", (request, socket, head) => {
    const id = /^\/v1\/sessions\/([^/]+)\/audio$/.exec(new URL(request.url ?? "/", "http://preview").pathname)?.[1]
    const session = id === undefined ? undefined : sessions.get(id)
    const offered = request.headers["sec-websocket-protocol"]?.split(",").map((item) => item.trim()) ?? []
    if (session === undefined || !offered.includes(`token.${session.token}`)) {
      socket.end(`HTTP/1.1 ${session === undefined ? "404 Not Found" : "401 Unauthorized"}\r\n\r\n`)
      return
    }
    sockets.handleUpgrade(request, socket, head, (opened) => {
      session.attachments++
      session.socket = opened
      void converse(session, opened, options.script !== false)
    })
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve))
  // A TCP server's address is an object; only a pipe's is a string.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    sessions,
    close: () =>
      new Promise((resolve) => {
        for (const client of sockets.clients) client.terminate()
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
}

if (import.meta.main) {
  const preview = await startConsolePreview({ port: Number(process.argv[2] ?? 8_081) })
  process.stdout.write(`${preview.url}\n`)
}
