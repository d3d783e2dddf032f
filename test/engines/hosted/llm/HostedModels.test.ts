/** Anthropic's and Google's models over real HTTP, against servers that refuse what the APIs refuse. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Duration, Effect, Exit, Fiber, Layer, Redacted, Schema, Stream } from "effect"
import { LanguageModel } from "effect/ai"
import * as Agent from "../../../../src/agent/index.ts"
import type { RemoteTool } from "../../../../src/agent/tools/RemoteTool.ts"
import * as RemoteToolkit from "../../../../src/agent/tools/RemoteToolkit.ts"
import type { BackendError } from "../../../../src/BackendError.ts"
import type { HistoryItem } from "../../../../src/conversation/History.ts"
import * as Anthropic from "../../../../src/engines/anthropic/index.ts"
import * as Google from "../../../../src/engines/google/index.ts"
import { agentInput } from "../../../support/AgentInput.ts"
import * as Fake from "../../../support/FakeModelApi.ts"
import { agent, handlers, toolkit } from "../../../support/WeatherAgent.ts"

type Model = Layer.Layer<LanguageModel.LanguageModel, BackendError>

const vendors = {
  anthropic: {
    start: Fake.anthropic,
    model: (url: string, options: Partial<Anthropic.AnthropicOptions> = {}): Model =>
      Anthropic.layer({ url, model: "claude-fake", apiKey: Redacted.make("sk-ant-fake-key"), ...options }),
    text: (...text: ReadonlyArray<string>) => Fake.message([{ text }], "end_turn"),
    calls: Fake.message([
      { thinking: "They want the weather." },
      { text: ["One ", "moment."] },
      { tool: "weather", id: "toolu_1", input: ["{\"ci", "ty\":\"Oslo\"}"] },
      { tool: "weather", id: "toolu_2", input: ["{\"city\":\"Rome\"}"] }
    ], "tool_use"),
    refusal: (status: number, code: string, message: string, headers = {}): Fake.ModelAnswer => ({
      status,
      headers,
      body: { type: "error", error: { type: code, message } }
    }),
    fault: { data: { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }, event: "error" },
    filtered: Fake.message([], "refusal"),
    codes: { key: "authentication_error", rights: "permission_error", rate: "rate_limit_error", down: "api_error" },
    tooLong: "prompt is too long: 210000 tokens > 200000 maximum"
  },
  google: {
    start: Fake.google,
    model: (url: string, options: Partial<Google.GoogleOptions> = {}): Model =>
      Google.layer({
        url: `${url}/v1beta`,
        model: "gemini-3-fake",
        apiKey: Redacted.make("AIza-fake-key"),
        ...options
      }),
    text: (...text: ReadonlyArray<string>) => Fake.candidates(text.map((each) => [{ text: each }])),
    calls: Fake.candidates([
      [{ text: "They want the weather.", thought: true }],
      [{ text: "One " }],
      [{ text: "moment." }],
      [
        { functionCall: { name: "weather", args: { city: "Oslo" } }, thoughtSignature: "c2lnbmVk" },
        { functionCall: { name: "weather", args: { city: "Rome" } } }
      ]
    ]),
    refusal: (status: number, code: string, message: string, headers = {}): Fake.ModelAnswer => ({
      ...Fake.googleError(status, code, message),
      headers
    }),
    fault: { data: { error: { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" } } },
    filtered: [{ data: { promptFeedback: { blockReason: "SAFETY" }, usageMetadata: { promptTokenCount: 3 } } }],
    codes: { key: "UNAUTHENTICATED", rights: "PERMISSION_DENIED", rate: "RESOURCE_EXHAUSTED", down: "INTERNAL" },
    tooLong: "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
  }
}

const answer = (model: Model, given: Partial<Agent.AgentInput> = {}): Effect.Effect<string, BackendError> =>
  Effect.flatMap(Agent.withContext(agent), (ready) => Stream.mkString(ready.respond({ ...agentInput, ...given }))).pipe(
    Effect.provide([handlers, model])
  )

const failureOf = (exit: Exit.Exit<unknown, BackendError>): BackendError | undefined => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return error as BackendError | undefined // what it fails with
}

/** A conversation that the agent began, with a turn of which nothing was heard. */
const history: ReadonlyArray<HistoryItem> = [
  { role: "agent", text: "Good day.", turn: 0, interrupted: false },
  { role: "user", text: "Hi.", turn: 1, interrupted: false },
  { role: "agent", text: "", turn: 1, interrupted: true },
  { role: "user", text: "Hello?", turn: 2, interrupted: false }
] as never

for (const [name, vendor] of Object.entries(vendors)) {
  const failure = (...answers: ReadonlyArray<Fake.ModelAnswer>) =>
    Effect.gen(function*() {
      const fake = yield* vendor.start(answers)
      return failureOf(yield* Effect.exit(answer(vendor.model(fake.url, { timeout: Duration.seconds(1) }))))
    }).pipe(Effect.scoped)

  describe(name, () => {
    it.live("streams text, calls tools and uses their results, with the stream cut into single bytes", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start([{ events: vendor.calls, chunk: 1 }, {
          events: vendor.text("Clear", " skies. ☀")
        }])
        assert.strictEqual(yield* answer(vendor.model(fake.url), { history, turn: 3 }), "One moment.\n\nClear skies. ☀")
        assert.lengthOf(fake.requests, 2)
        const told = JSON.stringify(fake.requests[1]?.body)
        assert.include(told, "clear over Oslo")
        assert.include(told, "clear over Rome")
        // Anthropic wants a thought back with the results of the calls that it led to
        assert.strictEqual(told.includes("They want the weather"), name === "anthropic")
      }).pipe(Effect.scoped))

    it.live("tells usage, the end and thoughts apart", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start([{ events: vendor.calls }])
        const parts = yield* LanguageModel.streamText({ prompt: "hello", toolkit, disableToolCallResolution: true })
          .pipe(
            Stream.runCollect,
            Effect.provide([handlers, vendor.model(fake.url)])
          )
        assert.deepStrictEqual(
          parts.flatMap((part) => part.type === "reasoning-delta" ? [part.delta] : []),
          ["They want the weather."]
        )
        const calls = parts.flatMap((part) => part.type === "tool-call" ? [part] : [])
        assert.deepStrictEqual(calls.map(({ params }) => params), [{ city: "Oslo" }, { city: "Rome" }])
        assert.strictEqual(new Set(calls.map(({ id }) => id)).size, 2)
        const finish = parts.find((part) => part.type === "finish")
        assert.strictEqual(finish?.reason, "tool-calls")
        assert.deepStrictEqual(
          [finish?.usage.inputTokens.total, finish?.usage.outputTokens.total],
          name === "anthropic" ? [27, 15] : [20, 15]
        )
      }).pipe(Effect.scoped))

    it.live("answers with an object of a schema", () =>
      Effect.gen(function*() {
        const object = { city: "Oslo", days: 3 }
        const fake = yield* vendor.start([{
          events: name === "anthropic"
            ? Fake.message([{ text: ["{\"city\":\"Os", "lo\",\"days\":3}"] }], "end_turn")
            : Fake.candidates([[{ text: "{\"city\":\"Oslo\"," }], [{ text: "\"days\":3}" }]])
        }])
        const { value } = yield* LanguageModel.generateObject({
          prompt: "hello",
          objectName: "trip",
          schema: Schema.Struct({ city: Schema.String, days: Schema.Finite })
        }).pipe(Effect.provide(vendor.model(fake.url)))
        assert.deepStrictEqual(value, object)
      }).pipe(Effect.scoped))

    it.live("tells failures apart, and keeps status and request id", () =>
      Effect.gen(function*() {
        const { codes, refusal } = vendor
        const cases = [
          [refusal(401, codes.key, "the key sk-ant-fake-key is not valid"), "authentication_failed", false],
          [refusal(403, codes.rights, "no"), "authorization_failed", false],
          [refusal(429, codes.rate, "slow down", { "retry-after": "2" }), "rate_limit_exceeded", true],
          [refusal(500, codes.down, "oh"), "connection_failed", true],
          [refusal(529, "overloaded_error", "oh"), "connection_failed", true],
          [refusal(404, "not_found_error", "model: claude-fake"), "invalid_config", false],
          [{ status: 502, body: "<html>Bad gateway</html>" }, "connection_failed", true],
          [{ status: 307, headers: { location: "http://127.0.0.1:9/" }, body: "" }, "connection_failed", true],
          [
            { events: [...vendor.text("So", "on").slice(0, name === "google" ? 1 : 4), vendor.fault] },
            "connection_failed",
            true
          ],
          [
            { events: [...vendor.text("So").slice(0, name === "google" ? 0 : -2), { reset: true }] },
            "connection_failed",
            true
          ],
          [{ events: vendor.text("So").slice(0, name === "google" ? 0 : -2) }, "connection_failed", true],
          [{ events: [{ stall: true }] }, "connection_failed", true],
          [{ events: [{ raw: "data: {oops\n\n" }, { raw: "data: 7\n\n" }] }, "agent_error", undefined]
        ] as const
        for (const [told, code, retryable] of cases) {
          const error = yield* failure(told)
          assert.strictEqual(error?.code, code, JSON.stringify(told))
          if (retryable !== undefined) assert.strictEqual(error?.retryable, retryable, JSON.stringify(told))
          assert.notInclude(JSON.stringify(error), "fake-key")
          assert.strictEqual(error?.details?.["vendor"], name)
          if ("status" in told) assert.strictEqual(error?.details?.["status"], told.status)
          if ("status" in told) assert.strictEqual(error?.details?.["requestId"], "req_1")
        }
        assert.strictEqual((yield* failure(cases[2][0]))?.details?.["retryAfterMs"], 2_000)
        const wrong = yield* vendor.start([{ events: vendor.text("So") }])
        const error = failureOf(
          yield* Effect.exit(answer(vendor.model(wrong.url, { apiKey: Redacted.make("another-key-123") })))
        )
        assert.strictEqual(error?.code, "authentication_failed")
        assert.notInclude(JSON.stringify(error), "another-key-123")
      }).pipe(Effect.scoped), 30_000)

    it.live("asks once more with less when the prompt is too long", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start([
          vendor.refusal(400, name === "google" ? "INVALID_ARGUMENT" : "invalid_request_error", vendor.tooLong),
          { events: vendor.text("Well.") }
        ])
        assert.strictEqual(yield* answer(vendor.model(fake.url), { history, turn: 3 }), "Well.")
      }).pipe(Effect.scoped))

    it.live("runs no call of a filtered response, and ends a refused prompt without a word", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start([{ events: vendor.filtered }])
        const parts = yield* LanguageModel.streamText({ prompt: "hello" }).pipe(
          Stream.runCollect,
          Effect.provide(vendor.model(fake.url))
        )
        assert.strictEqual(parts.find((part) => part.type === "finish")?.reason, "content-filter")
      }).pipe(Effect.scoped))

    it.live("aborts the request of an answer that is interrupted", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start([{ events: [...vendor.text("So", "on").slice(0, -1), { stall: true }] }])
        const fiber = yield* Effect.forkChild(answer(vendor.model(fake.url)))
        while (fake.requests.length === 0) yield* Effect.sleep("5 millis")
        yield* Effect.sleep("20 millis")
        yield* Fiber.interrupt(fiber)
        while (fake.aborted() === 0) yield* Effect.sleep("5 millis")
      }).pipe(Effect.scoped))

    it.live("goes on with a conversation whose tools have gone", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start([{ events: vendor.text("Well.") }])
        const { text } = yield* LanguageModel.generateText({
          prompt: [
            { role: "system", content: "Be short." },
            { role: "assistant", content: [{ type: "tool-call", id: "call:1", name: "gone", params: { a: 1 } }] },
            {
              role: "tool",
              content: [
                { type: "tool-result", id: "call:1", name: "gone", result: "x", isFailure: false },
                { type: "tool-result", id: "other", name: "gone", result: "y", isFailure: false }
              ]
            },
            { role: "assistant", content: [{ type: "tool-call", id: "call_2", name: "gone", params: {} }] },
            { role: "user", content: [{ type: "text", text: " " }] },
            { role: "assistant", content: [{ type: "text", text: "So." }] }
          ]
        } as never).pipe(Effect.provide(vendor.model(fake.url)))
        assert.strictEqual(text, "Well.")
      }).pipe(Effect.scoped))

    it.live("is told of the tools of strangers as its API takes them", () =>
      Effect.gen(function*() {
        const fake = yield* vendor.start([{ events: vendor.text("Well.") }])
        const remote = (name: string, parameters: RemoteTool["parameters"]): RemoteTool => ({
          name,
          description: name,
          parameters,
          call: () => Effect.succeed("")
        })
        const toolkit = RemoteToolkit.make([{
          name: "shop",
          timeout: Duration.seconds(1),
          tools: () => [
            remote("3d.print", {
              $schema: "http://json-schema.org/draft-07/schema#",
              type: "object",
              properties: { to: { $ref: "#/$defs/Place" }, "odd name": {} },
              required: ["to", "gone"],
              anyOf: [{ required: ["to"] }, { required: ["from"] }],
              $defs: { Place: { anyOf: [{ type: "string" }, { type: "null" }] } }
            }),
            remote("text", { type: "string" })
          ]
        }])
        const { text } = yield* LanguageModel.generateText({ prompt: "hello", toolkit: yield* toolkit }).pipe(
          Effect.provide(vendor.model(fake.url))
        )
        assert.strictEqual(text, "Well.")
        assert.include(JSON.stringify(fake.requests[0]?.body), "_3d_print")
      }).pipe(Effect.scoped))

    it.live("fails a response that the model broke off without a word, so that it is asked again", () =>
      Effect.gen(function*() {
        const reasons = name === "anthropic"
          ? ["some_new_reason"]
          : ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "OTHER", "SOME_NEW_REASON"]
        const broken = (reason: string, text?: string) =>
          name === "anthropic"
            ? Fake.message(text === undefined ? [{ thinking: "Hm." }] : [{ text: [text] }], reason)
            : Fake.candidates([[text === undefined ? { text: "Hm.", thought: true } : { text }]], reason)
        for (const reason of reasons) {
          const error = yield* failure({ events: broken(reason) })
          assert.deepInclude(error, { code: "agent_error", retryable: true }, reason)
          const fake = yield* vendor.start([{ events: broken(reason, "One moment.") }])
          assert.strictEqual(yield* answer(vendor.model(fake.url)), "One moment.")
        }
      }).pipe(Effect.scoped))

    it.live(
      "may call thousands of tools, none that there is, or with no input at all: the turn has its answer",
      () =>
        Effect.gen(function*() {
          const calls = (...given: ReadonlyArray<readonly [name: string, input: unknown]>) =>
            name === "anthropic"
              ? Fake.message(
                given.map(([tool, input], i) => ({
                  tool,
                  id: `toolu_${i}`,
                  input: [typeof input === "string" ? input : JSON.stringify(input)]
                })),
                "tool_use"
              )
              : Fake.candidates([
                given.map(([name, args], i) => ({
                  functionCall: { name, args },
                  ...(i === 0 ? { thoughtSignature: "c2lnbmVk" } : {})
                }))
              ])
          const many = Array.from({ length: 10_000 }, (_, i) => ["weather", { city: `c${i}` }] as const)
          const fake = yield* vendor.start([
            { events: calls(...many) },
            {
              events: calls(["weather", "not json"], ["weather", { city: 7, more: [] }], ["nothing", {}], [
                "weather",
                null
              ])
            },
            { events: vendor.text("Well.") }
          ])
          assert.strictEqual(yield* answer(vendor.model(fake.url)), "Well.")
          const told = (index: number) => JSON.stringify(fake.requests[index]?.body)
          assert.lengthOf(told(1).match(/clear over/gu) ?? [], 16)
          assert.isBelow(told(1).length, 100_000)
          assert.include(told(2), "nothing")
        }).pipe(Effect.scoped),
      20_000
    )

    it.live("may be cut within a character, or write a line without an end", () =>
      Effect.gen(function*() {
        const event = vendor.text("☀").find((each) => JSON.stringify(each).includes("☀"))
        const whole = Buffer.from(`data: ${JSON.stringify((event as { readonly data: object }).data)}`)
        const cut = yield* failure({ events: [{ bytes: whole.subarray(0, whole.indexOf(Buffer.from("☀")) + 1) }] })
        assert.isTrue(cut?.retryable)
        assert.notInclude(JSON.stringify(cut), "\ufffd")
        const fake = yield* vendor.start([{ events: [{ raw: "data: {\"x\":\"" }, { flood: "x".repeat(65_536) }] }])
        const error = failureOf(yield* Effect.exit(answer(vendor.model(fake.url))))
        assert.isTrue(error?.retryable)
        while (fake.aborted() === 0) yield* Effect.sleep("5 millis")
        assert.isBelow(fake.flooded(), 64 * 1_048_576)
      }).pipe(Effect.scoped), 20_000)

    it.live("takes its key from the environment for its own API alone, and says which is missing", () =>
      Effect.gen(function*() {
        const provided = (env: { readonly [name: string]: string }) =>
          ConfigProvider.layer(ConfigProvider.fromEnv({ env }))
        const variable = name === "google" ? "GEMINI_API_KEY" : "ANTHROPIC_API_KEY"
        const own = name === "google" ? Google.layer({ model: "gemini" }) : Anthropic.layer({ model: "claude" })
        const error = yield* Effect.flip(Effect.scoped(Layer.build(Layer.provide(own, provided({})))))
        assert.strictEqual(error.details?.["missing"], variable)
        yield* Effect.scoped(Layer.build(Layer.provide(own, provided({ [variable]: "key-of-ours-123" }))))
        if (name === "google") {
          yield* Effect.scoped(Layer.build(Layer.provide(own, provided({ GOOGLE_API_KEY: "key-of-ours-123" }))))
        }
        const fake = yield* vendor.start([{ events: vendor.text("Well.") }])
        const elsewhere = (name === "google"
          ? Google.layer({ url: `${fake.url}/v1beta`, model: "gemini" })
          : Anthropic.layer({ url: fake.url, model: "claude" })).pipe(
            Layer.provide(provided({ [variable]: "key-of-ours-123" }))
          )
        yield* Effect.exit(answer(elsewhere))
        assert.notInclude(JSON.stringify(fake.requests[0]?.headers), "key-of-ours-123")
      }).pipe(Effect.scoped))
  })
}

describe("anthropic", () => {
  it.live("sends what the Messages API takes", () =>
    Effect.gen(function*() {
      const fake = yield* Fake.anthropic([{ events: vendors.anthropic.calls }, {
        events: vendors.anthropic.text("Clear.")
      }])
      yield* answer(
        vendors.anthropic.model(fake.url, { instructions: "You are Ada.", temperature: 0.2, maxTokens: 100 }),
        {
          history,
          turn: 3
        }
      )
      assert.deepStrictEqual(fake.requests[1]?.body, {
        model: "claude-fake",
        max_tokens: 100,
        stream: true,
        system: "You are Ada.\n\nBe short.",
        temperature: 0.2,
        messages: [
          { role: "user", content: [{ type: "text", text: "(the conversation begins)" }] },
          { role: "assistant", content: [{ type: "text", text: "Good day." }] },
          {
            role: "user",
            content: [{ type: "text", text: "Hi." }]
          },
          { role: "assistant", content: [{ type: "text", text: " …" }] },
          { role: "user", content: [{ type: "text", text: "Hello?" }, { type: "text", text: "hello" }] },
          {
            role: "assistant",
            content: [
              { type: "thinking", thinking: "They want the weather.", signature: "c2ln" },
              { type: "text", text: "One moment." },
              { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Oslo" } },
              { type: "tool_use", id: "toolu_2", name: "weather", input: { city: "Rome" } }
            ]
          },
          {
            role: "user",
            content: [
              { type: "tool_result", tool_use_id: "toolu_1", content: "{\"sky\":\"clear over Oslo\"}" },
              { type: "tool_result", tool_use_id: "toolu_2", content: "{\"sky\":\"clear over Rome\"}" }
            ]
          }
        ],
        tools: [{
          name: "weather",
          description: "The weather in a city now",
          input_schema: {
            type: "object",
            properties: { city: { type: "string" } },
            required: ["city"],
            additionalProperties: true
          }
        }],
        tool_choice: { type: "auto" }
      })
    }).pipe(Effect.scoped))
})

describe("thoughts of Claude", () => {
  const { model, text } = vendors.anthropic
  const thinking = (id: string, city: string) =>
    Fake.message([{ thinking: "" }, { tool: "weather", id, input: [JSON.stringify({ city })] }], "tool_use")
  const contents = (body: { readonly [key: string]: unknown } = {}) =>
    (body["messages"] as ReadonlyArray<{ readonly content: ReadonlyArray<{ readonly type: string }> }>)
      .map(({ content }) => content.map(({ type }) => type).join(" "))

  it.live("go back with the results of each call of the turn, also without a text", () =>
    Effect.gen(function*() {
      const fake = yield* Fake.anthropic([
        { events: thinking("toolu_1", "Oslo") },
        { events: thinking("toolu_2", "Rome") },
        { events: text("Clear.") }
      ])
      assert.strictEqual(yield* answer(model(fake.url)), "Clear.")
      assert.deepStrictEqual(contents(fake.requests[2]?.body), [
        "text",
        "thinking tool_use",
        "tool_result",
        "thinking tool_use",
        "tool_result"
      ])
    }).pipe(Effect.scoped))

  it.live("stay away where anything before them has changed, and in later turns", () =>
    Effect.gen(function*() {
      const fake = yield* Fake.anthropic([
        { events: thinking("toolu_1", "Oslo") },
        { events: text("Clear.") },
        { events: thinking("toolu_2", "Rome") },
        { events: text("Clear there.") },
        { events: text("As I said.") }
      ])
      const call = (id: string, city: string) => [
        { role: "assistant", content: [{ type: "tool-call", id, name: "weather", params: { city } }] },
        { role: "tool", content: [{ type: "tool-result", id, name: "weather", isFailure: false, result: "clear" }] }
      ]
      const user = (text: string) => ({ role: "user", content: [{ type: "text", text }] })
      const ask = (...prompt: ReadonlyArray<unknown>) =>
        LanguageModel.generateText({ prompt: prompt as never, toolkit, disableToolCallResolution: true })
      yield* Effect.gen(function*() {
        yield* ask(user("Oslo?"))
        // the user went on, so that the question is another
        yield* ask(user("Oslo, please?"), ...call("toolu_1", "Oslo"))
        yield* ask(user("Oslo?"), ...call("toolu_1", "Oslo"), user("Rome?"))
        yield* ask(user("Oslo?"), ...call("toolu_1", "Oslo"), user("Rome?"), ...call("toolu_2", "Rome"))
        // the answer was heard in part
        yield* ask(user("Oslo?"), ...call("toolu_1", "Oslo"), user("Rome, no, Bergen?"), ...call("toolu_2", "Rome"))
      }).pipe(Effect.provide([handlers, model(fake.url)]))
      assert.deepStrictEqual(
        fake.requests.map(({ body }) => contents(body).filter((each) => /thinking/u.test(each)).length),
        [
          0,
          0,
          0,
          1,
          0
        ]
      )
    }).pipe(Effect.scoped))

  it.live("are asked for as the config says", () =>
    Effect.gen(function*() {
      const fake = yield* Fake.anthropic([{ events: text("Clear.") }])
      yield* answer(model(fake.url, { effort: "low", thinking: "between_tools", cachePrompt: true }))
      assert.deepInclude(fake.requests[0]?.body, {
        thinking: { type: "between_tools" },
        output_config: { effort: "low" },
        cache_control: { type: "ephemeral" }
      })
    }).pipe(Effect.scoped))

  it.live("do not keep an object from being of its schema", () =>
    Effect.gen(function*() {
      const fake = yield* Fake.anthropic([{
        events: Fake.message([{ thinking: "Hm." }, { text: ["{\"city\":\"Oslo\",\"note\":null}"] }], "end_turn")
      }])
      const schema = Schema.Struct({ city: Schema.String, note: Schema.optionalKey(Schema.String) })
      const { value } = yield* LanguageModel.generateObject({ prompt: "hello", objectName: "trip", schema }).pipe(
        Effect.provide(model(fake.url))
      )
      assert.deepStrictEqual(value, { city: "Oslo" })
      interface Tree {
        readonly inner: ReadonlyArray<Tree>
      }
      const Tree = Schema.Struct({
        inner: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
      }) as Schema.Codec<Tree>
      const error = yield* Effect.flip(
        LanguageModel.generateObject({ prompt: "hello", objectName: "tree", schema: Tree as never }).pipe(
          Effect.provide(model(fake.url))
        )
      )
      assert.include(String((error as { readonly message?: string }).message), "not supported by anthropic")
    }).pipe(Effect.scoped))
})

describe("google", () => {
  it.live("sends what the Gemini API takes, with the signature of its calls", () =>
    Effect.gen(function*() {
      const fake = yield* Fake.google([{ events: vendors.google.calls }, { events: vendors.google.text("Clear.") }])
      yield* answer(
        vendors.google.model(fake.url, { temperature: 0.2, maxTokens: 100, thinkingLevel: "minimal" }),
        { history, turn: 3 }
      )
      const { contents, ...rest } = fake.requests[1]?.body ?? {}
      assert.deepStrictEqual(rest, {
        systemInstruction: { parts: [{ text: "Be short." }] },
        tools: [{
          functionDeclarations: [{
            name: "weather",
            description: "The weather in a city now",
            parametersJsonSchema: {
              type: "object",
              properties: { city: { type: "string" } },
              required: ["city"],
              additionalProperties: true
            }
          }]
        }],
        toolConfig: { functionCallingConfig: { mode: "AUTO" } },
        generationConfig: { temperature: 0.2, maxOutputTokens: 100, thinkingConfig: { thinkingLevel: "minimal" } }
      })
      assert.deepStrictEqual((contents as ReadonlyArray<unknown>).slice(-2), [
        {
          role: "model",
          parts: [
            { text: "One moment." },
            { functionCall: { name: "weather", args: { city: "Oslo" } }, thoughtSignature: "c2lnbmVk" },
            { functionCall: { name: "weather", args: { city: "Rome" } } }
          ]
        },
        {
          role: "user",
          parts: [
            { functionResponse: { name: "weather", response: { sky: "clear over Oslo" } } },
            { functionResponse: { name: "weather", response: { sky: "clear over Rome" } } }
          ]
        }
      ])
    }).pipe(Effect.scoped))
})
