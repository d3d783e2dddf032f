import { assert, describe, it } from "@effect/vitest"
import { vi } from "vitest"
import { PlaybackWatch } from "../../../src/client/media/PlaybackWatch.ts"
import { RemoteVoices } from "../../../src/client/media/RemoteVoices.ts"
import { FakeAudio, FakeContext, makeStream, page, settled, useInstalled } from "../FakePage.ts"

const clear = { type: "playout.clear", seq: 1, at_ms: 1, turn: 1 } as const

describe("RemoteVoices", () => {
  useInstalled({ fakeTimers: true })

  const make = () => {
    const told: Array<boolean> = []
    const context = new FakeContext()
    const watch = new PlaybackWatch((blocked) => told.push(blocked))
    const voices = new RemoteVoices(watch)
    const add = (id: string, isAgent: boolean) => {
      const { stream } = makeStream()
      voices.add(id, stream, context.asContext, () => isAgent)
      const element = FakeAudio.all.at(-1)
      assert.isDefined(element)
      assert.strictEqual(element.srcObject, stream)
      return element
    }
    return { add, told, voices, watch }
  }

  it("plays each voice by an element of its own, until it is removed", () => {
    const { add, voices } = make()
    const agent = add("agent", true)
    const bob = add("bob", false)
    assert.notStrictEqual(agent, bob)
    assert.deepStrictEqual([agent.paused, bob.paused], [false, false])
    voices.remove("bob")
    assert.isNull(bob.srcObject)
    assert.isNotNull(agent.srcObject)
    assert.isAbove(voices.agentLevel, 0)
  })

  it("measures and hushes the agent alone, also one that comes while it is hushed", () => {
    const { add, voices } = make()
    const bob = add("bob", false)
    assert.strictEqual(voices.agentLevel, 0)
    const agent = add("agent", true)
    assert.isAbove(voices.agentLevel, 0)
    voices.onMessage(clear)
    const second = add("agent-2", true)
    assert.deepStrictEqual([agent.muted, second.muted, bob.muted], [true, true, false])
    assert.strictEqual(voices.agentLevel, 0)
    vi.advanceTimersByTime(600)
    assert.deepStrictEqual([agent.muted, second.muted, bob.muted], [false, false, false])
  })

  it("plays all through the chosen speaker, also voices that come later", async () => {
    const { add, voices } = make()
    const first = add("a", true)
    await voices.setOutputDevice("headset")
    const second = add("b", false)
    await settled()
    assert.deepStrictEqual([first.sinkId, second.sinkId], ["headset", "headset"])
    let failed = false
    await voices.setOutputDevice("gone").catch(() => {
      failed = true
    })
    assert.isTrue(failed)
    assert.deepStrictEqual([first.sinkId, second.sinkId, add("c", false).sinkId], ["headset", "headset", "headset"])
  })

  it("starts with the next gesture what the browser does not play, and what it has paused", async () => {
    const { add, told } = make()
    FakeAudio.allowed = false
    const element = add("agent", true)
    await settled()
    assert.deepStrictEqual(told, [true])
    FakeAudio.allowed = true
    page.dispatchEvent(new Event("pointerdown"))
    await settled()
    assert.isFalse(element.paused)
    assert.deepStrictEqual(told, [true, false])
    vi.advanceTimersByTime(1_000)
    element.pause()
    await settled()
    assert.isFalse(element.paused)
    assert.deepStrictEqual(told, [true, false])
  })
})
