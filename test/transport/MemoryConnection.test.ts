import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as MemoryConnection from "../../src/transport/MemoryConnection.ts"
import { ScriptedListener } from "./ScriptedListener.ts"

const frame = (value: number, samples = 480) => new Int16Array(samples).fill(value)

describe("MemoryConnection", () => {
  it("passes audio and messages on in order, without copying audio", () => {
    const memory = MemoryConnection.make()
    const listener = new ScriptedListener()
    memory.connection.listen(listener)
    const pcm = Int16Array.of(1, 2, 3)
    memory.push(pcm)
    memory.message({ type: "ping" })
    memory.push(Int16Array.of(4))
    memory.hangup()
    assert.deepStrictEqual(listener.log, ["audio", "ping", "audio", "closed"])
    assert.deepStrictEqual(listener.pcm, [1, 2, 3, 4])
    assert.deepStrictEqual(listener.ends, ["client_closed"])
  })

  it("buffers the newest two seconds and all messages until the session listens", () => {
    const memory = MemoryConnection.make({ inputSampleRate: 8_000 })
    memory.message({ type: "ping" })
    for (let second = 1; second <= 5; second++) {
      for (let i = 0; i < 50; i++) memory.push(frame(second, 160))
    }
    memory.message({ type: "session.end" })
    const listener = new ScriptedListener()
    memory.connection.listen(listener)
    assert.strictEqual(listener.samples, 16_000)
    assert.deepStrictEqual([...new Set(listener.pcm)], [4, 5])
    assert.deepStrictEqual(listener.messages.map((message) => message.type), ["ping", "session.end"])
    assert.strictEqual(listener.log[0], "ping")
    assert.strictEqual(listener.log.at(-1), "session.end")
  })

  it("buffers at most 64 messages for a listener", () => {
    const memory = MemoryConnection.make()
    for (let i = 0; i < 1_000; i++) memory.message({ type: "user.text", text: String(i) })
    const listener = new ScriptedListener()
    memory.connection.listen(listener)
    assert.strictEqual(listener.messages.length, 64)
  })

  it("reports the end to a late listener once, after what came before it", () => {
    const memory = MemoryConnection.make()
    memory.push(frame(1))
    memory.hangup("gone")
    memory.push(frame(2))
    memory.hangup("again")
    const listener = new ScriptedListener()
    memory.connection.listen(listener)
    memory.push(frame(3))
    assert.deepStrictEqual(listener.log, ["audio", "closed"])
    assert.deepStrictEqual(listener.ends, ["gone"])
  })

  it.effect("is silent after close, in both directions", () =>
    Effect.gen(function*() {
      const frames: Array<Int16Array> = []
      const memory = MemoryConnection.make({ onFrame: (each) => frames.push(each) })
      const listener = new ScriptedListener()
      memory.connection.listen(listener)
      yield* memory.connection.close("replaced")
      yield* memory.connection.close("session_ended")
      memory.push(frame(1))
      memory.message({ type: "ping" })
      assert.isFalse(memory.connection.send(frame(1)))
      assert.deepStrictEqual(listener.log, ["closed"])
      assert.deepStrictEqual(listener.ends, ["replaced"])
      assert.strictEqual(memory.endReason(), "replaced")
      assert.strictEqual(frames.length, 0)
    }))

  it("hands frames out as copies, at once when it has no capacity", () => {
    const frames: Array<Int16Array> = []
    const { connection } = MemoryConnection.make({ onFrame: (each) => frames.push(each) })
    const buffer = frame(7)
    assert.isTrue(connection.send(buffer))
    buffer.fill(9)
    assert.strictEqual(frames[0]?.[0], 7)
    assert.strictEqual(connection.clear(), 0)
  })

  it("refuses audio beyond its capacity, passes on what is drained and drops what is cleared", () => {
    const frames: Array<number> = []
    const memory = MemoryConnection.make({ capacityMs: 100, onFrame: (each) => frames.push(each[0]!) })
    const accepted = [1, 2, 3, 4, 5, 6, 7].map((value) => memory.connection.send(frame(value)))
    assert.deepStrictEqual(accepted, [true, true, true, true, true, false, false])
    assert.strictEqual(memory.drain(45), 40)
    assert.deepStrictEqual(frames, [1, 2])
    assert.isTrue(memory.connection.send(frame(8)))
    assert.strictEqual(memory.connection.clear(), 80)
    assert.strictEqual(memory.drain(), 0)
    assert.deepStrictEqual(frames, [1, 2])
  })

  it("ends the connection of a listener that throws, and does not throw into the user's program", () => {
    const memory = MemoryConnection.make()
    const listener = new ScriptedListener()
    memory.connection.listen({
      audio: () => {
        throw new Error("broken")
      },
      gap: () => {},
      message: () => {},
      malformed: () => {},
      closed: (reason) => listener.closed(reason)
    })
    memory.push(frame(1))
    memory.push(frame(1))
    assert.deepStrictEqual(listener.ends, ["failed"])
  })

  it.effect.prop(
    "loses nothing and reorders nothing while less than two seconds wait, wherever the listener comes in",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 160 }))), Schema.Natural],
    ([lengths, at]) =>
      Effect.sync(() => {
        const some = lengths.slice(0, 100)
        const memory = MemoryConnection.make({ inputSampleRate: 8_000 })
        const listener = new ScriptedListener()
        const start = at % (some.length + 1)
        let next = 0
        const expected: Array<number> = []
        for (const [i, length] of some.entries()) {
          if (i === start) memory.connection.listen(listener)
          const pcm = Int16Array.from({ length }, () => next++ % 30_000)
          expected.push(...pcm)
          memory.push(pcm)
        }
        memory.connection.listen(listener)
        assert.deepStrictEqual(listener.pcm, expected)
      }),
    { arbitrary: { runs: 50 } }
  )
})
