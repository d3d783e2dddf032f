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
        delta({ content: "a", audio: {} }, ""),
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
    assert.strictEqual(failureOf(event({ choices: [{ delta: { content: 1 } }] }))?._tag, "InvalidOutputError")
    assert.strictEqual(failureOf(event([]))?._tag, "InvalidOutputError")
    const told = (error: unknown) => failureOf(delta({ content: "a" }), event({ error }), end)?._tag
    assert.strictEqual(told({ code: "insufficient_quota", type: "insufficient_quota" }), "QuotaExhaustedError")
    assert.strictEqual(told({ code: "rate_limit_exceeded", type: "tokens" }), "RateLimitError")
    assert.strictEqual(told({ code: null, type: "server_error", message: "sk-secret" }), "InternalProviderError")
    assert.strictEqual(told("the model has crashed"), "InternalProviderError")
    assert.strictEqual(failureOf("data: ".padEnd(1_100_000, "x"))?._tag, "InvalidOutputError")
    assert.strictEqual(
      failureOf(...Array(50).fill(delta({ reasoning: "x".repeat(100_000) })))?._tag,
      "InvalidOutputError"
    )
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
      assert.strictEqual(ChatErrors.fromResponse({ status }, ChatErrors.codesOf(body) ?? [])._tag, tag, `${status}`)
    }
  })
})
