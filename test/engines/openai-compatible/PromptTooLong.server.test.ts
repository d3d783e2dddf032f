/** A server whose context is small, in the words of each: the turn is answered with half of the conversation. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Stream } from "effect"
import * as Agent from "../../../src/agent/index.ts"
import type { HistoryItem } from "../../../src/conversation/History.ts"
import * as OpenAiCompatible from "../../../src/engines/openai-compatible/index.ts"
import * as FakeChat from "../../support/FakeChat.ts"

const history = Array.from({ length: 200 }, (_, i): HistoryItem => ({
  role: i % 2 === 0 ? "user" : "agent",
  turn: Math.floor(i / 2) + 1,
  kind: "speech",
  text: `${i} this is what was said then`,
  interrupted: false,
  atMs: i
}))

const refuse = (status: number, body: unknown): FakeChat.ChatAnswer => ({ refuse: { status, body } })
const inStream = (raw: string): FakeChat.ChatAnswer => ({ pieces: [{ raw }], finish: null, done: false })
const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`

const tooLong: { readonly [server: string]: FakeChat.ChatAnswer } = {
  OpenAI: refuse(400, {
    error: { message: "…", type: "invalid_request_error", param: "messages", code: "context_length_exceeded" }
  }),
  "vLLM before 0.9": refuse(400, {
    object: "error",
    message: "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
    type: "BadRequestError",
    param: null,
    code: 400
  }),
  vLLM: refuse(400, {
    error: {
      message: "This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens.",
      type: "BadRequestError",
      param: null,
      code: 400
    }
  }),
  "llama.cpp": refuse(400, {
    error: {
      code: 400,
      message: "the request exceeds the available context size, try increasing it",
      type: "exceed_context_size_error",
      n_prompt_tokens: 9000,
      n_ctx: 4096
    }
  }),
  "llama.cpp's batch": refuse(500, {
    error: {
      code: 500,
      message: "input is too large to process. increase the physical batch size",
      type: "server_error"
    }
  }),
  Ollama: refuse(400, { error: "the input length exceeds the context length" }),
  "LM Studio": refuse(400, {
    error:
      "Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough."
  }),
  OpenRouter: refuse(400, {
    error: {
      message: "Provider returned error",
      code: 400,
      metadata: { raw: JSON.stringify({ message: "prompt is too long: 9000 tokens > 4096 maximum" }) }
    }
  }),
  Anthropic: refuse(400, {
    type: "error",
    error: { type: "invalid_request_error", message: "prompt is too long: 9000 tokens > 4096 maximum" }
  }),
  "Anthropic's limit in bytes": refuse(413, { type: "error", error: { type: "request_too_large", message: "…" } }),
  Gemini: refuse(400, [{
    error: {
      code: 400,
      message: "The input token count (9000) exceeds the maximum number of tokens allowed (4096).",
      status: "INVALID_ARGUMENT"
    }
  }]),
  Mistral: refuse(400, {
    object: "error",
    message: "Prompt contains 9000 tokens and 0 draft tokens, too large for model with 4096 maximum context length",
    type: "invalid_request_error",
    param: null,
    code: "3051"
  }),
  LiteLLM: refuse(400, {
    error: { message: "litellm.ContextWindowExceededError: …", type: null, param: null, code: "400" }
  }),
  Groq: refuse(413, {
    error: {
      message:
        "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 9000, please reduce your message size and try again.",
      type: "tokens",
      code: "rate_limit_exceeded"
    }
  }),
  "a proxy": refuse(413, "<html><h1>413 Request Entity Too Large</h1></html>"),
  "a text": refuse(400, "Prompt is too long for this model"),
  "a gateway": refuse(422, { detail: "{\"error\":{\"type\":\"exceed_context_size_error\"}}" }),
  "OpenAI, in the stream": inStream(data({ error: { message: "…", code: "context_length_exceeded" } })),
  "vLLM, in the stream": inStream(
    data({
      object: "error",
      message: "This model's maximum context length is 4096 tokens.",
      type: "BadRequestError",
      code: 400
    })
  ),
  "LM Studio, in the stream": inStream(
    `event: error\n${
      data({ error: { message: "Reached context length of 4096 tokens with a model that does not support overflow." } })
    }`
  ),
  "a text, in the stream": inStream("event: error\ndata: the prompt is too long\n\n"),
  "a finish reason": { pieces: [], finish: "model_context_window_exceeded" }
}

const other: { readonly [server: string]: FakeChat.ChatAnswer } = {
  "a rate limit": refuse(429, {
    error: { message: "Rate limit reached on tokens per min. Please try again in 11s.", code: "rate_limit_exceeded" }
  }),
  "a wrong key": refuse(401, {
    error: { message: "no access to models with this context window", code: "invalid_api_key" }
  }),
  "an unknown model": refuse(404, { error: { message: "The model does not exist", code: "model_not_found" } }),
  "a wrong request": refuse(400, {
    error: { message: "'temperature' must be at most 2", type: "invalid_request_error" }
  })
}

const ask = (fake: FakeChat.FakeChat, about: ReadonlyArray<HistoryItem>) =>
  Effect.flatMap(
    Agent.withContext(Agent.fromLanguageModel({ instructions: "Be short." })),
    (agent) =>
      Stream.mkString(agent.respond({
        transcript: "and now?",
        history: about,
        sessionId: "s",
        userId: "u",
        turn: 101,
        metadata: {},
        provider: "local",
        transport: "memory",
        facts: {},
        committed: Effect.void
      }))
  ).pipe(Effect.provide([OpenAiCompatible.layer({ url: fake.url, model: "m" }), Logger.layer([])]))

const sizeOf = ({ body }: FakeChat.ChatRequest) => JSON.stringify(body).length

describe("a prompt that is too long", () => {
  for (const [server, refusal] of Object.entries(tooLong)) {
    it.live(`is halved, as said by ${server}`, () =>
      Effect.gen(function*() {
        const fake = yield* FakeChat.make((request) => sizeOf(request) > 8_000 ? refusal : FakeChat.text("Fine."))
        assert.strictEqual(yield* ask(fake, history), "Fine.")
        const [whole, half] = fake.requests
        assert.strictEqual(fake.requests.length, 2)
        assert.isBelow(sizeOf(half!), sizeOf(whole!) * 0.6)
        assert.deepStrictEqual(half?.body.messages[0], { role: "system", content: "Be short." })
        assert.deepStrictEqual(half?.body.messages.at(-1), { role: "user", content: "and now?" })
        assert.include(JSON.stringify(half?.body.messages[1]), "(earlier conversation left out)")
      }).pipe(Effect.scoped))
  }

  for (const [what, refusal] of Object.entries(other)) {
    it.live(`is not what ${what} says`, () =>
      Effect.gen(function*() {
        const fake = yield* FakeChat.make([refusal])
        yield* Effect.flip(ask(fake, history))
        assert.strictEqual(fake.requests.length, 1)
      }).pipe(Effect.scoped))
  }

  it.live("fails with the code, and without the server's words, when half of it is too long", () =>
    Effect.gen(function*() {
      const secret = "prompt is too long: my key is sk-secret"
      const fake = yield* FakeChat.make([refuse(400, { error: { message: secret, type: "invalid_request_error" } })])
      const error = yield* Effect.flip(ask(fake, history))
      assert.strictEqual(fake.requests.length, 2)
      assert.strictEqual(error.code, "agent_error")
      assert.deepInclude(error.details, {
        vendor: "openai-compatible",
        code: "context_length_exceeded",
        reason: "context_length_exceeded",
        status: 400
      })
      assert.notInclude(JSON.stringify([error.message, error.details]), "sk-secret")
    }).pipe(Effect.scoped))
})
