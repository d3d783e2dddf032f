/** A client of the OpenAI Realtime protocol at a real session, in the test's time. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Agent from "../../../src/agent/index.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { type JsonRecord, parseRecord } from "../../../src/schema/Json.ts"
import * as ScriptedLanguageModel from "../../../src/testing/scripted/ScriptedLanguageModel.ts"
import { layer, running } from "../../session/Harness.ts"
import { at, Client, samples } from "./Client.ts"

const connect = Effect.fnUntraced(function*(given?: unknown) {
  const backend = yield* VoiceBackend
  const session = yield* backend.createSession({ userId: "u", transport: "websocket" })
  const client = new Client({ given })
  yield* session.attach(client.connection())
  client.sends({
    type: "session.update",
    session: { type: "realtime", audio: { input: { transcription: { model: "any" } } } }
  })
  /** So much sound of the user, in real time. */
  const hears = (ms: number, level = 0) =>
    Effect.repeat(
      Effect.andThen(
        Effect.sync(() => client.sends({ type: "input_audio_buffer.append", audio: samples(20, level) })),
        TestClock.adjust(20)
      ),
      { times: Math.round(ms / 20) - 1 }
    ).pipe(Effect.asVoid)
  const said = Effect.map(session.history, (items) => items.map(({ role, text }) => `${role}: ${text}`))
  return { client, session, hears, said }
})

/** The words of the items as the client has retrieved them last, in order. */
const wordsOf = (client: Client): ReadonlyArray<string> => {
  const ids: Array<unknown> = []
  for (const event of client.events.slice()) {
    if (event["type"] === "conversation.item.added") ids.push(at(event, "item", "id"))
    if (event["type"] === "conversation.item.deleted") ids.splice(ids.indexOf(event["item_id"]), 1)
  }
  return ids.flatMap((id) => {
    client.sends({ type: "conversation.item.retrieve", item_id: id })
    const item = at(client.last("conversation.item.retrieved"), "item")
    const part = at(item, "content", 0)
    const words = at(part, "transcript") ?? at(part, "text")
    const role = at(item, "role") === "assistant" ? "agent" : "user"
    return typeof words === "string" && words !== "" ? [`${role}: ${words}`] : []
  })
}

const typesOf = (client: Client) =>
  client.events.map(({ type }) => String(type)).filter((type, i, all) =>
    type !== "response.output_audio.delta" || all[i - 1] !== type
  )

const errorsOf = (client: Client): ReadonlyArray<JsonRecord> => client.events.filter(({ type }) => type === "error")

describe("a client of OpenAI's protocol at a real session", () => {
  it.effect("speaks and is answered, word for word as the history has it", () =>
    running(
      layer({ texts: ["good morning", "thank you"] }),
      Effect.gen(function*() {
        const { client, hears, said } = yield* connect()
        for (let turn = 0; turn < 2; turn++) {
          yield* hears(600, 8_000)
          yield* hears(3_500)
        }
        assert.deepStrictEqual(yield* said, [
          "user: good morning",
          "agent: You said good morning.",
          "user: thank you",
          "agent: You said thank you."
        ])
        assert.deepStrictEqual(wordsOf(client), yield* said)
        assert.deepStrictEqual(errorsOf(client), [])
        assert.deepStrictEqual(typesOf(client).slice(0, 9), [
          "session.created",
          "session.updated",
          "input_audio_buffer.speech_started",
          "input_audio_buffer.speech_stopped",
          "input_audio_buffer.committed",
          "conversation.item.added",
          "conversation.item.done",
          "conversation.item.input_audio_transcription.delta",
          "conversation.item.input_audio_transcription.completed"
        ])
      })
    ))

  it.effect("is cut at what the client has played", () =>
    running(
      layer({ texts: ["one two three four five six seven eight nine ten", "stop"] }),
      Effect.gen(function*() {
        const { client, hears, said } = yield* connect()
        yield* hears(600, 8_000)
        yield* hears(1_600)
        const item = at(client.last("response.output_item.added"), "item", "id")
        // the client has played half a second, and hears the user
        yield* hears(200, 8_000)
        client.sends({ type: "conversation.item.truncate", item_id: item, content_index: 0, audio_end_ms: 500 })
        yield* hears(600, 8_000)
        yield* hears(3_500)
        const history = yield* said
        assert.deepStrictEqual(wordsOf(client), history)
        assert.match(history[1] ?? "", /^agent: You said/)
        assert.isBelow(history[1]?.length ?? 99, 40)
        assert.include(typesOf(client), "conversation.item.truncated")
        assert.deepStrictEqual(
          at(client.events.find(({ type }) => type === "response.done"), "response", "status_details"),
          {
            type: "cancelled",
            reason: "turn_detected"
          }
        )
        assert.deepStrictEqual(errorsOf(client), [])
      })
    ))

  it.effect("decides turns itself, and gets the answer that it asks for", () =>
    running(
      layer({ texts: ["good morning"] }),
      Effect.gen(function*() {
        const { client, hears, said } = yield* connect()
        client.sends({
          type: "session.update",
          session: { type: "realtime", audio: { input: { turn_detection: null } } }
        })
        yield* hears(600, 8_000)
        yield* hears(2_500)
        assert.notInclude(typesOf(client), "response.created")
        client.sends({ type: "input_audio_buffer.commit" })
        client.sends({ type: "response.create" })
        yield* hears(3_500)
        assert.deepStrictEqual(yield* said, ["user: good morning", "agent: You said good morning."])
        assert.deepStrictEqual(wordsOf(client), yield* said)
        assert.lengthOf(client.events.filter(({ type }) => type === "response.done"), 1)
        assert.deepStrictEqual(errorsOf(client), [])
      })
    ))

  it.effect("types, reads, and changes the history", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const { client, hears, said } = yield* connect({ type: "realtime", output_modalities: ["text"] })
        const create = (id: string, role: string, text: string, previous_item_id?: string) =>
          client.sends({
            type: "conversation.item.create",
            ...(previous_item_id === undefined ? {} : { previous_item_id }),
            item: {
              type: "message",
              id,
              role,
              content: [{ type: role === "user" ? "input_text" : "output_text", text }]
            }
          })
        create("hello", "user", "hello")
        client.sends({ type: "response.create" })
        yield* hears(2_000)
        assert.deepStrictEqual(yield* said, ["user: hello", "agent: You said hello."])
        assert.deepStrictEqual(at(client.last("response.done"), "response", "output", 0, "content"), [
          { type: "output_text", text: "You said hello." }
        ])
        create("before", "user", "is anybody there?", "root")
        create("between", "assistant", "Yes.", "before")
        client.sends({
          type: "conversation.item.delete",
          item_id: at(client.last("response.done"), "response", "output", 0, "id")
        })
        assert.deepStrictEqual(yield* said, ["user: is anybody there?", "agent: Yes.", "user: hello"])
        assert.deepStrictEqual(errorsOf(client), [])
      })
    ))

  it.effect("runs the agent's calls of its tools, and hears the rest of the answer", () =>
    running(
      layer({
        texts: ["how is the weather"],
        agent: Agent.fromLanguageModel({ instructions: "You are brief." })
      }).pipe(Layer.provide(ScriptedLanguageModel.layer([
        ["Let me see.", { call: "weather", id: "call_1", params: { city: "Paris" } }],
        ["It is warm."]
      ]))),
      Effect.gen(function*() {
        const { client, hears, said } = yield* connect()
        client.sends({
          type: "session.update",
          session: { type: "realtime", tools: [{ type: "function", name: "weather", parameters: { type: "object" } }] }
        })
        let wanted = false
        let isActive = false
        // as the client of the agents SDK does: it asks for a response when there is none in progress
        client.onFrame = (frame) => {
          const event = parseRecord(frame)
          const type = event?.["type"]
          if (type === "response.created") isActive = true
          if (type === "response.done") isActive = false
          if (type === "response.output_item.done" && at(event, "item", "type") === "function_call") {
            wanted = true
            client.sends({
              type: "conversation.item.create",
              item: { type: "function_call_output", call_id: at(event, "item", "call_id"), output: "25 degrees" }
            })
          }
          if (wanted && !isActive) {
            wanted = false
            client.sends({ type: "response.create", event_id: "create_1" })
          }
        }
        yield* hears(600, 8_000)
        yield* hears(5_000)
        assert.deepStrictEqual(yield* said, ["user: how is the weather", "agent: Let me see. It is warm."])
        assert.deepStrictEqual(errorsOf(client), [])
        assert.isFalse(wanted || isActive)
        const call = client.events.find((event) =>
          event["type"] === "response.output_item.done" && at(event, "item", "type") === "function_call"
        )
        assert.strictEqual(at(call, "item", "arguments"), "{\"city\":\"Paris\"}")
        assert.strictEqual(
          wordsOf(client).filter((words) => words.startsWith("agent: ")).map((words) => words.slice(7)).join(" "),
          "Let me see. It is warm."
        )
      })
    ))
})
