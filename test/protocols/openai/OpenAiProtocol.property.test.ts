import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { InvalidConfig } from "../../../src/BackendError.ts"
import { isRecord, type JsonRecord } from "../../../src/schema/Json.ts"
import type { SessionEventBody } from "../../../src/session/SessionEvent.ts"
import { at, Client, samples } from "./Client.ts"

const Small = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 }))
const Item = Schema.Literals(["item_x", "item_y", "last", "first", "root"])

/** What may happen to a connection, in any order. */
const Step = Schema.Union([
  Schema.Struct({ _tag: Schema.Literal("Append"), ms: Schema.Literals([0, 1, 150]) }),
  Schema.Struct({
    _tag: Schema.Literal("Send"),
    type: Schema.Literals([
      "input_audio_buffer.commit",
      "input_audio_buffer.clear",
      "output_audio_buffer.clear",
      "response.create",
      "response.cancel"
    ])
  }),
  Schema.Struct({
    _tag: Schema.Literal("OfItem"),
    type: Schema.Literals(["retrieve", "delete", "truncate"]),
    item: Item,
    ms: Schema.Literals([0, 30, 5_000])
  }),
  Schema.Struct({
    _tag: Schema.Literal("Create"),
    id: Schema.Literals(["item_x", "item_y", ""]),
    role: Schema.Literals(["user", "assistant", "system"]),
    after: Schema.Literals(["item_x", "last", "root", ""])
  }),
  Schema.Struct({ _tag: Schema.Literal("Output"), call: Small }),
  Schema.Struct({
    _tag: Schema.Literal("Update"),
    detection: Schema.Literals(["none", "server_vad", "semantic_vad", "manual", "quiet"]),
    modality: Schema.Literals(["audio", "text"]),
    format: Schema.Literals(["audio/pcm", "audio/pcmu", "audio/pcma"])
  }),
  Schema.Struct({
    _tag: Schema.Literal("Tell"),
    type: Schema.Literals([
      "user.speech_started",
      "user.speech_stopped",
      "user.backchannel",
      "user.transcript",
      "user.away",
      "agent.speech_started",
      "agent.transcript",
      "agent.speech_paused",
      "agent.speech_resumed",
      "agent.speech_stopped",
      "playout.clear",
      "turn.unanswered",
      "error"
    ]),
    turn: Small,
    text: Schema.Literals(["", "One two.", "Three, four and five."]),
    reason: Small
  }),
  Schema.Struct({ _tag: Schema.Literal("Play"), frames: Small }),
  Schema.Struct({ _tag: Schema.Literal("Call"), call: Small })
])
type Step = typeof Step.Type

const eventOf = ({ reason, text, turn, type }: Extract<Step, { readonly _tag: "Tell" }>): SessionEventBody => {
  switch (type) {
    case "user.transcript":
      return { type, turn, text, final: reason < 4 }
    case "user.backchannel":
      return { type, text }
    case "agent.transcript":
      return { type, turn, text }
    case "agent.speech_stopped":
      return { type, turn, text, reason: (["completed", "interrupted", "failed"] as const)[reason % 3] ?? "completed" }
    case "turn.unanswered":
      return { type, turn, reason: (["empty", "failed", "interrupted", "no_reply"] as const)[reason % 4] ?? "empty" }
    case "error":
      return { type, code: "agent_error", message: "It failed." }
    case "user.speech_started":
    case "user.speech_stopped":
    case "user.away":
      return { type }
    default:
      return { type, turn }
  }
}

const detections = {
  server_vad: { type: "server_vad", idle_timeout_ms: 5_000 },
  semantic_vad: { type: "semantic_vad", eagerness: "low" },
  manual: null,
  quiet: { type: "server_vad", create_response: false, interrupt_response: false }
}

const take = (client: Client, step: Step): void => {
  const itemIds = client.events.flatMap((event) => {
    const id = at(event, "item", "id")
    return typeof id === "string" ? [id] : []
  })
  const itemOf = (name: string) => name === "last" ? itemIds.at(-1) : name === "first" ? itemIds[0] : name
  switch (step._tag) {
    case "Append":
      return client.sends({ type: "input_audio_buffer.append", audio: samples(step.ms) })
    case "Send":
      return client.sends({ type: step.type, event_id: "by_client" })
    case "OfItem":
      return client.sends({
        type: `conversation.item.${step.type}`,
        item_id: itemOf(step.item),
        content_index: 0,
        audio_end_ms: step.ms
      })
    case "Create":
      return client.sends({
        type: "conversation.item.create",
        ...(step.after === "" ? {} : { previous_item_id: itemOf(step.after) }),
        item: {
          type: "message",
          role: step.role,
          ...(step.id === "" ? {} : { id: step.id }),
          content: [{ type: step.role === "assistant" ? "output_text" : "input_text", text: "Words." }]
        }
      })
    case "Output":
      return client.sends({
        type: "conversation.item.create",
        item: { type: "function_call_output", call_id: `call_${step.call}`, output: "20 degrees" }
      })
    case "Update":
      return client.sends({
        type: "session.update",
        session: {
          type: "realtime",
          output_modalities: [step.modality],
          audio: {
            input: {
              format: { type: step.format },
              transcription: { model: "whisper-1" },
              ...(step.detection === "none" ? {} : { turn_detection: detections[step.detection] })
            },
            output: { format: { type: step.format } }
          }
        }
      })
    case "Tell":
      return client.tells(eventOf(step))
    case "Play":
      return client.plays(step.frames, step.frames * 20)
    case "Call":
      return client.calls(`call_${step.call}`)
  }
}

const idOf = (event: JsonRecord, ...path: ReadonlyArray<string>): string => String(at(event, ...path))

/** Checks that what a client got is a log that the protocol allows. */
const checkLog = (events: ReadonlyArray<JsonRecord>): void => {
  let response: string | undefined
  const open = new Set<string>()
  const added = new Map<string, number>()
  const seen = new Set<string>()
  for (const event of events) {
    const type = String(event["type"])
    const eventId = idOf(event, "event_id")
    assert.isFalse(seen.has(eventId), `the id of ${type} came before`)
    seen.add(eventId)
    if (type === "response.created") {
      assert.isUndefined(response, "a response while another is in progress")
      response = idOf(event, "response", "id")
    } else if (type === "response.done") {
      assert.strictEqual(idOf(event, "response", "id"), response)
      assert.strictEqual(open.size, 0, "an item that is open at the end of its response")
      const output = at(event, "response", "output")
      for (const item of Array.isArray(output) ? output : []) assert.notStrictEqual(at(item, "status"), "in_progress")
      response = undefined
    } else if (type.startsWith("response.")) {
      assert.strictEqual(idOf(event, "response_id"), response, `${type} of no response in progress`)
      if (type === "response.output_item.added") open.add(idOf(event, "item", "id"))
      else if (type === "response.output_item.done") assert.isTrue(open.delete(idOf(event, "item", "id")))
      else assert.isTrue(open.has(idOf(event, "item_id")), `${type} of an item that is not open`)
    } else if (type === "conversation.item.added") {
      const id = idOf(event, "item", "id")
      added.set(id, (added.get(id) ?? 0) + 1)
    } else if (type === "conversation.item.done") {
      const id = idOf(event, "item", "id")
      assert.isAbove(added.get(id) ?? 0, 0, "an item that is done before it was added")
      added.set(id, (added.get(id) ?? 0) - 1)
    }
  }
  assert.isUndefined(response, "a response that is never done")
  for (const [id, count] of added) assert.strictEqual(count, 0, `${id} is never done`)
}

describe("OpenAiProtocol, whatever happens", () => {
  it.effect.prop(
    "tells each response and each item to its end, and nothing behind it",
    [Schema.Array(Step).check(Schema.isMaxLength(60)), Schema.Boolean, Schema.Boolean],
    Effect.fnUntraced(function*([steps, refuses, isWebRtc]) {
      const client = new Client({
        transport: isWebRtc ? "webrtc" : "websocket",
        onControl: (control, self) => {
          if (refuses && control._tag !== "Interrupt") return new InvalidConfig({ op: "x", message: "not now" })
          // our session ends its reply before it returns
          if (control._tag === "Interrupt") self.tells({ type: "playout.clear", turn: 1 })
          return undefined
        }
      }).starts()
      for (const [i, step] of steps.entries()) {
        take(client, step)
        assert.isTrue(Number.isFinite(client.costMs))
        if (i % 7 === 0) yield* Effect.promise(() => Promise.resolve())
      }
      yield* Effect.promise(() => Promise.resolve())
      client.tells({ type: "session.ended", reason: "closed" })
      checkLog(client.events)
      assert.strictEqual(client.events[0]?.["type"], "session.created")
    })
  )

  it.prop("answers any message, and throws for none", [Schema.Json, Schema.Json, Schema.Json, Schema.Json], (
    [type, item, session, id]
  ) => {
    const client = new Client().starts()
    const types = [
      type,
      "session.update",
      "input_audio_buffer.append",
      "conversation.item.create",
      "conversation.item.retrieve",
      "conversation.item.truncate",
      "conversation.item.delete",
      "response.create",
      "response.cancel"
    ]
    for (const each of types) {
      for (const part of [item, isRecord(item) ? { ...item, type: "message", role: "user" } : { type: "message" }]) {
        client.sends({
          type: each,
          event_id: id,
          item: part,
          session: isRecord(session) ? { type: "realtime", ...session } : session,
          response: session,
          audio: item,
          item_id: id,
          content_index: id,
          audio_end_ms: session,
          previous_item_id: type,
          response_id: type
        })
        assert.isTrue(Number.isFinite(client.costMs) && client.costMs >= 1)
      }
    }
    client.tells({ type: "session.ended", reason: "closed" })
    checkLog(client.events)
  })

  it.prop("bears any bytes", [Schema.Uint8Array, Schema.String], ([bytes, text]) => {
    const client = new Client().starts()
    client.sendsBytes(bytes, true)
    client.sendsBytes(bytes, false)
    client.sendsText(text)
    assert.deepStrictEqual(client.events.slice(1).map((event) => at(event, "error", "type")), [
      "invalid_request_error",
      "invalid_request_error",
      "invalid_request_error"
    ])
  })
})
