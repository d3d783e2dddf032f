/**
 * Puts together the tool calls of a response from the pieces in which servers send them. Pure.
 *
 * Which pieces are one call never rests on `index` or `id` alone: servers repeat, omit and change both. A piece begins
 * another call when it has a name, the call at its place has one already, and that call is whole or the piece differs from
 * it in more than one way. Arguments that are missing, empty or `null` are `{}`.
 *
 * A call that is told twice is one call: equal name and input, and the ids are equal or one of them is missing. Calls with
 * two different ids are two calls.
 *
 * @since 0.1.0
 */
import * as CallArguments from "../../schema/CallArguments.ts"
import * as Json from "../../schema/Json.ts"
import * as ToolName from "../../schema/ToolName.ts"
import * as CallInput from "./CallInput.ts"

/** Tool calls in one response; further ones are ignored. */
const MAX_CALLS = 64
const MAX_NAME = 256

/**
 * A tool call. `id` is unique in the response.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChatCall {
  readonly id: string
  readonly name: string
  readonly params: unknown
}

/** A piece of a call, or a whole one. */
interface Piece {
  readonly place: number | undefined
  readonly id: string
  readonly name: string
  readonly input: string
}

interface CallSoFar {
  readonly place: number | undefined
  id: string
  /** An id that came after the first without a name: of the next call, or of no meaning. */
  nextId: string
  name: string
  readonly input: CallInput.CallInput
}

const numberOf = (value: unknown): number | undefined => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value) ?? ""

const pieceOf = (value: unknown): Piece | undefined => {
  if (!Json.isRecord(value)) return undefined
  const inner = Json.isRecord(value["function"]) ? value["function"] : value
  const id = value["id"] ?? value["call_id"]
  const name = inner["name"]
  return {
    place: numberOf(value["index"] ?? inner["index"]),
    id: typeof id === "string" ? id.trim() : typeof id === "number" ? String(id) : "",
    name: typeof name === "string" ? name.slice(0, MAX_NAME) : "",
    input: textOf(inner["arguments"] ?? inner["parameters"] ?? inner["args"] ?? inner["input"])
  }
}

/**
 * The calls of one response.
 *
 * @category decoding
 * @since 0.1.0
 */
export class ChatCalls {
  readonly #tools: ReadonlyArray<string>
  readonly #prefix: string
  #calls: Array<CallSoFar> = []

  /** `tools`: the names that the request offers. `prefix`: of the ids that calls without one get. */
  constructor(tools: ReadonlyArray<string>, prefix: string) {
    this.#tools = tools
    this.#prefix = prefix
  }

  /** Takes an entry of `tool_calls` in a stream. */
  delta(entry: unknown): void {
    const piece = pieceOf(entry)
    if (piece === undefined || (piece.id === "" && piece.name === "" && piece.input === "")) return
    const last = this.#callAt(piece)
    if (last === undefined || this.#begins(last, piece)) this.#begin(piece, last?.nextId ?? "")
    else this.#continue(last, piece)
  }

  /** Takes an entry of a message that tells the whole response after the stream has told it. */
  again(entry: unknown): void {
    const piece = pieceOf(entry)
    if (piece === undefined) return
    const params = CallArguments.parse(piece.input)
    const same = this.#calls.some((call) =>
      this.#nameOf(call.name) === this.#nameOf(piece.name) && equal(call.input.params(true), params)
    )
    if (same) return
    const cut = this.#calls.find((call) => call.name === piece.name && !call.input.first.isWhole)
    if (cut !== undefined) this.#calls.splice(this.#calls.indexOf(cut), 1)
    this.#begin(piece, "")
  }

  /** The calls, each once. `isCut`: the response ended before its time. */
  end(isCut: boolean): ReadonlyArray<ChatCall> {
    const calls: Array<ChatCall> = []
    const ids = new Set<string>()
    const whole = this.#calls.filter(({ name }) => name.trim() !== "")
    for (const [i, call] of whole.entries()) {
      if (whole.some((other, at) => at !== i && repeats(call, other, at < i))) continue
      const id = call.id === "" || ids.has(call.id) ? this.#freshId(ids) : call.id
      ids.add(id)
      calls.push({ id, name: this.#nameOf(call.name), params: call.input.params(isCut) })
    }
    return calls
  }

  #freshId(taken: ReadonlySet<string>): string {
    let number = taken.size + 1
    while (taken.has(`${this.#prefix}${number}`)) number++
    return `${this.#prefix}${number}`
  }

  #callAt({ id, input, name, place }: Piece): CallSoFar | undefined {
    const here = place === undefined
      ? this.#calls
      : this.#calls.filter((call) => call.place === place || call.place === undefined)
    const byId = (calls: ReadonlyArray<CallSoFar>) =>
      id === "" ? undefined : calls.findLast((call) => call.id === id || call.nextId === id)
    const last = this.#calls.at(-1)
    return byId(here) ?? here.at(-1) ?? byId(this.#calls) ??
      (this.#goesOn(last, { id, input, name, place }) ? last : undefined)
  }

  /** Whether a piece with an index of its own is the rest of the last call: it brings no name, or no beginning. */
  #goesOn(last: CallSoFar | undefined, { id, input, name }: Piece): boolean {
    if (last === undefined || name === "") return last !== undefined
    const { first } = last.input
    if (last.input.isBlank && name === last.name) return id === ""
    if (last.input.isBlank) {
      return last.name !== "" && !this.#isTool(last.name) && this.#completes(last.name, name)
    }
    return name === last.name && !first.isWhole && input !== "" && !first.isFollowedBy(input)
  }

  #begins(last: CallSoFar, { id, input, name, place }: Piece): boolean {
    if (name === "" || last.name === "") return false
    const own = id === "" ? last.nextId : id
    const otherId = own !== "" && last.id !== "" && own !== last.id
    const otherPlace = place !== undefined && last.place !== undefined && place !== last.place
    const sameName = this.#nameOf(name) === this.#nameOf(last.name)
    if (last.input.first.isWhole) return true
    if (last.input.isBlank) {
      return sameName
        ? otherId || (otherPlace && id !== "")
        : !this.#continuesName(last.name, name, otherPlace)
    }
    // the arguments of the last call have begun and not ended: servers do not interleave calls of one place and no id
    return !sameName || (otherId && last.input.first.isFollowedBy(input))
  }

  #begin({ id, input, name, place }: Piece, nextId: string): void {
    if (this.#calls.length >= MAX_CALLS) return
    const call: CallSoFar = { place, id: id === "" ? nextId : id, nextId: "", name, input: new CallInput.CallInput() }
    call.input.push(input)
    this.#calls.push(call)
  }

  #continue(call: CallSoFar, { id, input, name }: Piece): void {
    if (call.id === "") call.id = id
    else if (id !== "" && id !== call.id) call.nextId = id
    if (call.name === "") call.name = name
    else if (name !== "" && name !== call.name && call.input.isBlank) {
      // some repeat what they have told of the name
      call.name = (name.startsWith(call.name) ? name : call.name + name).slice(0, MAX_NAME)
    }
    call.input.push(input)
  }

  /** Whether a name is the rest of another: some servers send a name in pieces, others two calls without arguments. */
  #continuesName(begun: string, name: string, otherPlace: boolean): boolean {
    if (this.#isTool(begun) && (otherPlace || this.#isTool(name))) return false
    return this.#completes(begun, name) || (!this.#isTool(begun) && !this.#isTool(name))
  }

  /** Whether two pieces make the beginning of a tool's name: one behind the other, or the second with all of the first. */
  #completes(begun: string, name: string): boolean {
    return this.#beginsTool(begun + name) || (name.startsWith(begun) && this.#beginsTool(name))
  }

  #isTool(name: string): boolean {
    return this.#tools.includes(name)
  }

  #beginsTool(start: string): boolean {
    return this.#tools.some((tool) => tool.startsWith(start))
  }

  /** The name of the tool of ours that the model means. */
  #nameOf(told: string): string {
    return ToolName.find(told, this.#tools) ?? told.trim()
  }
}

const equal = (one: unknown, other: unknown): boolean => Json.canonical(one) === Json.canonical(other)

/** Whether a call only repeats another: of two equal ones the second does. */
const repeats = (call: CallSoFar, other: CallSoFar, isAfter: boolean): boolean => {
  if (call.name.trim() !== other.name.trim()) return false
  const sameId = call.id !== "" && call.id === other.id
  if (sameId && CallInput.isEmpty(call.input.params(true)) && !CallInput.isEmpty(other.input.params(true))) return true
  // a name that was told alone, before or after its arguments
  if (call.input.isBlank !== other.input.isBlank) {
    return call.input.isBlank && (sameId || call.place === other.place || (call.id === "" && other.id === ""))
  }
  return isAfter && (sameId || call.id === "" || other.id === "") &&
    equal(call.input.params(true), other.input.params(true))
}
