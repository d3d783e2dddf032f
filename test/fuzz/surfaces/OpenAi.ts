import { Result } from "effect"
import * as OpenAiProtocol from "../../../src/protocols/openai/OpenAiProtocol.ts"
import * as RealtimeSession from "../../../src/protocols/openai/RealtimeSession.ts"
import * as FixedSettings from "../../../src/providers/clients/openai/FixedSettings.ts"
import { parseRecord } from "../../../src/schema/Json.ts"
import type { SessionControl } from "../../../src/session/SessionControl.ts"
import { CANARY, expect, type Surface } from "../Surface.ts"

const encoder = new TextEncoder()
const event = (event: object) => encoder.encode(JSON.stringify(event))
const session = Result.getOrThrow(
  RealtimeSession.initial(undefined, { id: "ses_1", model: "m", expiresAt: 1_796_000_000 })
)

/** The events of an OpenAI client, whose own instructions count or do not. */
export const openAiEvents: Surface = {
  name: "openai-events",
  seeds: [
    event({ type: "session.update", session: { type: "realtime", instructions: CANARY, output_modalities: ["text"] } }),
    event({
      type: "session.update",
      event_id: "e1",
      session: {
        type: "realtime",
        tools: [{ type: "function", name: "f", description: "", parameters: { type: "object", properties: {} } }],
        audio: {
          input: { format: { type: "audio/pcmu" }, turn_detection: { type: "semantic_vad", eagerness: "low" } },
          output: { format: { type: "audio/pcma" }, voice: "marin", speed: 1.2 }
        }
      }
    }),
    event({ type: "input_audio_buffer.append", audio: Buffer.alloc(960, 7).toString("base64") }),
    event({ type: "input_audio_buffer.commit", event_id: "e2" }),
    event({ type: "input_audio_buffer.clear" }),
    event({
      type: "conversation.item.create",
      previous_item_id: "root",
      item: { type: "message", role: "user", content: [{ type: "input_text", text: CANARY }] }
    }),
    event({ type: "conversation.item.create", item: { type: "function_call_output", call_id: "c", output: CANARY } }),
    event({ type: "conversation.item.truncate", item_id: "item_1", content_index: 0, audio_end_ms: 100 }),
    event({ type: "conversation.item.delete", item_id: "item_1" }),
    event({ type: "response.create", response: { instructions: CANARY, metadata: { a: "b" }, input: [] } }),
    event({ type: "response.cancel", response_id: "resp_1" })
  ],
  dictionary: [
    "\"tool_choice\"",
    "\"type\":\"message\"",
    "\"role\":\"system\"",
    "null",
    "previous_item_id",
    "audio/pcm"
  ],
  run: (input) => {
    for (const makeOf of [(make: ReturnType<typeof OpenAiProtocol.make>) => make, FixedSettings.make] as const) {
      const replies: Array<string> = []
      const controls: Array<SessionControl> = []
      let ids = 0
      let samples = 0
      const make = OpenAiProtocol.make({
        session,
        isGiven: false,
        transport: "websocket",
        newId: (prefix) => `${prefix}_${++ids}`,
        now: () => 1_000_000
      })
      const protocol = makeOf(make, session)(OpenAiProtocol.rates, (frame) => void replies.push(String(frame)))
      const cost = protocol.receive(input, false, {
        audio: (pcm) => void (samples += pcm.length),
        message: () => {},
        malformed: () => {},
        control: (control) => void controls.push(control)
      })
      expect(cost > 0 && Number.isFinite(cost), () => `it costs ${cost} ms`)
      expect(samples <= input.length * 3, () => `${samples} samples of ${input.length} bytes`)
      for (const reply of replies) {
        expect(parseRecord(reply) !== undefined, () => `no JSON object: ${reply.slice(0, 99)}`)
      }
      if (makeOf === FixedSettings.make) {
        expect(
          !JSON.stringify(controls.filter(({ _tag }) => _tag === "Client" || _tag === "Respond")).includes(CANARY),
          () => "instructions of the client count"
        )
      }
    }
  }
}
