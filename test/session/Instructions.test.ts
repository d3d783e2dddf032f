/** The instructions of a language model as a function of the call. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Layer, Logger, References } from "effect"
import * as Agent from "../../src/agent/index.ts"
import type * as Instructions from "../../src/agent/Instructions.ts"
import * as ScriptedLanguageModel from "../../src/testing/scripted/ScriptedLanguageModel.ts"
import { call, layer, pass, running } from "./Harness.ts"

class Names
  extends Context.Service<Names, { readonly of: (userId: string) => Effect.Effect<string> }>()("test/Names")
{}

const systemOf = ({ prompt }: ScriptedLanguageModel.Request) =>
  prompt.content.flatMap(({ content, role }) => role === "system" ? [content] : [])

describe("instructions", () => {
  it.effect("are asked for each turn with the call, and may need services", () => {
    const requests: Array<ScriptedLanguageModel.Request> = []
    const agent = Agent.fromLanguageModel({
      instructions: ({ facts, metadata, turn, userId }) =>
        Names.use(({ of }) =>
          Effect.map(
            of(userId),
            (name) => `Speak to ${name}, ${metadata["plan"]}, turn ${turn}, ${facts["room"] ?? "-"}.`
          )
        )
    })
    const names = Layer.succeed(Names, { of: (userId) => Effect.succeed(userId.toUpperCase()) })
    return running(
      layer({ agent }).pipe(Layer.provide([ScriptedLanguageModel.layer([["One."], ["Two."]], requests), names])),
      Effect.gen(function*() {
        const user = yield* call({ config: { userId: "ada", metadata: { plan: "basic" } } })
        yield* user.session.sendText("hello")
        yield* pass("3 seconds")
        yield* user.session.updateMetadata({ plan: "gold" })
        yield* user.session.sendText("again")
        yield* pass("3 seconds")
        assert.deepStrictEqual(requests.map(systemOf), [
          ["Speak to ADA, basic, turn 1, -."],
          ["Speak to ADA, gold, turn 2, -."]
        ])
      })
    )
  })

  it.effect("are part of the prompt's budget as they are in that turn", () => {
    const requests: Array<ScriptedLanguageModel.Request> = []
    // a text of so many words
    const words = (count: number) => Array.from({ length: count }, (_, i) => `word${i}`).join(" ")
    const agent = Agent.fromLanguageModel({
      instructions: ({ turn }) => turn < 7 ? "Short." : words(300),
      history: { maxTokens: 1_600 }
    })
    const model = ScriptedLanguageModel.layer(() => ["Yes."], requests)
    return running(
      layer({ agent }).pipe(Layer.provide(model)),
      Effect.gen(function*() {
        const user = yield* call()
        for (let turn = 1; turn <= 7; turn++) {
          yield* user.session.sendText(`${turn}: ${words(50)}`)
          yield* pass("4 seconds")
        }
        const asked = requests.map(({ prompt }) => prompt.content.filter(({ role }) => role === "user").length)
        assert.strictEqual(asked[5], 6, "six turns fit beside short instructions")
        assert.isBelow(asked[6] ?? 7, 6, "turns leave for long ones")
        assert.isAtLeast(asked[6] ?? 0, 1)
      })
    )
  })

  it.effect("that do not come fail the turn in the agent's time, and the next one is asked anew", () => {
    let asked = 0
    const agent = Agent.fromLanguageModel({
      instructions: () => Effect.suspend(() => ++asked === 1 ? Effect.never : Effect.succeed("Be short."))
    })
    return running(
      layer({ agent }).pipe(Layer.provide(ScriptedLanguageModel.layer([["Here I am."]]))),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("hello")
        yield* pass("1 minute")
        assert.deepStrictEqual(user.connection.of("error").map(({ code }) => code), ["timeout"])
        yield* user.session.sendText("again")
        yield* pass("4 seconds")
        assert.deepStrictEqual((yield* user.said).slice(-2), ["user: again", "agent: Here I am."])
      })
    )
  })

  const failing: { readonly [what: string]: readonly [Instructions.Instructions, string] } = {
    fails: [() => Effect.fail("no row for pg://hunter2"), "hunter2"],
    dies: [() => Effect.die(new Error("hunter2 is undefined")), "hunter2"],
    throws: [
      () => {
        throw new Error("hunter2 threw")
      },
      "hunter2"
    ],
    "gives a Promise": [() => Promise.reject(new Error("later")) as never, "the agent gave a Promise"],
    "gives nothing": [() => undefined as never, "the agent gave undefined"],
    "gives an effect of a number": [() => Effect.succeed(7) as never, "the agent gave number"]
  }
  for (const [what, [instructions, text]] of Object.entries(failing)) {
    it.effect(`that ${what} is logged with its cause, and fails the turn with a generic sentence`, () => {
      const lines: Array<{ readonly text: string; readonly agent: unknown }> = []
      const logger = Logger.layer([
        Logger.make<unknown, void>(({ cause, fiber, message }) => {
          const { agent } = fiber.getRef(References.CurrentLogAnnotations)
          lines.push({ text: `${String(message)} ${Cause.pretty(cause)}`, agent })
        })
      ])
      const requests: Array<ScriptedLanguageModel.Request> = []
      return running(
        layer({ agent: Agent.fromLanguageModel({ name: "desk", instructions }) }).pipe(
          Layer.provide(ScriptedLanguageModel.layer([], requests))
        ),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.sendText("hello")
          yield* pass("3 seconds")
          assert.strictEqual(requests.length, 0)
          assert.deepStrictEqual(user.connection.of("error").map(({ code, message }) => ({ code, message })), [
            { code: "agent_error", message: "the agent failed" }
          ])
          const told = lines.filter((line) => line.text.includes(text))
          assert.strictEqual(told.length, 1, JSON.stringify(lines))
          assert.strictEqual(told[0]?.agent, "desk")
          assert.deepStrictEqual(yield* user.said, ["user: hello", "agent: Sorry."])
        })
      ).pipe(Effect.provide(logger))
    })
  }
})
