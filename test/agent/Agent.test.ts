import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { AgentRegistry } from "../../src/agent/AgentRegistry.ts"
import { PipelineError } from "../../src/BackendError.ts"
import { agentInput } from "../support/AgentInput.ts"

const answer = (agent: Agent.Agent) => Stream.mkString(agent.respond(agentInput))

describe("Agent", () => {
  it.effect("is made from a callback or a stream", () =>
    Effect.gen(function*() {
      const callback = Agent.fromCallback((text, { turn }) => Effect.succeed(`${text} ${turn}`), { name: "a" })
      assert.strictEqual(yield* answer(callback), "hello 1")
      assert.strictEqual(callback.name, "a")
      assert.strictEqual(yield* answer(Agent.fromStream((text) => Stream.make(text, "!"))), "hello!")
    }))

  it.effect("fails with agent_error for any failure or defect", () =>
    Effect.gen(function*() {
      const own = new PipelineError({ op: "x", message: "x", retryable: true })
      const broken: ReadonlyArray<readonly [Agent.Agent, string]> = [
        [Agent.fromCallback(() => Effect.fail("no")), "agent_error"],
        [Agent.fromCallback(() => Effect.die(new Error("bug"))), "agent_error"],
        [
          Agent.fromStream((): Stream.Stream<string> => {
            throw new Error("thrown")
          }),
          "agent_error"
        ],
        [Agent.fromCallback(() => Effect.fail(own)), "pipeline_error"]
      ]
      for (const [agent, code] of broken) assert.strictEqual((yield* Effect.flip(answer(agent))).code, code)
    }))

  it.effect("takes its services from the context in which it is made", () =>
    Effect.gen(function*() {
      class Name extends Context.Service<Name, string>()("test/Name") {}
      const agent = yield* Agent.withContext(Agent.fromCallback(() => Name.use(Effect.succeed))).pipe(
        Effect.provideService(Name, "Ada")
      )
      assert.strictEqual(yield* answer(agent), "Ada")
    }))

  it.effect("is registered under its name only once", () =>
    Effect.gen(function*() {
      const registry = yield* AgentRegistry
      const agent = Agent.fromCallback(Effect.succeed)
      yield* registry.register("a", agent)
      assert.strictEqual((yield* Effect.flip(registry.register("a", agent))).code, "invalid_config")
      assert.strictEqual(yield* registry.get("a"), agent)
      assert.deepInclude(yield* Effect.flip(registry.get("b")), { details: { missing: "b", known: ["a"] } })
      for (const name of ["__proto__", "toString", ""]) assert.isFalse(registry.has(name))
    }).pipe(Effect.provide(AgentRegistry.layer())))
})
