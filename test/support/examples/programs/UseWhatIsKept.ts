/** Two calls with the hook of the guide: with consent, and without. */
import { Effect, Layer, Stream } from "effect"
import { Agent, BackendConfig, VoiceBackend } from "effect-voice"
import * as Builtin from "effect-voice/builtin"
import { Retention } from "../../../examples/WhatIsKept.ts"

const config = { provider: "local", pipeline_type: "stt_tts", stt_provider: "moonshine", tts_provider: "flite" }
const Backend = Layer.unwrap(
  Effect.map(
    BackendConfig.decode({ ...config, conversation: { greeting: "Good day." } }),
    VoiceBackend.layerConfig
  )
).pipe(Layer.provide([Builtin.layer, Retention]))

const program = Effect.gen(function*() {
  const backend = yield* VoiceBackend
  const agent = Agent.fromCallback((text) => Effect.succeed(text))
  for (const consent of [false, true]) {
    const session = yield* backend.createSession({
      userId: "ada",
      transport: "websocket",
      agent,
      metadata: { consent }
    })
    // nobody says anything; the greeting is what is heard
    yield* session.pipeline(Stream.never).pipe(
      Stream.takeUntil((output) => output._tag === "Event" && output.event.type === "agent.speech_stopped"),
      Stream.runDrain
    )
    console.log(`${consent ? "with consent" : "without"}: ${session.id}`)
    yield* backend.closeSession(session.id)
  }
})

Effect.runPromise(program.pipe(Effect.provide(Backend), Effect.scoped))
