/** A vendor's WebSocket that cannot be had, or is lost: which error it is, and that no secret is in it. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Redacted } from "effect"
import { createServer, type Socket } from "node:net"
import { inspect } from "node:util"
import type { BackendError } from "../../src/BackendError.ts"
import * as VendorSocket from "../../src/wire/VendorSocket.ts"
import * as FakeModel from "../support/FakeModel.ts"

const KEY = "a-very-secret-key"

/** A server that accepts connections and never says anything. */
const silentServer = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly stop: () => void }>((resume) => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({
        url: `ws://127.0.0.1:${port}/?key=${KEY}`,
        stop: () => {
          for (const socket of sockets) socket.destroy()
          server.close()
        }
      }))
    })
  }),
  ({ stop }) => Effect.sync(stop)
)

const connect = (
  url: string,
  timeout: Duration.Input,
  closed: (error: BackendError) => void = () => {},
  message: (text: string) => void = () => {}
) =>
  VendorSocket.connect({
    vendor: "acme",
    op: "SpeechToText.connect",
    url: Redacted.make(url),
    headers: { authorization: Redacted.make(`Bearer ${KEY}`) },
    timeout: Duration.fromInputUnsafe(timeout)
  }, { message, closed })

const failure = (url: string, timeout: Duration.Input) =>
  Effect.map(Effect.flip(Effect.scoped(connect(url, timeout))), (error) => {
    assert.notInclude(inspect(error, { depth: 10 }), KEY)
    assert.strictEqual(error.op, "SpeechToText.connect")
    assert.strictEqual(error.details?.["vendor"], "acme")
    return [error.code, error.message]
  })

describe("VendorSocket", () => {
  it.live("times out on a server that never answers", () =>
    Effect.scoped(Effect.gen(function*() {
      const { url } = yield* silentServer
      assert.deepStrictEqual(yield* failure(url, "100 millis"), [
        "connection_timeout",
        "the connection to acme timed out after 100ms"
      ])
    })))

  it.live("says that it could not connect, or that the URL is invalid, and quotes neither URL nor key", () =>
    Effect.gen(function*() {
      const { url } = yield* Effect.scoped(silentServer)
      assert.deepStrictEqual(yield* failure(url, "10 seconds"), ["connection_failed", "could not connect to acme"])
      assert.deepStrictEqual(yield* failure(`ws://[${KEY}`, "10 seconds"), [
        "invalid_config",
        "invalid WebSocket URL for acme"
      ])
    }))

  it.live("reads a server that sends without end at its bounds, and loses nothing", () =>
    Effect.scoped(Effect.gen(function*() {
      const count = 44_000
      const fake = yield* FakeModel.start({}, {
        refuse: () => undefined,
        serve: (line) => {
          line.after(0, () => {
            for (let i = 0; i < count; i++) line.send({ i })
          })
          return () => {}
        }
      })
      const received: Array<number> = []
      const done = yield* Deferred.make<void>()
      const lost = yield* Deferred.make<BackendError>()
      const startedAt = performance.now()
      yield* connect(
        fake.url,
        "10 seconds",
        (error) => void Deferred.doneUnsafe(lost, Effect.succeed(error)),
        (text) => {
          received.push(JSON.parse(text).i)
          if (received.length === count) Deferred.doneUnsafe(done, Effect.void)
        }
      )
      yield* Effect.raceFirst(Deferred.await(done), Effect.flatMap(Deferred.await(lost), Effect.fail))
      assert.isTrue(received.every((value, i) => value === i))
      // 32,768 at once, and the others at 4,000 a second; what a socket has read already is passed on
      assert.isAbove(performance.now() - startedAt, 1_000)
    })))

  it.live("loses the connection, and no more, when a message throws in its listener", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* FakeModel.start({}, {
        refuse: () => undefined,
        serve: (line) => {
          line.after(0, () => {
            for (let i = 0; i < 3; i++) line.send({ i })
          })
          return () => {}
        }
      })
      const lost = yield* Deferred.make<BackendError>()
      let received = 0
      yield* connect(fake.url, "10 seconds", (error) => void Deferred.doneUnsafe(lost, Effect.succeed(error)), () => {
        received++
        throw new RangeError("Maximum call stack size exceeded")
      })
      const error = yield* Deferred.await(lost)
      assert.strictEqual(error.code, "pipeline_error")
      assert.strictEqual(error.message, "a message of acme could not be read")
      assert.instanceOf(error.cause, RangeError)
      assert.strictEqual(received, 1)
    })))

  it.live("reports a close with its reason, without the key that the reason repeats", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* FakeModel.start({}, {
        refuse: () => undefined,
        serve: (line) => {
          line.after(0, () => line.close(4000, `no such key: ${KEY}`))
          return () => {}
        }
      })
      const lost = yield* Deferred.make<BackendError>()
      yield* connect(fake.url, "10 seconds", (error) => void Deferred.doneUnsafe(lost, Effect.succeed(error)))
      const error = yield* Deferred.await(lost)
      assert.strictEqual(error.code, "connection_failed")
      assert.strictEqual(error.message, "acme closed the connection (4000): no such key: <redacted>")
      assert.deepStrictEqual(error.details, { vendor: "acme", closeCode: 4000 })
    })))
})
