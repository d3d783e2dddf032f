import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Gemini from "../../../src/engines/gemini/index.ts"
import { client, decode } from "../../../src/engines/gemini/LiveMessages.ts"

const json = (text: string): unknown => JSON.parse(text)
const read = (message: object) => Result.getOrThrow(decode(JSON.stringify(message)))

describe("LiveMessages", () => {
  it("decodes the messages of the API reference, with all events of one message", () => {
    assert.deepStrictEqual(read({ setupComplete: {} }), [{ _tag: "Ready" }])
    assert.deepStrictEqual(
      read({
        serverContent: {
          modelTurn: { parts: [{ inlineData: { mimeType: "audio/pcm;rate=24000", data: "AQD/fw==" } }] },
          outputTranscription: { text: "hi" },
          turnComplete: true
        },
        usageMetadata: { totalTokenCount: 1 }
      }),
      [{ _tag: "OutputTranscription", text: "hi" }, { _tag: "Audio", pcm: Int16Array.of(1, 32_767) }, {
        _tag: "TurnComplete"
      }]
    )
    assert.deepStrictEqual(read({ serverContent: { interrupted: true } }), [{ _tag: "Interrupted" }])
    assert.deepStrictEqual(read({ serverContent: { inputTranscription: { text: "hel" } } }), [
      { _tag: "InputTranscription", text: "hel", finished: false }
    ])
    assert.deepStrictEqual(read({ toolCall: { functionCalls: [{ id: "1", name: "f", args: { a: 1 } }] } }), [
      { _tag: "ToolCalls", calls: [{ id: "1", name: "f", input: { a: 1 } }] }
    ])
    assert.deepStrictEqual(read({ toolCallCancellation: { ids: ["1"] } }), [{ _tag: "ToolCallsCancelled", ids: ["1"] }])
    assert.deepStrictEqual(read({ goAway: { timeLeft: "9.5s" } }), [{ _tag: "GoAway" }])
    assert.deepStrictEqual(read({ sessionResumptionUpdate: { newHandle: "h", resumable: true } }), [
      { _tag: "ResumptionHandle", handle: "h" }
    ])
    assert.deepStrictEqual(read({ voiceActivity: { voiceActivityType: "ACTIVITY_END", audioOffset: "1s" } }), [
      { _tag: "SpeechStopped" }
    ])
    assert.deepStrictEqual(read({ somethingNew: { a: 1 } }), [])
  })

  it("encodes the client messages of the API reference", () => {
    assert.deepStrictEqual(json(client.audio(Int16Array.of(1, 32_767))), {
      realtimeInput: { audio: { mimeType: "audio/pcm;rate=16000", data: "AQD/fw==" } }
    })
    assert.deepStrictEqual(json(client.activityEnd), { realtimeInput: { activityEnd: {} } })
    assert.deepStrictEqual(json(client.history([{ role: "agent", text: "hi" }])), {
      clientContent: { turns: [{ role: "model", parts: [{ text: "hi" }] }], turnComplete: true }
    })
    assert.deepStrictEqual(json(client.toolResponse("1", "f", "x")), {
      toolResponse: { functionResponses: [{ id: "1", name: "f", response: { output: "x" } }] }
    })
    const options = Schema.decodeUnknownSync(Gemini.GeminiOptions)({ voice: "Puck", instructions: "Be brief." })
    assert.deepStrictEqual(Gemini.setupOf(options, { tools: [{ name: "f", description: "d", parameters: {} }] }), {
      model: "models/gemini-3.1-flash-live-preview",
      generationConfig: {
        responseModalities: ["AUDIO"],
        speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: "Puck" } } }
      },
      systemInstruction: { parts: [{ text: "Be brief." }] },
      tools: [{ functionDeclarations: [{ name: "f", description: "d", parametersJsonSchema: {} }] }],
      realtimeInputConfig: { automaticActivityDetection: { disabled: true } },
      contextWindowCompression: { slidingWindow: {} },
      inputAudioTranscription: {},
      outputAudioTranscription: {}
    })
  })

  it("reports malformed audio and malformed messages", () => {
    const pcmOf = (mimeType: string, data: string) =>
      read({ serverContent: { modelTurn: { parts: [{ inlineData: { mimeType, data } }] } } })
    assert.deepStrictEqual(pcmOf("audio/pcm;rate=24000", "AQD/"), [{
      _tag: "Audio",
      pcm: "audio with an odd number of bytes"
    }])
    assert.deepStrictEqual(pcmOf("audio/pcm;rate=16000", "AQD/fw=="), [{ _tag: "Audio", pcm: "audio at 16000 Hz" }])
    assert.deepStrictEqual(pcmOf("image/png", "AQD/fw=="), [])
    for (const text of ["", "null", "[]", "\"\"", `{"serverContent":1}`]) {
      assert.isTrue(Result.isFailure(decode(text)), text)
    }
  })

  it.prop("never throws, for any text", [Schema.String], ([text]) => {
    decode(text)
  })
})
