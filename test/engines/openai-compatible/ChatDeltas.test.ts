import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import type { AiError, Response } from "effect/ai"
import { ChatDeltas } from "../../../src/engines/openai-compatible/ChatDeltas.ts"
import * as ChatErrors from "../../../src/engines/openai-compatible/ChatErrors.ts"

type Part = Response.StreamPartEncoded

/** All parts of a stream that comes in these pieces, or its failure. */
const decode = (pieces: ReadonlyArray<string>): Result.Result<ReadonlyArray<Part>, AiError.AiError> => {
  const deltas = new ChatDeltas({ status: 200, requestId: "req_1" })
  const parts: Array<Part> = []
  for (const step of [...pieces.map((piece) => () => deltas.push(piece)), () => deltas.end()]) {
    const result = step()
    if (Result.isFailure(result)) return result
    parts.push(...result.success)
  }
  return Result.succeed(parts)
}
const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const delta = (value: object, finish: string | null = null) =>
  event({ choices: [{ index: 0, delta: value, finish_reason: finish }] })
const call = (index: number | undefined, id: string | undefined, name: string | undefined, input?: unknown) =>
  delta({
    tool_calls: [{
      ...(index === undefined ? {} : { index }),
      ...(id === undefined ? {} : { id }),
      function: { name, arguments: input }
    }]
  })
const end = "data: [DONE]\n\n"

const partsOf = (...events: ReadonlyArray<string>) => Result.getOrThrow(decode(events))
const textOf = (parts: ReadonlyArray<Part>) =>
  parts.flatMap((part) => part.type === "text-delta" ? [part.delta] : []).join("")
const callsOf = (parts: ReadonlyArray<Part>) =>
  parts.flatMap((part) => part.type === "tool-call" ? [[part.id, part.name, part.params]] : [])
const finishOf = (parts: ReadonlyArray<Part>) => {
  const last = parts.at(-1)
  return last?.type === "finish" ? last.reason : undefined
}
const failureOf = (...events: ReadonlyArray<string>) => {
  const result = decode(events)
  return Result.isFailure(result) ? result.failure.reason : undefined
}

describe("ChatDeltas", () => {
  // as OpenAI's reference shows it
  const golden = [
    "data: {\"id\":\"chatcmpl-123\",\"object\":\"chat.completion.chunk\",\"created\":1694268190,\"model\":\"gpt-4o-mini\",\"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"chatcmpl-123\",\"object\":\"chat.completion.chunk\",\"created\":1694268190,\"model\":\"gpt-4o-mini\",\"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"chatcmpl-123\",\"object\":\"chat.completion.chunk\",\"created\":1694268190,\"model\":\"gpt-4o-mini\",\"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n",
    end
  ]

  it("decodes text as it arrives, and the finish reason", () => {
    const parts = partsOf(...golden)
    assert.deepStrictEqual(parts.map(({ type }) => type), ["text-start", "text-delta", "text-end", "finish"])
    assert.strictEqual(textOf(parts), "Hello")
    assert.strictEqual(finishOf(parts), "stop")
    const reasons: ReadonlyArray<readonly [string, string]> = [
      ["length", "length"],
      ["content_filter", "content-filter"],
      ["tool_calls", "tool-calls"],
      ["function_call", "tool-calls"],
      ["eos", "other"],
      ["toString", "other"]
    ]
    for (const [told, reason] of reasons) assert.strictEqual(finishOf(partsOf(delta({}, told))), reason)
    // some end without a word, and some without a reason
    assert.strictEqual(finishOf(partsOf(delta({ content: "a" }), end)), "stop")
    assert.strictEqual(textOf(partsOf(delta({ content: "a" }, "stop"))), "a")
  })

  it("assembles tool calls by their index, in the variants of different servers", () => {
    assert.deepStrictEqual(
      callsOf(partsOf(
        call(0, "a", "one", ""),
        call(1, "b", "two", "{\"x\""),
        call(0, undefined, undefined, "{\"y\":"),
        call(1, undefined, undefined, ":1}"),
        call(0, undefined, undefined, "2}"),
        end
      )),
      [["a", "one", { y: 2 }], ["b", "two", { x: 1 }]]
    )
    // no index; the same index for all; the id in each delta; no arguments; arguments that are no text; nonsense
    assert.deepStrictEqual(callsOf(partsOf(call(undefined, "a", "f", "{}"), call(undefined, "b", "g", "{}"), end)), [
      ["a", "f", {}],
      ["b", "g", {}]
    ])
    assert.deepStrictEqual(callsOf(partsOf(call(0, "a", "f", "{}"), call(0, "b", "g", "{}"), end)), [
      ["a", "f", {}],
      ["b", "g", {}]
    ])
    assert.deepStrictEqual(callsOf(partsOf(call(0, "a", "f", "{"), call(0, "a", "f", "}"), end)), [["a", "f", {}]])
    assert.deepStrictEqual(callsOf(partsOf(call(0, "a", "f"), end)), [["a", "f", {}]])
    assert.deepStrictEqual(callsOf(partsOf(call(0, "a", "f", { x: 1 }), end)), [["a", "f", { x: 1 }]])
    assert.deepStrictEqual(callsOf(partsOf(call(0, "a", "f", "{\"x\": 1"), delta({}, "length"))), [
      ["a", "f", "{\"x\": 1"]
    ])
    assert.deepStrictEqual(callsOf(partsOf(call(0, "a", "f", "{}"), delta({}, "content_filter"))), [])
  })

  it("passes on refusals as text, and ignores reasoning, other choices and unknown fields", () => {
    assert.strictEqual(
      textOf(partsOf(delta({ refusal: "I cannot" }), delta({ refusal: " do that." }), end)),
      "I cannot do that."
    )
    assert.strictEqual(
      textOf(partsOf(
        ": a comment\n\n",
        delta({ reasoning_content: "hm", reasoning: "hm", content: null, tool_calls: null }),
        event({ choices: [{ index: 1, delta: { content: "other" } }] }),
        event({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } }),
        event({ choices: null }),
        delta({ content: "a", audio: {} }, "stop"),
        end,
        delta({ content: "too late" })
      )),
      "a"
    )
  })

  it("fails on the server's errors and on malformed events", () => {
    assert.strictEqual(failureOf(delta({ content: "a" }))?._tag, "InternalProviderError")
    assert.strictEqual(failureOf()?._tag, "InternalProviderError")
    assert.strictEqual(failureOf("data: {\"choices\":\n\n")?._tag, "InvalidOutputError")
    assert.strictEqual(failureOf(event([]))?._tag, "InternalProviderError")
    // what cannot be read is passed over, unless nothing else came, or there is no end of it
    assert.strictEqual(
      textOf(partsOf(delta({ content: "a" }), "data: {garbage\n\n", delta({ content: "b" }), end)),
      "ab"
    )
    assert.strictEqual(failureOf("data: {garbage\n\n", delta({}, "stop"), end)?._tag, "InvalidOutputError")
    assert.strictEqual(
      failureOf(delta({ content: "a" }), ...Array(1_001).fill("data: {garbage\n\n"), delta({}, "stop"))?._tag,
      "InvalidOutputError"
    )
    const told = (error: unknown) => failureOf(delta({ content: "a" }), event({ error }), end)?._tag
    assert.strictEqual(told({ code: "insufficient_quota", type: "insufficient_quota" }), "QuotaExhaustedError")
    assert.strictEqual(told({ code: "rate_limit_exceeded", type: "tokens" }), "RateLimitError")
    assert.strictEqual(told({ code: null, type: "server_error", message: "sk-secret" }), "InternalProviderError")
    assert.strictEqual(told("the model has crashed"), "InternalProviderError")
    assert.strictEqual(failureOf("data: ".padEnd(5_000_000, "x"), "\n", delta({}, "stop"))?._tag, "InvalidOutputError")
    assert.strictEqual(textOf(partsOf("data: ".padEnd(5_000_000, "x"), "\n", delta({ content: "a" }, "stop"))), "a")
    assert.strictEqual(
      failureOf(...Array(50).fill(delta({ content: "x".repeat(100_000) })))?._tag,
      "InvalidOutputError"
    )
  })

  it("passes on reasoning as such, of any length, and keeps none of it", () => {
    const parts = partsOf(
      delta({ reasoning_content: "hm" }),
      ...Array(50).fill(delta({ reasoning: "x".repeat(100_000) })),
      delta({
        content: [{ type: "thinking", thinking: [{ type: "text", text: "hm" }] }, { type: "text", text: "Hello" }]
      }),
      delta({ content: { parts: [{ text: "hm", thought: true }, { text: "." }] } }, "stop")
    )
    assert.strictEqual(textOf(parts), "Hello.")
    const types = parts.map(({ type }) => type).filter((type) => type !== "reasoning-delta")
    assert.deepStrictEqual(types.slice(0, 3), ["reasoning-start", "reasoning-end", "text-start"])
    assert.strictEqual(parts.filter(({ type }) => type === "reasoning-delta").length, 53)
  })

  it("puts the tag of a thought that the chat template has opened back in front", () => {
    const read = (...events: ReadonlyArray<string>) => {
      const deltas = new ChatDeltas({ status: 200 }, { startsInThought: true })
      return textOf([...events, end].flatMap((event) => Result.getOrThrow(deltas.push(event))))
    }
    assert.strictEqual(
      read(delta({ content: "\n" }), delta({ content: "Well." }), delta({ content: "</think>Hello." })),
      "\n<think>\nWell.</think>Hello."
    )
    assert.strictEqual(read(delta({ content: "<think>" }), delta({ content: "a</think>b" })), "<think>a</think>b")
    assert.strictEqual(read(delta({ reasoning_content: "a" }), delta({ content: "b" })), "b")
  })

  it("tells calls apart by what they say, not by index or id alone", () => {
    const read = (...events: ReadonlyArray<string>) => callsOf(partsOf(...events, delta({}, "stop")))
    const paris = "{\"city\":\"Paris\"}"
    const rome = "{\"city\":\"Rome\"}"
    // Gemini's endpoint: one index and no id for all
    assert.deepStrictEqual(read(call(0, undefined, "weather", paris), call(0, undefined, "weather", rome)), [
      ["call_1", "weather", { city: "Paris" }],
      ["call_2", "weather", { city: "Rome" }]
    ])
    // the name of the tool for an id
    assert.deepStrictEqual(read(call(0, "weather", "weather", paris), call(0, "weather", "weather", rome)), [
      ["weather", "weather", { city: "Paris" }],
      ["call_2", "weather", { city: "Rome" }]
    ])
    // told twice, with its id or without
    assert.strictEqual(read(call(0, "a", "weather", paris), call(1, "a", "weather", paris)).length, 1)
    assert.strictEqual(read(call(0, "", "weather", paris), call(0, "", "weather", paris)).length, 1)
    assert.strictEqual(read(call(0, "a", "roll", "{}"), call(1, "b", "roll", "{}")).length, 2)
    // an id alone begins nothing
    assert.deepStrictEqual(read(call(0, "a", "weather", "{\"city\":"), call(0, "b", undefined, "\"Rome\"}")), [
      ["a", "weather", { city: "Rome" }]
    ])
    for (const none of [undefined, null, "", " ", "null", "{}", "[]", {}, "\"{}\"", "None", "undefined"]) {
      assert.deepStrictEqual(read(call(0, "a", "time", none)), [["a", "time", {}]], JSON.stringify(none))
    }
    assert.deepStrictEqual(read(call(0, "a", "note", "{\"text\":\"a\nb\"}")), [["a", "note", { text: "a\nb" }]])
    assert.deepStrictEqual(read(call(0, "a", "note", "{city: Paris}")), [["a", "note", "{city: Paris}"]])
    assert.deepStrictEqual(read(call(0, "a", undefined, paris)), [])
  })

  it("reads arguments with the mistakes of models and servers", () => {
    const read = (finish: string, ...inputs: ReadonlyArray<string>) =>
      callsOf(partsOf(
        call(0, "a", "weather", ""),
        ...inputs.map((input) => call(0, undefined, undefined, input)),
        delta({}, finish)
      )).map(([, , params]) => params)
    const paris = { city: "Paris" }
    for (
      const inputs of [
        ["```json\n{\"city\":", "\"Paris\"}\n```"],
        ["[{\"city\":\"Paris\"}]"],
        ["{'city': ", "'Paris'}"],
        // each piece tells all so far
        ["{\"ci", "{\"city\":\"Pa", "{\"city\":\"Paris\"}"],
        ["{", "{\"city\"", "{\"city\":\"Paris\"}", "{\"city\":\"Paris\"}"],
        // broken off, and told again
        ["", "{\"city\":\"Par{\"city\":\"Paris\"}"],
        // the last bracket is lost
        ["{\"city\":\"Paris\""]
      ]
    ) assert.deepStrictEqual(read("tool_calls", ...inputs), [paris], inputs.join(" "))
    // cut off is not lost
    for (const cut of ["{\"city\":\"Par", "{\"city\":\"Paris\"", "{\"city\":"]) {
      assert.deepStrictEqual(read("length", cut), [cut])
    }
    const named = new ChatDeltas({ status: 200 }, { tools: ["weather", "time"] })
    const event = call(0, "a", "functions.weather:0", "{}") + call(1, "b", "Time<|channel|>commentary", "{}")
    const parts = [named.push(event), named.push(delta({}, "stop")), named.end()].flatMap((part) =>
      Result.getOrThrow(part)
    )
    assert.deepStrictEqual(callsOf(parts).map(([, name]) => name), ["weather", "time"])
  })

  it("takes no more levels of JSON than can be read: arguments stay text, and a chunk is passed over", () => {
    const nested = (open: string, close: string) => open.repeat(50_000) + "1" + close.repeat(50_000)
    const args = `{"city":${nested("[", "]")}}`
    const twice = [call(0, "a", "weather", args), call(1, "", "weather", args), delta({}, "tool_calls"), end]
    assert.deepStrictEqual(callsOf(partsOf(...twice)), [["a", "weather", args]])
    const chunks = [
      nested("[", "]"),
      nested("{\"error\":", "}"),
      `{"choices":[{"index":0,"delta":{"content":${nested("{\"text\":", "}")}}}]}`,
      `{"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"name":"a","arguments":${nested("[", "]")}}}]}}]}`
    ].map((json) => `data: ${json}\n\n`)
    assert.strictEqual(textOf(partsOf(...chunks, delta({ content: "hi" }, "stop"), end)), "hi")
    assert.strictEqual(failureOf(...chunks, end)?._tag, "InvalidOutputError")
  })

  it("maps an error within the stream by the code and the status that it names", () => {
    const cases: ReadonlyArray<readonly [unknown, string, string | undefined]> = [
      [{ error: { message: "no", type: "None", param: "None", code: "429" } }, "RateLimitError", undefined],
      [[{ error: { code: 429, message: "no", status: "RESOURCE_EXHAUSTED" } }], "RateLimitError", "RESOURCE_EXHAUSTED"],
      [{ error: { code: 401, message: "no" } }, "AuthenticationError", undefined],
      [{ error: "model 'x' not found" }, "InternalProviderError", undefined],
      [
        { object: "error", message: "no", type: "BadRequestError", code: 400 },
        "InvalidRequestError",
        "BadRequestError"
      ],
      [{ error: { message: "no", code: "content_filter", status: 400 } }, "InvalidRequestError", "content_filter"],
      [{ type: "error", error: { type: "overloaded_error" } }, "InternalProviderError", "overloaded_error"],
      [{ choices: [{ error: { code: 402 }, finish_reason: "error" }] }, "QuotaExhaustedError", undefined],
      [{ choices: [{ delta: { content: "" }, finish_reason: "error" }] }, "InternalProviderError", undefined],
      [{ detail: "no" }, "InternalProviderError", undefined],
      [{ success: false, errors: [{ code: 403 }] }, "AuthenticationError", undefined]
    ]
    for (const [body, tag, code] of cases) {
      for (const told of [event(body), JSON.stringify(body), JSON.stringify(body, undefined, 2)]) {
        const reason = failureOf(delta({ content: "a" }), told)
        assert.strictEqual(reason?._tag, tag, told)
        const metadata: { readonly [vendor: string]: unknown } = reason !== undefined && "metadata" in reason
          ? reason.metadata
          : {}
        assert.deepStrictEqual(metadata["openai-compatible"], code === undefined ? undefined : { code }, told)
      }
    }
    assert.strictEqual(failureOf("event: error\ndata: it broke\n\n")?._tag, "InternalProviderError")
    assert.strictEqual(failureOf("error: {\"code\":429,\"message\":\"no\"}\n\n")?._tag, "RateLimitError")
    assert.strictEqual(failureOf("event: error\ndata: {\"code\": 429}\n\n")?._tag, "RateLimitError")
    // what is no error, or comes when all has been said
    assert.strictEqual(textOf(partsOf(event({ error: {}, choices: [{ delta: { content: "a" } }] }), end)), "a")
    assert.strictEqual(textOf(partsOf(delta({ content: "a" }, "stop"), event({ error: { code: 500 } }))), "a")
  })

  it("reads a body by what it is, whatever it is called", () => {
    const message = { role: "assistant", content: "Hello." }
    const bodies: ReadonlyArray<string> = [
      JSON.stringify({ choices: [{ index: 0, message, finish_reason: "stop" }] }),
      JSON.stringify({ choices: [{ message }] }, undefined, 2),
      JSON.stringify({ choices: [{ text: "Hello.", finish_reason: "stop" }] }),
      `${JSON.stringify({ message: { content: "Hel" }, done: false })}\n${
        JSON.stringify({ message: { content: "lo." }, done: true, done_reason: "stop" })
      }`,
      JSON.stringify([{ candidates: [{ content: { parts: [{ text: "Hello." }] }, finishReason: "STOP" }] }]),
      delta({ content: "Hello." }) + JSON.stringify({ choices: [{ delta: {}, finish_reason: "stop" }] }),
      delta({ content: "Hello." }) + "data: [DONE]",
      delta({ content: "Hello." }) + delta({}, "stop").trimEnd(),
      delta({ content: "Hel" }) + delta({ content: "lo." }) +
      event({ choices: [{ delta: {}, message, finish_reason: "stop" }] })
    ]
    for (const body of bodies) assert.strictEqual(textOf(partsOf(body)), "Hello.", body)
    const messages = ["He", "Hello", "Hello."].map((content) => event({ choices: [{ message: { content } }] }))
    assert.strictEqual(textOf(partsOf(...messages, end)), "Hello.")
    const laugh = ["ha", "ha", "."].map((content) => event({ choices: [{ message: { content } }] }))
    assert.strictEqual(textOf(partsOf(...laugh, end)), "haha.")
    const long = "Hello, and a good day."
    const again = delta({ content: "Hello, " }) + delta({ content: "and a good day." }) +
      delta({ content: long }, "stop")
    assert.strictEqual(textOf(partsOf(again)), long)
    // what is left of an event stream without its line breaks
    const events = [delta({ content: "Hel" }), delta({ content: "lo." }), delta({}, "stop"), end].map((each) =>
      each.trim()
    )
    for (const between of ["", " ", "\\n\\n", "\n\u001e"]) {
      const joined = events.join(between)
      for (const body of [joined, joined.replaceAll("data: ", "")]) {
        assert.strictEqual(textOf(partsOf(body)), "Hello.", body)
        assert.strictEqual(textOf(partsOf(...body)), "Hello.", body)
      }
    }
    assert.strictEqual(textOf(partsOf("{}".repeat(500_000), delta({ content: "Hello." }), end)), "Hello.")
    assert.strictEqual(failureOf("<html><body>Bad gateway</body></html>")?._tag, "InternalProviderError")
  })

  const Word = Schema.String.check(Schema.isMaxLength(12))
  const Input = Schema.Record(Word, Schema.Union([Word, Schema.Int, Schema.Boolean]))
  const size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))
  it.prop("gives the same parts for any division of the stream", [
    Schema.Array(Word),
    Schema.Array(Input).check(Schema.isMaxLength(4)),
    Schema.Literals(["\n\n", "\r\n\r\n", "\r\r"]),
    Schema.NonEmptyArray(size)
  ], ([words, inputs, newline, sizes]) => {
    const pieces = inputs.flatMap((input, index) => {
      const json = JSON.stringify(input)
      const half = Math.floor(json.length / 2)
      return [
        call(index, `id${index}`, "f", ""),
        call(index, undefined, undefined, json.slice(0, half)),
        call(index, undefined, undefined, json.slice(half))
      ]
    })
    const whole = [...words.map((content) => delta({ content })), ...pieces, delta({}, "stop"), end]
      .map((each) => each.slice(0, -2) + newline).join("")
    const cut: Array<string> = []
    for (let at = 0, i = 0; at < whole.length; i++) {
      const next = at + (sizes[i % sizes.length] ?? 1)
      cut.push(whole.slice(at, next))
      at = next
    }
    const parts = Result.getOrThrow(decode(cut))
    assert.strictEqual(textOf(parts), words.join(""))
    assert.deepStrictEqual(
      callsOf(parts).map(([, , params]) => JSON.stringify(params)),
      inputs.map((input) => JSON.stringify(input))
    )
    assert.deepStrictEqual(parts, Result.getOrThrow(decode([whole])))
  })

  it.prop("never throws, for any text", [
    Schema.Array(Schema.Union([Schema.String, Schema.Json, Schema.Struct({ choices: Schema.Json })]))
  ], ([pieces]) => {
    const result = decode(pieces.map((piece) => typeof piece === "string" ? piece : event(piece)))
    assert.isTrue(Result.isFailure(result) || finishOf(result.success) !== undefined)
  })
})

describe("ChatErrors", () => {
  it("maps status and codes to errors", () => {
    const cases: ReadonlyArray<readonly [number, unknown, string]> = [
      [400, { error: { type: "invalid_request_error" } }, "InvalidRequestError"],
      [401, { error: { code: "invalid_api_key" } }, "AuthenticationError"],
      [402, {}, "QuotaExhaustedError"],
      [403, {}, "AuthenticationError"],
      [404, { error: { code: "model_not_found" } }, "InvalidRequestError"],
      [408, {}, "InternalProviderError"],
      [422, { detail: [{ loc: [] }] }, "InvalidRequestError"],
      [429, { error: { code: "rate_limit_exceeded" } }, "RateLimitError"],
      [429, { error: { type: "insufficient_quota" } }, "QuotaExhaustedError"],
      [500, "oops", "InternalProviderError"],
      [503, { object: "error", type: "overloaded" }, "InternalProviderError"]
    ]
    for (const [status, body, tag] of cases) {
      assert.strictEqual(
        ChatErrors.fromResponse({ status }, ChatErrors.faultOf(body) ?? { codes: [] })._tag,
        tag,
        `${status}`
      )
    }
  })
})
