/**
 * The text in a message's `content`, in the forms that servers send: a string, a list of typed parts, an object. Pure.
 *
 * @since 0.1.0
 */
import * as Json from "../../schema/Json.ts"

/**
 * What a model said and what it thought.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChatContent {
  readonly text: string
  readonly reasoning: string
}

const MAX_DEPTH = 4
const isThought = /think|thought|reason|analysis|summary/iu

/** The fields of a part that may hold its text, by precedence. */
const textFields = ["text", "content", "value", "refusal", "thinking", "reasoning", "summary", "parts", "output_text"]

const stringOf = (value: unknown): string =>
  typeof value === "string" ? value : typeof value === "number" ? String(value) : ""

const none: ChatContent = { text: "", reasoning: "" }

const join = (parts: ReadonlyArray<ChatContent>): ChatContent => ({
  text: parts.map(({ text }) => text).join(""),
  reasoning: parts.map(({ reasoning }) => reasoning).join("")
})

/** The types whose text is for the user; parts without a type count as text. */
const isText = (type: unknown): boolean =>
  type === undefined || type === null || type === "" ||
  (typeof type === "string" &&
    /^(?:text|output_text|input_text|refusal|text_delta|message|output_message)$/iu.test(type))

const read = (value: unknown, depth: number): ChatContent => {
  if (!Array.isArray(value) && !Json.isRecord(value)) return { text: stringOf(value), reasoning: "" }
  if (depth > MAX_DEPTH) return none
  if (Array.isArray(value)) return join(value.map((part) => read(part, depth + 1)))
  const { thought, type } = value
  const thinks = thought === true || (typeof type === "string" && isThought.test(type)) ||
    (type === undefined && value["text"] === undefined && value["thinking"] !== undefined)
  if (!thinks && !isText(type)) return none
  const key = textFields.find((field) => value[field] !== undefined && value[field] !== null)
  if (key === undefined) return none
  const { reasoning, text } = read(value[key], depth + 1)
  return thinks ? { text: "", reasoning: text + reasoning } : { text, reasoning }
}

/**
 * Reads a content. Parts of unknown types, such as images, are passed over.
 *
 * @category decoding
 * @since 0.1.0
 */
export const of = (content: unknown): ChatContent => read(content, 0)
