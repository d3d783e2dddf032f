import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { createHash, randomBytes } from "node:crypto"
import { once } from "node:events"
import * as Net from "node:net"
import * as SplicedSocket from "../../../src/server/nodes/SplicedSocket.ts"

/** The two ends of a connection; that of the server as an HTTP server has it. */
const connection = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = Net.createServer({ allowHalfOpen: true, noDelay: true }).listen(0, "127.0.0.1")
    await once(server, "listening")
    const address = server.address()
    const accepted = once(server, "connection")
    const far = Net.connect({
      port: typeof address === "object" && address !== null ? address.port : 0,
      host: "127.0.0.1",
      allowHalfOpen: true
    })
    const [near]: [Net.Socket] = await accepted as [Net.Socket]
    server.close()
    for (const socket of [far, near]) socket.on("error", () => {})
    return { far, near }
  }),
  ({ far, near }) =>
    Effect.sync(() => {
      far.destroy()
      near.destroy()
    })
)

const ANSWER = "HTTP/1.1 101 Switching Protocols\r\n\r\n"

/** A client and a node, spliced: what each of them sees of it. */
const spliced = Effect.gen(function*() {
  const user = yield* connection
  const owner = yield* connection
  const [client, node] = [user.far, owner.far]
  // the connection to a node is closed as soon as the node ends it
  node.once("end", () => node.destroy())
  owner.near.once("data", () => owner.near.write(ANSWER))
  const answered = once(client, "data")
  const running = yield* Effect.forkChild(SplicedSocket.run(user.near, owner.far, "GET / HTTP/1.1\r\n\r\n"))
  yield* Effect.promise(() => answered)
  return { client, node: owner.near, running }
})

const closed = (socket: Net.Socket) =>
  Effect.callback<void>((resume) => {
    if (socket.destroyed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
  })

/** Writes in pieces of any size, and waits whenever the socket is full. */
const writeAll = async (socket: Net.Socket, bytes: Buffer, sizes: () => number) => {
  for (let at = 0; at < bytes.length;) {
    const piece = bytes.subarray(at, at += sizes())
    if (!socket.write(piece)) await once(socket, "drain")
  }
}

const readAll = (socket: Net.Socket, count: number) =>
  new Promise<string>((resolve) => {
    const hash = createHash("sha256")
    let read = 0
    socket.on("data", (chunk: Buffer) => {
      hash.update(chunk)
      read += chunk.length
      if (read >= count) resolve(`${read} ${hash.digest("hex")}`)
    })
  })

const digest = (bytes: Buffer) => `${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`

describe("spliced sockets", () => {
  it.live("keep every byte in order, both ways at once", () =>
    Effect.gen(function*() {
      const { client, node } = yield* spliced
      const [said, answered] = [randomBytes(4_000_003), randomBytes(5_000_001)]
      const heard = Promise.all([readAll(node, said.length), readAll(client, answered.length)])
      let seed = 7
      const sizes = () => 1 + (seed = (seed * 48_271) % 2_147_483_647) % 20_000
      yield* Effect.promise(() => Promise.all([writeAll(client, said, sizes), writeAll(node, answered, sizes)]))
      assert.deepStrictEqual(yield* Effect.promise(() => heard), [digest(said), digest(answered)])
    }).pipe(Effect.scoped))

  for (const [slow, fast] of [["node", "client"], ["client", "node"]] as const) {
    it.live(`hold little for a ${slow} that does not read`, () =>
      Effect.gen(function*() {
        const ends = yield* spliced
        ends[slow].pause()
        const chunk = Buffer.alloc(65_536)
        let written = 0
        const more = () => {
          while (written < 1e9) {
            written += chunk.length
            if (!ends[fast].write(chunk)) return void ends[fast].once("drain", more)
          }
        }
        more()
        let last = -1
        yield* Effect.suspend(() => {
          const isStill = last === written
          last = written
          return isStill ? Effect.void : Effect.fail("grows")
        }).pipe(Effect.retry({ schedule: Schedule.spaced("100 millis") }), Effect.timeout("1 minute"))
        assert.isBelow(written, 64 * 1_048_576)
      }).pipe(Effect.scoped))
  }

  for (const how of ["closes", "resets", "ends"] as const) {
    const leave = (socket: Net.Socket) =>
      how === "closes" ? socket.destroy() : how === "resets" ? socket.resetAndDestroy() : socket.end()

    it.live(`end for the node when the client ${how}`, () =>
      Effect.gen(function*() {
        const { client, node, running } = yield* spliced
        const left = Effect.promise(() =>
          new Promise((resolve) => ["end", "close"].map((on) => node.once(on, resolve)))
        )
        node.resume()
        leave(client)
        yield* left
        node.end()
        client.resume()
        yield* Fiber.join(running).pipe(Effect.timeout("5 seconds"))
        assert.isTrue(node.readableEnded || node.destroyed)
      }).pipe(Effect.scoped))

    it.live(`end for the client when the node ${how}, and at once when the client closes as well`, () =>
      Effect.gen(function*() {
        const { client, node, running } = yield* spliced
        const heard = once(client, "data") as Promise<[Buffer]>
        node.write("the last words")
        const [words] = yield* Effect.promise(() => heard)
        assert.strictEqual(words.toString(), "the last words")
        client.once("end", () => {
          client.write("what nobody reads any more")
          client.end()
        })
        leave(node)
        yield* closed(client)
        yield* Fiber.join(running).pipe(Effect.timeout("5 seconds"))
      }).pipe(Effect.scoped))
  }

  it.effect("are let go 10 s after the node has gone, whatever the client does", () =>
    Effect.gen(function*() {
      const { client, node, running } = yield* spliced
      const ended = once(client, "end")
      client.resume()
      node.destroy()
      yield* Effect.promise(() => ended)
      // it neither closes nor is silent
      for (let second = 0; second < 9; second++) {
        client.write("still here")
        yield* Effect.promise(() => new Promise(setImmediate))
        yield* TestClock.adjust("1 second")
      }
      assert.isUndefined(running.pollUnsafe())
      client.write("still here")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(running)
    }).pipe(Effect.scoped), 30_000)
})
