/**
 * The marks that models write around what is not for the user: thoughts, and tool calls as text. Pure.
 *
 * Sources: the chat templates and model cards of Qwen, DeepSeek, Magistral, Kimi, gpt-oss (harmony), Command A, OpenThinker,
 * Seed-OSS, MedGemma, Apriel, Granite, Phi-4, Llama, Hermes, GLM.
 *
 * @since 0.1.0
 */

/**
 * What a mark does.
 *
 * - `open`, `close`: of a thought. `call`: begins a tool call, which ends with a mark of `end`, or with its JSON.
 * - `end`: ends a tool call. `header`: begins a header of the harmony format or of another chat template, up to `message` or
 *   a line break. `stop`: ends a message. `token`: a control token without meaning here.
 *
 * @category models
 * @since 0.1.0
 */
export type MarkKind = "open" | "close" | "call" | "end" | "header" | "message" | "stop" | "token"

/**
 * A mark in a text. `name` is in lower case, without brackets; `isTag` tells an element, which may be nested.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mark {
  readonly kind: MarkKind
  readonly name: string
  /** The mark as it was written. */
  readonly text: string
  readonly isTag: boolean
}

const thoughtTags = [
  "think",
  "thinking",
  "thought",
  "thoughts",
  "reasoning",
  "reflection",
  "analysis",
  "scratchpad",
  "inner_monologue",
  "internal_monologue",
  "chain_of_thought",
  "cot",
  "antthinking",
  "ant_thinking",
  "inner_thought",
  "inner_thoughts",
  "inner_thinking",
  "internal_thought",
  "internal_thoughts",
  "internal_thinking",
  "internal_reasoning",
  "hidden_thoughts",
  "thought_process",
  "thinking_process",
  "reasoning_process",
  "self_reflection",
  "deep_think",
  "deep_thinking",
  "deepthink",
  "longcat_think",
  "seed:think",
  "mm:think"
]
const callTags = [
  "tool_call",
  "tool_calls",
  "toolcall",
  "function_call",
  "function_calls",
  "functioncall",
  "function",
  "invoke",
  "tool_use",
  "tool_code",
  "tool_response",
  "tool_result",
  "tool_outputs",
  "longcat_tool_call",
  "antml:function_calls",
  "antml:invoke",
  "minimax:tool_call",
  "seed:tool_call"
]
const needsName = new Set(["function", "invoke"])
const tags = [...thoughtTags, ...callTags]

/** Marks that are no elements, in lower case; the bars of DeepSeek's tokens are read as "|", its "▁" as "_". */
const tokens: { readonly [text: string]: MarkKind } = {
  "[think]": "open",
  "[/think]": "close",
  "[begin final response]": "close",
  "[end final response]": "token",
  "◁think▷": "open",
  "◁/think▷": "close",
  "<|begin_of_thought|>": "open",
  "<|end_of_thought|>": "close",
  "<|start_thinking|>": "open",
  "<|end_thinking|>": "close",
  "<|begin_of_thinking|>": "open",
  "<|end_of_thinking|>": "close",
  "<|think|>": "open",
  "<|/think|>": "close",
  "<|thinking|>": "open",
  "<|/thinking|>": "close",
  "<|channel>": "open",
  "<channel|>": "close",
  "<unused94>": "open",
  "<unused95>": "close",
  "[tool_calls]": "call",
  "[/tool_calls]": "end",
  "[tool_call]": "call",
  "[/tool_call]": "end",
  "[tool_results]": "call",
  "[/tool_results]": "end",
  "<|tool_call|>": "call",
  "<|/tool_call|>": "end",
  "<|tool_call>": "call",
  "<tool_call|>": "end",
  "<|tool_calls|>": "call",
  "<|/tool_calls|>": "end",
  "<|start_action|>": "call",
  "<|end_action|>": "end",
  "<|action_start|>": "call",
  "<|action_end|>": "end",
  "<|python_tag|>": "call",
  "<|python_start|>": "call",
  "<|python_end|>": "end",
  "<start_function_call>": "call",
  "<end_function_call>": "end",
  "<|tool_call_begin|>": "call",
  "<|tool_call_end|>": "end",
  "<|eom_id|>": "stop",
  "<|tool_calls_section_begin|>": "call",
  "<|tool_calls_section_end|>": "end",
  "<|tool_calls_begin|>": "call",
  "<|tool_calls_end|>": "end",
  "<|tool_outputs_begin|>": "call",
  "<|tool_outputs_end|>": "end",
  "<|channel|>": "header",
  "<|start|>": "header",
  "<|im_start|>": "header",
  "<|start_header_id|>": "header",
  "<|header_start|>": "header",
  "<start_of_turn>": "header",
  "<|message|>": "message",
  "<|end_header_id|>": "message",
  "<|header_end|>": "message",
  "<|end|>": "stop",
  "<|return|>": "stop",
  "<|call|>": "stop",
  "<|im_end|>": "stop",
  "<|eot_id|>": "stop",
  "<|eot|>": "stop",
  "<|eom|>": "stop",
  "<|endoftext|>": "stop",
  "<|end_of_text|>": "stop",
  "<|end_of_sentence|>": "stop",
  "<end_of_turn>": "stop"
}
const tokenTexts = Object.keys(tokens)
const LONGEST_TOKEN = Math.max(...tokenTexts.map((text) => text.length))

/** How far the end of a tag is searched: attributes are short. */
const MAX_TAG = 256
const MAX_CONTROL = 64

const plain = (text: string): string => text.toLowerCase().replaceAll("｜", "|").replaceAll("▁", "_")

// DeepSeek writes "｜DSML｜" in front of the names of its elements
const tag = /<[^\S\n]*(\/?)[^\S\n]*(?:[|｜]DSML[|｜])?([a-z_:-]+)(?:=([^<>\s{]{1,128})|\s[^<>]*)?(?:\/\s*)?>/iuy
/** Some models forget the end of this tag. */
const openFunction = /<function=["']?[\w.:-]{1,128}["']?(?=\s?\{)/iuy
const dsmlBegun = /^<\/?[|｜](?:D(?:S(?:M(?:L(?:[|｜][a-z_]*(?:\s[^<>]*)?)?)?)?)?)?$/u
const tagBegun = /^<[^\S\n]*\/?[^\S\n]*([a-z_:-]*)(?:=[^<>\s]*|\s[^<>]*)?(?:\/\s*)?$/iu
const control = /<[|｜][\w/▁ .-]{1,48}[|｜]>/uy
const controlBegun = /^<[|｜][\w/▁ .-]{0,48}[|｜]?$/u

/** The first characters of all marks. */
const first = /[<[◁]/u

const tagAt = (text: string, at: number): Mark | undefined => {
  tag.lastIndex = at
  const match = tag.exec(text)
  if (match === null || match[0].length > MAX_TAG) return undefined
  const name = match[2]!.toLowerCase().replaceAll("-", "_")
  const isCall = callTags.includes(name)
  if (!isCall && !thoughtTags.includes(name)) return undefined
  // elsewhere these stand for a word to fill in
  if (needsName.has(name) && match[1] === "" && !/[\s=]/u.test(match[0])) return undefined
  const isClose = match[1] === "/"
  if (match[0].trimEnd().endsWith("/>") && match[3] === undefined) {
    return { kind: "token", name, text: match[0], isTag: true }
  }
  return { kind: isCall ? isClose ? "end" : "call" : isClose ? "close" : "open", name, text: match[0], isTag: true }
}

const functionAt = (text: string, at: number): Mark | undefined => {
  openFunction.lastIndex = at
  const written = openFunction.exec(text)?.[0]
  return written === undefined ? undefined : { kind: "call", name: "function", text: written, isTag: true }
}

/**
 * The mark at a position; `"more"` while what is there may be the beginning of one, `undefined` when it is none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const at = (text: string, position: number): Mark | "more" | undefined => {
  if (!first.test(text.charAt(position))) return undefined
  const window = plain(text.slice(position, position + LONGEST_TOKEN))
  const token = tokenTexts.find((each) => window.startsWith(each))
  if (token !== undefined) {
    const written = text.slice(position, position + token.length)
    return {
      kind: tokens[token] ?? "token",
      name: token.replace(/^[<[◁|]+|[>\]▷|]+$/gu, ""),
      text: written,
      isTag: false
    }
  }
  const found = text.charAt(position) === "<" ? tagAt(text, position) ?? functionAt(text, position) : undefined
  if (found !== undefined) return found
  control.lastIndex = position
  const written = control.exec(text)?.[0]
  if (written !== undefined) return { kind: "token", name: plain(written), text: written, isTag: false }
  return isBegun(text, position, window) ? "more" : undefined
}

/** Whether the text ends within what may become a mark. */
const isBegun = (text: string, position: number, window: string): boolean => {
  const length = text.length - position
  if (length < LONGEST_TOKEN && tokenTexts.some((each) => each.startsWith(window))) return true
  if (length < MAX_CONTROL && controlBegun.test(text.slice(position))) return true
  if (length >= MAX_TAG) return false
  if (dsmlBegun.test(text.slice(position))) return true
  const begun = tagBegun.exec(text.slice(position))
  if (begun === null) return false
  const name = begun[1]!.toLowerCase().replaceAll("-", "_")
  // "x < 5 and so on" is no tag
  if (name === "") return /^<[^\S\n]*\/?[^\S\n]*$/u.test(begun[0])
  return begun[0].toLowerCase().replaceAll("-", "_").endsWith(name) || /^<\s*\/?\s*$/u.test(begun[0])
    ? tags.some((each) => each.startsWith(name))
    : tags.includes(name)
}
