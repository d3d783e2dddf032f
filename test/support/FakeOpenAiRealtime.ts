/**
 * OpenAI's Realtime API (GA) as documented: sessions, server VAD, the input buffer, conversation items, responses, tools and
 * errors. Built from the reference; the official client is held against it in `test/engines/openai`.
 */
import { Buffer } from "node:buffer"
import { type FakeModelOptions, type Line, LOUD, speech, start as serve } from "./FakeModel.ts"

export const KEY = "sk-test-key"
const RATE = 24_000

type Json = { readonly [key: string]: unknown }
const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)
const at = (value: unknown, ...path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((found, key) => isJson(found) ? found[key] : undefined, value)

const merge = (base: Json, patch: Json): Json => {
  const merged: { [key: string]: unknown } = { ...base }
  for (const [key, value] of Object.entries(patch)) {
    const former = merged[key]
    merged[key] = isJson(value) && isJson(former) && !("type" in value) ? merge(former, value) : value
  }
  return merged
}

const defaults = (model: string): Json => ({
  object: "realtime.session",
  type: "realtime",
  model,
  output_modalities: ["audio"],
  instructions: "",
  tools: [],
  tool_choice: "auto",
  max_output_tokens: "inf",
  audio: {
    input: {
      format: { type: "audio/pcm", rate: RATE },
      transcription: null,
      noise_reduction: null,
      turn_detection: {
        type: "server_vad",
        threshold: 0.5,
        prefix_padding_ms: 300,
        silence_duration_ms: 200,
        create_response: true,
        interrupt_response: true
      }
    },
    output: { format: { type: "audio/pcm", rate: RATE }, voice: "alloy", speed: 1 }
  }
})

const SESSION_KEYS = new Set([
  "type",
  "model",
  "output_modalities",
  "instructions",
  "tools",
  "tool_choice",
  "max_output_tokens",
  "audio",
  "prompt",
  "tracing",
  "truncation",
  "include",
  "reasoning",
  "parallel_tool_calls"
])
const RESPONSE_KEYS = new Set([
  "instructions",
  "conversation",
  "input",
  "metadata",
  "output_modalities",
  "audio",
  "tools",
  "tool_choice",
  "max_output_tokens",
  "prompt",
  "reasoning",
  "parallel_tool_calls"
])

const connection = (line: Line) => {
  let count = 0
  const id = (prefix: string) => `${prefix}_${line.index}_${++count}`
  const send = (type: string, fields: Json = {}) => line.send({ type, event_id: id("event"), ...fields })
  const url = new URL(line.request.url ?? "/", "ws://fake")
  let session: Json = { id: id("sess"), ...defaults(url.searchParams.get("model") ?? "") }

  const items = new Map<string, { audioMs: number; readonly type: string; readonly callId?: string }>()
  let last: string | null = null
  let buffer = 0
  let heardMs = 0
  let speaking: string | undefined
  let quiet = 0
  let active: {
    readonly id: string
    cancelled?: string | undefined
    readonly done: (status: string, reason?: string) => void
  } | undefined

  const error = (cause: Json, code: string, message: string, param: string | null = null) =>
    send("error", {
      error: { type: "invalid_request_error", code, message, param, event_id: cause["event_id"] ?? null }
    })

  const addItem = (item: Json, entry: { audioMs: number; readonly type: string; readonly callId?: string }) => {
    const itemId = String(item["id"])
    items.set(itemId, entry)
    send("conversation.item.added", { previous_item_id: last, item: { object: "realtime.item", ...item } })
    last = itemId
  }

  const commit = (itemId: string) => {
    send("input_audio_buffer.committed", { previous_item_id: last, item_id: itemId })
    const item = { id: itemId, type: "message", role: "user", status: "completed", content: [{ type: "input_audio" }] }
    addItem(item, { audioMs: buffer / (RATE / 1_000), type: "message" })
    send("conversation.item.done", { previous_item_id: last, item })
    line.tell("turn", { ms: Math.round(buffer / (RATE / 1_000)) })
    buffer = 0
    if (at(session, "audio", "input", "transcription") == null) return
    line.after(5, () => {
      const transcript = line.nextTranscript() ?? ""
      const about = { item_id: itemId, content_index: 0 }
      for (const delta of transcript.split(/(?= )/u)) {
        send("conversation.item.input_audio_transcription.delta", { ...about, delta })
      }
      send("conversation.item.input_audio_transcription.completed", {
        ...about,
        transcript,
        usage: { type: "duration", seconds: 1 }
      })
    })
  }

  const respond = (request: Json) => {
    const responseId = id("resp")
    const metadata = request["metadata"] ?? null
    const base = { object: "realtime.response", id: responseId, output_modalities: ["audio"], metadata }
    const outOfBand = request["conversation"] === "none"
    const instructions = String(request["instructions"] ?? "")
    // told to say something, the model does
    const answer = instructions.startsWith("Say exactly")
      ? { text: instructions.split("\n\n").slice(1).join("\n\n") }
      : line.nextAnswer()
    line.tell("response", { instructions, outOfBand })
    if (answer?.how === "never") return
    const output: Array<Json> = []
    const about = (itemId: string) => ({
      response_id: responseId,
      item_id: itemId,
      output_index: 0,
      content_index: 0
    })
    const finish = (status: string, reason?: string, failure?: string) => {
      if (active?.id === responseId) active = undefined
      send("response.done", {
        response: {
          ...base,
          status,
          status_details: status === "completed" ? null : {
            type: status,
            ...(reason === undefined ? {} : { reason }),
            ...(failure === undefined ? {} : { error: { type: "server_error", code: failure } })
          },
          output,
          usage: { total_tokens: 1, input_tokens: 1, output_tokens: 0 }
        }
      })
      send("rate_limits.updated", { rate_limits: [{ name: "tokens", limit: 1, remaining: 1, reset_seconds: 1 }] })
    }
    active = { id: responseId, done: finish }
    const mine = active
    send("response.created", { response: { ...base, status: "in_progress", status_details: null, output: [] } })
    if (answer === undefined) return
    const say = () => {
      if (active !== mine) return
      if (answer.fails !== undefined) return finish("failed", undefined, answer.fails)
      if (answer.call !== undefined) {
        const itemId = id("item")
        const callId = id("call")
        const item = { id: itemId, type: "function_call", name: answer.call.name, call_id: callId, arguments: "" }
        send("response.output_item.added", { response_id: responseId, output_index: 0, item })
        addItem(item, { audioMs: 0, type: "function_call", callId })
        const args = typeof answer.call.input === "string" ? answer.call.input : JSON.stringify(answer.call.input)
        const call = { response_id: responseId, item_id: itemId, output_index: 0, call_id: callId }
        send("response.function_call_arguments.delta", { ...call, delta: args })
        send("response.function_call_arguments.done", { ...call, name: answer.call.name, arguments: args })
        const done = { ...item, status: "completed", arguments: args }
        output.push(done)
        send("response.output_item.done", { response_id: responseId, output_index: 0, item: done })
        return finish("completed")
      }
      if (answer.how === "empty") return finish("completed")
      const itemId = id("item")
      const item = { id: itemId, type: "message", role: "assistant", status: "in_progress", content: [] }
      send("response.output_item.added", { response_id: responseId, output_index: 0, item })
      if (!outOfBand) addItem(item, { audioMs: 0, type: "message" })
      if (answer.how === "writes") {
        send("response.content_part.added", { ...about(itemId), part: { type: "text", text: "" } })
        for (const { text } of speech(answer.text, RATE)) {
          send("response.output_text.delta", { ...about(itemId), delta: text })
        }
        send("response.output_text.done", { ...about(itemId), text: answer.text })
        send("response.content_part.done", { ...about(itemId), part: { type: "text", text: answer.text } })
        const done = { ...item, status: "completed", content: [{ type: "output_text", text: answer.text }] }
        output.push(done)
        send("response.output_item.done", { response_id: responseId, output_index: 0, item: done })
        return finish("completed")
      }
      send("response.content_part.added", { ...about(itemId), part: { type: "audio", transcript: "" } })
      const pieces = speech(answer.text, RATE)
      line.tell("speaks")
      const step = (n: number) => {
        if (active !== mine) return
        const piece = pieces[n]
        if (answer.how === "stalls" && n === 2) return
        if (piece === undefined) {
          send("response.output_audio.done", about(itemId))
          if (answer.how === "has no end") return
          send("response.output_audio_transcript.done", { ...about(itemId), transcript: answer.text })
          send("response.content_part.done", { ...about(itemId), part: { type: "audio", transcript: answer.text } })
          const done = {
            ...item,
            status: "completed",
            content: [{ type: "output_audio", transcript: answer.text }]
          }
          output.push(done)
          send("response.output_item.done", { response_id: responseId, output_index: 0, item: done })
          return finish("completed")
        }
        send("response.output_audio_transcript.delta", { ...about(itemId), delta: piece.text })
        const audio = Buffer.from(piece.pcm.buffer, piece.pcm.byteOffset, piece.pcm.byteLength)
        const delta = n > 0 || answer.malformed === undefined
          ? audio.toString("base64")
          : answer.malformed === "odd"
          ? audio.subarray(1).toString("base64")
          : "not base64!"
        send("response.output_audio.delta", { ...about(itemId), delta })
        const entry = items.get(itemId)
        if (entry !== undefined) entry.audioMs += piece.pcm.length / (RATE / 1_000)
        if (answer.paceMs === undefined) step(n + 1)
        else line.after(answer.paceMs, () => step(n + 1))
      }
      step(0)
    }
    if (answer.delayMs === undefined) say()
    else line.after(answer.delayMs, say)
  }

  const hear = (pcm: Int16Array) => {
    const vad = at(session, "audio", "input", "turn_detection")
    if (!isJson(vad)) {
      buffer += pcm.length
      heardMs += pcm.length / (RATE / 1_000)
      return
    }
    const silence = Number(vad["silence_duration_ms"] ?? 500) * (RATE / 1_000)
    const prefix = Number(vad["prefix_padding_ms"] ?? 300) * (RATE / 1_000)
    for (const sample of pcm) {
      buffer++
      heardMs += 1_000 / RATE
      if (Math.abs(sample) >= LOUD) {
        quiet = 0
        if (speaking !== undefined) continue
        speaking = id("item")
        buffer = Math.min(buffer, prefix + 1)
        send("input_audio_buffer.speech_started", { audio_start_ms: Math.round(heardMs), item_id: speaking })
        if (vad["interrupt_response"] !== false && active !== undefined) active.done("cancelled", "turn_detected")
      } else if (speaking !== undefined && ++quiet >= silence) {
        const itemId = speaking
        speaking = undefined
        quiet = 0
        send("input_audio_buffer.speech_stopped", { audio_end_ms: Math.round(heardMs), item_id: itemId })
        commit(itemId)
        if (vad["create_response"] !== false) respond({})
      }
    }
  }

  send("session.created", { session })
  return (text: string): void => {
    let event: unknown
    try {
      event = JSON.parse(text)
    } catch {
      event = undefined
    }
    if (!isJson(event)) return error({}, "invalid_json", "not a JSON object")
    switch (event["type"]) {
      case "session.update": {
        const patch = event["session"]
        if (!isJson(patch) || patch["type"] !== "realtime") {
          return error(
            event,
            "missing_required_parameter",
            "Missing required parameter: 'session.type'.",
            "session.type"
          )
        }
        const unknown = Object.keys(patch).find((key) => !SESSION_KEYS.has(key))
        if (unknown !== undefined) {
          return error(event, "unknown_parameter", `Unknown parameter: 'session.${unknown}'.`, `session.${unknown}`)
        }
        for (const side of ["input", "output"]) {
          const format = at(patch, "audio", side, "format")
          if (format === undefined) continue
          const rate = at(format, "rate")
          if (at(format, "type") !== "audio/pcm" || rate !== RATE) {
            return error(event, "invalid_value", "Invalid value: 'format'.", `session.audio.${side}.format`)
          }
        }
        session = merge(session, patch)
        line.tell("session", { session })
        line.tell("ready")
        return send("session.updated", { session })
      }
      case "input_audio_buffer.append": {
        const { audio } = event
        if (typeof audio !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/u.test(audio) || audio.length % 4 !== 0) {
          return error(event, "invalid_value", "Invalid 'audio'. Expected base64-encoded audio bytes.", "audio")
        }
        const bytes = Buffer.from(audio, "base64")
        if (bytes.length % 2 !== 0) return error(event, "invalid_value", "Audio is not whole samples.", "audio")
        return hear(new Int16Array(new Uint8Array(bytes).buffer))
      }
      case "input_audio_buffer.commit":
        return buffer < RATE / 10
          ? error(event, "input_audio_buffer_commit_empty", "Error committing input audio buffer: buffer too small.")
          : commit(id("item"))
      case "input_audio_buffer.clear":
        buffer = 0
        return send("input_audio_buffer.cleared")
      case "conversation.item.create": {
        const { item } = event
        const type = at(item, "type")
        if (!isJson(item)) return error(event, "missing_required_parameter", "Missing 'item'.", "item")
        if (type === "message") {
          const content = item["content"]
          const expected = item["role"] === "assistant" ? "output_text" : "input_text"
          const part: unknown = Array.isArray(content) ? content[0] : undefined
          if (at(part, "type") !== expected) {
            return error(
              event,
              "invalid_value",
              `Invalid value. Supported values are: '${expected}'.`,
              "item.content[0].type"
            )
          }
          line.tell("message", { role: item["role"], text: at(part, "text") })
        } else if (type === "function_call_output") {
          const known = Array.from(items.values()).some(({ callId }) => callId === item["call_id"])
          if (!known) return error(event, "invalid_tool_call_id", "Tool call ID not found in conversation.")
          line.tell("tool", { output: item["output"] })
        } else {
          return error(event, "invalid_value", "Invalid value: 'item.type'.", "item.type")
        }
        const whole = { id: item["id"] ?? id("item"), status: "completed", ...item }
        addItem(whole, { audioMs: 0, type: String(type) })
        return send("conversation.item.done", { previous_item_id: last, item: whole })
      }
      case "conversation.item.truncate": {
        const entry = items.get(String(event["item_id"]))
        const ms = event["audio_end_ms"]
        if (entry === undefined) return error(event, "item_truncate_invalid_item_id", "Item not found.", "item_id")
        if (typeof ms !== "number" || !Number.isInteger(ms) || ms < 0 || ms > Math.ceil(entry.audioMs)) {
          return error(
            event,
            "invalid_value",
            `Audio content of ${entry.audioMs}ms is already shorter than ${String(ms)}ms`
          )
        }
        entry.audioMs = ms
        line.tell("truncated", { ms })
        return send("conversation.item.truncated", {
          item_id: event["item_id"],
          content_index: event["content_index"],
          audio_end_ms: ms
        })
      }
      case "conversation.item.delete":
        return items.delete(String(event["item_id"]))
          ? send("conversation.item.deleted", { item_id: event["item_id"] })
          : error(event, "item_delete_invalid_item_id", "Item not found.", "item_id")
      case "response.create": {
        const request = event["response"] ?? {}
        if (!isJson(request)) return error(event, "invalid_type", "Invalid type for 'response'.", "response")
        const unknown = Object.keys(request).find((key) => !RESPONSE_KEYS.has(key))
        if (unknown !== undefined) {
          return error(event, "unknown_parameter", `Unknown parameter: 'response.${unknown}'.`, `response.${unknown}`)
        }
        return active !== undefined && request["conversation"] !== "none"
          ? error(
            event,
            "conversation_already_has_active_response",
            "Conversation already has an active response in progress."
          )
          : respond(request)
      }
      case "response.cancel":
        line.tell("cancel")
        return active === undefined
          ? error(event, "response_cancel_not_active", "Cancellation failed: no active response found")
          : active.done("cancelled", "client_cancelled")
      default:
        return error(event, "invalid_value", `Invalid value: '${String(event["type"])}'.`, "type")
    }
  }
}

export const start = (options: FakeModelOptions = {}) =>
  serve(options, {
    refuse: (request) => {
      const url = new URL(request.url ?? "/", "ws://fake")
      if (!url.pathname.endsWith("/realtime")) return 404
      const keys = [KEY, ...options.keys ?? []]
      if (!keys.some((key) => request.headers.authorization === `Bearer ${key}`)) return 401
      return url.searchParams.get("model") === null ? 400 : undefined
    },
    serve: connection
  })
