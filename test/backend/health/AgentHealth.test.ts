import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Agent from "../../../src/agent/Agent.ts"
import * as AgentHealth from "../../../src/backend/health/AgentHealth.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { ConnectionFailed } from "../../../src/BackendError.ts"
import { call, layer, pass, running } from "../../session/Harness.ts"
import { agentInput } from "../../support/AgentInput.ts"

const down = new ConnectionFailed({ op: "Agent.respond", message: "the model refuses connections" })

describe("AgentHealth", () => {
  it.effect("tells of an agent that fails twice in a row, for a minute, until it answers", () =>
    Effect.gen(function*() {
      let answer: Stream.Stream<string, ConnectionFailed> = Stream.fail(down)
      let changes = 0
      const { source, watch } = yield* AgentHealth.make(Effect.sync(() => changes++))
      const agent = watch({ name: "llm", respond: () => answer })
      assert.strictEqual(watch(agent), agent)
      assert.strictEqual(agent.name, "llm")
      const ask = Effect.suspend(() => Effect.exit(Stream.runDrain(agent.respond(agentInput))))
      yield* ask
      yield* source.probe
      yield* ask
      const { message } = yield* Effect.flip(source.probe)
      assert.match(message, /^the last 2 answers of the agent llm failed: connection_failed: /u)
      // what an agent says is for the log
      assert.notInclude(message, "refuses")
      yield* TestClock.adjust("61 seconds")
      yield* source.probe
      yield* ask
      yield* Effect.flip(source.probe)
      answer = Stream.make("hello")
      yield* ask
      yield* source.probe
      assert.strictEqual(changes, 2)
    }))

  it.effect("does not count answers that were interrupted", () =>
    Effect.gen(function*() {
      const { source, watch } = yield* AgentHealth.make(Effect.void)
      const agent = watch({ name: undefined, respond: () => Stream.never })
      for (let i = 0; i < 3; i++) yield* Effect.timeoutOption(Stream.runDrain(agent.respond(agentInput)), 0)
      yield* source.probe
    }))

  it.effect("is a part of the health report, which stays ready", () =>
    running(
      layer({ agent: Agent.fromStream(() => Stream.fail(down)), policy: { apology: "" } }),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const user = yield* call()
        for (const text of ["one", "two"]) {
          yield* user.session.sendText(text)
          yield* pass("5 seconds")
        }
        const { parts, status } = yield* backend.healthCheck
        const part = parts.find(({ name }) => name === "agent")
        assert.strictEqual(part?.status, "unhealthy")
        assert.match(part?.cause ?? "", /the last \d+ answers of the agent/u)
        assert.strictEqual(status, "degraded")
        assert.isTrue(yield* backend.ready)
      })
    ))
})
