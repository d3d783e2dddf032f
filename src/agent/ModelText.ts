/**
 * The text of one response of a model: what it says, apart from its thoughts and from tool calls that it writes as text.
 *
 * @since 0.1.0
 */
import type * as Response from "effect/ai/Response"
import { BareCall } from "../text/thoughts/BareCall.ts"
import { BareHarmony } from "../text/thoughts/BareHarmony.ts"
import * as ThoughtFilter from "../text/thoughts/ThoughtFilter.ts"
import type { WrittenCall } from "../text/thoughts/WrittenCall.ts"
import { callKey } from "./ToolHistory.ts"
import * as WrittenCalls from "./WrittenCalls.ts"

/** Calls of one response that are kept; it is more than are run (see `ToolCalls`). */
const MAX_CALLS = 32

/**
 * What is known of a model's chat template; shared by its responses.
 *
 * - `opensThought`: the template opens a thought, so that only its end arrives: the application says so, or a response has
 *   shown it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChatTemplate {
  opensThought: "no" | "seen" | "yes"
}

/** The beginning of an answer that is a tool call without any mark, in JSON or Python, and a text that may become one. */
const jsonCall = /^\s*(?:(?:```(?:json)?\s*|functools)?(?:\[\s*)?\{\s*"|\[\s*[A-Za-z_][\w.]{0,63}\()/u
const maybeJsonCall =
  /^\s*(?:`{0,3}|```(?:j|js|jso|json)\s*|f|fu|fun|func|funct|functo|functoo|functool|\[\s*[A-Za-z_][\w.]{0,63}|(?:```(?:json)?\s*|functools)?(?:\[\s*)?\{?\s*)$/u
/** Characters of such an answer. */
const MAX_JSON = 65_536

const begins = { no: "text", seen: "either", yes: "thought" } as const

/**
 * Reads one response.
 *
 * @category models
 * @since 0.1.0
 */
export class ModelText {
  readonly #filter
  readonly #harmony = new BareHarmony()
  readonly #bareCalls = new BareCall()
  readonly #nameOf: (told: string) => string | undefined
  readonly #calls: Array<Response.ToolCallPartEncoded> = []
  readonly #written: Array<Response.ToolCallPartEncoded> = []
  /** What was said, for the prompt of the next request. */
  text = ""
  /** Written calls that no tool could be found for. */
  unread = 0
  #isRetracted = false
  /** An answer that may be a tool call in JSON; undefined once it is none. */
  #json: string | undefined

  /** `nameOf`: the name of the tool that the model means. */
  constructor(template: ChatTemplate, nameOf: (told: string) => string | undefined, hasTools: boolean) {
    this.#nameOf = nameOf
    this.#json = hasTools ? "" : undefined
    this.#filter = ThoughtFilter.make({
      begins: begins[template.opensThought],
      onCall: (call) => this.#take(call),
      onRetract: () => {
        if (template.opensThought === "no") template.opensThought = "seen"
        this.text = ""
        this.#isRetracted = true
      }
    })
  }

  /** The calls of the response. One that is told and also written is one call. */
  get calls(): ReadonlyArray<Response.ToolCallPartEncoded> {
    const told = new Set(this.#calls.map(callKey))
    return [...this.#calls, ...this.#written.filter((call) => !told.has(callKey(call)))].slice(0, MAX_CALLS)
  }

  /** Takes a call of the model. */
  call(call: Response.ToolCallPartEncoded): void {
    if (this.#calls.length < MAX_CALLS) this.#calls.push(call)
  }

  /** Takes a piece of text, and returns what is said of it. */
  push(text: string): string {
    return this.#say(this.#hold(this.#filter.push(this.#bareCalls.push(this.#harmony.push(text)))))
  }

  /** Ends the response. */
  end(): string {
    const bare = this.#bareCalls.push(this.#harmony.flush()) + this.#bareCalls.flush()
    const held = this.#hold(this.#filter.push(bare) + this.#filter.flush())
    const json = this.#json ?? ""
    this.#json = undefined
    const body = json.trim().replace(/^```(?:json)?|^functools|```$/gu, "")
    const isCall = jsonCall.test(json) && this.#takeKnown({ mark: "json", body }) > 0
    return this.#say(isCall ? held : held + json)
  }

  /** Holds an answer back that begins as a tool call in JSON does. */
  #hold(text: string): string {
    if (this.#json === undefined) return text
    const json = this.#json + text
    const mayBe = json.length <= MAX_JSON && (jsonCall.test(json) || maybeJsonCall.test(json))
    this.#json = mayBe ? json : undefined
    return mayBe ? "" : json
  }

  #say(text: string): string {
    this.text += text
    // whoever speaks the text drops what it still has of the thought
    const mark = this.#isRetracted ? "</think>" : ""
    this.#isRetracted = false
    return mark + text
  }

  #take(call: WrittenCall): void {
    if (this.#takeKnown(call) === 0) this.unread++
  }

  /** Takes the calls of known tools, and returns how many these are. */
  #takeKnown(call: WrittenCall): number {
    const known = WrittenCalls.read(call).flatMap(({ name: told, params }) => {
      const name = this.#nameOf(told)
      return name === undefined ? [] : [{ name, params }]
    })
    for (const { name, params } of known) {
      if (this.#written.length < MAX_CALLS) this.#written.push({ type: "tool-call", id: "", name, params })
    }
    return known.length
  }
}
