import { Effect, Layer } from "effect"
import { Agent, BackendProvider, VoiceBackend } from "effect-voice"
import { ScriptedCalls, ScriptedEngines } from "effect-voice/testing"
import assert from "node:assert"

const unwilling = new Set(["+442071838759"])
const carrier = ScriptedCalls.make()
const Backend = VoiceBackend.layerSttTts({
  agent: Agent.fromCallback((text) => Effect.succeed(`You said: ${text}`)),
  doNotCall: { mayCall: ({ to }) => Effect.succeed(!unwilling.has(to)) }
}).pipe(Layer.provide([
  Layer.succeed(BackendProvider.BackendProvider, carrier.provider),
  ScriptedEngines.layerStt([]),
  ScriptedEngines.layerTts(),
  ScriptedEngines.layerVad()
]))

const program = Effect.gen(function*() {
  const backend = yield* VoiceBackend
  const refused = yield* Effect.flip(backend.dial({ to: "+442071838759", userId: "ann" }))
  assert.equal(refused.details?.["reason"], "do_not_call")

  const order = { to: "+442071838750", userId: "ann", idempotencyKey: "order-7" }
  const session = yield* backend.dial(order)
  assert.equal((yield* backend.dial(order)).id, session.id) // one call, however often it is asked for
  carrier.made[0]?.tell({ type: "call.ended", cause: "busy" })
  assert.equal(yield* session.ended, "not_reached")
})

await Effect.runPromise(Effect.provide(program, Backend))
