/** One conversation, told as servers really tell it: always the same answer and the same calls. */
import { assert, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import type { Response } from "effect/ai"
import { ChatDeltas } from "../../../src/engines/openai-compatible/ChatDeltas.ts"
import * as DistortedChat from "../../support/DistortedChat.ts"

const tools = ["weather", "time", "time_zone", "note"]

const Text = Schema.NonEmptyString.check(Schema.isMaxLength(16))
const Call = Schema.Union([
  Schema.Struct({ name: Schema.Literal("weather"), params: Schema.Struct({ city: Text }) }),
  Schema.Struct({
    name: Schema.Literal("note"),
    params: Schema.Struct({ text: Text, tags: Schema.Array(Text).check(Schema.isMaxLength(2)), at: Schema.Int })
  }),
  Schema.Struct({ name: Schema.Literals(["time", "time_zone"]), params: Schema.Struct({}) })
])

const read = (pieces: ReadonlyArray<string>) => {
  const deltas = new ChatDeltas({ status: 200 }, { tools })
  const parts: Array<Response.StreamPartEncoded> = []
  for (const step of [...pieces.map((piece) => () => deltas.push(piece)), () => deltas.end()]) {
    parts.push(...Result.getOrThrow(step()))
  }
  return parts
}
const textOf = (parts: ReadonlyArray<Response.StreamPartEncoded>) =>
  parts.flatMap((part) => part.type === "text-delta" ? [part.delta] : []).join("")
const callsOf = (parts: ReadonlyArray<Response.StreamPartEncoded>) =>
  parts.flatMap((part) => part.type === "tool-call" ? [part] : [])

/** Equal calls without an id are one call, and so is each of them here. */
const distinct = <A extends { readonly name: string; readonly params: object }>(calls: ReadonlyArray<A>) =>
  calls.filter((call, at) => calls.findIndex((other) => JSON.stringify(other) === JSON.stringify(call)) === at)

const cutAt = (text: string, sizes: ReadonlyArray<number>): ReadonlyArray<string> => {
  const pieces: Array<string> = []
  for (let at = 0, i = 0; at < text.length; i++) {
    const next = at + (sizes[i % sizes.length] ?? 1)
    pieces.push(text.slice(at, next))
    at = next
  }
  return pieces
}

/** Checks random responses in random distortions. */
export const check = (runs: number): void =>
  it.prop("is the same answer and the same calls, however its server tells it", [
    Schema.Array(Text).check(Schema.isMaxLength(5)),
    Schema.Array(Call).check(Schema.isMaxLength(4)),
    DistortedChat.Distortion,
    Schema.NonEmptyArray(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 })))
  ], ([texts, told, distortion, sizes]) => {
    // as JSON has them: it knows no -0
    const calls = distinct<(typeof told)[number]>(JSON.parse(JSON.stringify(told)))
    // an answer of which nothing can be read but its end has failed
    const isEmpty = texts.length === 0 && calls.length === 0
    const body = DistortedChat.body({ texts, calls }, isEmpty ? { ...distortion, unreadable: false } : distortion)
    const parts = read(cutAt(body, sizes))
    assert.strictEqual(textOf(parts), texts.join(""), body)
    assert.deepStrictEqual(callsOf(parts).map(({ name, params }) => ({ name, params })), calls, body)
    const ids = callsOf(parts).map(({ id }) => id)
    assert.strictEqual(new Set(ids).size, ids.length, body)
    assert.isTrue(ids.every((id) => id !== ""), body)
    assert.deepStrictEqual(parts, read([body]), body)
  }, { arbitrary: { runs } })
