import { assert, describe, it } from "@effect/vitest"
import { vi } from "vitest"
import { CallContext } from "../../../src/client/media/CallContext.ts"
import { PlaybackWatch } from "../../../src/client/media/PlaybackWatch.ts"
import { FakeContext, page, settled, useInstalled } from "../FakePage.ts"

describe("PlaybackWatch", () => {
  useInstalled({ fakeTimers: true })

  const make = (required = true) => {
    const context = new FakeContext()
    const told: Array<boolean> = []
    const replaced: Array<AudioContext> = []
    const made: Array<FakeContext> = []
    const watch = new PlaybackWatch((blocked) => told.push(blocked))
    const call = new CallContext(context.asContext, () => {
      const next = new FakeContext()
      made.push(next)
      return next.asContext
    })
    call.watch(watch, required, (next) => replaced.push(next))
    return { call, context, made, replaced, told, watch }
  }

  it("resumes a context that a phone call has suspended or interrupted, and tells nobody", async () => {
    const { context, told } = make()
    for (const state of ["suspended", "interrupted"] as const) {
      context.change(state)
      await settled()
      assert.strictEqual(context.state, "running")
      await vi.advanceTimersByTimeAsync(1_000)
    }
    assert.deepStrictEqual(told, [])
  })

  it("tells that a gesture is needed, once, and starts within the next", async () => {
    const { context, told, watch } = make()
    context.allowed = false
    context.change("suspended")
    assert.deepStrictEqual(told, [])
    await vi.advanceTimersByTimeAsync(300)
    assert.deepStrictEqual(told, [true])
    assert.isTrue(watch.blocked)
    // Neither the page's return nor time helps.
    watch.check()
    await vi.advanceTimersByTimeAsync(10_000)
    assert.deepStrictEqual(told, [true])
    context.allowed = true
    const before = context.resumed
    page.dispatchEvent(new Event("keydown"))
    // Within the event, or the browser would not allow it.
    assert.isAbove(context.resumed, before)
    await settled()
    assert.deepStrictEqual(told, [true, false])
    assert.isFalse(watch.blocked)
  })

  it("does not ask for a gesture for what is not needed, but takes the next", async () => {
    const { context, told } = make(false)
    context.allowed = false
    context.change("suspended")
    await vi.advanceTimersByTimeAsync(1_000)
    assert.deepStrictEqual(told, [])
    context.allowed = true
    page.dispatchEvent(new Event("pointerup"))
    assert.strictEqual(context.state, "running")
  })

  it("replaces a context that the browser has closed, three times in ten seconds at most", async () => {
    const { call, context, made, replaced, told } = make()
    context.change("closed")
    await settled()
    assert.strictEqual(call.current, made[0]?.asContext)
    assert.deepStrictEqual(replaced, [made[0]?.asContext])
    for (let i = 0; i < 5; i++) {
      made.at(-1)?.change("closed")
      await vi.advanceTimersByTimeAsync(400)
    }
    assert.strictEqual(made.length, 3)
    assert.deepStrictEqual(told, [true])
    await vi.advanceTimersByTimeAsync(10_000)
    page.dispatchEvent(new Event("click"))
    await settled()
    assert.strictEqual(made.length, 4)
    assert.deepStrictEqual(told, [true, false])
  })

  it("makes one attempt per 300 ms, however often the state changes", async () => {
    const { context } = make()
    context.allowed = false
    const before = context.resumed
    for (let i = 0; i < 1_000; i++) context.change("suspended")
    assert.strictEqual(context.resumed - before, 1)
    await vi.advanceTimersByTimeAsync(300)
    assert.strictEqual(context.resumed - before, 2)
  })

  it("does nothing and listens to nothing once it is closed", async () => {
    const { call, context, told, watch } = make()
    context.allowed = false
    context.change("suspended")
    watch.close()
    call.close()
    assert.strictEqual(context.state, "closed")
    assert.isNull(context.onstatechange)
    const before = context.resumed
    page.dispatchEvent(new Event("click"))
    watch.check()
    await vi.advanceTimersByTimeAsync(1_000)
    assert.strictEqual(context.resumed, before)
    assert.deepStrictEqual(told, [])
    assert.strictEqual(vi.getTimerCount(), 0)
  })
})
