/**
 * Puts together the arguments of a tool call from the pieces in which servers send them. Pure.
 *
 * Arguments that are missing, empty or `null` are `{}`. They may be told again when they are whole, or with each piece.
 *
 * @since 0.1.0
 */
import * as CallArguments from "../../schema/CallArguments.ts"
import * as Json from "../../schema/Json.ts"
import * as WrittenJson from "../../schema/WrittenJson.ts"
import { JsonExtent } from "../../text/JsonExtent.ts"

/** Characters of a call's arguments; the rest is ignored. It is more than an agent accepts. */
const MAX_INPUT = 131_072

const scalar = /^\s*(?:null|true|false|-?\d{1,20})\s*$/u

/** A JSON value that arrives in pieces. */
class Value {
  text = ""
  readonly #extent = new JsonExtent()

  get isWhole(): boolean {
    return this.#extent.whole || scalar.test(this.text)
  }

  /** Takes what belongs to the value, and returns what comes after it. */
  push(text: string): string {
    const end = this.#extent.push(text)
    this.text += text.slice(0, end)
    return text.slice(end)
  }

  /** Whether a text is no part of this value, which has not ended, but begins another. */
  isFollowedBy(text: string): boolean {
    return this.#extent.begun && !this.#extent.inString && /^\s*\{\s*(?:"|\}|$)/u.test(text) &&
      !/[:[,]/u.test(this.#extent.last)
  }
}

/**
 * The arguments of a call so far.
 *
 * @category models
 * @since 0.1.0
 */
export class CallInput {
  first = new Value()
  /** The last value after arguments that were whole: they are told again, or `{}` was no more than a beginning. */
  #later: Value | undefined
  #size = 0

  get isBlank(): boolean {
    return this.first.text.trim() === ""
  }

  push(text: string): void {
    let rest = text.slice(0, Math.max(0, MAX_INPUT - this.#size))
    this.#size += rest.length
    if (this.#tellsAgain(rest)) this.first = new Value()
    while (rest.trim() !== "" || (rest !== "" && !this.first.isWhole)) {
      if (!this.first.isWhole || (scalar.test(this.first.text) && /^\d/u.test(rest))) rest = this.first.push(rest)
      else {
        if (this.#later === undefined || this.#later.isWhole) this.#later = new Value()
        rest = this.#later.push(rest)
      }
    }
  }

  /** Whether a piece tells all that came before it and more, as some servers do; no JSON goes on like this. */
  #tellsAgain(text: string): boolean {
    const { text: soFar } = this.first
    return !this.first.isWhole && /^\s*\{/u.test(soFar) && text.length > soFar.length && text.startsWith(soFar)
  }

  /** The arguments; `isCut`: the response ended before its time, so that brackets are not merely forgotten. */
  params(isCut: boolean): unknown {
    const closed = isCut || this.first.isWhole ? undefined : WrittenJson.close(this.first.text)
    const params = CallArguments.parse(closed ?? this.first.text)
    const later = this.#later?.isWhole === true ? CallArguments.parse(this.#later.text) : undefined
    return later === undefined || (isEmpty(later) && !isEmpty(params)) ? params : later
  }
}

/**
 * Checks whether arguments are `{}`.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isEmpty = (params: unknown): boolean => Json.isRecord(params) && Object.keys(params).length === 0
