import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { InvalidConfig } from "../../../src/BackendError.ts"
import { at, Client, samples } from "./Client.ts"

const spoken = [
  "response.created",
  "response.output_item.added",
  "conversation.item.added",
  "response.content_part.added"
]
const ended = [
  "response.output_audio.done",
  "response.output_audio_transcript.done",
  "response.content_part.done",
  "response.output_item.done",
  "conversation.item.done",
  "response.done"
]

const transcribing = {
  type: "session.update",
  event_id: "update_1",
  session: { type: "realtime", audio: { input: { transcription: { model: "whisper-1" } } } }
}

/** A client that has the user's words written down. */
const connected = (options: ConstructorParameters<typeof Client>[0] = {}) => {
  const client = new Client(options).starts()
  client.sends(transcribing)
  client.events.length = 0
  return client
}

describe("OpenAiProtocol", () => {
  it("tells a whole turn in the order of the protocol", () => {
    const client = new Client().starts()
    assert.deepStrictEqual(client.types(), ["session.created"])
    client.sends(transcribing)
    assert.deepStrictEqual(client.types(), ["session.updated"])
    client.sends({ type: "input_audio_buffer.append", audio: samples(100, 500) })
    assert.strictEqual(client.costMs, 100)
    assert.strictEqual(client.heard[0]?.length, 2_400)
    assert.isTrue(client.heard[0]?.every((sample) => sample === 500))
    client.tells({ type: "user.speech_started" })
    client.sends({ type: "input_audio_buffer.append", audio: samples(200) })
    client.tells({ type: "user.speech_stopped" }, {
      type: "user.transcript",
      turn: 1,
      text: "Hello there.",
      final: true
    })
    const started = client.events[0]
    assert.strictEqual(at(started, "audio_start_ms"), 100)
    assert.strictEqual(at(client.events[1], "audio_end_ms"), 300)
    const itemId = at(started, "item_id")
    assert.strictEqual(at(client.last("input_audio_buffer.committed"), "item_id"), itemId)
    assert.strictEqual(at(client.last("conversation.item.added"), "item", "id"), itemId)
    assert.isNull(at(client.last("conversation.item.added"), "previous_item_id"))
    assert.strictEqual(
      at(client.last("conversation.item.input_audio_transcription.completed"), "transcript"),
      "Hello there."
    )
    assert.deepStrictEqual(client.types(), [
      "input_audio_buffer.speech_started",
      "input_audio_buffer.speech_stopped",
      "input_audio_buffer.committed",
      "conversation.item.added",
      "conversation.item.done",
      "conversation.item.input_audio_transcription.delta",
      "conversation.item.input_audio_transcription.completed",
      "response.created"
    ])
    client.sends({ type: "conversation.item.retrieve", item_id: itemId })
    assert.strictEqual(
      at(client.last("conversation.item.retrieved"), "item", "content", 0, "transcript"),
      "Hello there."
    )
    client.types()
    client.tells({ type: "agent.speech_started", turn: 1 })
    client.plays(2)
    client.tells({ type: "agent.transcript", turn: 1, text: "Good morning." })
    client.plays(3)
    client.tells({ type: "agent.transcript", turn: 1, text: "How are you?" })
    client.tells({ type: "agent.speech_stopped", turn: 1, reason: "completed", text: "Good morning. How are you?" })
    const done = client.last("response.done")
    assert.strictEqual(at(done, "response", "status"), "completed")
    assert.deepStrictEqual(at(done, "response", "output", 0, "content"), [
      { type: "output_audio", transcript: "Good morning. How are you?" }
    ])
    assert.strictEqual(at(client.last("conversation.item.added"), "previous_item_id"), itemId)
    const deltas = client.events.filter(({ type }) => type === "response.output_audio_transcript.delta")
    assert.deepStrictEqual(deltas.map(({ delta }) => delta), ["Good morning.", " How are you?"])
    assert.strictEqual(new Set(client.events.map(({ event_id }) => event_id)).size, client.events.length)
    assert.deepStrictEqual(client.types(), [
      ...spoken.slice(1),
      "response.output_audio.delta",
      "response.output_audio_transcript.delta",
      "response.output_audio.delta",
      "response.output_audio_transcript.delta",
      ...ended
    ])
  })

  it("cuts an interrupted answer at what was heard, and confirms the client's cut when that is known", () => {
    const client = connected()
    client.tells({ type: "agent.speech_started", turn: 1 })
    client.plays(10, 200)
    client.tells({ type: "agent.transcript", turn: 1, text: "One two three four." })
    const itemId = at(client.last("conversation.item.added"), "item", "id")
    client.types()
    client.tells(
      { type: "user.speech_started" },
      { type: "playout.clear", turn: 1 },
      { type: "agent.speech_paused", turn: 1 }
    )
    assert.deepStrictEqual(at(client.last("response.done"), "response", "status_details"), {
      type: "cancelled",
      reason: "turn_detected"
    })
    assert.strictEqual(at(client.last("response.output_item.done"), "item", "status"), "incomplete")
    assert.deepStrictEqual(client.types(), ["input_audio_buffer.speech_started", ...ended])
    client.sends({ type: "conversation.item.truncate", item_id: itemId, content_index: 0, audio_end_ms: 120 })
    assert.deepStrictEqual(client.controls.at(-1), { _tag: "Truncate", turn: 1, playedMs: 120 })
    assert.deepStrictEqual(client.types(), [])
    client.tells({ type: "agent.speech_stopped", turn: 1, reason: "interrupted", text: "One two" })
    assert.deepStrictEqual(client.types(), ["conversation.item.truncated"])
    client.sends({ type: "conversation.item.retrieve", item_id: itemId })
    assert.strictEqual(at(client.last("conversation.item.retrieved"), "item", "content", 0, "transcript"), "One two")
  })

  it("begins another response when a paused answer goes on, with the words that were cut", () => {
    const client = connected()
    client.tells({ type: "agent.speech_started", turn: 1 })
    client.plays(50, 1_000)
    client.tells({ type: "agent.transcript", turn: 1, text: "One two three four five." })
    client.plays(50, 2_000)
    const first = at(client.last("conversation.item.added"), "item", "id")
    client.tells(
      { type: "user.speech_started" },
      { type: "playout.clear", turn: 1 },
      { type: "agent.speech_paused", turn: 1 }
    )
    client.sends({ type: "conversation.item.truncate", item_id: first, content_index: 0, audio_end_ms: 1_400 })
    client.types()
    client.tells({ type: "user.backchannel", text: "Mhm." }, { type: "agent.speech_resumed", turn: 1 })
    const rest = client.last("response.output_audio_transcript.delta")
    assert.deepStrictEqual(client.types(), [
      "conversation.item.truncated",
      ...spoken,
      "response.output_audio_transcript.delta"
    ])
    client.plays(50, 2_400)
    client.tells(
      { type: "agent.transcript", turn: 1, text: "Six." },
      { type: "agent.speech_stopped", turn: 1, reason: "completed", text: "One two three four five. Six." }
    )
    const second = at(client.last("response.done"), "response", "output", 0)
    client.sends({ type: "conversation.item.retrieve", item_id: first })
    const kept = at(client.last("conversation.item.retrieved"), "item", "content", 0, "transcript")
    assert.strictEqual(`${String(kept)} ${String(at(rest, "delta"))}`, "One two three four five.")
    assert.strictEqual(at(second, "content", 0, "transcript"), `${String(at(rest, "delta"))} Six.`)
    // of the second item, the client's cut is counted from the beginning of the reply
    client.sends({
      type: "conversation.item.truncate",
      item_id: at(second, "id"),
      content_index: 0,
      audio_end_ms: 300
    })
    assert.deepStrictEqual(client.controls.at(-1), { _tag: "Truncate", turn: 1, playedMs: 1_700 })
    assert.strictEqual(client.types().at(-1), "conversation.item.truncated")
  })

  it("takes the voice with what a client says first, though the agent has greeted it before, and none after that", () => {
    const client = new Client().starts()
    client.tells({ type: "agent.speech_started", turn: 1 })
    client.plays(1)
    const tools = [{ type: "function", name: "get_weather", parameters: { type: "object" } }]
    const update = (voice: string) =>
      client.sends({ type: "session.update", session: { type: "realtime", tools, audio: { output: { voice } } } })
    update("ash")
    assert.strictEqual(at(client.last("session.updated"), "session", "audio", "output", "voice"), "ash")
    assert.isTrue(client.controls.some(({ _tag }) => _tag === "Client"))
    update("ash")
    assert.deepStrictEqual(client.events.filter(({ type }) => type === "error"), [])
    update("marin")
    assert.strictEqual(at(client.last("error"), "error", "code"), "cannot_update_voice")
  })

  it("names an item that is there already as LiveKit knows it", () => {
    const client = connected()
    const item = { id: "msg_1", type: "message", role: "user", content: [{ type: "input_text", text: "Hello." }] }
    client.sends({ type: "conversation.item.create", item })
    client.sends({ type: "conversation.item.create", event_id: "chat_ctx_create_1", item })
    const error = at(client.last("error"), "error")
    assert.strictEqual(at(error, "code"), "item_create_duplicate_item_id")
    assert.strictEqual(at(error, "event_id"), "chat_ctx_create_1")
  })

  it("takes it for no detection of turns when a client says false, as Pipecat does", () => {
    const client = connected()
    client.sends({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection: false } } }
    })
    assert.deepStrictEqual(client.controls, [{ _tag: "Policy", change: { turns: "manual", answers: "on_request" } }])
    assert.isNull(at(client.last("session.updated"), "session", "audio", "input", "turn_detection"))
  })

  it("lets the client decide turns: commit, and ask for a response", () => {
    const client = connected()
    client.sends({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection: null } } }
    })
    assert.deepStrictEqual(client.controls, [
      { _tag: "Policy", change: { turns: "manual", answers: "on_request" } }
    ])
    client.types()
    client.sends({ type: "input_audio_buffer.commit", event_id: "commit_1" })
    assert.deepStrictEqual(at(client.last("error"), "error", "code"), "input_audio_buffer_commit_empty")
    assert.deepStrictEqual(at(client.last("error"), "error", "event_id"), "commit_1")
    client.types()
    client.sends({ type: "input_audio_buffer.append", audio: samples(1_000) })
    client.tells({ type: "user.speech_started" }, { type: "user.speech_stopped" })
    client.sends({ type: "input_audio_buffer.commit" })
    client.sends({
      type: "response.create",
      event_id: "create_1",
      response: { instructions: "Be short.", metadata: { a: "b" } }
    })
    assert.deepStrictEqual(client.controls.slice(1), [
      { _tag: "EndTurn" },
      { _tag: "Respond", instructions: "Be short." }
    ])
    assert.deepStrictEqual(at(client.last("response.created"), "response", "metadata"), { a: "b" })
    assert.deepStrictEqual(client.types(), [
      "input_audio_buffer.committed",
      "conversation.item.added",
      "conversation.item.done",
      "response.created"
    ])
    client.sends({ type: "response.create", event_id: "create_2" })
    assert.strictEqual(at(client.last("error"), "error", "code"), "conversation_already_has_active_response")
    assert.strictEqual(at(client.last("error"), "error", "event_id"), "create_2")
    client.types()
    client.tells({ type: "user.transcript", turn: 1, text: "What time is it?", final: true })
    assert.strictEqual(at(client.last("conversation.item.input_audio_transcription.completed"), "usage", "seconds"), 1)
    client.types()
    client.tells({ type: "turn.unanswered", turn: 1, reason: "failed" })
    assert.deepStrictEqual(at(client.last("response.done"), "response", "status_details"), {
      type: "failed",
      error: { type: "server_error", code: "agent_error", message: "The response could not be completed." }
    })
    assert.strictEqual(at(client.last("response.done"), "response", "status"), "failed")
    assert.deepStrictEqual(client.types(), ["response.done"])
    client.sends({ type: "input_audio_buffer.append", audio: samples(1_000) })
    client.sends({ type: "input_audio_buffer.clear" })
    assert.deepStrictEqual(client.controls.at(-1), { _tag: "DropTurn" })
    assert.deepStrictEqual(client.types(), ["input_audio_buffer.cleared"])
  })

  it("gives a committed turn its own words, though the one before was silent", () => {
    const client = connected()
    client.sends({ type: "session.update", session: { type: "realtime", audio: { input: { turn_detection: null } } } })
    for (let turn = 0; turn < 2; turn++) {
      client.sends({ type: "input_audio_buffer.append", audio: samples(1_000) })
      client.sends({ type: "input_audio_buffer.commit" })
      client.nowMs += 11_000
    }
    const second = at(client.last("input_audio_buffer.committed"), "item_id")
    client.tells({ type: "user.transcript", turn: 1, text: "Hello.", final: true })
    const completed = client.last("conversation.item.input_audio_transcription.completed")
    assert.strictEqual(at(completed, "item_id"), second)
  })

  it.effect("has the client run its tools: the reply goes on with their outputs, as the next response", () =>
    Effect.gen(function*() {
      const client = connected()
      client.sends({
        type: "session.update",
        session: {
          type: "realtime",
          instructions: "Be kind.",
          tools: [{ type: "function", name: "get_weather", parameters: { type: "object" } }],
          tool_choice: { type: "function", name: "get_weather" }
        }
      })
      assert.deepStrictEqual(client.controls, [{
        _tag: "Client",
        settings: {
          instructions: "Be kind.",
          tools: [{ name: "get_weather", description: "", parameters: { type: "object" } }],
          toolChoice: { name: "get_weather" }
        }
      }])
      client.tells({ type: "user.transcript", turn: 1, text: "The weather?", final: true })
      client.tells({ type: "agent.speech_started", turn: 1 })
      client.plays(1)
      client.tells({ type: "agent.transcript", turn: 1, text: "Let me see." })
      client.types()
      client.calls("call_1")
      client.calls("call_2", "get_weather", "{\"city\":\"Rome\"}")
      yield* Effect.promise(() => Promise.resolve())
      const done = client.last("response.done")
      assert.deepStrictEqual(at(done, "response", "output", 1), {
        id: at(done, "response", "output", 1, "id"),
        object: "realtime.item",
        type: "function_call",
        status: "completed",
        call_id: "call_1",
        name: "get_weather",
        arguments: "{\"city\":\"Paris\"}"
      })
      assert.deepStrictEqual(at(client.last("response.output_item.done"), "item"), at(done, "response", "output", 2))
      const call = [
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "conversation.item.done"
      ]
      assert.deepStrictEqual(client.types(), [...ended.slice(0, -1), ...call, ...call, "response.done"])
      const output = (call_id: string, output: string) =>
        client.sends({
          type: "conversation.item.create",
          event_id: call_id,
          item: { type: "function_call_output", call_id, output }
        })
      output("call_1", "20 degrees")
      output("call_3", "?")
      assert.strictEqual(at(client.last("error"), "error", "event_id"), "call_3")
      assert.lengthOf(client.controls, 1)
      client.types()
      client.sends({ type: "response.create" })
      assert.deepStrictEqual(client.types(), ["response.created"])
      output("call_2", "25 degrees")
      assert.deepStrictEqual(client.controls.slice(1), [
        { _tag: "ToolResult", id: "call_1", output: "20 degrees" },
        { _tag: "ToolResult", id: "call_2", output: "25 degrees" }
      ])
      client.types()
      client.plays(1)
      client.tells(
        { type: "agent.transcript", turn: 1, text: "It is warm." },
        { type: "agent.speech_stopped", turn: 1, reason: "completed", text: "Let me see. It is warm." }
      )
      assert.strictEqual(
        at(client.last("response.done"), "response", "output", 0, "content", 0, "transcript"),
        "It is warm."
      )
      assert.deepStrictEqual(client.types(), [
        ...spoken.slice(1),
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        ...ended
      ])
    }))

  it.effect("goes on by itself while a tool runs, and gives the client the response that it asks for then", () =>
    Effect.gen(function*() {
      const client = connected()
      client.tells({ type: "user.transcript", turn: 1, text: "The weather?", final: true })
      client.calls("call_1")
      yield* Effect.promise(() => Promise.resolve())
      // the agent had not said all of what came before the call
      client.tells({ type: "agent.speech_started", turn: 1 })
      client.plays(5)
      client.tells({ type: "agent.transcript", turn: 1, text: "Let me see." })
      client.sends({
        type: "conversation.item.create",
        item: { type: "function_call_output", call_id: "call_1", output: "20 degrees" }
      })
      assert.deepStrictEqual(client.controls, [{ _tag: "ToolResult", id: "call_1", output: "20 degrees" }])
      client.types()
      client.sends({ type: "response.create" })
      assert.deepStrictEqual(client.types(), [...ended, "response.created"])
      client.plays(5)
      client.tells(
        { type: "agent.transcript", turn: 1, text: "It is warm." },
        { type: "agent.speech_stopped", turn: 1, reason: "completed", text: "Let me see. It is warm." }
      )
      assert.lengthOf(client.controls, 1)
      client.types()
      client.sends({ type: "response.create" })
      assert.deepStrictEqual(client.controls.at(-1), { _tag: "Respond", instructions: undefined })
    }))

  it.effect("passes an output on when the agent goes on before the client has asked for it", () =>
    Effect.gen(function*() {
      const client = connected()
      client.calls("call_1")
      yield* Effect.promise(() => Promise.resolve())
      client.sends({
        type: "conversation.item.create",
        item: { type: "function_call_output", call_id: "call_1", output: "20 degrees" }
      })
      assert.deepStrictEqual(client.controls, [])
      // a client that waits for the end of this response would wait for ever
      client.tells({ type: "agent.speech_started", turn: 1 })
      yield* Effect.promise(() => Promise.resolve())
      assert.deepStrictEqual(client.controls, [{ _tag: "ToolResult", id: "call_1", output: "20 degrees" }])
    }))

  it.effect("has nothing more to say to a client that asks when the reply is over", () =>
    Effect.gen(function*() {
      const client = connected()
      client.calls("call_1")
      yield* Effect.promise(() => Promise.resolve())
      client.tells({ type: "agent.speech_started", turn: 1 })
      client.sends({
        type: "conversation.item.create",
        item: { type: "function_call_output", call_id: "call_1", output: "20 degrees" }
      })
      client.tells({ type: "agent.speech_stopped", turn: 1, reason: "completed", text: "" })
      client.types()
      client.sends({ type: "response.create" })
      assert.deepStrictEqual(client.types(), ["response.created", "response.done"])
      assert.notInclude(client.controls.map(({ _tag }) => _tag), "Respond")
    }))

  it("puts an item behind the nearest one that the history has", () => {
    const client = connected({
      onControl: (control) =>
        control._tag === "Insert" && typeof control.after === "object" && "turn" in control.after &&
          control.after.role === "agent"
          ? new InvalidConfig({ op: "x", message: "no such item", details: { reason: "item_not_found" } })
          : undefined
    })
    client.tells({ type: "user.transcript", turn: 1, text: "Hello.", final: true }, {
      type: "agent.speech_started",
      turn: 1
    })
    const answer = at(client.last("conversation.item.added"), "item", "id")
    const create = (id: string, previous_item_id: unknown) =>
      client.sends({
        type: "conversation.item.create",
        previous_item_id,
        item: { id, type: "message", role: "user", content: [{ type: "input_text", text: "Words." }] }
      })
    create("last", answer)
    create("inner", answer)
    assert.deepStrictEqual(
      client.controls.flatMap((control) => control._tag === "Insert" ? [[control.id, control.after]] : []),
      [["last", undefined], ["inner", { turn: 1, role: "agent" }], ["inner", { turn: 1, role: "user" }]]
    )
    assert.strictEqual(at(client.last("conversation.item.done"), "previous_item_id"), answer)
  })

  it("cancels for the client, and has nothing to cancel after that", () => {
    const client = connected({
      onControl: (control, self) => {
        if (control._tag === "Interrupt") {
          self.tells(
            { type: "playout.clear", turn: 1 },
            { type: "agent.speech_stopped", turn: 1, reason: "interrupted", text: "One" }
          )
        }
        return undefined
      }
    })
    client.tells({ type: "agent.speech_started", turn: 1 })
    client.plays(1)
    client.tells({ type: "agent.transcript", turn: 1, text: "One two." })
    client.sends({ type: "response.cancel" })
    const { response } = client.last("response.done")
    assert.deepStrictEqual(at(response, "status_details"), { type: "cancelled", reason: "client_cancelled" })
    assert.strictEqual(at(response, "output", 0, "content", 0, "transcript"), "One")
    client.sends({ type: "response.cancel", event_id: "cancel_2" })
    assert.strictEqual(at(client.last("error"), "error", "code"), "response_cancel_not_active")
    assert.strictEqual(at(client.last("error"), "error", "event_id"), "cancel_2")
  })

  it("deletes the item of a question that was taken back, and adds the whole one", () => {
    const client = connected()
    client.tells({ type: "user.speech_started" }, { type: "user.speech_stopped" })
    client.tells({ type: "user.transcript", turn: 1, text: "I would", final: true })
    const first = at(client.last("conversation.item.added"), "item", "id")
    client.tells({ type: "user.speech_started" }, { type: "user.speech_stopped" })
    client.types()
    client.tells({ type: "user.transcript", turn: 1, text: "I would like tea.", final: true })
    assert.strictEqual(at(client.last("conversation.item.deleted"), "item_id"), first)
    assert.deepStrictEqual(client.types(), [
      "response.done",
      "conversation.item.deleted",
      "input_audio_buffer.committed",
      "conversation.item.added",
      "conversation.item.done",
      "conversation.item.input_audio_transcription.delta",
      "conversation.item.input_audio_transcription.completed",
      "response.created"
    ])
  })

  it("keeps the client's items where it puts them", () => {
    const client = connected()
    client.tells({ type: "user.transcript", turn: 1, text: "Hello.", final: true })
    const said = String(at(client.last("conversation.item.added"), "item", "id"))
    const create = (id: string, role: string, previous_item_id?: string) =>
      client.sends({
        type: "conversation.item.create",
        ...(previous_item_id === undefined ? {} : { previous_item_id }),
        item: {
          id,
          type: "message",
          role,
          content: [{ type: role === "assistant" ? "output_text" : "input_text", text: `${id}.` }]
        }
      })
    create("first", "user", "root")
    create("second", "assistant", "first")
    create("third", "user", said)
    create("told", "system")
    create("first", "user")
    assert.strictEqual(at(client.last("error"), "error", "param"), "item.id")
    assert.deepStrictEqual(client.controls, [
      { _tag: "Insert", id: "first", role: "user", text: "first.", after: "start" },
      { _tag: "Insert", id: "second", role: "agent", text: "second.", after: { id: "first" } },
      { _tag: "Insert", id: "third", role: "user", text: "third.", after: undefined },
      { _tag: "Client", settings: { instructions: "told." } }
    ])
    assert.deepStrictEqual(
      client.events.filter(({ type }) => type === "conversation.item.done").map((event) =>
        at(event, "previous_item_id")
      ),
      [null, null, "first", said, "third"]
    )
    for (const id of ["second", "told", said]) client.sends({ type: "conversation.item.delete", item_id: id })
    assert.deepStrictEqual(client.controls.slice(4), [
      { _tag: "Remove", item: { id: "second" } },
      { _tag: "Client", settings: {} },
      { _tag: "Remove", item: { turn: 1, role: "user" } }
    ])
    client.sends({ type: "conversation.item.retrieve", event_id: "gone", item_id: "second" })
    assert.strictEqual(at(client.last("error"), "error", "code"), "item_retrieve_invalid_item_id")
    assert.strictEqual(at(client.last("error"), "error", "event_id"), "gone")
  })

  it("only writes down in a transcription session", () => {
    const client = new Client({
      type: "transcription",
      given: {
        type: "transcription",
        audio: { input: { transcription: { model: "whisper-1", language: "de" } } }
      }
    }).starts()
    assert.strictEqual(at(client.events[0], "session", "object"), "realtime.transcription_session")
    client.sends({ type: "input_audio_buffer.append", audio: samples(20) })
    assert.deepStrictEqual(client.controls, [
      {
        _tag: "Policy",
        change: { turns: "automatic", answers: "on_request", interruptions: true, silenceMs: 500 }
      },
      { _tag: "Output", output: "text" }
    ])
    client.types()
    client.tells(
      { type: "agent.speech_started", turn: 1 },
      { type: "agent.transcript", turn: 1, text: "Welcome." },
      { type: "agent.speech_stopped", turn: 1, reason: "completed", text: "Welcome." },
      { type: "user.speech_started" },
      { type: "user.speech_stopped" },
      { type: "user.transcript", turn: 2, text: "Guten Tag.", final: true }
    )
    assert.deepStrictEqual(client.types(), [
      "input_audio_buffer.speech_started",
      "input_audio_buffer.speech_stopped",
      "input_audio_buffer.committed",
      "conversation.item.added",
      "conversation.item.done",
      "conversation.item.input_audio_transcription.delta",
      "conversation.item.input_audio_transcription.completed"
    ])
    client.sends({ type: "response.create", event_id: "create" })
    assert.strictEqual(at(client.last("error"), "error", "event_id"), "create")
  })

  it("answers in text alone", () => {
    const client = connected()
    client.sends({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } })
    assert.deepStrictEqual(client.controls, [{ _tag: "Output", output: "text" }])
    client.types()
    client.tells(
      { type: "agent.speech_started", turn: 1 },
      { type: "agent.transcript", turn: 1, text: "Good morning." },
      { type: "agent.speech_stopped", turn: 1, reason: "completed", text: "Good morning." }
    )
    assert.deepStrictEqual(at(client.last("response.done"), "response", "output", 0, "content"), [
      { type: "output_text", text: "Good morning." }
    ])
    assert.deepStrictEqual(client.types(), [
      ...spoken,
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "conversation.item.done",
      "response.done"
    ])
  })

  it("leaves the audio to the track of a WebRTC call, and tells its buffer", () => {
    const client = new Client({ transport: "webrtc" }).starts()
    client.types()
    client.nowMs += 1_200
    client.tells({ type: "user.speech_started" })
    assert.strictEqual(at(client.events[0], "audio_start_ms"), 1_200)
    client.types()
    client.tells(
      { type: "agent.speech_started", turn: 1 },
      { type: "agent.transcript", turn: 1, text: "Hello." },
      { type: "agent.speech_stopped", turn: 1, reason: "completed", text: "Hello." }
    )
    assert.deepStrictEqual(client.types(), [
      ...spoken,
      "output_audio_buffer.started",
      "response.output_audio_transcript.delta",
      ...ended,
      "output_audio_buffer.stopped"
    ])
    client.sends({ type: "input_audio_buffer.append", event_id: "append", audio: samples(20) })
    assert.strictEqual(at(client.last("error"), "error", "event_id"), "append")
  })

  it("converts G.711 both ways", () => {
    for (const type of ["audio/pcmu", "audio/pcma"]) {
      const client = connected()
      client.sends({
        type: "session.update",
        session: { type: "realtime", audio: { input: { format: { type } }, output: { format: { type } } } }
      })
      // 20 s in one message
      client.sends({
        type: "input_audio_buffer.append",
        audio: Buffer.alloc(160_000, type === "audio/pcmu" ? 0xff : 0xd5).toString("base64")
      })
      assert.strictEqual(client.heard.reduce((sum, { length }) => sum + length, 0), 480_000)
      assert.isTrue(client.heard.every((pcm) => pcm.every((sample) => Math.abs(sample) <= 12)))
      assert.strictEqual(client.costMs, 20_000)
      client.tells({ type: "agent.speech_started", turn: 1 })
      client.plays(1)
      assert.lengthOf(Buffer.from(String(at(client.last("response.output_audio.delta"), "delta")), "base64"), 160)
      assert.deepStrictEqual(at(client.last("response.created"), "response", "audio", "output", "format"), { type })
    }
  })

  it.effect("asks for an answer when the user is silent for as long as the client waits", () =>
    Effect.gen(function*() {
      const client = connected()
      client.tells({ type: "user.away" })
      assert.deepStrictEqual(client.types(), [])
      client.sends({
        type: "session.update",
        session: {
          type: "realtime",
          audio: { input: { turn_detection: { type: "server_vad", idle_timeout_ms: 6_000 } } }
        }
      })
      client.types()
      client.tells({ type: "user.away" })
      yield* Effect.promise(() => Promise.resolve())
      assert.deepStrictEqual(client.controls.at(-1), { _tag: "Respond" })
      assert.deepStrictEqual(client.types(), [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created"
      ])
    }))

  it("changes nothing when the session refuses", () => {
    const client = connected({ onControl: () => new InvalidConfig({ op: "x", message: "the agent has no tools" }) })
    client.sends({
      type: "session.update",
      event_id: "update_2",
      session: { type: "realtime", tools: [{ type: "function", name: "f" }] }
    })
    assert.deepStrictEqual(client.events.map((event) => at(event, "error")), [{
      type: "invalid_request_error",
      code: "invalid_value",
      message: "the agent has no tools",
      param: null,
      event_id: "update_2"
    }])
    client.sends({ type: "session.update", session: { type: "realtime" } })
    assert.deepStrictEqual(at(client.last("session.updated"), "session", "tools"), [])
    client.sends({ type: "response.create", event_id: "create_1" })
    assert.strictEqual(at(client.last("error"), "error", "event_id"), "create_1")
    assert.include(String(at(client.last("error"), "error", "message")), "response.create")
  })
})
