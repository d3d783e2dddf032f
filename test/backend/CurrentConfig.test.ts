import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import * as CurrentConfig from "../../src/backend/CurrentConfig.ts"
import { echo } from "../session/Harness.ts"

const config: BackendConfig.BackendConfig = {
  ...BackendConfig.defaults,
  provider: "local",
  pipelineType: "stt_tts",
  sttProvider: "moonshine",
  ttsProvider: "flite",
  vadProvider: "energy"
}

describe("CurrentConfig", () => {
  it.effect("does not let the updates wait for ever for an agent that cannot be found", () =>
    Effect.gen(function*() {
      const current = yield* CurrentConfig.make({
        config,
        agent: echo,
        findAgent: (name) => name === "hangs" ? Effect.never : Effect.succeed(echo)
      })
      const hanging = yield* Effect.forkChild(Effect.flip(current.update({ ...config, agent: "hangs" })))
      const next = yield* Effect.forkChild(current.update({ ...config, agent: "found" }))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(hanging)).message, "agent hangs timed out after 10s")
      yield* Fiber.join(next)
      assert.strictEqual(current.get().agent, "found")
    }))

  it.effect("takes updates that come at once one after another, each whole", () =>
    Effect.gen(function*() {
      const agents = new Map(Array.from({ length: 10 }, (_, i) => [`agent-${i}`, { ...echo }]))
      const current = yield* CurrentConfig.make({
        config,
        agent: echo,
        // the first is found last
        findAgent: (name) => Effect.as(Effect.sleep(`${10 - Number(name.slice(6))} millis`), agents.get(name) ?? echo)
      })
      const updates = yield* Effect.forkChild(
        Effect.forEach(
          agents.keys(),
          (agent, i) => current.update({ ...config, agent, maxConcurrentSessions: i + 1 }),
          {
            concurrency: "unbounded"
          }
        )
      )
      for (let ms = 0; ms < 60; ms++) {
        yield* TestClock.adjust(1)
        const { agent, maxConcurrentSessions } = current.get()
        assert.strictEqual(agent ?? "agent--1", `agent-${agent === undefined ? -1 : maxConcurrentSessions - 1}`)
        assert.strictEqual(current.defaultAgent(), agents.get(agent ?? "") ?? echo)
      }
      yield* Fiber.join(updates)
      assert.strictEqual(current.get().agent, "agent-9")
    }))
})
