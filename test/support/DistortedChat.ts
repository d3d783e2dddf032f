/**
 * The stream of a chat completion as servers really send it: one response, told in many wrong ways.
 *
 * Each distortion is one that a server or a proxy has been seen to make. Combinations in which nobody could tell what was
 * meant (two equal calls of which each piece has another id) are made harmless by `settle`.
 */
import { Schema } from "effect"

export interface ChatReply {
  readonly texts: ReadonlyArray<string>
  readonly calls: ReadonlyArray<{ readonly name: string; readonly params: object }>
}

const Flag = Schema.Boolean

export const Distortion = Schema.Struct({
  framing: Schema.Literals(["\n\n", "\r\n\r\n", "\r\r", "\n", "joined", "lines", "document", "list"]),
  space: Schema.Literals(["data: ", "data:", " data:\t", "DATA: ", "data: data: "]),
  bom: Flag,
  endless: Flag,
  keepAlive: Schema.Literals(["none", "comment", "empty", "word", "ping", "blank", "event", "object"]),
  unreadable: Flag,
  done: Schema.Literals(["end", "missing", "middle", "first", "quoted"]),
  finish: Schema.Literals(["last", "each", "missing", "number"]),
  content: Schema.Literals(["string", "parts", "output_text", "object", "mixed", "message", "nested"]),
  reasoning: Schema.Literals(["none", "reasoning_content", "reasoning", "thinking", "part"]),
  index: Schema.Literals(["real", "zero", "missing", "string", "null", "counting"]),
  id: Schema.Literals(["real", "first", "missing", "empty", "null", "same", "changing", "number"]),
  name: Schema.Literals(["once", "each", "split", "growing", "late"]),
  input: Schema.Literals(["pieces", "whole", "object", "twice", "encoded", "fenced", "after {}"]),
  noInput: Schema.Literals(["{}", "", "null", "none", "word null", "[]", " "]),
  call: Schema.Literals(["tool_calls", "object", "flat", "one delta", "function_call"]),
  repeated: Flag,
  noise: Schema.Literals(["none", "usage", "nulls", "other choice", "no choices", "unknown"])
})
export type Distortion = typeof Distortion.Type

/** Takes back what, together, would leave no trace of what was meant. */
const settle = (how: Distortion, { calls, texts }: ChatReply): Distortion => {
  const framing = how.framing
  const isDocument = framing === "document" || framing === "list"
  const pieced = how.input !== "object" && how.input !== "after {}"
  const told = { ...how }
  const set = (change: Partial<Distortion>) => Object.assign(told, change)
  // nothing says where a chunk ends that cannot be read
  if (framing === "joined") set({ keepAlive: "none", unreadable: false })
  if (isDocument || framing === "lines") set({ keepAlive: how.keepAlive === "blank" ? "blank" : "none" })
  if (isDocument) set({ done: "missing", unreadable: false, finish: how.finish === "missing" ? "last" : how.finish })
  if (how.finish === "each" && (how.done === "middle" || how.done === "first")) set({ done: "end" })
  if (how.finish === "each" && how.content === "message") set({ content: "string" })
  if ((how.finish === "missing" || how.finish === "number") && told.done === "missing") set({ finish: "last" })
  // an id of its own for each piece, with the name in each, is another call for each
  if (how.id === "changing" && how.name === "each") set({ name: "once" })
  // two calls of one tool, the first without arguments?
  if (how.name === "each" && how.input === "after {}" && !["real", "number", "same"].includes(how.id)) {
    set({ input: "pieces" })
  }
  if (how.name !== "once" && how.name !== "each" && !pieced) set({ name: "once" })
  if (how.call === "function_call" && (calls.length !== 1 || texts.length === 0)) set({ call: "tool_calls" })
  if (how.call === "object" && how.index !== "real") set({ call: "tool_calls" })
  if (how.call === "one delta" && (how.name !== "once" || how.input === "twice" || how.input === "after {}")) {
    set({ call: "tool_calls" })
  }
  if (told.call === "function_call") set({ id: "missing", input: how.input === "after {}" ? "pieces" : how.input })
  // "time" and then "time_": the next piece of a name, or the next call?
  if (
    how.name === "split" && told.index !== "real" && told.index !== "string" &&
    calls.some(({ name }) => name === "time")
  ) {
    set({ name: "once" })
  }
  if (how.content === "message") set({ repeated: false })
  return told
}

const cut = (text: string, count: number): ReadonlyArray<string> => {
  const size = Math.max(1, Math.ceil(text.length / count))
  return Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size))
}

const contentOf = (text: string, how: Distortion): unknown => {
  switch (how.content) {
    case "parts":
      return [{ type: "text", text }]
    case "output_text":
      return [{ type: "output_text", text, annotations: [] }]
    case "object":
      return { type: "text", text }
    case "mixed":
      return [
        { type: "thinking", thinking: [{ type: "text", text: "hm" }] },
        { type: "image_url", image_url: {} },
        text
      ]
    case "nested":
      return { parts: [{ text: "hm", thought: true }, { text }] }
    default:
      return text
  }
}

const callPieces = (reply: ChatReply, how: Distortion): ReadonlyArray<object> => {
  let count = 0
  return reply.calls.flatMap(({ name, params }, at) => {
    const isEmpty = Object.keys(params).length === 0
    const json = JSON.stringify(params)
    const encoded = how.input === "encoded" ? JSON.stringify(json) : json
    const none: { readonly [form: string]: unknown } = { none: undefined, "null": null, "word null": "null" }
    const inputs: ReadonlyArray<unknown> = isEmpty
      ? [how.noInput in none ? none[how.noInput] : how.noInput]
      : how.input === "object"
      ? [params]
      : how.input === "whole"
      ? [json]
      : how.input === "fenced"
      ? cut(`\`\`\`json\n${json}\n\`\`\``, 3)
      : how.input === "twice"
      ? [...cut(json, 3), json]
      : how.input === "after {}"
      ? ["{}", ...cut(json, 2)]
      : ["", ...cut(encoded, 3)]
    const names = how.name === "split"
      ? cut(name, 2)
      : how.name === "growing"
      ? [name.slice(0, 2), name]
      : how.name === "late"
      ? [undefined, name]
      : [name]
    const steps = Math.max(1, names.length > 1 ? names.length - 1 + inputs.length : inputs.length)
    return Array.from({ length: steps }, (_, step) => {
      const id = {
        real: `id_${at}`,
        first: step === 0 ? `id_${at}` : undefined,
        missing: undefined,
        empty: "",
        "null": null,
        same: "call",
        changing: `r${count}`,
        number: at
      }[how.id]
      const index = {
        real: at,
        zero: 0,
        missing: undefined,
        string: String(at),
        "null": null,
        counting: count
      }[how.index]
      count++
      const told = how.name === "each" ? name : names[step]
      // a name in pieces is told before the arguments
      const input = names.length > 1 ? inputs[step - names.length + 1] : inputs[step]
      const inner = {
        ...(told === undefined ? {} : { name: told }),
        ...(input === undefined ? {} : { arguments: input })
      }
      const rest = { ...(index === undefined ? {} : { index }), ...(id === undefined ? {} : { id }) }
      return how.call === "flat" ? { ...rest, ...inner } : { ...rest, type: "function", function: inner }
    })
  })
}

const wrap = (delta: object, how: Distortion, finish: unknown): object => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  ...(how.noise === "usage" ? { usage: { prompt_tokens: "3", completion_tokens: null, extra: {} } } : {}),
  ...(how.noise === "nulls" ? { error: null, usage: null, model: null, created: "x" } : {}),
  ...(how.noise === "unknown" ? { x_groq: { id: 1 }, error: {}, service_tier: [] } : {}),
  choices: [
    ...(how.noise === "other choice" ? [{ index: 1, delta: { content: "other" }, finish_reason: "stop" }] : []),
    {
      index: how.noise === "nulls" ? null : how.noise === "usage" ? "0" : 0,
      ...(how.content === "message" ? { message: delta } : { delta }),
      ...(how.noise === "unknown" ? { logprobs: "no", content_filter_results: { hate: {} } } : {}),
      finish_reason: finish
    }
  ]
})

const thoughtOf = (how: Distortion): ReadonlyArray<object> =>
  how.reasoning === "none"
    ? []
    : how.reasoning === "part"
    ? [{ content: [{ type: "reasoning", text: "hm" }] }]
    : [{ [how.reasoning]: "hm" }]

/** The body of the response, and its text and calls as any reader should understand them. */
export const body = (reply: ChatReply, distortion: Distortion): string => {
  const how = settle(distortion, reply)
  const pieces = callPieces(reply, how)
  const calls: ReadonlyArray<object> = pieces.length === 0
    ? []
    : how.call === "function_call"
    ? pieces.map((piece) => ({ function_call: "function" in piece ? piece.function : piece }))
    : how.call === "one delta"
    ? [{ tool_calls: pieces }]
    : pieces.map((piece) => ({ tool_calls: how.call === "object" ? piece : [piece] }))
  const deltas = [
    { role: "assistant", content: how.noise === "nulls" ? null : "" },
    ...thoughtOf(how),
    ...reply.texts.map((text) => ({ content: contentOf(text, how) })),
    ...calls
  ]
  const each = how.finish === "each" ? "stop" : null
  const chunks: Array<object> = deltas.map((delta) => wrap(delta, how, each))
  if (how.noise === "no choices") chunks.splice(1, 0, { choices: [], prompt_filter_results: [] }, { choices: null })
  const message = {
    role: "assistant",
    content: reply.texts.join(""),
    tool_calls: reply.calls.map(({ name, params }, at) => ({
      id: `again_${at}`,
      function: { name, arguments: JSON.stringify(params) }
    }))
  }
  const finish = how.finish === "missing" ? null : how.finish === "number" ? 1 : "stop"
  chunks.push({ choices: [{ index: 0, delta: {}, ...(how.repeated ? { message } : {}), finish_reason: finish }] })
  return framed(chunks, how)
}

const KEEP_ALIVE: { readonly [kind: string]: string } = {
  comment: ": PROCESSING\n\n",
  empty: "data:\n\n",
  word: "data: keepalive\n\n",
  ping: "event: ping\ndata: {\"type\": \"ping\"}\n\n",
  event: "event: heartbeat\n\n",
  blank: "\n  \n",
  object: "data: {}\n\n"
}

const framed = (chunks: ReadonlyArray<object>, how: Distortion): string => {
  if (how.framing === "document" || how.framing === "list") {
    return how.framing === "list"
      ? JSON.stringify(chunks, undefined, 2)
      : chunks.map((chunk) => JSON.stringify(chunk, undefined, 1)).join("\n").concat("\n")
  }
  const isLines = how.framing === "lines"
  const events = chunks.map((chunk) => (isLines ? "" : how.space) + JSON.stringify(chunk))
  const done = (isLines ? "" : how.space) + (how.done === "quoted" ? "\"[DONE]\"" : "[DONE]")
  if (how.unreadable) events.splice(1, 0, `${isLines ? "" : how.space}{"choices":[{"delta":{"content":`)
  const place = {
    end: events.length,
    quoted: events.length,
    middle: Math.ceil(events.length / 2),
    first: 0,
    missing: -1
  }
  if (place[how.done] >= 0) events.splice(place[how.done], 0, done)
  const newline = isLines ? "\n" : how.framing === "joined" ? "" : how.framing
  const whole = events.map((event) => {
    const keepAlive = (KEEP_ALIVE[how.keepAlive] ?? "").replaceAll(
      "\n",
      newline.slice(0, Math.ceil(newline.length / 2))
    )
    return keepAlive + event + newline
  }).join("")
  return (how.bom ? "\uFEFF" : "") + (how.endless ? whole.trimEnd() : whole)
}

/** A random distortion. */
export const random = (next: () => number): Distortion => {
  const pick = <A>(options: ReadonlyArray<A>): A => options[Math.floor(next() * options.length)]!
  const fields = Object.entries(Distortion.fields).map(([name, field]) => [
    name,
    "literals" in field ? pick(field.literals as ReadonlyArray<unknown>) : next() < 0.5
  ])
  return Object.fromEntries(fields) as Distortion // one value for each of its fields
}
