import { Effect } from "effect"
import { Agent, AudioProcessor } from "effect-voice"
import { Recording, Scenario } from "effect-voice/testing"
import assert from "node:assert"

const mute = AudioProcessor.sync({
  name: "mute",
  process: (frame, { metadata }) => metadata["muted"] === true ? frame.fill(0) : frame
})
const agent = Agent.fromCallback((text) => Effect.succeed(`You said: ${text}`))
const user = [Scenario.say("hello"), Scenario.pause("2 seconds")]
const call = await Effect.runPromise(
  Scenario.run({ agent, user, processors: [mute], session: { metadata: { muted: true } } })
)
assert.deepEqual(Recording.lines(call.history), []) // nothing was heard
