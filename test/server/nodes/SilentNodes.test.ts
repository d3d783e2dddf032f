import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Logger, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { createHash } from "node:crypto"
import type * as Net from "node:net"
import type { SessionPlace } from "../../../src/backend/BackendContract.ts"
import { ConnectionFailed } from "../../../src/BackendError.ts"
import * as SessionTokens from "../../../src/transport/SessionTokens.ts"
import { SUBPROTOCOL } from "../../../src/transport/websocket/WebSocketConnection.ts"
import { connect, host, type Refusal } from "../../providers/LocalServer.ts"
import { call } from "../support.ts"
import { fakeNode } from "./FakeNode.ts"
import { node, pair, type TestNode } from "./TwoNodes.ts"

const audio = ({ port }: Pick<TestNode, "port">) => `ws://127.0.0.1:${port}/v1/sessions/s1/audio`
const protocols = (token: string) => [SUBPROTOCOL, `token.${token}`]
const token = Effect.flatMap(SessionTokens.make(host.signingKey), (tokens) => tokens.issue("s1", "user", 9e12))

const refusal = <A, R>(effect: Effect.Effect<A, Refusal, R>) =>
  Effect.map(Effect.flip(effect), ({ body, status }) => {
    const { code, details } = body as { readonly code?: string; readonly details?: { readonly reason?: string } }
    return [status, code, details?.reason]
  })

/** The lines that an effect logs. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => void lines.push(JSON.stringify(message)))
    return Effect.map(Effect.provide(effect, Logger.layer([logger])), (value) => ({ lines, value }))
  })

/** A node whose clock is late, or early, by so much. */
const nodeAt = (offMs: number) =>
  Effect.flatMap(Clock.Clock, (clock) =>
    Effect.provideService(node(), Clock.Clock, {
      ...clock,
      sleep: (duration) => clock.sleep(duration),
      currentTimeMillis: Effect.map(clock.currentTimeMillis, (ms) => ms + offMs),
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + offMs,
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe()
    }))

/** A node that answers the handshake as a server of WebSockets does, and then says nothing. */
const frozen = Effect.gen(function*() {
  const upgraded = yield* Deferred.make<Net.Socket>()
  const fake = yield* fakeNode((socket) =>
    socket.once("data", (data) => {
      const key = /sec-websocket-key: (.*)\r\n/i.exec(data.toString("latin1"))?.[1] ?? ""
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
          `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n\r\n`
      )
      Deferred.doneUnsafe(upgraded, Effect.succeed(socket))
    })
  )
  return { ...fake, upgraded: Deferred.await(upgraded) }
})

/** Lets virtual seconds pass, and what came over sockets in between be read. */
const pass = (seconds: number) =>
  Effect.forEach(
    Array.from({ length: seconds }),
    () => Effect.andThen(Effect.promise(() => new Promise(setImmediate)), TestClock.adjust("1 second")),
    { discard: true }
  )

describe("nodes whose clocks are apart", () => {
  for (const offMs of [-40_000, 40_000]) {
    it.live(`have clients try again, and say so in the log (${offMs / 1_000} s)`, () =>
      Effect.gen(function*() {
        const owner = yield* node()
        const session = yield* owner.open("s1")
        const there = { _tag: "There" as const, address: owner.url }
        const { lines } = yield* logged(Effect.gen(function*() {
          const other = yield* nodeAt(offMs)
          other.places.set("s1", there)
          assert.deepStrictEqual(yield* refusal(connect(audio(other), { protocols: protocols(session.token) })), [
            502,
            "connection_failed",
            "node_refused"
          ])
          const headers = { authorization: `Bearer ${session.token}`, "content-type": "application/sdp" }
          for (const [method, path] of [["POST", "offer"], ["GET", "audio"]] as const) {
            const answer = yield* call(`${other.url}/v1/sessions/s1/${path}`, { method, headers })
            assert.deepStrictEqual(
              [answer.status, answer.json["code"], answer.json["retryable"], answer.headers.get("retry-after")],
              [502, "connection_failed", true, "1"]
            )
          }
        }))
        const said = lines.filter((line) => line.includes("clocks of the machines"))
        assert.strictEqual(said.length, 1)
        assert.include(said[0], offMs < 0 ? "too_old" : "from_the_future")
        assert.deepStrictEqual(owner.peers, [])
      }).pipe(Effect.scoped))
  }

  it.live("and those that have not the same secret yet", () =>
    Effect.gen(function*() {
      const { other, owner, there } = yield* pair({ other: { secret: "of before" } })
      const session = yield* owner.open("s1")
      other.places.set("s1", there)
      assert.deepStrictEqual(yield* refusal(connect(audio(other), { protocols: protocols(session.token) })), [
        502,
        "connection_failed",
        "node_refused"
      ])
    }).pipe(Effect.scoped))
})

describe("a node that says nothing", () => {
  it.effect("does not keep a client waiting for its handshake", () =>
    Effect.gen(function*() {
      const other = yield* node()
      const asked = yield* Deferred.make<void>()
      const silent = yield* fakeNode((socket) => socket.once("data", () => Deferred.doneUnsafe(asked, Effect.void)))
      other.places.set("s1", { _tag: "There", address: silent.address })
      const refused = yield* Effect.forkChild(refusal(connect(audio(other), { protocols: protocols(yield* token) })))
      yield* Deferred.await(asked)
      yield* pass(1)
      assert.isUndefined(refused.pollUnsafe())
      yield* pass(1)
      assert.deepStrictEqual(yield* Fiber.join(refused), [502, "connection_failed", "node_unreachable"])
    }).pipe(Effect.scoped))

  it.effect("is left within a second after it has the session no more, not before", () =>
    Effect.gen(function*() {
      const other = yield* node()
      const fake = yield* frozen
      const there: SessionPlace = { _tag: "There", address: fake.address }
      other.places.set("s1", there)
      const client = yield* connect(audio(other), { protocols: protocols(yield* token) })
      yield* fake.upgraded
      // Its lease still runs, it has only said nothing, or the store is away.
      const unknown = new ConnectionFailed({ op: "test", message: "its lease still runs" })
      for (const place of [Effect.fail(unknown), there]) {
        other.places.set("s1", place)
        yield* pass(5)
        assert.strictEqual(client.socket.readyState, client.socket.OPEN)
      }
      assert.isAtLeast(other.lookups.length, 9)
      other.places.set("s1", { _tag: "Nobody" })
      yield* pass(1)
      assert.strictEqual((yield* client.closed).code, 1006)
      yield* Effect.suspend(() => fake.sockets.size === 0 ? Effect.void : Effect.fail("open")).pipe(
        Effect.retry(Schedule.forever)
      )
    }).pipe(Effect.scoped))

  it.effect("is not looked for while anything comes from it", () =>
    Effect.gen(function*() {
      const other = yield* node()
      const fake = yield* frozen
      other.places.set("s1", { _tag: "There", address: fake.address })
      const one = yield* connect(audio(other), { protocols: protocols(yield* token) })
      const socket = yield* fake.upgraded
      const two = yield* connect(audio(other), { protocols: protocols(yield* token) })
      yield* pass(1)
      other.lookups.length = 0
      // As if the session were lost: it would end the connection if anybody looked.
      other.places.set("s1", { _tag: "Nobody" })
      for (let i = 0; i < 5; i++) {
        socket.write(Buffer.of(0x82, 1, i))
        yield* one.next
        yield* pass(1)
      }
      assert.deepStrictEqual(other.lookups, [])
      assert.deepStrictEqual([one.socket.readyState, two.socket.readyState], [1, 1])
    }).pipe(Effect.scoped))

  it.effect("is left after 45 s in any case", () =>
    Effect.gen(function*() {
      const other = yield* node()
      const fake = yield* frozen
      other.places.set("s1", { _tag: "There", address: fake.address })
      const client = yield* connect(audio(other), { protocols: protocols(yield* token) })
      const send = () => client.socket.send(Buffer.alloc(640))
      for (let i = 0; i < 44; i++) {
        // What only the client says does not count.
        send()
        yield* pass(1)
      }
      assert.strictEqual(client.socket.readyState, client.socket.OPEN)
      yield* pass(2)
      assert.strictEqual((yield* client.closed).code, 1006)
    }).pipe(Effect.scoped))
})

describe("a connection that is passed on", () => {
  it.live("is counted in the metrics of the node that passes it on", () =>
    Effect.gen(function*() {
      const { other, owner, there } = yield* pair()
      const session = yield* owner.open("s1")
      other.places.set("s1", there)
      const count = Effect.map(
        call(`${other.url}/metrics`),
        ({ text }) => /^effect_voice_connections_passed_on\{[^}]*\} (\d+)$/m.exec(text)?.[1]
      )
      const client = yield* connect(audio(other), { protocols: protocols(session.token) })
      yield* session.attached
      assert.strictEqual(yield* count, "1")
      client.socket.terminate()
      yield* count.pipe(
        Effect.repeat({ until: (found) => found === "0", schedule: Schedule.spaced("5 millis") }),
        Effect.timeout("1 minute")
      )
    }).pipe(Effect.scoped))
})
