import { assert, describe, it } from "@effect/vitest"
import * as ContextLength from "../../src/schema/ContextLength.ts"

/** What servers answer to a prompt that is too long. */
const tooLong: ReadonlyArray<string> = [
  "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. Please reduce the length of the messages.",
  "Your input exceeds the context window of this model. Please adjust your input and try again.",
  "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 280000 tokens. Please reduce the length of the messages.",
  "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages, 1000 in the completion). Please reduce the length of the messages or completion.",
  "This model's maximum context length is 262144 tokens. However, you requested 0 output tokens and your prompt contains at least 262145 input tokens, for a total of at least 262145 tokens.",
  "The decoder prompt (length 5021) is longer than the maximum model length of 4096. Make sure that `max_model_len` is no smaller than the number of text tokens.",
  "You passed 5000 input tokens and requested 1 output tokens. However, the model's context length is only 4096 tokens, resulting in a maximum input length of 4095 tokens.",
  "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
  "Requested token count exceeds the model's maximum context length of 4096 tokens.",
  "request (33056 tokens) exceeds the available context size (32768 tokens), try increasing it",
  "the request exceeds the available context size. try increasing the context size or enable context shift",
  "input is too large to process. increase the physical batch size",
  "the input length exceeds the context length",
  "prompt too long; exceeded max context length by 12 tokens",
  "Trying to keep the first 11149 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
  "The number of tokens to keep from the initial prompt is greater than the context length. Try to load the model with a larger context length, or provide a shorter input",
  "This endpoint's maximum context length is 32768 tokens. However, you requested about 40000 tokens (39000 of text input, 1000 in the output). Please reduce the length of either one.",
  "prompt is too long: 210000 tokens > 200000 maximum",
  "input length and `max_tokens` exceed context limit: 199000 + 4096 > 200000, decrease input length or `max_tokens` and try again",
  "Request exceeds the maximum allowed number of bytes. request_too_large",
  "ValidationException: Input is too long for requested model.",
  "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
  "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
  "This model's maximum prompt length is 131072 but the request contains 150000 tokens.",
  "Request too large for model `llama` in organization `org` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 7000, please reduce your message size and try again.",
  "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 8000 `inputs` tokens and 512 `max_new_tokens`",
  "too many tokens: size limit exceeded by 123 tokens. Try using shorter or fewer inputs",
  "Invalid request: Your request exceeded model token limit: 8192",
  "invalid params, context window exceeds limit (2013)",
  "Range of input length should be [1, 30720]",
  "Prompt exceeds max length",
  "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException",
  "Prompt length (5000) should not exceed max_input_len (4096)",
  "Input length (265330) exceeds model's maximum context length (262144).",
  "Request body too large for gpt model. Max size: 8000 tokens.",
  "The prompt is too long: 140000, model maximum context length: 131072",
  "413 Request Entity Too Large"
]

const other: ReadonlyArray<string> = [
  "",
  "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 22999, Requested 12528. Please try again in 11s.",
  "ThrottlingException: Too many tokens, please wait before trying again.",
  "You exceeded your current quota, please check your plan and billing details.",
  "Incorrect API key provided",
  "The model `gpt-9` does not exist or you do not have access to it.",
  "max_tokens is too large: 20000. This model supports at most 4096 completion tokens",
  "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64, but got a string with length 70 instead.",
  "'temperature' must be at most 2",
  "The server had an error while processing your request",
  "Your request was rejected by the safety system",
  "Invalid value: 'tool'. Messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
]

describe("ContextLength", () => {
  it("recognises what servers say of a prompt that is too long, and nothing else", () => {
    assert.deepStrictEqual(tooLong.filter((text) => !ContextLength.isSaid(text)), [])
    assert.deepStrictEqual(tooLong.filter((text) => !ContextLength.isSaid(JSON.stringify({ error: text }))), [])
    assert.deepStrictEqual(other.filter(ContextLength.isSaid), [])
  })

  it("reads the beginning of an answer only, whatever its length", () => {
    assert.isTrue(ContextLength.isSaid(`${"x ".repeat(900)}${tooLong[0]}`))
    assert.isFalse(ContextLength.isSaid(`${"x ".repeat(1_100)}${tooLong[0]}`))
  })

  it("recognises codes, types and finish reasons", () => {
    const codes = [
      "context_length_exceeded",
      "context_window_exceeded",
      "model_context_window_exceeded",
      "ContextWindowExceededError",
      "exceed_context_size_error",
      "request_too_large",
      "contextLengthReached",
      "tokens_limit_reached",
      "string_above_max_length",
      "prompt_too_long"
    ]
    assert.deepStrictEqual(codes.filter((code) => !ContextLength.isCode(code)), [])
    const others = ["invalid_request_error", "rate_limit_exceeded", "length", "max_tokens", "content_filter", "stop"]
    assert.deepStrictEqual(others.filter(ContextLength.isCode), [])
  })
})
