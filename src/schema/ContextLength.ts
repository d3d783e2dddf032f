/**
 * Recognises the answer of a language model's server that a prompt is too long. Pure.
 *
 * Only some servers have a code for it; the others say it in a sentence.
 *
 * @since 0.1.0
 */

/**
 * The code for a prompt that is too long, of whichever server: OpenAI's.
 *
 * @category constants
 * @since 0.1.0
 */
export const CODE = "context_length_exceeded"

/** The codes, error types and finish reasons of OpenAI, Azure, LiteLLM, llama.cpp, LM Studio, Anthropic and GitHub. */
const codes = new RegExp(
  [
    "context_?(?:length|window|size|limit)_?(?:exceeded|reached|error)",
    "exceed(?:s|ed)?_?(?:max_?)?context",
    "(?:prompt|input|request)_?too_?(?:long|large)",
    "(?:string_above_max_length|tokens_limit_reached|max_(?:input_)?tokens_exceeded)"
  ].join("|"),
  "iu"
)

/**
 * What servers say: OpenAI, vLLM, SGLang, llama.cpp, Ollama, LM Studio, OpenRouter, Anthropic, Bedrock, Gemini, Mistral, xAI,
 * Groq, Together, Hugging Face, Cohere, Moonshot, MiniMax, DashScope, LiteLLM, TensorRT-LLM.
 */
const sentences = [
  /max(?:imum)?[ _](?:model[ _])?(?:context|prompt|input|sequence|seq)[ _]?(?:length|len|size|window|tokens?|characters)\b/iu,
  /(?:model'?s?|available|configured|loaded with|supported) (?:maximum |max )?context (?:length|size|window|limit)/iu,
  /exceed\w* [^.]{0,80}?\b(?:context|token limit|number of tokens|maximum (?:prompt|input))|prompt exceeds max length/iu,
  /context (?:length|size|window|limit) (?:is |was |has been )?(?:only |of only |exceeded|reached|overflow|exceeds)/iu,
  /context (?:overflow|window exceed)|reached (?:the )?(?:max(?:imum)? )?context (?:length|size|window|limit)/iu,
  /(?:prompt|input|message|conversation|request)s? (?:\(?[\d,]+[^)]{0,24}\)? )?(?:is|are|was) (?:too (?:long|large)|longer than)/iu,
  /(?:prompt|input) (?:is |was )?too (?:long|large)|request (?:entity |body |payload )?(?:is )?too large/iu,
  /prompt contains [\d,]+ tokens|too large for model with|token count [^.]{0,40}exceeds/iu,
  /(?:reduce|shorten) (?:the |your )?(?:length|size|number|message|prompt|input|context)/iu,
  /longer than the (?:model'?s? )?(?:maximum|context|limit)/iu,
  /tokens?`? \+ `?max_(?:new_)?tokens`? must be/iu,
  /tokens? to keep from the initial prompt is greater|keep the first [\d,]+ tokens when (?:the )?context/iu,
  /too many tokens: |range of input length should be|input length [^.]{0,60}exceed|[\d,]+ tokens > [\d,]+/iu,
  /exceed\w* (?:the )?(?:model )?(?:max(?:imum)? )?(?:token|context|input|prompt)s?\b/iu
]

/** What is said of too many requests in a time, which a shorter prompt does not help. */
const ofRate = /rate limit|too many requests|throttl|please wait|try again (?:in|later)|quota/iu
/** Of these the request alone is more than the limit. */
const ofOneRequest = /request too large|reduce your message size/iu

/** How much of an answer is read, in UTF-16 code units: the expressions take the square of a long run of digits. */
const MAX_TEXT = 2_048

/**
 * Whether a code, an error type or a finish reason says that the prompt is too long.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isCode = (code: string): boolean => codes.test(code)

/**
 * Whether the text of an error says so; it may be JSON.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isSaid = (text: string): boolean => {
  const said = text.slice(0, MAX_TEXT)
  if (ofOneRequest.test(said)) return true
  if (ofRate.test(said)) return false
  return codes.test(said) || sentences.some((sentence) => sentence.test(said))
}
