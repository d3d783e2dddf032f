import { Effect } from "effect"
import { Agent } from "effect-voice"
import { Invariants, Recording, Scenario } from "effect-voice/testing"
import assert from "node:assert"

const agent = Agent.fromCallback((text) => Effect.succeed(`You want to ${text}, is that right?`))
const { interruptAfter, pause, say, waitForAgent } = Scenario
const call = await Effect.runPromise(Scenario.run({
  agent,
  user: [say("book a flight"), pause("200 millis"), say("to Paris"), interruptAfter("1 second", "stop"), waitForAgent]
}))
assert.deepEqual(Recording.lines(call.history).slice(0, 3), [
  "user: book a flight to Paris", // a pause did not end the turn
  "agent: You want to book a …", // what was heard of the answer, and no more
  "user: stop"
])
assert.equal(call.latencies[0]?.totalMs, 300)
assert.equal(Invariants.report(call), "") // nothing late, lost or stuck; else: what, when and the whole timeline
