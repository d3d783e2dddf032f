import { assert, describe, it } from "@effect/vitest"
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
})
