/** The model over real HTTP, against a fake that OpenAI's own client understands. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber, Redacted, Schema, Stream } from "effect"
import { AiError, LanguageModel } from "effect/ai"
import OpenAI, { APIError } from "openai"
import type { ChatCompletionCreateParamsStreaming } from "openai/resources/chat/completions"
import * as Agent from "../../../src/agent/index.ts"
import type { BackendError } from "../../../src/BackendError.ts"
import * as OpenAiCompatible from "../../../src/engines/openai-compatible/index.ts"
import { agentInput } from "../../support/AgentInput.ts"
import * as FakeChat from "../../support/FakeChat.ts"
import { agent, handlers, toolkit } from "../../support/WeatherAgent.ts"

type Answers = Parameters<typeof FakeChat.make>[0]
type Options = Partial<OpenAiCompatible.OpenAiCompatibleOptions>

const answer = (fake: FakeChat.FakeChat, options: Options = {}): Effect.Effect<string, BackendError> =>
  Effect.flatMap(Agent.withContext(agent), (ready) => Stream.mkString(ready.respond(agentInput))).pipe(
    Effect.provide([handlers, OpenAiCompatible.layer({ url: fake.url, model: "fake", ...options })])
  )

const talk = (answers: Answers, options: Options = {}) =>
  Effect.flatMap(
    FakeChat.make(answers),
    (fake) => Effect.map(Effect.exit(answer(fake, options)), (exit) => ({ exit, fake }))
  )

const failureOf = (exit: Exit.Exit<string, BackendError>): BackendError | undefined => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return error as BackendError | undefined // what it fails with
}

/** The same by OpenAI's client: text, calls and finish, or the status of its error. */
const official = (fake: FakeChat.FakeChat) =>
  Effect.promise(async () => {
    const client = new OpenAI({ apiKey: "sk-test", baseURL: fake.url, maxRetries: 0 })
    try {
      const stream = client.chat.completions.stream({ model: "fake", messages: [{ role: "user", content: "hello" }] })
      const { choices } = await stream.finalChatCompletion()
      const [choice] = choices
      return {
        text: choice?.message.content ?? "",
        calls: (choice?.message.tool_calls ?? []).map((call) =>
          call.type === "function" ? [call.id, call.function.name, call.function.arguments] : []
        ),
        finish: choice?.finish_reason
      }
    } catch (error) {
      return { status: error instanceof APIError ? error.status : undefined, failed: true }
    }
  })

describe("openai-compatible", () => {
  it.live("streams text, calls tools and uses their results, with the stream cut into single bytes", () =>
    Effect.gen(function*() {
      const { exit, fake } = yield* talk([
        {
          chunk: 1,
          pieces: [
            { reasoning: "They want the weather." },
            { text: "Let me ask — ☀️." },
            { call: { index: 0, id: "call_a", name: "weather", input: "" } },
            { call: { index: 1, id: "call_b", name: "weather", input: "{\"city\":\"Zürich\"}" } },
            { call: { index: 0, input: "{\"city\":" } },
            { call: { index: 0, input: "\"Paris\"}" } }
          ]
        },
        FakeChat.text("It is", " clear.")
      ], { apiKey: Redacted.make("sk-test"), temperature: 0.5, maxTokens: 100 })
      assert.deepStrictEqual(exit, Exit.succeed("Let me ask — ☀️.\n\nIt is clear."))
      const [first, second] = fake.requests
      assert.strictEqual(first?.path, "/v1/chat/completions")
      assert.strictEqual(first?.authorization, "Bearer sk-test")
      // what OpenAI's types allow
      const expected: ChatCompletionCreateParamsStreaming = {
        model: "fake",
        messages: [{ role: "system", content: "Be short." }, { role: "user", content: "hello" }],
        stream: true,
        tools: [{
          type: "function",
          function: {
            name: "weather",
            description: "The weather in a city now",
            parameters: {
              type: "object",
              properties: { city: { type: "string" } },
              required: ["city"],
              additionalProperties: true
            }
          }
        }],
        tool_choice: "auto",
        temperature: 0.5,
        max_tokens: 100
      }
      assert.deepStrictEqual<unknown>(first?.body, expected)
      assert.deepStrictEqual(second?.body.messages.slice(2), [
        {
          role: "assistant",
          content: "Let me ask — ☀️.",
          tool_calls: [
            { id: "call_a", type: "function", function: { name: "weather", arguments: "{\"city\":\"Paris\"}" } },
            { id: "call_b", type: "function", function: { name: "weather", arguments: "{\"city\":\"Zürich\"}" } }
          ]
        },
        { role: "tool", tool_call_id: "call_a", content: "{\"sky\":\"clear over Paris\"}" },
        { role: "tool", tool_call_id: "call_b", content: "{\"sky\":\"clear over Zürich\"}" }
      ])
    }))

  it.live("decodes the fake server's stream as OpenAI's official client does", () =>
    Effect.gen(function*() {
      const pieces: ReadonlyArray<FakeChat.Piece> = [
        { text: "Well" },
        { text: ", hm." },
        { call: { index: 0, id: "call_a", name: "weather", input: "{\"city\":" } },
        { call: { index: 0, input: "\"Paris\"}" } }
      ]
      const fake = yield* FakeChat.make([{ pieces, chunk: 7 }])
      const told = yield* official(fake)
      assert.deepStrictEqual<unknown>(told, {
        text: "Well, hm.",
        calls: [["call_a", "weather", "{\"city\":\"Paris\"}"]],
        finish: "tool_calls"
      })
      const ours = yield* LanguageModel.generateText({
        prompt: "hello",
        toolkit,
        disableToolCallResolution: true,
        toolCallValidation: "deferred"
      }).pipe(Effect.provide(OpenAiCompatible.layer({ url: fake.url, model: "fake" })))
      assert.strictEqual(ours.text, "Well, hm.")
      assert.deepStrictEqual(ours.toolCalls.map(({ id, name, params }) => [id, name, JSON.stringify(params)]), [
        ["call_a", "weather", "{\"city\":\"Paris\"}"]
      ])
      assert.strictEqual(ours.finishReason, "tool-calls")
      for (const status of [401, 429, 500]) {
        const refusing = yield* FakeChat.make([{ refuse: { status, body: { error: { message: "no" } } } }])
        assert.deepStrictEqual<unknown>(yield* official(refusing), { status, failed: true })
      }
      const broken = yield* FakeChat.make([{ pieces: [{ text: "a" }, { error: { message: "no", code: "x" } }] }])
      assert.isTrue("failed" in (yield* official(broken)))
    }))

  it.live("distinguishes a rejected key, a rate limit, a quota, a server error and a lost connection", () =>
    Effect.gen(function*() {
      const secret = "sk-very-secret"
      const error = (code: string) => ({ error: { message: `no: ${secret}`, type: "requests", code } })
      const refused = (status: number, code: string, headers: { readonly [name: string]: string } = {}) => ({
        refuse: { status, body: error(code), headers }
      })
      const cases: ReadonlyArray<readonly [FakeChat.ChatAnswer, string, object]> = [
        [refused(401, "invalid_api_key"), "authentication_failed", { status: 401, requestId: "req_refused" }],
        [refused(403, "forbidden"), "authorization_failed", { status: 403 }],
        [refused(429, "rate_limit_exceeded", { "retry-after": "7" }), "rate_limit_exceeded", {
          status: 429,
          retryAfterMs: 7_000
        }],
        [refused(429, "rate_limit_exceeded"), "rate_limit_exceeded", { status: 429 }],
        [refused(429, "insufficient_quota"), "authorization_failed", { status: 429, reason: "quota" }],
        [refused(404, "model_not_found"), "invalid_config", { status: 404 }],
        [refused(503, "overloaded"), "connection_failed", { status: 503 }],
        [{ refuse: { status: 502, body: "<html>" } }, "connection_failed", { status: 502 }],
        [{ refuse: { status: 502, body: "[".repeat(30_000) + "]".repeat(30_000) } }, "connection_failed", {
          status: 502
        }],
        [{ pieces: [{ text: "a" }, { error: error("server_error").error }] }, "connection_failed", {
          requestId: "req_1"
        }],
        [{ pieces: [{ text: "a" }, { reset: true }] }, "connection_failed", {}],
        [{ pieces: [{ text: "a" }], finish: null, done: false }, "connection_failed", { requestId: "req_1" }],
        [{ pieces: [{ raw: "data: {garbage\n\n" }] }, "agent_error", {}]
      ]
      for (const [told, code, details] of cases) {
        const { exit } = yield* talk([told], { apiKey: Redacted.make(secret) })
        const failed = failureOf(exit)
        assert.strictEqual(failed?.code, code, JSON.stringify(told))
        assert.deepInclude(failed?.details, { vendor: "openai-compatible", ...details })
        assert.notInclude(JSON.stringify(failed), secret)
        assert.notInclude(String(failed?.message), secret)
      }
      const gone = yield* Effect.scoped(FakeChat.make([]))
      const failed = yield* Effect.flip(answer(gone))
      assert.strictEqual(failed.code, "connection_failed")
      assert.notInclude(failed.message, "127.0.0.1")
    }))

  it.live("times out when the server sends nothing, before the first token and after", () =>
    Effect.gen(function*() {
      for (const pieces of [[{ waitMs: 60_000 }], [{ text: "a" }, { stall: true as const }]]) {
        const { exit, fake } = yield* talk([{ pieces }], { timeout: Duration.seconds(1) })
        assert.strictEqual(failureOf(exit)?.code, "connection_failed")
        yield* Effect.sleep(50)
        assert.strictEqual(fake.aborted(), 1)
      }
    }))

  it.live("ends with the response, though the server keeps the connection open, or loses it", () =>
    Effect.gen(function*() {
      const finish = { raw: "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n" }
      const open = { stall: true as const }
      for (
        const pieces of [
          [{ text: "Well." }, finish, { raw: "data: [DONE]\n\n" }, open],
          [{ text: "Well." }, finish, open],
          [{ text: "Well." }, { raw: "data: [DONE]" }, open],
          [{ text: "Well." }, finish, { waitMs: 300 }, { reset: true as const }]
        ]
      ) {
        const { exit } = yield* talk([{ pieces }], { timeout: Duration.seconds(3) })
        assert.deepStrictEqual(exit, Exit.succeed("Well."), JSON.stringify(pieces))
      }
    }))

  it.live("is not kept waiting by keep-alives", () =>
    Effect.gen(function*() {
      const keepAlives = Array.from({ length: 60 }, () => [{ waitMs: 50 }, { raw: ": PROCESSING\n\ndata:\n\n" }]).flat()
      const { exit } = yield* talk([{ pieces: keepAlives }], { timeout: Duration.seconds(1) })
      assert.strictEqual(failureOf(exit)?.code, "connection_failed")
      // but a chunk that comes in small pieces is one that comes
      const slow = yield* talk([{ pieces: [{ text: "x".repeat(300) }], chunk: 1 }], { timeout: Duration.seconds(1) })
      assert.deepStrictEqual(slow.exit, Exit.succeed("x".repeat(300)))
    }))

  it.live("aborts the request when the stream is interrupted", () =>
    Effect.gen(function*() {
      const fake = yield* FakeChat.make([{ pieces: [{ text: "a" }, { stall: true }] }])
      const fiber = yield* Effect.forkChild(answer(fake))
      yield* Effect.repeat(Effect.sleep(10), { until: () => fake.requests.length > 0 })
      yield* Effect.sleep(50)
      assert.strictEqual(fake.aborted(), 0)
      yield* Fiber.interrupt(fiber)
      yield* Effect.sleep(50)
      assert.strictEqual(fake.aborted(), 1)
    }))

  it.live("accepts a server that does not stream, and one that omits [DONE]", () =>
    Effect.gen(function*() {
      const message = { role: "assistant", content: "At once." }
      const whole = yield* talk([{ whole: { choices: [{ index: 0, message, finish_reason: "stop" }] } }])
      assert.deepStrictEqual(whole.exit, Exit.succeed("At once."))
      const forgetful = yield* talk([{ ...FakeChat.text("Well."), done: false }])
      assert.deepStrictEqual(forgetful.exit, Exit.succeed("Well."))
      const refusal = yield* talk([{ pieces: [{ refusal: "I cannot help with that." }] }])
      assert.deepStrictEqual(refusal.exit, Exit.succeed("I cannot help with that."))
    }))

  it.live("sends OPENAI_API_KEY to OpenAI only, and names the variable when it is missing", () =>
    Effect.gen(function*() {
      const { fake } = yield* talk([FakeChat.text("a")])
      assert.isUndefined(fake.requests[0]?.authorization)
      const missing = yield* Effect.flip(
        Effect.scoped(Effect.provide(LanguageModel.LanguageModel, OpenAiCompatible.layer({ model: "gpt" })))
      )
      assert.deepInclude(missing, { code: "invalid_config" })
      assert.strictEqual(missing.details?.["missing"], "OPENAI_API_KEY")
    }))

  it.live("generates objects of a schema", () =>
    Effect.gen(function*() {
      const fake = yield* FakeChat.make([FakeChat.text("{\"city\":", "\"Paris\"}")])
      const { value } = yield* LanguageModel.generateObject({
        prompt: "where",
        schema: Schema.Struct({ city: Schema.String })
      }).pipe(Effect.provide(OpenAiCompatible.layer({ url: fake.url, model: "fake" })))
      assert.deepStrictEqual(value, { city: "Paris" })
      assert.deepInclude(fake.requests[0]?.body["response_format"], { type: "json_schema" })
      const failed = yield* Effect.flip(
        LanguageModel.generateText({
          prompt: [{ role: "user", content: [{ type: "file", mediaType: "image/png", data: new Uint8Array(1) }] }]
        }).pipe(Effect.provide(OpenAiCompatible.layer({ url: fake.url, model: "fake" })))
      )
      assert.isTrue(AiError.isAiError(failed) && failed.reason._tag === "InvalidUserInputError")
    }))
})
