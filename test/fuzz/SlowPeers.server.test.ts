import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Redacted, Scope } from "effect"
import * as Net from "node:net"
import * as NodeTls from "node:tls"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as Server from "../../src/server/Server.ts"
import { makeCertificate } from "../support/Certificate.ts"
import { CANARY } from "./Surface.ts"
import * as TestServer from "./TestServer.ts"

/** A peer that sends what it is told, and then keeps its half of the connection open for as long as it can. */
interface Peer {
  readonly name: string
  readonly socket: Net.Socket
  text: string
  closed: boolean
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const peer = (
  name: string,
  port: number,
  options: { readonly first?: string; readonly drip?: string; readonly reads?: boolean; readonly tls?: boolean }
): Promise<Peer> =>
  new Promise((resolve) => {
    const { drip, first = "", reads = true, tls = false } = options
    const raw = Net.connect({ port, host: "127.0.0.1", allowHalfOpen: true })
    const socket = tls ? NodeTls.connect({ socket: raw, rejectUnauthorized: false }) : raw
    const self: Peer = { name, socket: raw, text: "", closed: false }
    let ended = false
    // A write to a connection that the server has closed shows that it has.
    const timer = setInterval(() => {
      if (socket.writable && (drip !== undefined || ended)) socket.write(drip ?? "x")
    }, 500)
    const close = () => {
      clearInterval(timer)
      self.closed = true
      raw.destroy()
    }
    for (const each of [raw, socket]) each.on("error", close).on("close", close)
    socket.on("end", () => ended = true)
    if (reads) socket.on("data", (part) => self.text += part.toString("latin1"))
    socket.once(tls ? "secureConnect" : "connect", () => {
      if (first !== "") socket.write(first)
      resolve(self)
    })
  })

const authorization = `Authorization: ${TestServer.authorization}\r\n`
const head = (line: string, headers = "") => `${line} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}`
const upgrade = (protocol: string) => `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`
const json = "Content-Type: application/json\r\n"

/** One peer of each kind, on a server and on one with TLS. */
const everyKind = async (url: string, port: number, tlsPort: number): Promise<ReadonlyArray<Peer>> => {
  const session = await TestServer.create(url)
  const handshake = head(
    `GET /v1/sessions/${session.id}/audio`,
    upgrade("websocket") + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
  )
  const joining = `${handshake}Sec-WebSocket-Protocol: effect-voice.v1, token.${session.token}\r\n\r\n`
  const kinds: ReadonlyArray<readonly [string, number, Parameters<typeof peer>[2]]> = [
    ["silent", port, {}],
    ["silent below TLS", tlsPort, {}],
    ["a TLS handshake, a byte at a time", tlsPort, { first: "\u0016", drip: "\u0003" }],
    ["silent over TLS", tlsPort, { tls: true }],
    ["a head without end", port, { first: head("GET /health/live"), drip: "X-A: b\r\n" }],
    ["a head without end over TLS", tlsPort, { tls: true, first: head("GET /health/live"), drip: "X-A: b\r\n" }],
    ["a body without end", port, {
      first: head("POST /v1/sessions", `${authorization}${json}Content-Length: 60000\r\n\r\n`),
      drip: " "
    }],
    ["no HTTP", port, { first: "\u0000\u0001\r\n\r\n" }],
    ["a refused WebSocket", port, { first: `${handshake}\r\n` }],
    ["a refused WebSocket that does not read", port, { first: `${handshake}\r\n`, drip: "x", reads: false }],
    ["another protocol", port, { first: head("GET /v1/providers", `${upgrade("h2c")}\r\n`) }],
    ["another protocol with chunks", port, {
      first: head("POST /v1/sessions", `${authorization}${json}${upgrade("h2c")}Transfer-Encoding: chunked\r\n\r\n`)
    }],
    ["another protocol with a body without end", port, {
      first: head("POST /v1/sessions", `${authorization}${json}${upgrade("h2c")}Content-Length: 60000\r\n\r\n`),
      drip: " "
    }],
    ["a WebSocket that answers neither ping nor close", port, { first: joining }],
    ["a request with Expect and no body", port, {
      first: head("POST /v1/sessions", `${authorization}${json}Expect: 100-continue\r\nContent-Length: 100\r\n\r\n`)
    }]
  ]
  return Promise.all(kinds.map(([name, port, options]) => peer(name, port, options)))
}

const offer = [
  "v=0",
  "o=- 1 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "c=IN IP4 0.0.0.0",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:abcdefghijklmnopqrstuvwx",
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => "AB").join(":")}`,
  "a=setup:actpass",
  "a=mid:0",
  "a=sendrecv",
  "a=rtcp-mux",
  "a=rtpmap:111 opus/48000/2",
  ""
].join("\r\n")

/** An offer whose media never comes. */
const offered = async (url: string): Promise<string> => {
  const { id, token } = await TestServer.create(url, { transport: "webrtc" })
  const response = await fetch(`${url}/v1/sessions/${id}/offer`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" },
    body: offer
  })
  assert.strictEqual(response.status, 201, await response.text())
  return id
}

const started = Effect.gen(function*() {
  const tls = yield* makeCertificate
  const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
  const keys = { apiKeys: [Redacted.make(CANARY)] }
  const context = yield* Layer.buildWithScope(TestServer.layer({ server: keys }), scope)
  const { port, url } = Context.get(context, Server.VoiceServer)
  // The second server is for the same backend, and is released before it.
  const second = yield* Layer.buildWithScope(Server.layer({ port: 0, ...keys, tls }), scope).pipe(
    Effect.provideContext(context)
  )
  const backend = Context.get(context, VoiceBackend)
  return { scope, url, port, tlsPort: Context.get(second, Server.VoiceServer).port, backend }
})

// side by side: all of their time is spent waiting
describe("silent and slow peers", { concurrent: true }, () => {
  it.live("are all closed in time, while others are served", () =>
    Effect.gen(function*() {
      const { port, tlsPort, url } = yield* started
      yield* Effect.promise(async () => {
        const peers = await everyKind(url, port, tlsPort)
        await offered(url)
        let open = peers
        for (let i = 0; i < 240 && open.length > 0; i++) {
          await pause(500)
          await TestServer.create(url).then(({ id }) =>
            fetch(`${url}/v1/sessions/${id}`, {
              method: "DELETE",
              headers: { authorization: TestServer.authorization }
            })
          )
          open = peers.filter(({ closed }) => !closed)
        }
        assert.deepStrictEqual(open.map(({ name }) => name), [])
        const textOf = (name: string) => peers.find((each) => each.name === name)?.text ?? ""
        assert.match(textOf("a refused WebSocket"), /^HTTP\/1\.1 401 /)
        assert.match(textOf("another protocol with chunks"), /^HTTP\/1\.1 411 /)
        assert.match(textOf("a WebSocket that answers neither ping nor close"), /session\.started/)
      })
    }), 180_000)

  it.live("hold up no drain", () =>
    Effect.gen(function*() {
      const { backend, port, scope, tlsPort, url } = yield* started
      const peers = yield* Effect.promise(() => everyKind(url, port, tlsPort))
      yield* Effect.promise(() => offered(url))
      yield* Effect.promise(() => pause(500))
      yield* Scope.close(scope, Exit.void).pipe(Effect.timeout("60 seconds"))
      assert.strictEqual(yield* backend.activeSessionCount, 0)
      yield* Effect.promise(async () => {
        for (let i = 0; i < 40 && peers.some(({ closed }) => !closed); i++) await pause(250)
      })
      assert.deepStrictEqual(peers.filter(({ closed }) => !closed).map(({ name }) => name), [])
    }), 120_000)
})
