import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Prompt } from "effect/ai"
import * as PromptBudget from "../../src/agent/PromptBudget.ts"
import * as TokenEstimate from "../../src/agent/TokenEstimate.ts"

type Message = Prompt.MessageEncoded

const said = (role: "user" | "assistant", text: string): Message => ({ role, content: [{ type: "text", text }] })
const round = (id: string, size: number, input = 0): ReadonlyArray<Message> => [
  { role: "assistant", content: [{ type: "tool-call", id, name: "look_up", params: { q: "x".repeat(input) } }] },
  {
    role: "tool",
    content: [{ type: "tool-result", id, name: "look_up", isFailure: false, result: "result ".repeat(size) }]
  }
]
const turn = (from: number, words: number, calls: ReadonlyArray<Message> = []): PromptBudget.PastTurn => ({
  from,
  messages: [said("user", `turn ${from} ${"word ".repeat(words)}`), ...calls, said("assistant", "Yes.")]
})
const partsOf = (messages: ReadonlyArray<Message>) =>
  messages.flatMap(({ content }) => typeof content === "string" ? [] : [...content])
const idsOf = (messages: ReadonlyArray<Message>, type: "tool-call" | "tool-result") =>
  partsOf(messages).flatMap((part) => part.type === type ? [part.id] : [])

const Size = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 400 }))
const Past = Schema.Array(Schema.Struct({ words: Size, calls: Schema.Array(Size).check(Schema.isMaxLength(3)) })).check(
  Schema.isMaxLength(30)
)

describe("PromptBudget", () => {
  it.prop("fits the newest turns, each with its calls and their results, and never more than the budget", [
    Past,
    Size,
    Schema.Array(Size).check(Schema.isMaxLength(8)),
    Schema.Int.check(Schema.isBetween({ minimum: 300, maximum: 8_000 })),
    Schema.UndefinedOr(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10 })))
  ], ([turns, question, rounds, maxTokens, keep]) => {
    const past = turns.map(({ calls, words }, i) =>
      turn(i, words, calls.flatMap((size, at) => round(`${i}.${at}`, size)))
    )
    const fitted = PromptBudget.fit(
      { past, question: `now ${"word ".repeat(question)}`, rounds: rounds.map((size, at) => round(`now.${at}`, size)) },
      { maxTokens, keep }
    )
    const messages = [...fitted.past.flatMap((each) => each.messages), ...fitted.current]
    assert.isAtMost(TokenEstimate.ofMessages(messages), maxTokens)
    assert.strictEqual(TokenEstimate.ofMessages(messages), fitted.tokens)
    // a suffix, without gaps
    const from = fitted.past.map((each) => each.from)
    assert.deepStrictEqual(from, past.slice(past.length - from.length).map((each) => each.from))
    if (keep !== undefined) assert.isAtMost(from.length, keep)
    assert.deepStrictEqual(idsOf(messages, "tool-call"), idsOf(messages, "tool-result"))
    assert.strictEqual(fitted.current[0]?.role, "user")
    // the newest round stays, as the model was asked again for its results
    if (rounds.length > 0) assert.include(idsOf(messages, "tool-result"), `now.${rounds.length - 1}`)
  })

  it("has no empty message of the user where nothing was asked", () => {
    const lastOf = (past: ReadonlyArray<PromptBudget.PastTurn>, rounds: PromptBudget.Conversation["rounds"] = []) =>
      PromptBudget.fit({ past, question: "", rounds }, { maxTokens: 2_000 }).current
    // models refuse a prompt without a message of the user
    for (const past of [[], [turn(0, 5)]]) {
      const [asked, ...others] = lastOf(past)
      assert.strictEqual(asked?.role, "user")
      assert.notStrictEqual(
        asked === undefined ? "" : JSON.stringify(asked.content),
        JSON.stringify([{ type: "text", text: "" }])
      )
      assert.deepStrictEqual(others, [])
    }
    assert.notDeepEqual(lastOf([]), lastOf([turn(0, 5)]))
    // the results of its tools are what the agent goes on with
    assert.deepStrictEqual(lastOf([turn(0, 5)], [round("a", 3)]).map(({ role }) => role), ["assistant", "tool"])
  })

  it("keeps everything that fits", () => {
    const past = Array.from({ length: 20 }, (_, i) => turn(i, 5))
    const fitted = PromptBudget.fit({ past, question: "now", rounds: [] }, { maxTokens: 16_000 })
    assert.deepStrictEqual(fitted.past, past)
  })

  it("leaves more out than is needed, so that the next prompts begin alike", () => {
    const begins = new Set<number | undefined>()
    let from = 0
    for (let length = 1; length <= 200; length++) {
      const past = Array.from({ length: length - from }, (_, i) => turn(from + i, 20))
      const fitted = PromptBudget.fit({ past, question: "now", rounds: [] }, { maxTokens: 2_000 })
      from = fitted.past[0]?.from ?? from
      begins.add(from)
    }
    assert.isBelow(begins.size, 50)
    assert.isAbove(begins.size, 5)
  })

  it("shortens one enormous text and one enormous result, and keeps both ends", () => {
    const question = `first ${"word ".repeat(20_000)}last`
    const [asked] = PromptBudget.fit({ past: [], question, rounds: [] }, { maxTokens: 1_000 }).current
    const [part] = partsOf(asked === undefined ? [] : [asked])
    assert.match(part?.type === "text" ? part.text : "", /^first .*\(left out\).*last$/su)
    const fitted = PromptBudget.fit(
      { past: [turn(0, 5, round("a", 10_000))], question: "now", rounds: [round("b", 10_000, 60_000)] },
      { maxTokens: 1_000 }
    )
    const messages = [...fitted.past.flatMap((each) => each.messages), ...fitted.current]
    assert.deepStrictEqual(idsOf(messages, "tool-result"), ["a", "b"])
    assert.isAtMost(fitted.tokens, 1_000)
  })
})
