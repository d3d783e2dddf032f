import { assert, describe, it } from "@effect/vitest"
import { Outbox } from "../../src/client/media/Outbox.ts"
import { orAborted } from "../../src/client/Sleep.ts"
import { VoiceClientError } from "../../src/client/VoiceClientError.ts"
import { EventListeners } from "../../src/client/VoiceClientEvents.ts"
import { settled } from "./FakePage.ts"

describe("EventListeners", () => {
  const blocked = new VoiceClientError("playback_blocked", "Click.")

  it("tells a listener that is added later of what lasts, and no more once it is over", async () => {
    const listeners = new EventListeners()
    const told: Array<string> = []
    listeners.emit("playback.blocked", blocked)
    listeners.add("playback.blocked", ({ code }) => told.push(code))
    // Removed before it was told.
    listeners.add("playback.blocked", () => told.push("removed"))()
    assert.deepStrictEqual(told, [])
    await settled()
    assert.deepStrictEqual(told, ["playback_blocked"])
    listeners.emit("playback.started", undefined)
    listeners.add("playback.blocked", () => told.push("late"))
    await settled()
    assert.deepStrictEqual(told, ["playback_blocked"])
  })

  it("tells of a lost and of a silenced microphone until it is restored", async () => {
    const listeners = new EventListeners()
    const told: Array<string> = []
    const add = () => {
      listeners.add("microphone.lost", () => told.push("lost"))()
      listeners.add("microphone.lost", () => told.push("lost"))
      listeners.add("microphone.silenced", () => told.push("silenced"))
    }
    listeners.emit("microphone.lost", blocked)
    listeners.emit("microphone.silenced", blocked)
    add()
    await settled()
    assert.deepStrictEqual(told, ["lost", "silenced"])
    listeners.emit("microphone.restored", undefined)
    add()
    await settled()
    assert.strictEqual(told.length, 2)
  })
})

describe("Outbox", () => {
  it("keeps the order, says an interruption once, and is bounded", () => {
    const outbox = new Outbox()
    outbox.add({ type: "agent.interrupt" })
    outbox.add({ type: "agent.interrupt" })
    outbox.add({ type: "user.text", text: "a" })
    outbox.add({ type: "agent.interrupt" })
    assert.deepStrictEqual(outbox.take().map(({ type }) => type), ["agent.interrupt", "user.text", "agent.interrupt"])
    assert.deepStrictEqual(outbox.take(), [])
    for (let i = 0; i < 32; i++) outbox.add({ type: "user.text", text: "a" })
    assert.throws(() => outbox.add({ type: "user.text", text: "a" }), /too much/u)
    assert.strictEqual(outbox.take().length, 32)
    for (let i = 0; i < 32; i++) outbox.add({ type: "user.text", text: "a" })
    outbox.add({ type: "session.end" })
    assert.deepStrictEqual(outbox.take(), [{ type: "session.end" }])
  })
})

describe("orAborted", () => {
  it("gives up at once, and releases what comes later", async () => {
    const abort = new AbortController()
    const released: Array<string> = []
    let resolve: (value: string) => void = () => {}
    const late = new Promise<string>((done) => resolve = done)
    const outcome = orAborted(late, abort.signal, (value) => released.push(value)).then(
      () => "done",
      ({ code }: VoiceClientError) => code
    )
    abort.abort()
    assert.strictEqual(await outcome, "aborted")
    resolve("stream")
    await settled()
    assert.deepStrictEqual(released, ["stream"])
    assert.strictEqual(await orAborted("now", new AbortController().signal, () => {}), "now")
  })
})
