import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, Schema, Stream } from "effect"
import { AiError, type Prompt, Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"
import type { AgentInput, AgentSession } from "../../src/agent/Agent.ts"
import * as Agent from "../../src/agent/index.ts"
import * as TokenEstimate from "../../src/agent/TokenEstimate.ts"
import type { HistoryItem } from "../../src/conversation/History.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedLanguageModel.ts"
import { agentInput } from "../support/AgentInput.ts"

const MARK = "(earlier conversation left out)"

const item = (role: HistoryItem["role"], turn: number, text: string): HistoryItem => ({
  role,
  turn,
  kind: "speech",
  text,
  interrupted: false,
  atMs: turn
})
const conversation = (turns: number, words = 20) =>
  Array.from({ length: turns }, (_, i) => [
    item("user", i + 1, `question ${i + 1} ${"word ".repeat(words)}`),
    item("agent", i + 1, `answer ${i + 1}`)
  ]).flat()

const session = (history?: AgentSession["history"]) =>
  Effect.map(Effect.scope, (scope): AgentSession => ({
    background: (work) => Effect.asVoid(Effect.forkIn(work, scope)),
    publish: () => {},
    handOver: () => Effect.die("unused"),
    history
  }))

const input = (history: ReadonlyArray<HistoryItem>, of?: AgentSession, transcript = "now"): AgentInput => ({
  ...agentInput,
  transcript,
  history,
  turn: history.length / 2 + 1,
  session: of
})

const textsOf = ({ content }: Prompt.Message): string =>
  typeof content === "string"
    ? content
    : content.map((part) => part.type === "text" ? part.text : `<${part.type}>`).join("")
const tokensOf = ({ prompt }: Scripted.Request): number =>
  prompt.content.reduce((sum, message) => sum + TokenEstimate.ofText(textsOf(message)), 0)
const tooLong = { fail: new AiError.InvalidRequestError({ description: "prompt is too long: 9 tokens > 8 maximum" }) }

const logged = (lines: Array<string>) =>
  Logger.layer([
    Logger.make<unknown, void>(({ cause, message }) => void lines.push(`${String(message)} ${String(cause)}`))
  ])

const run = (agent: ReturnType<typeof Agent.fromLanguageModel>, about: AgentInput) =>
  Stream.mkString(agent.respond(about))

describe("fromLanguageModel's prompt", () => {
  it.effect("goes on from the same item where the history was changed before it", () => {
    const requests: Array<Scripted.Request> = []
    const firstOf = () =>
      requests.at(-1)?.prompt.content.map(textsOf).find((text) => text.includes("question"))?.match(/question \d/u)?.[0]
    return Effect.gen(function*() {
      const agent = Agent.fromLanguageModel({ history: { keep: 2 } })
      const of = yield* session()
      const history = conversation(6)
      const ask = (items: ReadonlyArray<HistoryItem>) =>
        Stream.runDrain(agent.respond({ ...input(items, of), turn: 7 })).pipe(Effect.map(firstOf))
      assert.strictEqual(yield* ask(history), "question 5")
      assert.strictEqual(yield* ask(history.slice(2)), "question 5")
      assert.strictEqual(yield* ask([{ ...item("user", 0, "note"), id: "n" }, ...history]), "question 5")
      // the items themselves are gone: those before them have their place
      assert.strictEqual(yield* ask([...history.slice(0, 8), ...history.slice(10)]), "question 4")
    }).pipe(Effect.scoped, Effect.provide(Scripted.layer(() => ["Yes."], requests)))
  })

  it.effect("has the instructions and the newest turns that fit, and a mark for the rest", () => {
    const requests: Array<Scripted.Request> = []
    return Effect.gen(function*() {
      const agent = Agent.fromLanguageModel({ instructions: "Be brief.", history: { maxTokens: 1_000 } })
      yield* run(agent, input(conversation(500)))
      const [request] = requests
      const [first, second, ...rest] = request?.prompt.content.map(textsOf) ?? []
      assert.strictEqual(first, "Be brief.")
      assert.isTrue(second?.startsWith(`${MARK}\n\nquestion 4`), second)
      assert.deepStrictEqual(rest.slice(-2), ["answer 500", "now"])
      assert.isAtMost(tokensOf(request!), 1_000)
      assert.isAtLeast(tokensOf(request!), 400)
      yield* run(agent, input(conversation(3)))
      assert.deepStrictEqual(requests[1]?.prompt.content.map(textsOf).filter((text) => text.includes(MARK)), [])
    }).pipe(Effect.provide(Scripted.layer(() => ["Yes."], requests)))
  })

  it.effect("has a budget where nothing is said, that of the backend, and one of the agent's own", () => {
    const requests: Array<Scripted.Request> = []
    return Effect.gen(function*() {
      const backend = yield* session({ maxTokens: 2_000, summarise: false, keep: 6 })
      yield* run(Agent.fromLanguageModel(), input(conversation(3_000)))
      yield* run(Agent.fromLanguageModel(), input(conversation(3_000), backend))
      yield* run(
        Agent.fromLanguageModel({ history: { keep: 2, maxTokens: undefined } }),
        input(conversation(3_000), backend)
      )
      const [own, six, two] = requests
      assert.isAtMost(tokensOf(own!), 16_000)
      assert.isAtLeast(tokensOf(own!), 8_000)
      assert.strictEqual(six?.prompt.content.length, 13)
      assert.strictEqual(two?.prompt.content.length, 5)
    }).pipe(Effect.scoped, Effect.provide(Scripted.layer(() => ["Yes."], requests)))
  })

  it.effect("is halved once when the model refuses it, and the session keeps to that", () => {
    const requests: Array<Scripted.Request> = []
    const lines: Array<string> = []
    return Effect.gen(function*() {
      const agent = Agent.fromLanguageModel({ instructions: "Be brief." })
      const about = yield* session()
      assert.strictEqual(yield* run(agent, input(conversation(100), about)), "Yes.")
      assert.strictEqual(yield* run(agent, input(conversation(101), about)), "Yes.")
      const [whole, half, next] = requests.map(tokensOf)
      assert.strictEqual(requests.length, 3)
      assert.isAtMost(half!, whole! / 2 + 20)
      assert.isAtMost(next!, whole! / 2 + 20)
      assert.strictEqual(textsOf(requests[1]!.prompt.content[0]!), "Be brief.")
      assert.strictEqual(lines.length, 1, lines.join("\n"))
      assert.match(lines[0]!, /too long/u)
    }).pipe(
      Effect.scoped,
      Effect.provide([
        Scripted.layer((request) => tokensOf(request) > 4_000 ? [tooLong] : ["Yes."], requests),
        logged(lines)
      ])
    )
  })

  it.effect("fails typed when half of it is still too long, and comes to fit over the next turns", () => {
    const requests: Array<Scripted.Request> = []
    return Effect.gen(function*() {
      const agent = Agent.fromLanguageModel()
      const about = yield* session()
      const error = yield* Effect.flip(run(agent, input(conversation(200), about)))
      assert.strictEqual(requests.length, 2)
      assert.strictEqual(error.code, "agent_error")
      assert.strictEqual(error.details?.["reason"], "context_length_exceeded")
      assert.notInclude(error.message, "9 tokens")
      yield* Effect.exit(run(agent, input(conversation(200), about)))
      assert.strictEqual(yield* run(agent, input(conversation(200), about)), "Yes.")
    }).pipe(
      Effect.scoped,
      Effect.provide(Scripted.layer((request) => tokensOf(request) > 300 ? [tooLong] : ["Yes."], requests))
    )
  })

  it.effect("is not sent again when a part of the answer has been said", () => {
    const requests: Array<Scripted.Request> = []
    return Effect.gen(function*() {
      const about = yield* session()
      const error = yield* Effect.flip(run(Agent.fromLanguageModel(), input(conversation(20), about)))
      assert.strictEqual(error.code, "agent_error")
      assert.strictEqual(requests.length, 1)
    }).pipe(Effect.scoped, Effect.provide(Scripted.layer(() => ["Well, ", tooLong], requests)))
  })

  it.effect("keeps the calls of this turn with their results through many rounds of long results", () => {
    const requests: Array<Scripted.Request> = []
    const Search = Tool.make("search", { parameters: Schema.Struct({ q: Schema.String }), success: Schema.String })
    const toolkit = Toolkit.make(Search)
    const handlers = toolkit.toLayer({ search: ({ q }) => Effect.succeed(`${q} `.repeat(8_000)) })
    const agent = Agent.fromLanguageModel({ toolkit, history: { maxTokens: 2_000 } })
    return Effect.gen(function*() {
      const about = yield* session()
      assert.strictEqual(yield* Stream.mkString(agent.respond(input(conversation(50), about))), "Found.")
      assert.strictEqual(requests.length, 7)
      for (const { prompt } of requests) {
        const parts = prompt.content.flatMap(({ content }) => typeof content === "string" ? [] : [...content])
        const calls = parts.flatMap((part) => part.type === "tool-call" ? [part.id] : [])
        const results = parts.flatMap((part) => part.type === "tool-result" ? [part] : [])
        assert.deepStrictEqual(results.map(({ id }) => id), calls)
        assert.isAtMost(results.reduce((sum, { result }) => sum + TokenEstimate.ofJson(result), 0), 2_000)
      }
      // the next turn has the calls, too
      yield* Stream.mkString(agent.respond({ ...input(conversation(51), about), turn: 52 }))
    }).pipe(
      Effect.scoped,
      Effect.provide([
        handlers,
        Scripted.layer((_, i) => i < 6 ? [{ call: "search", params: { q: `word${i}` } }] : ["Found."], requests)
      ])
    )
  })

  it.effect("has a summary of what left, made after an answer and never before one", () => {
    const requests: Array<Scripted.Request> = []
    const isSummary = ({ prompt }: Scripted.Request) => textsOf(prompt.content[0]!).startsWith("You keep the notes")
    return Effect.gen(function*() {
      const agent = Agent.fromLanguageModel({ history: { maxTokens: 1_000, summarise: true } })
      const about = yield* session()
      yield* run(agent, input(conversation(100), about))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(requests.map(isSummary), [false, true])
      assert.include(textsOf(requests[1]!.prompt.content[1]!), "User: question 1 ")
      yield* run(agent, input(conversation(101), about))
      assert.match(
        textsOf(requests[2]!.prompt.content[0]!),
        /^\(earlier conversation, summarised: Ada wants tea\.\)\n\nquestion/u
      )
      assert.notInclude(textsOf(requests[2]!.prompt.content[0]!), "thinking")
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Scripted.layer((request) => isSummary(request) ? ["<think>thinking</think>Ada wants tea."] : ["Yes."], requests)
      )
    )
  })

  it.effect("has the mark while there is no summary: it fails, hangs, or is stopped by the next answer", () => {
    const requests: Array<Scripted.Request> = []
    const lines: Array<string> = []
    const failure = { fail: new AiError.InternalProviderError({ description: "a secret word" }) }
    return Effect.gen(function*() {
      const agent = Agent.fromLanguageModel({ history: { maxTokens: 1_000, summarise: true } })
      const about = yield* session()
      yield* run(agent, input(conversation(100), about))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(lines.length, 1, lines.join("\n"))
      assert.match(lines[0]!, /could not be summarised.*a secret word/su)
      const after = yield* Effect.forkChild(run(agent, input(conversation(140), about)))
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* Effect.map(Fiber.await(after), (exit) => exit._tag === "Success"))
      // the summary that hangs does not delay this one
      yield* run(agent, input(conversation(141), about))
      for (const at of [0, 2, 4]) assert.isTrue(textsOf(requests[at]!.prompt.content[0]!).startsWith(MARK))
      assert.strictEqual(lines.length, 1, lines.join("\n"))
    }).pipe(
      Effect.scoped,
      Effect.provide([
        Scripted.layer((_, i) => i === 1 ? [failure] : i === 3 ? [{ wait: "1 hour" }] : ["Yes."], requests),
        logged(lines)
      ])
    )
  })

  it.effect("goes on where it was when the oldest items leave the history, which is bounded", () => {
    const requests: Array<Scripted.Request> = []
    const isSummary = ({ prompt }: Scripted.Request) => textsOf(prompt.content[0]!).startsWith("You keep the notes")
    return Effect.gen(function*() {
      const agent = Agent.fromLanguageModel({ history: { maxTokens: 1_000, summarise: true } })
      const about = yield* session()
      yield* run(agent, input(conversation(100), about))
      yield* TestClock.adjust("1 second")
      const [oldest, ...others] = conversation(101).slice(60)
      yield* run(agent, { ...input([{ ...oldest!, omittedBefore: 60 }, ...others], about), turn: 102 })
      yield* TestClock.adjust("1 second")
      const before = requests[0]!.prompt.content.map(textsOf)
      const after = requests[2]!.prompt.content.map(textsOf)
      // the same turns as before, and the new one
      assert.match(before[0]!, /question (\d+) /u)
      const first = /question (\d+) /u.exec(before[0]!)?.[1]
      assert.include(after[0]!, `(earlier conversation, summarised: Tea.)\n\nquestion ${first} `)
      assert.deepStrictEqual(after.slice(-3), ["question 101 " + "word ".repeat(20), "answer 101", "now"])
      // nothing is summarised a second time, and nothing that has not left
      assert.deepStrictEqual(requests.map(isSummary), [false, true, false])
    }).pipe(
      Effect.scoped,
      Effect.provide(Scripted.layer((request) => isSummary(request) ? ["Tea."] : ["Yes."], requests))
    )
  })

  it.effect("has a mark for what left the history before its first prompt, as in a session that was resumed", () => {
    const requests: Array<Scripted.Request> = []
    return Effect.gen(function*() {
      const [oldest, ...others] = conversation(4).slice(4)
      yield* run(Agent.fromLanguageModel(), { ...input([{ ...oldest!, omittedBefore: 4 }, ...others]), turn: 5 })
      assert.isTrue(textsOf(requests[0]!.prompt.content[0]!).startsWith(`${MARK}\n\nquestion 3 `))
    }).pipe(Effect.provide(Scripted.layer(() => ["Yes."], requests)))
  })

  it.effect("has the earlier turns again after a turn whose tool returned much, or whose text was long", () => {
    const requests: Array<Scripted.Request> = []
    const Search = Tool.make("search", { parameters: Schema.Struct({}), success: Schema.String })
    const toolkit = Toolkit.make(Search)
    const handlers = toolkit.toLayer({ search: () => Effect.succeed("word ".repeat(700)) })
    const agent = Agent.fromLanguageModel({ toolkit, history: { maxTokens: 2_000 } })
    const has = (request: Scripted.Request | undefined, text: string) =>
      request?.prompt.content.some((message) => textsOf(message).includes(text)) === true
    return Effect.gen(function*() {
      const about = yield* session()
      yield* Stream.mkString(agent.respond(input(conversation(10), about)))
      assert.isTrue(has(requests[0], "question 1 "))
      assert.isFalse(has(requests[1], "question 1 "), "it has room beside the result")
      assert.isTrue(has(requests[1], MARK))
      yield* Stream.mkString(agent.respond(input(conversation(11), about)))
      assert.isTrue(has(requests[2], "question 1 "))
      assert.isFalse(has(requests[2], MARK))
      yield* Stream.mkString(agent.respond(input(conversation(11), about, "word ".repeat(2_000))))
      yield* Stream.mkString(agent.respond(input(conversation(11), about)))
      assert.isTrue(has(requests[4], "question 1 "))
    }).pipe(
      Effect.scoped,
      Effect.provide([
        handlers,
        Scripted.layer((_, i) => i === 0 ? [{ call: "search", params: {} }] : ["Found."], requests)
      ])
    )
  })
})
