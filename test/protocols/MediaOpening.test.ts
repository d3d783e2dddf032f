import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import { EventEmitter } from "node:events"
import * as MediaOpening from "../../src/protocols/MediaOpening.ts"
import { mediaProtocols } from "../../src/protocols/Protocols.ts"

const twilio = mediaProtocols.get("twilio")!
const text = (message: unknown) => Buffer.from(JSON.stringify(message))
const connected = text({ event: "connected" })
const started = text({ event: "start", streamSid: "MZ1", start: { callSid: "CA1", streamSid: "MZ1" } })
const media = text({ event: "media", media: { payload: "AAAA" } })

const SECRET = "do-not-sing"
const keys = [
  "event",
  "start",
  "streamSid",
  "callSid",
  "streamId",
  "callId",
  "stream_id",
  "call_control_id",
  "mediaFormat",
  "media_format",
  "encoding",
  "sampleRate",
  "channels",
  "customParameters",
  "from",
  "to",
  "__proto__",
  SECRET
] as const
/** Fields of a first message, which have what a stranger puts into them. */
const Values = Schema.Array(
  Schema.Tuple([
    Schema.Literals(keys),
    Schema.Union([Schema.Literals([SECRET, "start", "L16", "", 8_000]), Schema.Json])
  ])
).check(Schema.isMaxLength(8))

class Socket extends EventEmitter {
  readyState = 1
  isPaused = true
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
  hears(data: Uint8Array, isBinary = false): void {
    this.emit("message", data, isBinary)
  }
  get listeners_(): number {
    return this.listenerCount("message") + this.listenerCount("close")
  }
}

const read = (socket: Socket) => Effect.result(Effect.scoped(MediaOpening.read(socket, twilio, "10 seconds")))

/** What becomes of a socket on which this comes. */
const after = Effect.fnUntraced(function*(act: (socket: Socket) => void) {
  const socket = new Socket()
  const reading = yield* Effect.forkChild(read(socket), { startImmediately: true })
  assert.isFalse(socket.isPaused)
  act(socket)
  const result = yield* Fiber.join(reading)
  assert.strictEqual(socket.listeners_, 0, "nobody listens any more")
  return Result.isSuccess(result) ? result.success.start.callId : result.failure.code
})

describe("MediaOpening", () => {
  it.effect("reads up to the start, pauses the socket, and keeps what is behind it, in order and bounded", () =>
    Effect.gen(function*() {
      const socket = new Socket()
      const reading = yield* Effect.forkChild(
        Effect.scoped(Effect.map(
          MediaOpening.read(socket, twilio, "10 seconds"),
          (opened) => {
            assert.isTrue(socket.isPaused)
            for (let i = 0; i < 1_000; i++) socket.hears(i === 0 ? media : text({ event: "media", i }))
            const taken = opened.take()
            assert.strictEqual(socket.listeners_, 0)
            assert.deepStrictEqual(opened.take(), [])
            return taken
          }
        )),
        { startImmediately: true }
      )
      socket.hears(connected)
      socket.hears(started)
      const taken = yield* Fiber.join(reading)
      assert.strictEqual(taken.length, 256)
      assert.strictEqual(taken[0]?.data, media)
      assert.deepStrictEqual(taken[1]?.data, text({ event: "media", i: 1 }))
    }))

  it.effect("refuses what is not of the protocol, what does not start, and what closes before", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* after((socket) => socket.hears(started)), "CA1")
      assert.strictEqual(yield* after((socket) => socket.hears(started, true)), "invalid_config")
      assert.strictEqual(yield* after((socket) => socket.hears(Buffer.from("{"))), "invalid_config")
      assert.strictEqual(
        yield* after((socket) => {
          for (let i = 0; i < 16; i++) socket.hears(connected)
        }),
        "invalid_config"
      )
      assert.strictEqual(
        yield* after((socket) => {
          for (let i = 0; i < 15; i++) socket.hears(connected)
          socket.hears(started)
        }),
        "CA1"
      )
      assert.strictEqual(yield* after((socket) => void socket.emit("close", 1_000)), "connection_failed")
      const gone = new Socket()
      gone.readyState = 3
      const result = yield* read(gone)
      assert.isTrue(Result.isFailure(result) && result.failure.code === "connection_failed")
    }))

  it.effect("waits no longer than it was told to", () =>
    Effect.gen(function*() {
      const socket = new Socket()
      const reading = yield* Effect.forkChild(read(socket), { startImmediately: true })
      socket.hears(connected)
      yield* TestClock.adjust("10 seconds")
      const result = yield* Fiber.join(reading)
      assert.isTrue(Result.isFailure(result) && result.failure.code === "timeout")
      assert.strictEqual(socket.listeners_, 0)
    }))

  it.prop(
    "says nothing of what was sent when it refuses it, in any protocol",
    [Values, Schema.Boolean],
    ([values, isBinary]) => {
      const fields = Object.fromEntries(values.map(([key, value]) => [key, value]))
      const data = text({ event: "start", ...fields, start: { ...fields, start: fields } })
      for (const protocol of mediaProtocols.values()) {
        const opening = protocol.open(data, isBinary)
        if (opening._tag === "Invalid") assert.notInclude(opening.reason, SECRET)
        if (opening._tag !== "Started") continue
        const { callId, parameters, streamId } = opening.start
        assert.isAtMost(Math.max(callId.length, streamId.length), 256)
        assert.isAtMost(Object.keys(parameters).length, 64)
        protocol.make(opening.start).audio(new Int16Array(160))
      }
    }
  )
})
