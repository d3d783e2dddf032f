import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Base64Pcm from "../../../src/engines/hosted/s2s/Base64Pcm.ts"
import { client, decode } from "../../../src/engines/openai/RealtimeEvents.ts"
import * as OpenAi from "../../../src/engines/openai/SpeechToSpeech.ts"

const json = (text: string): unknown => JSON.parse(text)

describe("RealtimeEvents", () => {
  it("decodes the events of the API reference", () => {
    const read = (event: object) => Result.getOrThrow(decode(JSON.stringify(event)))
    assert.deepStrictEqual(
      read({
        event_id: "event_2122",
        type: "input_audio_buffer.speech_started",
        audio_start_ms: 1000,
        item_id: "msg_003"
      }),
      { type: "input_audio_buffer.speech_started" }
    )
    assert.deepStrictEqual(
      read({
        event_id: "event_4950",
        type: "response.output_audio.delta",
        response_id: "resp_001",
        item_id: "msg_008",
        output_index: 0,
        content_index: 0,
        delta: "AQD/fw=="
      }),
      {
        type: "response.output_audio.delta",
        response_id: "resp_001",
        item_id: "msg_008",
        content_index: 0,
        pcm: Int16Array.of(1, 32_767)
      }
    )
    assert.deepInclude(
      read({
        type: "response.done",
        event_id: "event_CCXHxcMy86rrKhBLDdqCh",
        response: {
          object: "realtime.response",
          id: "resp_CCXHw0UJld10EzIUXQCNh",
          status: "cancelled",
          status_details: { type: "cancelled", reason: "turn_detected" },
          metadata: null,
          output: []
        }
      }),
      {
        response: {
          id: "resp_CCXHw0UJld10EzIUXQCNh",
          status: "cancelled",
          status_details: { type: "cancelled", reason: "turn_detected" },
          metadata: null,
          output: []
        }
      }
    )
    assert.deepStrictEqual(
      read({
        event_id: "event_890",
        type: "error",
        error: {
          type: "invalid_request_error",
          code: "invalid_event",
          message: "The 'type' field is missing.",
          param: null,
          event_id: "event_567"
        }
      }),
      {
        type: "error",
        error: {
          type: "invalid_request_error",
          code: "invalid_event",
          param: null,
          event_id: "event_567"
        }
      }
    )
    assert.deepStrictEqual(read({ type: "rate_limits.updated", rate_limits: [] }), {
      type: "Ignored",
      name: "rate_limits.updated"
    })
  })

  it("encodes the client events of the API reference", () => {
    assert.deepStrictEqual(json(client.append(Int16Array.of(1, 32_767))), {
      type: "input_audio_buffer.append",
      audio: "AQD/fw=="
    })
    assert.deepStrictEqual(json(client.truncate("msg_002", 0, 1_500.7)), {
      type: "conversation.item.truncate",
      item_id: "msg_002",
      content_index: 0,
      audio_end_ms: 1_500
    })
    assert.deepStrictEqual(json(client.message({ role: "agent", text: "hi" })), {
      type: "conversation.item.create",
      item: { type: "message", role: "assistant", content: [{ type: "output_text", text: "hi" }] }
    })
    assert.deepStrictEqual(json(client.respond("ask-1", { instructions: "x" })), {
      type: "response.create",
      event_id: "ask-1",
      response: { output_modalities: ["audio"], instructions: "x", metadata: { ask: "ask-1" } }
    })
    const options = Schema.decodeUnknownSync(OpenAi.OpenAiRealtimeOptions)({ voice: "cedar", turn_detection: "none" })
    assert.deepStrictEqual(OpenAi.sessionOf(options, { answers: true, tools: [] }), {
      output_modalities: ["audio"],
      audio: {
        input: {
          format: { type: "audio/pcm", rate: 24_000 },
          noise_reduction: null,
          transcription: { model: "gpt-4o-mini-transcribe" },
          turn_detection: null
        },
        output: { format: { type: "audio/pcm", rate: 24_000 }, voice: "cedar", speed: 1 }
      }
    })
  })

  it("reports malformed audio and malformed events", () => {
    const delta = (text: string) =>
      decode(JSON.stringify({
        type: "response.output_audio.delta",
        response_id: "r",
        item_id: "i",
        content_index: 0,
        delta: text
      }))
    const pcmOf = (text: string) => {
      const event = Result.getOrThrow(delta(text))
      return event.type === "response.output_audio.delta" ? event.pcm : undefined
    }
    assert.strictEqual(pcmOf("AQD/"), "audio with an odd number of bytes")
    assert.strictEqual(pcmOf("AQ D/fw="), "audio that is not base64")
    assert.strictEqual(pcmOf("AQD/fw"), "audio that is not base64")
    for (const text of ["", "null", "[]", "{}", "\u0000", `{"type":1}`, `{"type":"__proto__"}`, "{\"type\":"]) {
      const read = decode(text)
      assert.isTrue(Result.isFailure(read) || read.success.type === "Ignored", text)
    }
    assert.isTrue(Result.isFailure(decode(`{"type":"response.done"}`)))
  })

  it.prop("encodes and decodes any samples", [
    Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: -32_768, maximum: 32_767 })))
  ], ([samples]) => {
    const pcm = Int16Array.from(samples)
    assert.deepStrictEqual(Base64Pcm.decode(Base64Pcm.encode(pcm)), pcm)
  })

  it.prop("never throws, for any text", [Schema.String], ([text]) => {
    decode(text)
    Base64Pcm.decode(text)
  })
})
