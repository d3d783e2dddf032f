/** A hosted model whose session changes its language: between two turns, and on the connections to come. */
import { assert, describe, it } from "@effect/vitest"
import * as Models from "./ModelHarness.ts"

const started = { _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 } as const
const stopped = { _tag: "SpeechStopped", atSample: 9_600, decidedAtSample: 9_600 } as const

describe("the language of a hosted model", () => {
  it("openai: is told by session.update, and in the update of the next connection", () => {
    const model = Models.openai()
    const updates = () => model.sent.flatMap(({ session, type }) => type === "session.update" ? [session] : [])
    const before = updates().length
    model.protocol.setLanguage?.("de")
    assert.deepStrictEqual(updates().slice(before).map((session) => session?.part), ["de"])
    model.say("session.updated")
    model.pass(Models.DEADLINE)
    assert.strictEqual(updates().length, before + 1)
    model.reconnect()
    assert.deepStrictEqual(updates().map((session) => session?.whole), ["de"])
  })

  it("openai: the turn in progress ends in the language in which it began", () => {
    const model = Models.openai()
    const changes = () => model.sent.flatMap(({ session }) => session?.part === undefined ? [] : [session.part])
    model.protocol.activity(started)
    model.protocol.push(new Int16Array(2_400).fill(5))
    model.protocol.setLanguage?.("de")
    model.protocol.setLanguage?.("fr")
    model.pass(Models.DEADLINE / 2)
    model.protocol.activity(stopped)
    model.protocol.commit(9_600, "turn-1")
    assert.deepStrictEqual(changes(), [])
    model.say("input_audio_buffer.committed", { item_id: "u1" })
    model.begins("r1")
    model.say("conversation.item.input_audio_transcription.completed", { item_id: "u1", transcript: "hello" })
    model.speaks("r1")
    model.done("r1")
    assert.deepStrictEqual(changes(), ["fr"])
  })

  it("gemini: is in the setup of the next connection, which is made in a pause", () => {
    const model = Models.gemini()
    model.message({ sessionResumptionUpdate: { newHandle: "h1", resumable: true } })
    model.protocol.setLanguage?.("de-AT")
    assert.strictEqual(model.renewals(), 1)
    model.reconnect()
    assert.deepStrictEqual(model.sent.flatMap(({ setup }) => setup === undefined ? [] : [setup]), [
      { languageCode: "de-AT", sessionResumption: { handle: "h1" } }
    ])
    model.pass(Models.DEADLINE)
    assert.strictEqual(model.renewals(), 1)
  })

  it("gemini: a turn in progress is finished on the connection on which it began", () => {
    const model = Models.gemini()
    model.protocol.activity(started)
    model.protocol.push(new Int16Array(1_600).fill(5))
    model.protocol.setLanguage?.("de")
    assert.strictEqual(model.renewals(), 0)
    model.protocol.activity(stopped)
    model.protocol.commit(9_600, "turn-1")
    model.speaks()
    assert.strictEqual(model.renewals(), 0)
    model.content({ turnComplete: true })
    assert.strictEqual(model.renewals(), 1)
  })
})
