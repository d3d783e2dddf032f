import { assert, describe, it } from "@effect/vitest"
import { ReplyPlayout } from "../../../src/session/playout/ReplyPlayout.ts"

/** A reply at 24 kHz whose clock runs since 0, with so many ms of speech for each text. */
const playing = (...texts: ReadonlyArray<readonly [text: string, ms: number]>) => {
  const reply = new ReplyPlayout(1, 1, false, 24_000)
  for (const [text, ms] of texts) reply.push({ text, pcm: new Int16Array(24 * ms) })
  reply.audible = true
  return reply
}
/** Sends what is due, as the output does. */
const at = (reply: ReplyPlayout, nowMs: number) => {
  const untilMs = (reply.runClock(nowMs) ?? 0) + 200
  while (reply.frameBefore(untilMs) !== undefined) reply.advance()
  return reply.left(nowMs)
}

describe("ReplyPlayout.left", () => {
  it("is known when all speech is there, and counts down with the playout", () => {
    const reply = playing(["I found a table.", 1_000], ["Shall I book it?", 1_000])
    assert.isUndefined(at(reply, 0), "more of the last text may come")
    reply.push({ text: "", pcm: new Int16Array(0), end: "whole" })
    assert.deepStrictEqual(at(reply, 0), { ms: 2_000, text: "I found a table. Shall I book it?", mayGoOn: true })
    reply.finish()
    assert.deepStrictEqual(at(reply, 0), { ms: 2_000, text: "I found a table. Shall I book it?" })
    for (let ms = 20; ms <= 1_500; ms += 20) at(reply, ms)
    assert.strictEqual(at(reply, 1_500)?.ms, 500)
    for (let ms = 1_500; ms <= 2_100; ms += 20) at(reply, ms)
    assert.strictEqual(at(reply, 2_100)?.ms, 0)
  })

  it("is nothing when a reply that may go on has been heard so far", () => {
    const reply = playing(["Shall I book it?", 500])
    for (let ms = 0; ms < 400; ms += 20) assert.isUndefined(at(reply, ms))
    assert.deepStrictEqual(at(reply, 600), { ms: 0, text: "Shall I book it?" })
  })

  it("stands still while the reply is held, and is more for a client that is behind", () => {
    const reply = playing(["Shall I book it?", 2_000])
    reply.finish()
    for (let ms = 0; ms <= 1_000; ms += 20) at(reply, ms)
    reply.report(700, 1_000)
    assert.strictEqual(reply.left(1_000)?.ms, 1_300)
    reply.stopClock(1_000)
    assert.strictEqual(reply.left(9_000)?.ms, 1_300)
  })

  it("has no reply before it is audible", () => {
    const reply = playing(["Shall I book it?", 300])
    reply.audible = false
    reply.finish()
    assert.isUndefined(reply.left(0))
  })
})
