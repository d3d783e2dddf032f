/**
 * The Gemini Live API as documented: setup, automatic and manual activity detection, transcriptions, tools, interruption,
 * session resumption and goAway. Frames are binary frames of JSON, as the service's are. Built from the reference; the
 * official client is held against it in `test/engines/gemini`.
 */
import { Buffer } from "node:buffer"
import { type Answer, type FakeModelOptions, type Line, LOUD, speech, start as serve } from "./FakeModel.ts"

export const KEY = "gemini-test-key"

export interface FakeGeminiOptions extends FakeModelOptions {
  /** Issues resumption handles; `refuse` accepts none of them. */
  readonly resumption?: "accept" | "refuse" | undefined
  /** Sends `goAway` so many ms after the setup of the first connection. */
  readonly goAwayAfterMs?: number | undefined
  /** Sends activity signals, as the service does on some platforms. */
  readonly signals?: boolean | undefined
}

type Json = { readonly [key: string]: unknown }
const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)
const at = (value: unknown, ...path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((found, key) => isJson(found) ? found[key] : undefined, value)

const SETUP_KEYS = new Set([
  "model",
  "generationConfig",
  "systemInstruction",
  "tools",
  "realtimeInputConfig",
  "sessionResumption",
  "contextWindowCompression",
  "inputAudioTranscription",
  "outputAudioTranscription",
  "proactivity",
  "historyConfig",
  "safetySettings"
])

const connection = (options: FakeGeminiOptions) => (line: Line) => {
  let setup: Json | undefined
  let manual = false
  let seeding = false
  let speaking = false
  let activity = false
  let quiet = 0
  let samples = 0
  let count = 0
  let waiting: ReadonlyArray<string> = []
  let active: { readonly stop: () => void } | undefined
  const { send } = line
  const invalid = (reason: string) => line.close(1007, reason)

  const finish = () => {
    active = undefined
    send({ serverContent: { generationComplete: true } })
    send({ serverContent: { turnComplete: true }, usageMetadata: { totalTokenCount: 1 } })
    if (options.resumption !== undefined) {
      send({ sessionResumptionUpdate: { newHandle: `handle-${line.index}-${++count}`, resumable: true } })
    }
  }
  const answer = (text?: string) => {
    const next: Answer | undefined = text === undefined ? line.nextAnswer() : { text }
    line.tell("response")
    if (next === undefined || next.how === "never") return
    let stopped = false
    active = {
      stop: () => {
        stopped = true
      }
    }
    const say = () => {
      if (stopped) return
      if (next.call !== undefined) {
        const call = { id: `call-${line.index}-${++count}`, name: next.call.name, args: next.call.input }
        waiting = [call.id]
        return send({ toolCall: { functionCalls: [call] } })
      }
      if (next.how === "empty" || next.how === "writes") {
        const thought = { text: "The user wants an answer.", thought: true }
        const parts = next.how === "empty" ? [thought] : [thought, { text: next.text }]
        active = undefined
        send({ serverContent: { modelTurn: { role: "model", parts } } })
        return send({ serverContent: { turnComplete: true } })
      }
      const pieces = speech(next.text, 24_000)
      line.tell("speaks")
      const step = (n: number) => {
        if (stopped) return
        const piece = pieces[n]
        if ((next.how === "stalls" && n === 2) || (piece === undefined && next.how === "has no end")) return
        if (piece === undefined) return finish()
        const audio = Buffer.from(piece.pcm.buffer, piece.pcm.byteOffset, piece.pcm.byteLength)
        const data = n > 0 || next.malformed === undefined
          ? audio.toString("base64")
          : next.malformed === "odd"
          ? audio.subarray(1).toString("base64")
          : "not base64!"
        if (setup?.["outputAudioTranscription"] !== undefined) {
          send({ serverContent: { outputTranscription: { text: piece.text } } })
        }
        send({
          serverContent: {
            modelTurn: { role: "model", parts: [{ inlineData: { mimeType: "audio/pcm;rate=24000", data } }] }
          }
        })
        if (next.paceMs === undefined) step(n + 1)
        else line.after(next.paceMs, () => step(n + 1))
      }
      step(0)
    }
    if (next.delayMs === undefined) say()
    else line.after(next.delayMs, say)
  }
  const interrupt = () => {
    if (active === undefined) return
    active.stop()
    active = undefined
    if (waiting.length > 0) send({ toolCallCancellation: { ids: waiting } })
    waiting = []
    send({ serverContent: { interrupted: true } })
    send({ serverContent: { turnComplete: true } })
  }
  const begin = () => {
    samples = 0
    if (options.signals === true) send({ voiceActivity: { voiceActivityType: "ACTIVITY_START" } })
    interrupt()
  }
  const end = () => {
    if (options.signals === true) send({ voiceActivity: { voiceActivityType: "ACTIVITY_END" } })
    line.tell("turn", { ms: Math.round(samples / 16) })
    if (setup?.["inputAudioTranscription"] !== undefined) {
      const transcript = line.nextTranscript() ?? ""
      for (const text of transcript.split(/(?= )/u)) {
        if (text !== "") send({ serverContent: { inputTranscription: { text } } })
      }
    }
    answer()
  }
  const hear = (pcm: Int16Array) => {
    if (manual) {
      if (activity) samples += pcm.length
      return
    }
    for (const sample of pcm) {
      samples++
      if (Math.abs(sample) >= LOUD) {
        quiet = 0
        if (speaking) continue
        speaking = true
        begin()
      } else if (speaking && ++quiet >= 200 * 16) {
        speaking = false
        quiet = 0
        end()
      }
    }
  }
  const onSetup = (given: Json) => {
    const unknown = Object.keys(given).find((key) => !SETUP_KEYS.has(key))
    if (unknown !== undefined) return invalid(`Invalid JSON payload received. Unknown name "${unknown}" at 'setup'`)
    if (typeof given["model"] !== "string" || !given["model"].startsWith("models/")) {
      return invalid("setup.model: expected models/…")
    }
    const handle = at(given, "sessionResumption", "handle")
    if (handle !== undefined) {
      line.tell("resume", { handle })
      if (options.resumption !== "accept") return invalid("Session resumption handle is not valid.")
    }
    setup = given
    manual = at(given, "realtimeInputConfig", "automaticActivityDetection", "disabled") === true
    seeding = at(given, "historyConfig", "initialHistoryInClientContent") === true
    line.tell("session", { session: given })
    send({ setupComplete: {} })
    if (!seeding) line.tell("ready")
    const { goAwayAfterMs } = options
    if (line.index > 0 || goAwayAfterMs === undefined) return
    line.after(goAwayAfterMs, () => send({ goAway: { timeLeft: "10s" } }))
  }
  const onRealtime = (input: Json) => {
    const { activityEnd, activityStart, audio, text } = input
    if (isJson(audio)) {
      const { data, mimeType } = audio
      if (mimeType !== "audio/pcm;rate=16000" || typeof data !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/u.test(data)) {
        return invalid("Invalid audio.")
      }
      const bytes = Buffer.from(data, "base64")
      if (bytes.length % 2 !== 0) return invalid("Invalid audio: half a sample.")
      return hear(new Int16Array(new Uint8Array(bytes).buffer))
    }
    if (activityStart !== undefined || activityEnd !== undefined) {
      if (!manual) {
        return invalid("Explicit activity control is not supported when automatic activity detection is enabled.")
      }
      if (activityStart !== undefined) {
        activity = true
        typed = undefined
        return begin()
      }
      if (!activity) return invalid("activityEnd without activityStart.")
      activity = false
      if (typed === undefined) return end()
      return onText(typed)
    }
    if (typeof text !== "string") return
    if (manual) typed = text
    else onText(text)
  }
  let typed: string | undefined
  const onText = (text: string) => {
    if (!text.startsWith("Say exactly")) line.tell("message", { role: "user", text })
    interrupt()
    answer(text.startsWith("Say exactly") ? text.split("\n\n").slice(1).join("\n\n") : undefined)
  }

  return (message: string): void => {
    let value: unknown
    try {
      value = JSON.parse(message)
    } catch {
      value = undefined
    }
    if (!isJson(value) || Object.keys(value).length !== 1) return invalid("Request contains an invalid argument.")
    const { clientContent, realtimeInput, setup: given, toolResponse } = value
    if (isJson(given)) return setup === undefined ? onSetup(given) : invalid("setup must only be the first message.")
    if (setup === undefined) return invalid("setup must be the first message.")
    if (isJson(clientContent)) {
      const { turns } = clientContent
      for (const turn of Array.isArray(turns) ? turns : []) {
        const part: unknown = Array.isArray(at(turn, "parts")) ? (at(turn, "parts") as Array<unknown>)[0] : undefined
        line.tell("message", { role: at(turn, "role"), text: at(part, "text") })
      }
      if (clientContent["turnComplete"] !== true) return
      if (seeding) {
        seeding = false
        return line.tell("ready")
      }
      interrupt()
      return answer()
    }
    if (isJson(realtimeInput)) return onRealtime(realtimeInput)
    if (isJson(toolResponse)) {
      const responses = toolResponse["functionResponses"]
      for (const response of Array.isArray(responses) ? responses : []) {
        line.tell("tool", { output: at(response, "response"), name: at(response, "name") })
        const id = at(response, "id")
        if (!waiting.includes(String(id))) continue
        waiting = waiting.filter((other) => other !== id)
        if (waiting.length === 0) answer()
      }
      return
    }
    return invalid("Request contains an invalid argument.")
  }
}

export const start = (options: FakeGeminiOptions = {}) =>
  serve(options, {
    binary: true,
    refuse: (request) => {
      const url = new URL(request.url ?? "/", "ws://fake")
      if (!url.pathname.endsWith(".GenerativeService.BidiGenerateContent")) return 404
      return [KEY, ...options.keys ?? []].includes(url.searchParams.get("key") ?? "") ? undefined : 401
    },
    serve: connection(options)
  })
