import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schedule } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"
import type { SessionPlace } from "../../../src/backend/BackendContract.ts"
import { ConnectionFailed } from "../../../src/BackendError.ts"
import * as TalkConnection from "../../../src/cli/TalkConnection.ts"
import * as ForwardedProof from "../../../src/server/nodes/ForwardedProof.ts"
import * as SessionTokens from "../../../src/transport/SessionTokens.ts"
import { MOVED_SUBPROTOCOL, SUBPROTOCOL } from "../../../src/transport/websocket/WebSocketConnection.ts"
import { connect, heard, host, type Refusal } from "../../providers/LocalServer.ts"
import { selfSigned } from "../Certificates.ts"
import { call } from "../support.ts"
import { fakeNode } from "./FakeNode.ts"
import { node, pair, type TestNode } from "./TwoNodes.ts"

const audio = ({ port }: Pick<TestNode, "port">, id: string, prefix = "") =>
  `ws://127.0.0.1:${port}${prefix}/v1/sessions/${id}/audio`
const protocols = (token: string) => [SUBPROTOCOL, `token.${token}`]
const pcm = (...samples: Array<number>) => Buffer.from(Int16Array.from(samples).buffer)

const refusal = <A, R>(effect: Effect.Effect<A, Refusal, R>) =>
  Effect.map(Effect.flip(effect), ({ body, status }) => [status, (body as { readonly code?: string }).code])

const settled = (condition: () => boolean) =>
  Effect.suspend(() => condition() ? Effect.void : Effect.fail("not yet")).pipe(
    Effect.retry({ schedule: Schedule.spaced("5 millis") }),
    Effect.timeout("1 minute")
  )

describe("a WebSocket at the wrong node", () => {
  it.live("is passed on byte by byte, with the address of its client", () =>
    Effect.gen(function*() {
      const { other, owner, there } = yield* pair()
      const session = yield* owner.open("s1")
      other.places.set("s1", there)
      const client = yield* connect(audio(other, "s1"), {
        protocols: protocols(session.token),
        headers: { "x-forwarded-for": "9.9.9.9" }
      })
      assert.strictEqual(client.socket.protocol, SUBPROTOCOL)
      const { connection, listener } = yield* session.attached
      client.socket.send(pcm(1, -2, 3))
      client.socket.send(JSON.stringify({ type: "user.text", text: "hello" }))
      yield* heard(listener, (each) => each.messages.length === 1 && each.samples === 3)
      assert.deepStrictEqual(listener.pcm, [1, -2, 3])
      connection.send(new Int16Array(480).fill(11))
      assert.deepStrictEqual(yield* client.next, Buffer.from(new Int16Array(480).fill(11).buffer))
      assert.deepStrictEqual(other.lookups, ["s1"])
      assert.deepStrictEqual(owner.lookups, [])
      assert.deepStrictEqual(owner.peers, [{ address: "127.0.0.1" }])
      yield* connection.close("replaced")
      assert.deepStrictEqual(yield* client.closed, { code: 4408, reason: "replaced" })
    }).pipe(Effect.scoped))

  it.live("tells the owner an address that it believes, although the node is no trusted proxy", () =>
    Effect.gen(function*() {
      const trusted = { trustedProxies: ["127.0.0.0/8"], authentication: "none" as const }
      const { other, owner, there } = yield* pair({ other: trusted })
      const session = yield* owner.open("s1")
      other.places.set("s1", there)
      yield* connect(audio(other, "s1"), {
        protocols: protocols(session.token),
        headers: { "x-forwarded-for": "203.0.113.7" }
      })
      yield* session.attached
      assert.deepStrictEqual(owner.peers, [{ address: "203.0.113.7" }])
    }).pipe(Effect.scoped))

  it.live("is passed on below other prefixes", () =>
    Effect.gen(function*() {
      const { other, owner, there } = yield* pair({ owner: { prefix: "/voice" }, other: { prefix: "/a/b" } })
      const session = yield* owner.open("s1")
      other.places.set("s1", there)
      yield* connect(`${audio(other, "s1", "/a/b")}?input_rate=8000`, { protocols: protocols(session.token) })
      const { connection } = yield* session.attached
      assert.strictEqual(connection.format.input.sampleRate, 8_000)
    }).pipe(Effect.scoped))

  it.live("is passed on over TLS to a node with the same certificate, and to no other", () =>
    Effect.gen(function*() {
      const tls = yield* selfSigned
      const another = yield* selfSigned
      const { other, owner, there } = yield* pair({ owner: { tls }, other: { tls } })
      const session = yield* owner.open("s1")
      other.places.set("s1", there)
      const url = audio(other, "s1").replace("ws:", "wss:")
      yield* connect(url, { protocols: protocols(session.token), rejectUnauthorized: false })
      yield* session.attached
      for (const options of [{ tls: another }, {}]) {
        const stranger = yield* node(options)
        stranger.places.set("s1", there)
        const url = audio(stranger, "s1").replace("ws:", "tls" in options ? "wss:" : "ws:")
        assert.deepStrictEqual(
          yield* refusal(connect(url, { protocols: protocols(session.token), rejectUnauthorized: false })),
          [502, "connection_failed"]
        )
      }
    }).pipe(Effect.scoped))

  it.live("is not looked up for a token that is missing, wrong or of another session", () =>
    Effect.gen(function*() {
      const { other, owner, there } = yield* pair()
      const one = yield* owner.open("s1")
      const two = yield* owner.open("s2")
      other.places.set("s1", there)
      const tokens = yield* SessionTokens.make(host.signingKey)
      const unknown = yield* tokens.issue("s3", "user", 9e12)
      for (const token of ["", "guessed", two.token, "x".repeat(5_000), `${one.token}x`]) {
        assert.deepStrictEqual(yield* refusal(connect(audio(other, "s1"), { protocols: protocols(token || "-") })), [
          401,
          "authentication_failed"
        ])
        const offer = yield* call(`${other.url}/v1/sessions/s1/offer`, {
          method: "POST",
          headers: { authorization: `Bearer ${token || "-"}`, "content-type": "application/sdp" },
          body: "v=0"
        })
        assert.strictEqual(offer.status, 401)
      }
      assert.deepStrictEqual([other.lookups, other.recoveries], [[], []])
      // The token is right; that of a session of nobody is taken up, which fails here.
      other.places.set("s3", { _tag: "Nobody" })
      assert.deepStrictEqual(yield* refusal(connect(audio(other, "s3"), { protocols: protocols(unknown) })), [
        404,
        "session_not_found"
      ])
      assert.deepStrictEqual([other.lookups, other.recoveries], [["s3"], ["s3"]])
    }).pipe(Effect.scoped))

  it.live("gets session.moved if it follows and the owner can be reached, and is passed on otherwise", () =>
    Effect.gen(function*() {
      const { other, owner, there } = yield* pair()
      const session = yield* owner.open("s1")
      const follows = [SUBPROTOCOL, MOVED_SUBPROTOCOL, `token.${session.token}`]
      other.places.set("s1", { ...there, nodeUrl: "https://node-1.example/" })
      const moved = yield* connect(`${audio(other, "s1")}?input_rate=8000&token=secret`, { protocols: follows })
      assert.strictEqual(moved.socket.protocol, MOVED_SUBPROTOCOL)
      assert.deepStrictEqual(yield* moved.closed, { code: 4301, reason: "moved" })
      const [event] = moved.messages.map((each) => JSON.parse(String(each)) as Record<string, unknown>)
      assert.deepInclude(event, {
        type: "session.moved",
        seq: 0,
        url: "wss://node-1.example/v1/sessions/s1/audio?input_rate=8000"
      })
      assert.lengthOf(moved.messages, 1)

      other.places.set("s1", there)
      const through = yield* connect(audio(other, "s1"), { protocols: follows })
      assert.strictEqual(through.socket.protocol, SUBPROTOCOL)
      yield* session.attached
      // The owner itself never sends it away.
      const direct = yield* connect(audio(owner, "s1"), { protocols: follows })
      assert.strictEqual(direct.socket.protocol, SUBPROTOCOL)
    }).pipe(Effect.scoped))

  it.live("is followed by talk, which takes its token along", () =>
    Effect.gen(function*() {
      const { other, owner, there } = yield* pair({ nodeUrl: true })
      const session = yield* owner.open("s1")
      other.places.set("s1", there)
      const events: Array<string> = []
      const line = yield* TalkConnection.remote(`${audio(other, "s1")}?token=${session.token}`, undefined, {
        event: (event) => void events.push(event?.type ?? "unknown"),
        audio: () => {},
        closed: () => {}
      })
      const { connection, listener } = yield* session.attached
      line.send(new Int16Array(320))
      yield* heard(listener, (each) => each.samples === 320)
      connection.notify({ type: "pong", seq: 1, atMs: 0 })
      yield* settled(() => events.length > 0)
      assert.deepStrictEqual(events, ["pong"])
      // Nothing goes through the other node: it could be gone.
      yield* other.stop
      line.send(new Int16Array(320))
      yield* heard(listener, (each) => each.samples === 640)
      // A node that cannot be reached from here is reached through the first one.
      const again = yield* node()
      again.places.set("s1", { ...there, nodeUrl: "http://127.0.0.1:1" })
      yield* TalkConnection.remote(`${audio(again, "s1")}?token=${session.token}`, undefined, {
        event: () => {},
        audio: () => {},
        closed: () => {}
      })
      yield* session.attached
    }).pipe(Effect.scoped))

  it.live("is asked for by talk where it was created when its own node is gone by then", () =>
    Effect.gen(function*() {
      const asked: Array<readonly [url: string | undefined, protocols: string | undefined]> = []
      const entry = yield* Effect.acquireRelease(
        Effect.callback<Http.Server>((resume) => {
          const server = Http.createServer((request, response) => {
            request.resume()
            response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify({
              id: "s1",
              token: "t",
              connection_url: "ws://127.0.0.1:1/v1/sessions/s1/audio"
            }))
          })
          server.on("upgrade", ({ headers, url }, socket) => {
            asked.push([url, headers["sec-websocket-protocol"]])
            socket.end("HTTP/1.1 503 Later\r\n\r\n")
          })
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) =>
          Effect.sync(() => {
            server.closeAllConnections()
            server.close()
          })
      )
      const address = entry.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const listener = { event: () => {}, audio: () => {}, closed: () => {} }
      const failed = yield* Effect.flip(TalkConnection.remote(`http://127.0.0.1:${port}`, undefined, listener))
      assert.include(failed.message, "127.0.0.1:1")
      assert.deepStrictEqual(asked, [
        ["/v1/sessions/s1/audio?input_rate=16000&output_rate=24000", `${SUBPROTOCOL},${MOVED_SUBPROTOCOL},token.t`]
      ])
    }).pipe(Effect.scoped))

  it.live("gets the owner's refusal as it is", () =>
    Effect.gen(function*() {
      const { other, owner, there } = yield* pair()
      const session = yield* owner.open("s1")
      other.places.set("s1", there)
      const url = `${audio(other, "s1")}?input_rate=7999`
      assert.deepStrictEqual(yield* refusal(connect(url, { protocols: protocols(session.token) })), [
        400,
        "invalid_config"
      ])
      // As a browser asks what was wrong with a handshake.
      const plain = yield* call(`${other.url}/v1/sessions/s1/audio`, {
        headers: { authorization: `Bearer ${session.token}` }
      })
      assert.deepStrictEqual([plain.status, plain.json["code"]], [426, "invalid_config"])
    }).pipe(Effect.scoped))

  it.live("is passed on as a plain request where it is none, so that what follows it does not reach the owner", () =>
    Effect.gen(function*() {
      const { other, owner, there } = yield* pair()
      const session = yield* owner.open("s1")
      other.places.set("s1", there)
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() => Net.connect(other.port, "127.0.0.1")),
        (socket) => Effect.sync(() => socket.destroy())
      )
      let answers = ""
      socket.on("data", (data: Buffer) => answers += data.toString("latin1"))
      // HTTP has an upgrade only with `Connection: upgrade`
      const authorization = `Bearer ${session.token}`
      socket.write(
        `GET /v1/sessions/s1/audio HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nAuthorization: ${authorization}\r\n\r\n`
      )
      yield* settled(() => answers.startsWith("HTTP/1.1 426"))
      // the owner would look up what it is asked for
      socket.write(`GET /v1/sessions/s2/audio HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${authorization}\r\n\r\n`)
      yield* settled(() => answers.split("HTTP/1.1 ").length === 3)
      const tokens = yield* SessionTokens.make(host.signingKey)
      const another = yield* tokens.issue("s3", "user", 9e12)
      socket.write(
        `GET /v1/sessions/s3/audio HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer ${another}\r\n\r\n`
      )
      yield* settled(() => socket.closed)
      assert.deepStrictEqual([other.lookups, owner.lookups], [["s1", "s3"], []])
    }).pipe(Effect.scoped))

  it.live("is never passed on twice", () =>
    Effect.gen(function*() {
      const { other, owner, there } = yield* pair()
      const session = yield* owner.open("s0")
      const tokens = yield* SessionTokens.make(host.signingKey)
      const token = yield* tokens.issue("s1", "user", 9e12)
      assert.isString(session.token)
      // Each believes that the other has it.
      other.places.set("s1", there)
      owner.places.set("s1", { _tag: "There", address: other.url, nodeUrl: other.url })
      for (const offered of [protocols(token), [MOVED_SUBPROTOCOL, ...protocols(token)]]) {
        assert.deepStrictEqual(yield* refusal(connect(audio(other, "s1"), { protocols: offered })), [
          502,
          "connection_failed"
        ])
      }
      assert.deepStrictEqual([other.lookups, owner.lookups], [["s1", "s1"], ["s1", "s1"]])
    }).pipe(Effect.scoped))

  it.live("is refused when it claims to come from a node and does not", () =>
    Effect.gen(function*() {
      const { owner } = yield* pair()
      const session = yield* owner.open("s1")
      const proof = (secret: string, nowMs = Date.now()) =>
        ForwardedProof.make({ keys: () => [secret], nowMs: () => nowMs }).sign(
          { method: "GET", url: "/v1/sessions/s1/audio" },
          "6.6.6.6"
        )
      const ours = proof("a secret of the cluster")
      const attempt = (header: string, url = audio(owner, "s1")) =>
        connect(url, {
          protocols: protocols(session.token),
          headers: { [ForwardedProof.HEADER]: header }
        })
      for (
        const header of ["", "x", proof("another"), proof("a secret of the cluster", Date.now() - 40_000), `${ours}x`]
      ) {
        assert.deepStrictEqual(yield* refusal(attempt(header)), [401, "authentication_failed"])
      }
      assert.deepStrictEqual(yield* refusal(attempt(ours, `${audio(owner, "s1")}?x=1`)), [401, "authentication_failed"])
      yield* attempt(ours)
      assert.deepStrictEqual(owner.peers, [{ address: "6.6.6.6" }])
      assert.deepStrictEqual(yield* refusal(attempt(ours)), [401, "authentication_failed"])
      // It cannot be smuggled past a node either.
      const { other, there } = { other: yield* node(), there: { _tag: "There" as const, address: owner.url } }
      other.places.set("s1", there)
      assert.deepStrictEqual(
        yield* refusal(connect(audio(other, "s1"), {
          protocols: protocols(session.token),
          headers: { [ForwardedProof.HEADER]: "x" }
        })),
        [401, "authentication_failed"]
      )
    }).pipe(Effect.scoped))

  it.live("may try again when the owner is gone, says nothing, or the store is away", () =>
    Effect.gen(function*() {
      const other = yield* node()
      const tokens = yield* SessionTokens.make(host.signingKey)
      const token = yield* tokens.issue("s1", "user", 9e12)
      const attempt = refusal(connect(audio(other, "s1"), { protocols: protocols(token) }))
      let unanswered = 0
      const there = (address: string): SessionPlace => ({
        _tag: "There",
        address,
        unanswered: Effect.sync(() => void unanswered++)
      })
      other.places.set("s1", there("http://127.0.0.1:1"))
      assert.deepStrictEqual([yield* attempt, unanswered], [[502, "connection_failed"], 1])
      const closing = yield* fakeNode((socket) => socket.once("data", () => socket.end()))
      other.places.set("s1", there(closing.address))
      assert.deepStrictEqual([yield* attempt, unanswered], [[502, "connection_failed"], 2])
      other.places.set("s1", { _tag: "There", address: closing.address.replace("http", "https") })
      assert.deepStrictEqual(yield* attempt, [502, "connection_failed"])
      other.places.set("s1", Effect.fail(new ConnectionFailed({ op: "test", message: "the store is away" })))
      assert.deepStrictEqual(yield* attempt, [502, "connection_failed"])
    }).pipe(Effect.scoped))

  it.live("ends when the owner dies in the middle, and frees the owner when it leaves", () =>
    Effect.gen(function*() {
      const { other, owner, there } = yield* pair()
      const session = yield* owner.open("s1")
      other.places.set("s1", there)
      const first = yield* connect(audio(other, "s1"), { protocols: protocols(session.token) })
      const one = yield* session.attached
      first.socket.terminate()
      yield* heard(one.listener, (each) => each.ends.length === 1)
      const second = yield* connect(audio(other, "s1"), { protocols: protocols(session.token) })
      yield* session.attached
      const stopping = yield* Effect.forkChild(owner.stop)
      assert.include([1000, 1001, 1006], (yield* second.closed).code)
      yield* Fiber.join(stopping)
    }).pipe(Effect.scoped))

  it.live("reads neither side faster than the other takes it", () =>
    Effect.gen(function*() {
      const other = yield* node()
      const tokens = yield* SessionTokens.make(host.signingKey)
      const token = yield* tokens.issue("s1", "user", 9e12)
      let written = 0
      const upgraded = yield* Deferred.make<void>()
      const flooding = yield* fakeNode((socket) =>
        socket.once("data", () => {
          socket.pause()
          socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
          Deferred.doneUnsafe(upgraded, Effect.void)
          const chunk = Buffer.alloc(65_536)
          const more = () => {
            while (written < 1e9) {
              written += chunk.length
              if (!socket.write(chunk)) return void socket.once("drain", more)
            }
          }
          more()
        })
      )
      other.places.set("s1", { _tag: "There", address: flooding.address })
      // A client that never reads.
      const client = Net.connect(other.port, "127.0.0.1", () => {
        client.write(
          `GET /v1/sessions/s1/audio?token=${token} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\n` +
            "upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
      })
      client.on("error", () => {})
      client.pause()
      yield* Deferred.await(upgraded)
      let last = -1
      yield* Effect.suspend(() => {
        const isStill = last === written
        last = written
        return isStill ? Effect.void : Effect.fail("grows")
      }).pipe(Effect.retry({ schedule: Schedule.spaced("100 millis") }), Effect.timeout("1 minute"))
      // What the sockets of the system hold, both ways, and nothing that grows.
      assert.isBelow(written, 64 * 1_048_576)
      client.destroy()
      yield* settled(() => flooding.sockets.size === 0)
    }).pipe(Effect.scoped))

  it.live("outlasts a drain that lets conversations end", () =>
    Effect.gen(function*() {
      const stopped = yield* Deferred.make<void>()
      const { other, owner, there } = yield* pair({
        other: {
          backendConfig: { drain: { mode: "conversation", deadline: "20s" } },
          grace: 0,
          stopping: Effect.asVoid(Deferred.succeed(stopped, undefined))
        }
      })
      const session = yield* owner.open("s1")
      other.places.set("s1", there)
      const client = yield* connect(audio(other, "s1"), { protocols: protocols(session.token) })
      const { connection, listener } = yield* session.attached
      const stopping = yield* Effect.forkChild(other.stop)
      client.socket.send(JSON.stringify({ type: "user.text", text: "still here" }))
      yield* heard(listener, (each) => each.messages.length === 1)
      yield* Deferred.await(stopped)
      client.socket.send(JSON.stringify({ type: "user.text", text: "and now" }))
      yield* heard(listener, (each) => each.messages.length === 2)
      yield* connection.close("session_ended")
      assert.deepStrictEqual(yield* client.closed, { code: 1000, reason: "session_ended" })
      yield* Fiber.join(stopping)
    }).pipe(Effect.scoped))
})

describe("an offer at the wrong node", () => {
  it.live("is answered by the owner", () =>
    Effect.gen(function*() {
      const { other, owner, there } = yield* pair()
      const session = yield* owner.open("s1", "webrtc")
      other.places.set("s1", there)
      const offer = (body: string, token = session.token) =>
        call(`${other.url}/v1/sessions/s1/offer`, {
          method: "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" },
          body
        })
      const invalid = yield* offer("v=0")
      assert.deepStrictEqual([invalid.status, invalid.json["code"]], [400, "invalid_config"])
      assert.deepStrictEqual((yield* offer("x".repeat(100_000))).status, 413)
      assert.deepStrictEqual((yield* offer("x".repeat(300_000))).status, 413)
      assert.deepStrictEqual(owner.peers.at(-1), { address: "127.0.0.1" })
    }).pipe(Effect.scoped))
})
