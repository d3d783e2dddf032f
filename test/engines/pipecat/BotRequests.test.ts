import { assert, describe, it } from "@effect/vitest"
import { ConnectionFailed } from "../../../src/BackendError.ts"
import { BotRequests } from "../../../src/engines/pipecat/BotRequests.ts"
import type { SpeechToSpeechEvent } from "../../../src/speech/SpeechToSpeech.ts"

const lost = new ConnectionFailed({ op: "test", message: "gone" })

const make = () => {
  const sent: Array<string> = []
  const told: Array<SpeechToSpeechEvent> = []
  const state = { connected: true, now: 0 }
  const requests = new BotRequests({
    deadlineMs: 1_000,
    now: () => state.now,
    send: (content) => state.connected && sent.push(content) > 0,
    emit: (event) => told.push(event)
  })
  const failed = () => told.flatMap((event) => event._tag === "RequestFailed" ? [event.request] : [])
  return { requests, sent, state, failed }
}

describe("BotRequests", () => {
  it("fails a typed turn that the bot does not answer, alone", () => {
    const { failed, requests, state } = make()
    requests.add("one", "a")
    state.now = 600
    requests.add("two", "b")
    state.now = 1_000
    requests.tick()
    assert.deepStrictEqual(failed(), ["a"])
    assert.strictEqual(requests.answered(), "b")
    assert.isUndefined(requests.answered())
    state.now = 9_000
    requests.tick()
    assert.deepStrictEqual(failed(), ["a"])
  })

  it("sends a typed turn to the next bot, once", () => {
    const { failed, requests, sent, state } = make()
    requests.add("one", "a")
    state.connected = false
    requests.lost(lost)
    // typed while there is no bot
    requests.add("two", "b")
    state.now = 9_000
    requests.tick()
    assert.deepStrictEqual(failed(), [])
    state.connected = true
    requests.connected()
    assert.deepStrictEqual(sent, ["one", "one", "two"])
    requests.lost(lost)
    requests.connected()
    assert.deepStrictEqual(failed(), ["a"])
    assert.deepStrictEqual(sent, ["one", "one", "two", "two"])
    requests.cancel("b")
    assert.isUndefined(requests.answered())
  })

  it("bounds the typed turns that wait", () => {
    const { failed, requests } = make()
    for (let n = 0; n < 70; n++) requests.add("text", `r${n}`)
    assert.deepStrictEqual(failed(), ["r64", "r65", "r66", "r67", "r68", "r69"])
  })
})
