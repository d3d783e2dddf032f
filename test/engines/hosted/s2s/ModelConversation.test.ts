/** What each vendor's server may do with a request, and what the session is told. */
import { assert, describe, it } from "@effect/vitest"
import { audio, DEADLINE, gemini, item, MINUTE, openai } from "./ModelHarness.ts"

describe("a conversation with OpenAI", () => {
  it("sends the next request while an earlier one has not begun, and matches answers by their ids", () => {
    const model = openai()
    model.protocol.say("one", "a")
    model.protocol.say("two", "b")
    const [one, two] = model.creates()
    assert.lengthOf(model.creates(), 2)
    model.begins("r2", two?.response?.metadata)
    model.speaks("r2")
    model.done("r2")
    model.begins("r1", one?.response?.metadata)
    assert.deepStrictEqual(
      model.told.flatMap((event) => event._tag === "ReplyStarted" ? [event.request] : []),
      ["b", "a"]
    )
  })

  it("renews the connection when a request is not answered, asks again once, and then fails it alone", () => {
    const model = openai()
    model.protocol.say("one", "a")
    model.pass(DEADLINE)
    assert.strictEqual(model.renewals(), 1)
    model.reconnect()
    assert.lengthOf(model.creates(), 1)
    assert.match(model.creates()[0]?.response?.instructions ?? "", /one/u)
    model.pass(DEADLINE)
    assert.deepInclude(model.of("RequestFailed")[0], { request: "a" })
    model.protocol.say("two", "b")
    model.begins("r")
    model.speaks("r")
    model.done("r")
    assert.deepStrictEqual(model.tags(), ["RequestFailed", "ReplyStarted", "ReplyAudio", "ReplyEnded"])
  })

  it("asks again on the same connection while another reply is in progress", () => {
    const model = openai()
    model.protocol.say("one", "a")
    model.protocol.say("two", "b")
    model.begins("r")
    for (let n = 0; n < 12; n++) {
      model.pass(DEADLINE / 8)
      model.speaks("r")
    }
    assert.strictEqual(model.renewals(), 0)
    model.done("r")
    assert.lengthOf(model.creates(), 3)
    assert.match(model.creates()[2]?.response?.instructions ?? "", /one/u)
  })

  it("puts a request back when another response is in progress, and sends it after that", () => {
    const model = openai()
    model.protocol.say("one", "a")
    const code = "conversation_already_has_active_response"
    model.say("error", { error: { code, event_id: model.creates()[0]?.response?.metadata.ask } })
    assert.lengthOf(model.creates(), 1)
    model.done("unknown")
    assert.lengthOf(model.creates(), 2)
    // one whose end is never told holds nothing up for longer than the deadline
    model.say("error", { error: { code, event_id: model.creates()[1]?.response?.metadata.ask } })
    model.pass(DEADLINE)
    assert.strictEqual(model.renewals(), 1)
  })

  it("stops a late answer to a request that has failed, and gives it to nobody", () => {
    const model = openai()
    model.protocol.say("one", "a")
    const late = model.creates()[0]?.response?.metadata
    model.pass(DEADLINE)
    model.reconnect()
    const later = model.creates()[0]?.response?.metadata
    model.pass(DEADLINE)
    model.told.length = 0
    model.protocol.say("two", "b")
    for (const [n, metadata] of [late, later].entries()) {
      model.begins(`late-${n}`, metadata)
      model.speaks(`late-${n}`)
    }
    assert.deepStrictEqual(model.told, [])
    assert.lengthOf(model.sent.filter(({ type }) => type === "response.cancel"), 2)
  })

  it("drops an answer to a request that was cancelled, and answers the next", () => {
    const model = openai()
    model.protocol.say("one", "a")
    model.protocol.cancel?.("a")
    model.begins("r1")
    model.speaks("r1")
    model.done("r1", "cancelled")
    model.protocol.say("two", "b")
    model.begins("r2")
    assert.deepStrictEqual(model.tags(), ["ReplyStarted"])
    assert.deepInclude(model.told[0], { request: "b" })
  })

  it("asks again for a response with neither audio nor a tool call, once, and deletes its item", () => {
    const model = openai()
    model.protocol.userText("hi", "a")
    for (const id of ["r1", "r2"]) {
      model.begins(id)
      model.say("response.output_item.added", { response_id: id, item: { id: `empty-${id}`, type: "message" } })
      model.done(id)
    }
    assert.deepStrictEqual(model.creates().map(({ response }) => response?.output_modalities), [["audio"], ["audio"]])
    assert.include(JSON.stringify(model.sent), `{"type":"conversation.item.delete","item_id":"empty-r1"}`)
    assert.deepStrictEqual(model.tags(), ["ReplyStarted", "ReplyFailed"])
  })

  for (
    const [how, write] of Object.entries({
      "in pieces": (model: ReturnType<typeof openai>) => {
        for (const delta of ["Great, ", "it is ", "booked."]) {
          model.say("response.output_text.delta", { response_id: "r1", item_id: "i1", delta })
        }
        model.say("response.output_text.done", { response_id: "r1", item_id: "i1", text: "Great, it is booked." })
        model.done("r1", "completed", { output: [item("i1", "Great, it is booked.")] })
      },
      "in an item": (model: ReturnType<typeof openai>) => {
        model.say("response.output_item.done", { response_id: "r1", item: item("i1", "Great, it is booked.") })
        model.done("r1")
      },
      "at its end": (model: ReturnType<typeof openai>) =>
        model.done("r1", "completed", { output: [item("i1", "Great, it is booked.")] })
    })
  ) {
    it(`gives text ${how} to a session that speaks it, once, and asks for audio without one`, () => {
      for (const speaksText of [true, false]) {
        const model = openai({ speaksText, remote: true })
        model.say("input_audio_buffer.speech_started", { item_id: "u" })
        model.say("input_audio_buffer.speech_stopped", { item_id: "u" })
        model.begins("r1", null)
        write(model)
        const text = model.told.flatMap((event) => event._tag === "ReplyText" ? [event.text] : []).join("")
        assert.strictEqual(text, speaksText ? "Great, it is booked." : "")
        assert.strictEqual(model.of("ReplyEnded").length, speaksText ? 1 : 0)
        assert.lengthOf(model.creates(), speaksText ? 0 : 1)
        if (speaksText) continue
        assert.include(JSON.stringify(model.sent), `{"type":"conversation.item.delete","item_id":"i1"}`)
        model.begins("r2")
        model.speaks("r2")
        model.done("r2")
        assert.deepStrictEqual(model.tags().slice(2), ["ReplyStarted", "ReplyAudio", "ReplyEnded"])
      }
    })
  }

  it("ends a reply whose end never comes after its audio, and fails one that stops in the middle", () => {
    for (const whole of [true, false]) {
      const model = openai()
      model.protocol.say("one", "a")
      model.begins("r1")
      model.speaks("r1")
      if (whole) model.say("response.output_audio.done", { response_id: "r1" })
      model.pass(2 * DEADLINE)
      assert.strictEqual(model.tags().at(-1), whole ? "ReplyEnded" : "ReplyFailed")
      assert.strictEqual(model.renewals(), 1)
      model.reconnect()
      model.protocol.say("two", "b")
      assert.lengthOf(model.creates(), 1)
    }
  })

  it("decides by the status of a response", () => {
    const outcome = (status: string, reason: string, spoke: boolean) => {
      const model = openai()
      model.protocol.say("one", "a")
      model.begins("r1")
      if (spoke) model.speaks("r1")
      model.done("r1", status, { status_details: { type: status, reason } })
      return model.creates().length === 2 ? "asked again" : model.tags().at(-1)
    }
    assert.deepStrictEqual(
      [
        outcome("incomplete", "max_output_tokens", true),
        outcome("incomplete", "max_output_tokens", false),
        outcome("incomplete", "content_filter", true),
        outcome("incomplete", "content_filter", false),
        outcome("cancelled", "turn_detected", true),
        outcome("cancelled", "turn_detected", false),
        outcome("failed", "", true),
        outcome("failed", "", false)
      ],
      [
        "ReplyEnded",
        "asked again",
        "ReplyFailed",
        "ReplyFailed",
        "ReplyEnded",
        "ReplyFailed",
        "ReplyFailed",
        "ReplyFailed"
      ]
    )
  })

  it("takes events that are repeated, interleaved, late, or without their ids", () => {
    const model = openai({ answers: false })
    model.protocol.say("one", "a")
    model.protocol.say("two", "b")
    const [one, two] = model.creates()
    model.begins("r1", one?.response?.metadata)
    model.begins("r2", two?.response?.metadata)
    model.begins("r1", one?.response?.metadata)
    for (const id of ["r1", "r2", "r1", "r2"]) model.speaks(id)
    for (const id of ["r1", "r1", "r2"]) model.done(id)
    model.speaks("r1")
    assert.deepStrictEqual(model.tags(), [
      "ReplyStarted",
      "ReplyStarted",
      "ReplyAudio",
      "ReplyAudio",
      "ReplyAudio",
      "ReplyAudio",
      "ReplyEnded",
      "ReplyEnded"
    ])
    model.told.length = 0
    // no id, and no beginning
    model.protocol.say("three", "c")
    model.say("response.output_audio.delta", { delta: audio })
    model.say("response.done", { response: {} })
    assert.deepStrictEqual(model.tags(), ["ReplyStarted", "ReplyAudio", "ReplyEnded"])
    assert.deepInclude(model.told[0], { request: "c" })
  })

  it("passes over what cannot be read, and that alone", () => {
    const model = openai()
    model.protocol.say("one", "a")
    model.begins("r1")
    model.speaks("r1")
    model.protocol.receive(`{"type":"response.outp`)
    model.say("response.output_text.delta", { delta: 1 })
    model.speaks("r1", "not base64!")
    model.speaks("r1")
    model.done("r1")
    assert.deepStrictEqual(model.tags(), ["ReplyStarted", "ReplyAudio", "ReplyAudio", "ReplyEnded"])
  })

  it("fails a reply all of whose audio cannot be read", () => {
    const model = openai()
    model.protocol.say("one", "a")
    for (const id of ["r1", "r2"]) {
      model.begins(id)
      model.speaks(id, "not base64!")
      model.done(id)
    }
    const [failed] = model.of("ReplyFailed")
    assert.match(failed?._tag === "ReplyFailed" ? failed.error.message : "", /not base64/u)
  })

  it("runs a call that is told twice once, and one that is told with its item only", () => {
    const model = openai()
    model.protocol.userText("hi", "a")
    model.begins("r1")
    const call = { call_id: "c1", name: "f", arguments: "" }
    model.say("response.function_call_arguments.done", { response_id: "r1", call_id: "c1", arguments: "" })
    model.say("response.output_item.done", { response_id: "r1", item: { type: "function_call", ...call } })
    model.done("r1", "completed", { output: [{ type: "function_call", ...call }] })
    assert.deepStrictEqual(model.of("ToolCall"), [
      { _tag: "ToolCall", reply: "reply-1", id: "c1", name: "f", input: {} }
    ])
    // another request is answered while the tool runs
    model.protocol.say("wait", "b")
    model.begins("r2")
    model.speaks("r2")
    model.protocol.toolResult("c1", "result")
    model.done("r2")
    model.begins("r3")
    model.speaks("r3")
    model.done("r3")
    assert.deepStrictEqual(model.of("ReplyEnded").length, 2)
  })

  it("fails a reply that calls tools without end", () => {
    const model = openai()
    model.protocol.userText("hi", "a")
    for (let n = 0; n < 300; n++) {
      model.begins(`r${n}`)
      const call = { response_id: `r${n}`, call_id: `c${n}`, name: "f", arguments: "{}" }
      model.say("response.function_call_arguments.done", call)
      model.done(`r${n}`)
      model.protocol.toolResult(`c${n}`, "result")
    }
    assert.lengthOf(model.of("ToolCall"), 256)
    assert.strictEqual(model.tags().at(-1), "ReplyFailed")
  })

  it("plays a reply of any length up to 15 minutes, and stops the model there", () => {
    const model = openai()
    model.protocol.say("one", "a")
    model.begins("r1")
    for (let n = 0; n < 20; n++) model.speaks("r1", MINUTE)
    assert.lengthOf(model.of("ReplyAudio"), 15)
    assert.deepStrictEqual(model.tags().at(-1), "ReplyEnded")
    assert.include(JSON.stringify(model.sent), "response.cancel")
    model.done("r1", "cancelled")
    model.protocol.say("two", "b")
    assert.lengthOf(model.creates(), 2)
  })

  it("gives up a transcript that never comes, and an answer of the model's own", () => {
    const transcribing = openai({ answers: false })
    transcribing.protocol.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
    transcribing.protocol.commit(0, "a")
    const answering = openai({ remote: true })
    answering.say("input_audio_buffer.speech_started", { item_id: "u" })
    answering.say("input_audio_buffer.speech_stopped", { item_id: "u" })
    for (const model of [transcribing, answering]) {
      model.pass(DEADLINE)
      assert.strictEqual(model.renewals(), 1)
      model.reconnect()
      model.pass(DEADLINE)
      assert.isFalse(model.protocol.isBusy())
    }
    assert.deepStrictEqual(transcribing.told.at(-1), { _tag: "UserTurnTranscribed", request: "a" })
    assert.deepStrictEqual(answering.told.at(-1), { _tag: "UserTurnUnanswered" })
  })
})

describe("a conversation with Gemini", () => {
  it("renews the connection for a request that could be taken for the one before", () => {
    const model = gemini()
    model.protocol.say("one", "a")
    model.protocol.say("two", "b")
    assert.strictEqual(model.renewals(), 1)
    model.reconnect()
    model.speaks()
    model.content({ turnComplete: true })
    model.speaks()
    model.content({ turnComplete: true })
    assert.deepStrictEqual(
      model.told.flatMap((event) => event._tag === "ReplyStarted" ? [event.request] : []),
      ["a", "b"]
    )
  })

  it("renews the connection when a request is not answered, asks again once, and then fails it alone", () => {
    const model = gemini()
    model.protocol.userText("one", "a")
    model.pass(DEADLINE)
    assert.strictEqual(model.renewals(), 1)
    model.reconnect()
    assert.strictEqual(model.asks(), 1)
    model.pass(DEADLINE)
    assert.deepInclude(model.of("RequestFailed")[0], { request: "a" })
    // a late answer could be taken for that to the next request
    assert.strictEqual(model.renewals(), 2)
    model.reconnect()
    model.protocol.say("two", "b")
    model.speaks()
    model.content({ generationComplete: true })
    model.content({ turnComplete: true })
    assert.deepStrictEqual(model.tags(), ["RequestFailed", "ReplyStarted", "ReplyAudio", "ReplyEnded"])
  })

  for (
    const [how, turn] of Object.entries({
      "turnComplete alone": [{ turnComplete: true }],
      "both": [{ generationComplete: true }, { turnComplete: true }],
      "interrupted": [{ interrupted: true }, { turnComplete: true }],
      "a thought": [{ modelTurn: { parts: [{ text: "Hm.", thought: true }] } }, { turnComplete: true }]
    })
  ) {
    it(`asks again after an empty turn (${how}), once, and then fails the request`, () => {
      const model = gemini()
      model.protocol.userText("hi", "a")
      for (let n = 0; n < 2; n++) {
        assert.strictEqual(model.asks(), 1 + n)
        for (const content of turn) model.content(content)
      }
      assert.deepStrictEqual(model.tags(), ["RequestFailed"])
      model.protocol.say("two", "b")
      model.speaks()
      assert.deepStrictEqual(model.tags().slice(1), ["ReplyStarted", "ReplyAudio"])
    })

    it(`closes the user's turn after an empty turn of a model that decides turns (${how})`, () => {
      const model = gemini({ remote: true })
      model.content({ inputTranscription: { text: "hello" } })
      for (const content of turn) model.content(content)
      if (how === "interrupted") {
        // the user goes on: the answer is to come
        assert.isTrue(model.protocol.isBusy())
        model.content({ turnComplete: true })
      }
      assert.include(model.tags(), "UserSpeechStopped")
      assert.strictEqual(model.tags().at(-1), "UserTurnUnanswered")
      assert.isFalse(model.protocol.isBusy())
    })
  }

  it("takes generationComplete alone for the end of an empty turn", () => {
    const model = gemini()
    model.protocol.userText("hi", "a")
    model.content({ generationComplete: true })
    assert.strictEqual(model.asks(), 2)
    model.content({ turnComplete: true })
    model.speaks()
    assert.deepStrictEqual(model.tags(), ["ReplyStarted", "ReplyAudio"])
  })

  it("closes the user's turn when the model never answers", () => {
    const model = gemini({ remote: true })
    model.content({ inputTranscription: { text: "hello" } })
    model.pass(DEADLINE)
    model.reconnect()
    model.pass(DEADLINE)
    assert.strictEqual(model.tags().at(-1), "UserTurnUnanswered")
    assert.isFalse(model.protocol.isBusy())
  })

  it("gives text to a session that speaks it, unless there was audio, and asks for audio without one", () => {
    for (const speaksText of [true, false]) {
      const model = gemini({ speaksText })
      model.protocol.userText("hi", "a")
      model.content({ modelTurn: { parts: [{ text: "Hm.", thought: true }, { text: "It is " }] } })
      model.content({ modelTurn: { parts: [{ text: "noon." }] }, turnComplete: true })
      assert.deepStrictEqual(
        model.told.flatMap((event) => event._tag === "ReplyText" ? [event.text] : []),
        speaksText ? ["It is noon."] : []
      )
      assert.strictEqual(model.asks(), speaksText ? 1 : 2)
      if (!speaksText) continue
      model.protocol.userText("again", "b")
      model.content({ modelTurn: { parts: [{ text: "Yes." }] } })
      model.speaks()
      model.content({ turnComplete: true })
      assert.lengthOf(model.of("ReplyText"), 1)
    }
  })

  it("asks again on the next connection after goAway in the middle of an answer that has not begun", () => {
    const model = gemini()
    model.protocol.say("one", "a")
    model.message({ goAway: { timeLeft: "1s" } })
    assert.strictEqual(model.renewals(), 0)
    model.reconnect()
    model.speaks()
    model.content({ turnComplete: true })
    assert.deepStrictEqual(model.tags(), ["ReplyStarted", "ReplyAudio", "ReplyEnded"])
  })

  it("goes on after its tool calls are cancelled, and after calls without ids", () => {
    const model = gemini()
    model.protocol.userText("hi", "a")
    model.message({ toolCall: { functionCalls: [{ name: "f", args: {} }, { name: "f", args: { a: 1 } }] } })
    const calls = model.told.flatMap((event) => event._tag === "ToolCall" ? [event] : [])
    assert.lengthOf(new Set(calls.map(({ id }) => id)), 2)
    for (const { id } of calls) model.protocol.toolResult(id, "result")
    assert.notInclude(JSON.stringify(model.sent.filter((sent) => "toolResponse" in sent)), `"id"`)
    model.message({ toolCall: { functionCalls: [{ id: "c", name: "f", args: {} }] } })
    model.message({ toolCallCancellation: { ids: ["c"] } })
    model.pass(2 * DEADLINE)
    assert.strictEqual(model.tags().at(-1), "ReplyFailed")
    assert.strictEqual(model.renewals(), 1)
  })
})
