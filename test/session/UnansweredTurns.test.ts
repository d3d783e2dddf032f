import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { AgentError } from "../../src/BackendError.ts"
import { Invariants, Scenario } from "../../src/testing/index.ts"

const { pause, pressStop, say, type, waitForAgent } = Scenario

const answering = (first: Stream.Stream<string, AgentError>) =>
  Agent.fromStream((transcript) => transcript === "one" ? first : Stream.succeed(`You said ${transcript}.`))

const run = Effect.fnUntraced(
  function*(first: Stream.Stream<string, AgentError>, options: Partial<Scenario.ScenarioOptions> = {}) {
    const call = yield* Scenario.run({
      agent: answering(first),
      user: [say("one"), pause("3 seconds"), say("two"), waitForAgent],
      ...options
    })
    assert.strictEqual(Invariants.report(call), "")
    return {
      ...call,
      unanswered: call.events.flatMap((event) =>
        event.type === "turn.unanswered" ? [`${event.turn} ${event.reason}`] : []
      )
    }
  }
)

describe("turn.unanswered", () => {
  for (
    const [pieces, reason] of [
      [[], "empty"],
      [[""], "empty"],
      [["  ", "\n"], "empty"],
      [["🙂"], "nothing_to_speak"],
      [["..."], "nothing_to_speak"],
      [["***"], "nothing_to_speak"]
    ] as const
  ) {
    it.effect(`tells that the agent wrote ${JSON.stringify(pieces)}: ${reason}; the next turn is answered`, () =>
      Effect.gen(function*() {
        const call = yield* run(Stream.fromIterable(pieces))
        assert.deepStrictEqual(call.unanswered, [`1 ${reason}`])
        assert.deepStrictEqual(call.heardByUser, ["You said two."])
        const states = call.events.flatMap((event) => event.type === "session.state" ? [event.state] : [])
        assert.deepStrictEqual(states.slice(1, 5), ["listening", "processing", "listening", "processing"])
      }))
  }

  it.effect("tells that an answer failed before a word of it was heard; the apology follows", () =>
    Effect.gen(function*() {
      const lost = new AgentError({ op: "Agent.respond", message: "no idea", retryable: false })
      const call = yield* run(Stream.fail(lost), { policy: { apology: "Sorry, again please." } })
      assert.deepStrictEqual(call.unanswered, ["1 failed"])
      assert.deepStrictEqual(call.heardByUser, ["Sorry, again please.", "You said two."])
    }))

  it.effect("tells that an answer was stopped before a word of it was heard", () =>
    Effect.gen(function*() {
      const user = [say("one"), pause("1 second"), pressStop, pause("1 second"), say("two"), waitForAgent]
      const call = yield* run(Stream.never, { user })
      assert.deepStrictEqual(call.unanswered, ["1 interrupted"])
      assert.deepStrictEqual(call.heardByUser, ["You said two."])
    }))

  it.effect("is not emitted for a turn that goes on, nor for one that is answered", () =>
    Effect.gen(function*() {
      const user = [say("one"), pause("1 second"), say("more"), waitForAgent, type("two"), waitForAgent]
      const call = yield* run(Stream.never, { user })
      assert.deepStrictEqual(call.unanswered, [])
      assert.deepStrictEqual(call.heardByUser, ["You said one more.", "You said two."])
    }))
})
