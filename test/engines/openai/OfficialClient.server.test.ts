/** Holds our fake of OpenAI's Realtime API to reality: the vendor's own client talks to it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { connect } from "node:net"
import { OpenAI } from "openai"
import { OpenAIRealtimeWS } from "openai/realtime/ws"
import type { RealtimeServerEvent } from "openai/resources/realtime/realtime"
import * as Fake from "../../support/FakeOpenAiRealtime.ts"

const session = Effect.fnUntraced(function*(options: Parameters<typeof Fake.start>[0], apiKey = Fake.KEY) {
  const fake = yield* Fake.start(options)
  const { port } = new URL(fake.url)
  const client = new OpenAI({ apiKey, baseURL: `https://127.0.0.1:${port}/v1` })
  const realtime = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new OpenAIRealtimeWS({
        model: "gpt-realtime",
        // it insists on wss: our fake speaks plain TCP
        options: { createConnection: () => connect(Number(port), "127.0.0.1") }
      }, client)
    ),
    (made) => Effect.sync(() => made.close())
  )
  const seen: Array<RealtimeServerEvent> = []
  const errors: Array<string> = []
  realtime.on("event", (event) => seen.push(event))
  realtime.on("error", (error) => errors.push(error.message))
  const until = <Type extends RealtimeServerEvent["type"]>(type: Type) =>
    Effect.sync(() => seen.find((event) => event.type === type)).pipe(
      Effect.delay("5 millis"),
      Effect.repeat({ until: (found) => found !== undefined }),
      Effect.timeout("5 seconds")
    )
  return { fake, realtime, seen, errors, until }
})

const pcm = (ms: number, level: number) => Buffer.from(new Int16Array(24 * ms).fill(level).buffer).toString("base64")

describe("OpenAI's official client", () => {
  it.live(
    "works with the fake server: a spoken turn with a tool, a response, a truncation",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const { errors, fake, realtime, seen, until } = yield* session({
          transcripts: ["the weather please"],
          answers: [{ text: "", call: { name: "weather", input: { city: "Ulm" } } }, "Sunny."]
        })
        yield* until("session.created")
        realtime.send({
          type: "session.update",
          session: {
            type: "realtime",
            output_modalities: ["audio"],
            audio: {
              input: {
                format: { type: "audio/pcm", rate: 24_000 },
                transcription: { model: "gpt-4o-mini-transcribe" },
                turn_detection: { type: "server_vad", silence_duration_ms: 200 }
              },
              output: { voice: "marin" }
            },
            tools: [{ type: "function", name: "weather", description: "weather", parameters: { type: "object" } }]
          }
        })
        yield* until("session.updated")
        realtime.send({ type: "input_audio_buffer.append", audio: pcm(400, 8_000) })
        realtime.send({ type: "input_audio_buffer.append", audio: pcm(400, 0) })
        yield* until("input_audio_buffer.speech_started")
        yield* until("conversation.item.input_audio_transcription.completed")
        yield* until("response.done")
        const call = seen.find((event) => event.type === "response.function_call_arguments.done")
        assert.isDefined(call)
        if (call?.type !== "response.function_call_arguments.done") return
        assert.deepStrictEqual([call.name, call.arguments], ["weather", `{"city":"Ulm"}`])
        realtime.send({
          type: "conversation.item.create",
          item: { type: "function_call_output", call_id: call.call_id, output: "sunny" }
        })
        realtime.send({ type: "response.create" })
        yield* until("response.output_audio_transcript.done")
        const delta = seen.find((event) => event.type === "response.output_audio.delta")
        if (delta?.type !== "response.output_audio.delta") return assert.fail("no audio")
        realtime.send({
          type: "conversation.item.truncate",
          item_id: delta.item_id,
          content_index: 0,
          audio_end_ms: 50
        })
        yield* until("conversation.item.truncated")
        assert.deepStrictEqual(errors, [])
        const order = seen.map(({ type }) => type).filter((type) => !type.endsWith(".delta"))
        assert.deepStrictEqual(order.slice(0, 6), [
          "session.created",
          "session.updated",
          "input_audio_buffer.speech_started",
          "input_audio_buffer.speech_stopped",
          "input_audio_buffer.committed",
          "conversation.item.added"
        ])
        assert.deepInclude(fake.told.find(({ what }) => what === "truncated"), { ms: 50 })
      })),
    20_000
  )

  it.live("gets errors from the fake server", () =>
    Effect.scoped(Effect.gen(function*() {
      const { errors, realtime, until } = yield* session({})
      yield* until("session.created")
      realtime.send({ type: "response.cancel" })
      realtime.send({ type: "input_audio_buffer.commit" })
      realtime.send({ type: "conversation.item.truncate", item_id: "none", content_index: 0, audio_end_ms: 0 })
      yield* Effect.sync(() => errors.length).pipe(
        Effect.delay("5 millis"),
        Effect.repeat({ until: (length) => length >= 3 }),
        Effect.timeout("5 seconds")
      )
      assert.match(errors.join("\n"), /no active response[^]*buffer too small[^]*Item not found/u)
      const wrong = yield* session({}, "sk-wrong")
      yield* Effect.sync(() => wrong.errors.length).pipe(
        Effect.delay("5 millis"),
        Effect.repeat({ until: (length) => length >= 1 }),
        Effect.timeout("5 seconds")
      )
      assert.match(wrong.errors[0] ?? "", /401/u)
    })), 20_000)
})
