/** Starts the backend of the guide on real servers, calls it, and says what the start-up line says. */
import { Effect, Layer } from "effect"
import { VoiceBackend } from "effect-voice"
import * as Energy from "effect-voice/engines/energy"
import * as Flite from "effect-voice/engines/flite"
import * as Moonshine from "effect-voice/engines/moonshine"
import { ModelStore } from "effect-voice/models/ModelStore"
import * as Local from "effect-voice/providers/local"
import { Backend } from "../../../examples/Infrastructure.ts"

const Engines = Layer.mergeAll(Moonshine.layer({ model: "tiny" }), Flite.layer(), Energy.layer()).pipe(
  Layer.provide(ModelStore.layer)
)

const program = Effect.gen(function*() {
  const backend = yield* VoiceBackend
  const session = yield* backend.createSession({ userId: "ada", transport: "websocket" })
  const { status } = yield* backend.healthCheck
  yield* backend.closeSession(session.id)
  return status
})

Effect.runPromise(program.pipe(Effect.provide(Backend.pipe(Layer.provide([Engines, Local.layer]))), Effect.scoped))
  .then(
    (status) => console.log(`the backend is ${status}`)
  )
