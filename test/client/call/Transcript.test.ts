import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Transcript from "../../../src/client/call/Transcript.ts"
import type { ServerMessage } from "../../../src/client/index.ts"

const envelope = { seq: 1, at_ms: 2 }
const user = (turn: number, text: string, final = true): ServerMessage => ({
  type: "user.transcript",
  ...envelope,
  turn,
  text,
  final
})
const agent = (turn: number, text: string): ServerMessage => ({ type: "agent.transcript", ...envelope, turn, text })
const stopped = (turn: number, reason: string, text: string): ServerMessage => ({
  type: "agent.speech_stopped",
  ...envelope,
  turn,
  reason,
  text
})

const empty: Transcript.Transcript = { entries: [], nextId: 1, call: 1 }
const after = (...messages: ReadonlyArray<ServerMessage>) => messages.reduce(Transcript.receive, empty)
const lines = ({ entries }: Transcript.Transcript) => entries.map(({ role, text, turn }) => [turn, role, text])

describe("Transcript", () => {
  it("replaces the user's words until they are final, and adds the agent's as they are played", () => {
    const transcript = after(
      user(1, "hello", false),
      user(1, "Hello there.", true),
      agent(1, "Hi"),
      agent(1, "you"),
      agent(1, "."),
      stopped(1, "completed", "Hi you.")
    )
    assert.deepStrictEqual(lines(transcript), [[1, "user", "Hello there."], [1, "agent", "Hi you."]])
    assert.isTrue(transcript.entries.every(({ final, unheard }) => final && unheard === ""))
  })

  it("strikes what was not heard of an interrupted answer", () => {
    const cut = (said: string, heard: string) => {
      const entry = after(agent(1, said), stopped(1, "interrupted", heard)).entries[0]
      return [entry?.text, entry?.unheard, entry?.end]
    }
    assert.deepStrictEqual(cut("One, two, three.", "One, two,"), ["One, two,", "three.", "interrupted"])
    assert.deepStrictEqual(cut("One,  two, three.", "One, two,"), ["One, two,", "three.", "interrupted"])
    assert.deepStrictEqual(cut("One, two, three.", ""), ["", "One, two, three.", "interrupted"])
    assert.deepStrictEqual(cut("One, two, three.", "Something else"), ["Something else", "", "interrupted"])
    assert.deepStrictEqual(cut("你好世界", "你好"), ["你好", "世界", "interrupted"])
  })

  it("puts the words of a model that hears late before its answer, and turns in their order", () => {
    const transcript = after(agent(1, "Hi."), user(3, "third"), agent(2, "second answer"), user(2, "second"))
    assert.deepStrictEqual(lines(transcript), [
      [1, "agent", "Hi."],
      [2, "user", "second"],
      [2, "agent", "second answer"],
      [3, "user", "third"]
    ])
  })

  it("shows an apology after an answer that failed as another line of the turn", () => {
    const transcript = after(
      agent(1, "It is"),
      stopped(1, "failed", "It"),
      agent(1, "Sorry."),
      stopped(1, "completed", "")
    )
    assert.deepStrictEqual(lines(transcript), [[1, "agent", "It"], [1, "agent", "Sorry."]])
  })

  it("makes what was typed the turn that the server opens for it, whoever is heard first", () => {
    const typed = Transcript.typed(Transcript.typed(empty, "one"), " two ")
    assert.deepStrictEqual(lines(Transcript.receive(typed, user(5, "two"))), [
      [undefined, "user", "one"],
      [5, "user", "two"]
    ])
    const answered = Transcript.receive(typed, agent(5, "An answer."))
    assert.deepStrictEqual(lines(answered), [
      [5, "user", "one"],
      [5, "agent", "An answer."],
      [undefined, "user", " two "]
    ])
    assert.deepStrictEqual(lines(Transcript.receive(typed, user(5, "spoken meanwhile"))), [
      [undefined, "user", "one"],
      [undefined, "user", " two "],
      [5, "user", "spoken meanwhile"]
    ])
  })

  const Turn = Schema.Literals([-1, 1, 2, 3])
  const Said = Schema.Union([
    Schema.Struct({ type: Schema.Literal("user.transcript"), turn: Turn, text: Schema.String, final: Schema.Boolean }),
    Schema.Struct({ type: Schema.Literal("agent.transcript"), turn: Turn, text: Schema.String }),
    Schema.Struct({
      type: Schema.Literal("agent.speech_stopped"),
      turn: Turn,
      text: Schema.String,
      reason: Schema.Literals(["completed", "interrupted", "failed", "other"])
    })
  ])

  it.prop("keeps ids and order, whatever a server says and a user types", [
    Schema.Array(Schema.Union([Said, Schema.String]))
  ], ([said]) => {
    let transcript = empty
    for (const each of said) {
      const former = transcript
      transcript = typeof each === "string"
        ? Transcript.typed(transcript, each)
        : Transcript.receive(transcript, { ...envelope, ...each })
      const ids = transcript.entries.map(({ id }) => id)
      assert.strictEqual(new Set(ids).size, ids.length)
      for (const { id } of former.entries) assert.include(ids, id)
      assert.isAtMost(transcript.entries.length, former.entries.length + 1)
    }
    if (said.some((each) => typeof each === "string")) return
    const turns = transcript.entries.map(({ turn }) => turn ?? 0)
    assert.deepStrictEqual(turns, turns.toSorted((a, b) => a - b))
  })

  it("keeps no more than 65,536 code units of an entry", () => {
    const long = "x".repeat(70_000)
    const { entries } = after(user(1, long), agent(1, long), agent(1, "more"), agent(2, "a"), agent(2, long))
    assert.deepStrictEqual(entries.map(({ text }) => text.length), [65_536, 65_536, 65_536])
    assert.strictEqual(after(agent(1, "a"), stopped(1, "failed", long)).entries[0]?.text.length, 65_536)
  })
})
