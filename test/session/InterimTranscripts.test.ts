import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { InterimTranscripts } from "../../src/session/InterimTranscripts.ts"
import type { SessionEventBody } from "../../src/session/SessionEvent.ts"

const interim = (text: string): SessionEventBody => ({ type: "user.transcript", turn: 1, text, final: false })

const make = () => {
  const told: Array<SessionEventBody> = []
  let nowMs = 0
  let timer: Effect.Effect<unknown> | undefined
  const transcripts = new InterimTranscripts({
    now: () => nowMs,
    publish: (event) => void told.push(event),
    run: (_, effect) => void (timer = effect),
    cancel: () => void (timer = undefined)
  })
  return {
    told,
    texts: () => told.map((event) => event.type === "user.transcript" ? event.text : event.type),
    publish: (event: SessionEventBody) => transcripts.publish(event),
    pass: (ms: number) => void (nowMs += ms),
    isTimerSet: () => timer !== undefined,
    fire: Effect.suspend(() => {
      const due = timer ?? Effect.void
      timer = undefined
      return Effect.forkChild(due)
    })
  }
}

describe("InterimTranscripts", () => {
  it("tells each that comes at the pace of a recogniser, at once", () => {
    const { isTimerSet, pass, publish, texts } = make()
    for (let i = 0; i < 1_000; i++) {
      publish(interim(`word${i}`))
      pass(60)
    }
    assert.strictEqual(texts().length, 1_000)
    assert.isFalse(isTimerSet())
  })

  it.effect("tells of a flood the newest, 20 a second, and the last one in its time", () =>
    Effect.gen(function*() {
      const { fire, isTimerSet, publish, texts } = make()
      for (let i = 0; i < 5_000; i++) publish(interim(`word${i}`))
      assert.strictEqual(texts().length, 64)
      assert.isTrue(isTimerSet())
      yield* fire
      yield* TestClock.adjust("49 millis")
      assert.strictEqual(texts().length, 64)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(texts().slice(64), ["word4999"])
    }))

  it("keeps the order of events: the one that waits comes before any other", () => {
    const { isTimerSet, publish, texts, told } = make()
    for (let i = 0; i < 70; i++) publish(interim(`word${i}`))
    publish({ type: "user.transcript", turn: 1, text: "all words", final: true })
    publish({ type: "user.speech_stopped" })
    assert.deepStrictEqual(texts().slice(64), ["word69", "all words", "user.speech_stopped"])
    assert.isFalse(isTimerSet())
    publish(interim("more"))
    assert.strictEqual(told.length, 67, "what was told late is paid, too")
  })
})
