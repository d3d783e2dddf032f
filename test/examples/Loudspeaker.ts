import { Effect } from "effect"
import { Agent } from "effect-voice"
import { Scenario } from "effect-voice/testing"
import assert from "node:assert"

const agent = Agent.fromCallback(() => Effect.succeed("The library opens at nine, and closes at six."))
const call = await Effect.runPromise(Scenario.run({
  agent,
  echo: { gainDb: -20, delayMs: 150 },
  user: [Scenario.say("when does it open"), Scenario.waitForAgent]
}))
assert.deepEqual(call.heardByUser, ["The library opens at nine, and closes at six."]) // it did not interrupt itself
