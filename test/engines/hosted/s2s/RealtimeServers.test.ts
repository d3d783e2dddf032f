/** Servers that speak OpenAI's Realtime API in their own way: former names, other shapes, ids left out or used twice. */
import { assert, describe, it } from "@effect/vitest"
import { audio, DEADLINE, openai } from "./ModelHarness.ts"

const call = (id: string | undefined, name: string, input?: unknown) => ({
  type: "function_call",
  name,
  ...(id === undefined ? {} : { call_id: id }),
  ...(input === undefined ? {} : { arguments: input })
})

/** A model that was asked for a reply to a typed turn, which has begun as `r1`. */
const asked = (options: Parameters<typeof openai>[0] = {}) => {
  const model = openai(options)
  model.protocol.userText("hi", "a")
  model.begins("r1")
  const calls = (response: string, ...items: ReadonlyArray<object>) => {
    for (const item of items) model.say("response.output_item.done", { response_id: response, item })
    model.done(response)
  }
  const inputs = () => model.told.flatMap((event) => event._tag === "ToolCall" ? [event.input] : [])
  const ids = () => model.told.flatMap((event) => event._tag === "ToolCall" ? [event.id] : [])
  return { ...model, calls, inputs, ids }
}

describe("a server of the Realtime API", () => {
  it("may use the names that events had before", () => {
    const model = asked()
    const about = { response_id: "r1", item_id: "i", content_index: 0 }
    model.say("response.audio_transcript.delta", { ...about, delta: "Hello there" })
    model.say("response.audio.delta", { ...about, delta: audio })
    model.say("response.audio.done", about)
    model.say("response.audio_transcript.done", { ...about, transcript: "Hello there" })
    model.done("r1")
    assert.deepStrictEqual(model.tags(), ["ReplyStarted", "ReplyAudio", "ReplyAudio", "ReplyEnded"])
    assert.deepStrictEqual(
      model.told.flatMap((event) => event._tag === "ReplyAudio" ? [event.text] : []),
      ["Hello", "there"]
    )
    const writing = asked({ speaksText: true })
    writing.say("response.text.delta", { ...about, delta: "Hello" })
    writing.say("response.text.done", { ...about, text: "Hello" })
    writing.done("r1")
    assert.deepStrictEqual(writing.tags(), ["ReplyStarted", "ReplyText", "ReplyEnded"])
  })

  it("may give arguments of any shape, and none", () => {
    for (
      const [given, expected] of [
        [undefined, {}],
        [null, {}],
        ["", {}],
        [" ", {}],
        ["null", {}],
        [`{"city":"Ulm"}`, { city: "Ulm" }],
        [{ city: "Ulm" }, { city: "Ulm" }],
        [JSON.stringify(`{"city":"Ulm"}`), { city: "Ulm" }],
        [`{"city":"Ul`, `{"city":"Ul`]
      ] as const
    ) {
      const model = asked()
      model.calls("r1", call("c", "weather", given))
      assert.deepStrictEqual(model.inputs(), [expected], JSON.stringify(given))
    }
  })

  it("may use an id for two different calls, in one response and in the next, and tell a call twice", () => {
    const model = asked()
    const [ulm, rome] = [call("call_0", "weather", `{"city":"Ulm"}`), call("call_0", "weather", `{"city":"Rome"}`)]
    model.calls("r1", ulm, rome, ulm)
    assert.deepStrictEqual(model.inputs(), [{ city: "Ulm" }, { city: "Rome" }])
    const [first = "", second = ""] = model.ids()
    model.protocol.toolResult(first, "rain")
    assert.lengthOf(model.creates(), 1)
    model.protocol.toolResult(second, "sun")
    assert.lengthOf(model.creates(), 2)
    model.begins("r2")
    model.calls("r2", ulm)
    assert.lengthOf(new Set(model.ids()), 3)
    model.protocol.toolResult(model.ids()[2] ?? "", "rain")
    const outputs = model.sent.filter((sent) => JSON.stringify(sent).includes("function_call_output"))
    assert.deepStrictEqual(outputs.map((sent) => JSON.parse(JSON.stringify(sent))["item"]["call_id"]), [
      "call_0",
      "call_0",
      "call_0"
    ])
    model.begins("r3")
    model.speaks("r3")
    model.done("r3")
    assert.strictEqual(model.tags().at(-1), "ReplyEnded")
  })

  it("gives the late result of a lost connection to no call of the next", () => {
    const model = asked()
    model.calls("r1", call("call_0", "weather"))
    model.reconnect()
    model.protocol.userText("again", "b")
    model.begins("r2")
    model.calls("r2", call("call_0", "weather"))
    const [former = "", current = ""] = model.ids()
    model.protocol.toolResult(former, "late")
    assert.notInclude(JSON.stringify(model.sent), "late")
    model.protocol.toolResult(current, "rain")
    assert.include(JSON.stringify(model.sent), "rain")
  })

  it("may leave out what a response answers: it answers in order, and is asked for one reply at a time", () => {
    for (const remote of [false, true]) {
      const model = openai({ remote })
      model.protocol.userText("one", "a")
      model.protocol.cancel?.("a")
      model.protocol.userText("two", "b")
      for (const id of ["r1", "r2"]) {
        model.begins(id, null)
        model.speaks(id)
        model.done(id, id === "r1" ? "cancelled" : "completed")
      }
      assert.deepStrictEqual(model.tags(), ["ReplyStarted", "ReplyAudio", "ReplyEnded"])
      assert.deepInclude(model.told[0], { request: "b" })
      model.protocol.say("three", "c")
      model.protocol.say("four", "d")
      assert.lengthOf(model.creates(), 3)
    }
  })

  it("may give a response's metadata, details and output in another shape", () => {
    for (
      const more of [
        { metadata: "none" },
        { metadata: [] },
        { status_details: "none" },
        { output: {} },
        { output: [null, 1, { content: "text" }, { content: [null, 2] }] },
        { usage: "none", status: 1 }
      ]
    ) {
      const model = asked()
      model.speaks("r1")
      model.done("r1", "completed", more)
      assert.deepStrictEqual(model.tags(), ["ReplyStarted", "ReplyAudio", "ReplyEnded"], JSON.stringify(more))
    }
  })

  it("may tell the end of a response alone", () => {
    const model = openai()
    model.protocol.userText("hi", "a")
    const metadata = model.creates()[0]?.response?.metadata
    model.done("r1", "failed", { metadata, status_details: { error: { code: "rate_limit_exceeded" } } })
    assert.deepStrictEqual(model.tags(), ["ReplyStarted", "ReplyFailed"])
  })

  it("may leave out the items of the user's speech", () => {
    const model = openai({ remote: true })
    model.say("input_audio_buffer.speech_started")
    model.say("input_audio_buffer.speech_stopped")
    model.say("input_audio_buffer.committed")
    model.say("conversation.item.input_audio_transcription.completed", { transcript: "hello" })
    assert.deepStrictEqual(model.tags(), ["UserSpeechStarted", "UserSpeechStopped", "UserTranscript"])
    const opening = openai()
    opening.reconnect()
    assert.isTrue(JSON.stringify(opening.sent).includes("session.update"))
  })

  it("may tell the words of its audio as a whole only, and more than once", () => {
    const model = asked()
    const about = { response_id: "r1", item_id: "i" }
    model.speaks("r1")
    model.say("response.output_audio_transcript.done", { ...about, transcript: "Hello there." })
    model.say("response.content_part.done", { ...about, part: { type: "audio", transcript: "Hello there." } })
    model.done("r1", "completed", {
      output: [{ id: "i", type: "message", content: [{ type: "output_audio", transcript: "Hello there." }] }]
    })
    assert.strictEqual(
      model.told.flatMap((event) => event._tag === "ReplyAudio" ? [event.text] : []).join(""),
      "Hello there."
    )
  })

  it("fails a request by its error, whatever the error's code is, and passes over other errors", () => {
    const model = openai()
    model.protocol.userText("hi", "a")
    model.say("error", { error: "bad" })
    model.say("error", { error: { code: "response_cancel_not_active", event_id: null } })
    assert.deepStrictEqual(model.told, [])
    model.say("error", { error: { code: 400, message: "bad", event_id: model.creates()[0]?.event_id } })
    assert.deepInclude(model.of("RequestFailed")[0], { request: "a" })
  })

  it("ends a turn in whose audio it hears nothing, at once", () => {
    for (const named of [true, false]) {
      const model = openai({ answers: false })
      model.protocol.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
      model.protocol.commit(0, "a")
      const event_id = named ? model.sent.find(({ type }) => type === "input_audio_buffer.commit")?.event_id : null
      model.say("error", { error: { code: "input_audio_buffer_commit_empty", event_id } })
      assert.deepStrictEqual(model.told, [{ _tag: "UserTurnTranscribed", request: "a" }])
      assert.isFalse(model.protocol.isBusy())
    }
  })

  it("is not waited for when it ignores that a response was stopped", () => {
    const model = asked()
    model.speaks("r1")
    model.protocol.truncate("reply-1", 10)
    model.protocol.userText("two", "b")
    for (let n = 0; n < 12; n++) {
      model.speaks("r1")
      model.pass(DEADLINE / 8)
    }
    assert.strictEqual(model.renewals(), 1)
    model.reconnect()
    assert.lengthOf(model.creates(), 1)
  })

  it("holds nothing up by an event without an id that follows the end of a response", () => {
    const model = asked()
    model.speaks("r1")
    model.done("r1")
    model.say("response.output_audio.delta", { delta: audio })
    model.protocol.userText("two", "b")
    assert.lengthOf(model.creates(), 2)
    assert.notInclude(JSON.stringify(model.sent), "response.cancel")
  })

  it("has the words of a response that was lost or silent taken for those of no other", () => {
    for (const lose of [true, false]) {
      const model = asked()
      model.say("response.output_audio_transcript.delta", { response_id: "r1", item_id: "i", delta: "Never heard." })
      if (lose) model.reconnect()
      else model.done("r1")
      model.begins("r2")
      model.say("response.output_audio_transcript.delta", { response_id: "r2", item_id: "j", delta: "Heard." })
      model.speaks("r2")
      model.done("r2")
      const text = model.told.flatMap((event) => event._tag === "ReplyAudio" ? [event.text] : []).join("")
      assert.strictEqual(text, "Heard.")
      model.reconnect()
      assert.notInclude(JSON.stringify(model.sent), "Never heard")
      assert.include(JSON.stringify(model.sent), "Heard.")
    }
  })

  it("is told what was spoken of a text that was not spoken to its end, now and on the next connection", () => {
    const model = asked({ speaksText: true })
    model.say("response.output_text.done", { response_id: "r1", item_id: "i", text: "One two three four five six." })
    model.done("r1")
    model.protocol.truncate("reply-1", 500)
    const spoken = `"content":[{"type":"output_text","text":"One two three"}]`
    assert.include(JSON.stringify(model.sent), `{"type":"conversation.item.delete","item_id":"i"}`)
    assert.include(JSON.stringify(model.sent), spoken)
    model.reconnect()
    assert.include(JSON.stringify(model.sent), spoken)
  })

  it("may nest the input of a call without end, which is given to the tool as text", () => {
    for (const input of ["[".repeat(20_000) + "]".repeat(20_000), "{\"a\":".repeat(9_000) + "1" + "}".repeat(9_000)]) {
      const model = asked()
      model.calls("r1", call("c1", "f", input), call("c1", "f", input))
      assert.deepStrictEqual(model.inputs(), [input])
    }
  })

  it("is connected to again after a transient error while it opens", () => {
    for (const error of [{ type: "server_error" }, { code: "rate_limit_exceeded" }]) {
      const model = openai()
      model.protocol.disconnected(model.lost)
      model.protocol.connected(() => {})
      model.say("error", { error })
      assert.strictEqual(model.renewals(), 1)
    }
  })
})
