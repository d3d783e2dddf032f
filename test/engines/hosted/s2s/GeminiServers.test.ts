/** What a server of the Gemini Live API may send besides the documented: other shapes, missing ids, late transcriptions. */
import { assert, describe, it } from "@effect/vitest"
import { audio, gemini } from "./ModelHarness.ts"

const sound = { inlineData: { mimeType: "audio/pcm;rate=24000", data: audio } }

const asked = (options: Parameters<typeof gemini>[0] = {}) => {
  const model = gemini(options)
  model.protocol.userText("hi", "a")
  const calls = () => model.told.flatMap((event) => event._tag === "ToolCall" ? [event] : [])
  return { ...model, calls }
}

describe("a server of the Gemini Live API", () => {
  it("may give what is not needed in another shape, and announce its end in any", () => {
    for (
      const parts of [
        [null, sound],
        [{ text: 5 }, sound],
        [{ inlineData: "x" }, sound],
        [{ inlineData: { ...sound.inlineData, mimeType: "audio/L16;codec=pcm;rate=24000" } }],
        [{ inlineData: { ...sound.inlineData, mimeType: "Audio/PCM; rate=24000" } }]
      ]
    ) {
      const model = asked()
      model.content({ modelTurn: { parts }, inputTranscription: "none", turnComplete: true })
      assert.deepStrictEqual(model.tags(), ["ReplyStarted", "ReplyAudio", "ReplyEnded"], JSON.stringify(parts))
    }
    for (const goAway of [{}, { timeLeft: "9s" }, { timeLeft: { seconds: 9 } }, true]) {
      const model = gemini()
      model.message({ goAway })
      assert.strictEqual(model.renewals(), 1)
    }
  })

  it("may call functions without ids, with the same id, with a number, in its turn, and one without a name", () => {
    for (
      const functionCalls of [
        [{ name: "f", args: { n: 1 } }, { name: "f", args: { n: 2 } }],
        [{ id: "", name: "f", args: { n: 1 } }, { id: "", name: "f", args: { n: 2 } }],
        [{ id: "call-1", name: "f", args: { n: 1 } }, { id: "call-1", name: "f", args: { n: 2 } }],
        [{ id: 7, name: "f", args: { n: 1 } }, { id: 8 }, { id: 9, name: "f", args: `{"n":2}` }]
      ]
    ) {
      const model = asked()
      model.message({ toolCall: { functionCalls } })
      const calls = model.calls()
      assert.deepStrictEqual(calls.map(({ input }) => input), [{ n: 1 }, { n: 2 }], JSON.stringify(functionCalls))
      assert.lengthOf(new Set(calls.map(({ id }) => id)), 2)
      for (const { id } of calls) model.protocol.toolResult(id, "result")
      assert.lengthOf(model.sent.filter((sent) => "toolResponse" in sent), 2)
    }
    const model = asked()
    model.content({ modelTurn: { parts: [{ functionCall: { name: "f" } }] } })
    assert.deepStrictEqual(model.calls().map(({ input }) => input), [{}])
  })

  it("may tell words of an answer after its end: they begin no other, and the next request is answered", () => {
    for (const remote of [false, true]) {
      const model = asked({ remote })
      model.speaks()
      model.content({ generationComplete: true })
      model.content({ turnComplete: true })
      model.content({ outputTranscription: { text: "late" } })
      assert.isFalse(model.protocol.isBusy())
      model.protocol.userText("again", "b")
      model.speaks()
      model.content({ turnComplete: true })
      assert.deepStrictEqual(
        model.told.flatMap((event) => event._tag === "ReplyStarted" ? [event.request] : []),
        ["a", "b"]
      )
      assert.lengthOf(model.of("ReplyEnded"), 2)
    }
  })

  it("interrupts an answer for a typed turn, which is no speech of the user", () => {
    const model = asked({ remote: true })
    model.speaks()
    model.protocol.truncate("reply-1", 10)
    model.protocol.userText("stop", "b")
    model.content({ interrupted: true })
    model.content({ turnComplete: true })
    model.speaks()
    model.content({ turnComplete: true })
    assert.deepStrictEqual(model.tags(), ["ReplyStarted", "ReplyAudio", "ReplyStarted", "ReplyAudio", "ReplyEnded"])
    // without a request it is the user who interrupts
    model.content({ inputTranscription: { text: "hello" } })
    model.speaks()
    model.content({ interrupted: true })
    assert.strictEqual(model.tags().at(-1), "UserSpeechStarted")
  })
})
