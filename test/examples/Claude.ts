import { Config, Effect, Layer, Stream } from "effect"
import { Agent, VoiceBackend } from "effect-voice"
import * as Anthropic from "effect-voice/engines/anthropic"
import * as Energy from "effect-voice/engines/energy"
import * as Flite from "effect-voice/engines/flite"
import * as Moonshine from "effect-voice/engines/moonshine"
import { ModelStore } from "effect-voice/models/ModelStore"
import * as Local from "effect-voice/providers/local"

const Model = Layer.unwrap(Effect.gen(function*() {
  const apiKey = yield* Config.Redacted("ANTHROPIC_API_KEY")
  const url = yield* Config.String("ANTHROPIC_URL").pipe(Config.withDefault("https://api.anthropic.com"))
  return Anthropic.layer({ model: "claude-haiku-4-5", apiKey, url })
}))
const agent = Agent.fromLanguageModel({ instructions: "You are on the phone. Answer in one or two short sentences." })

const Engines = Layer.mergeAll(Moonshine.layer({ model: "tiny" }), Flite.layer(), Energy.layer()).pipe(
  Layer.provide(ModelStore.layer)
)
const Backend = VoiceBackend.layerSttTts({ agent }).pipe(Layer.provide([Model, Engines, Local.layer]))

/** Types what the user says, and waits until the agent has said its answer. */
const program = Effect.gen(function*() {
  const backend = yield* VoiceBackend
  const session = yield* backend.createSession({ userId: "user-123", transport: "websocket" })
  yield* session.pipeline(Stream.never).pipe(
    Stream.tap((output) =>
      output._tag === "Event" && output.event.type === "session.started"
        ? session.sendText("Who was Ada Lovelace?")
        : Effect.void
    ),
    Stream.takeUntil((output) => output._tag === "Event" && output.event.type === "agent.speech_stopped"),
    Stream.runForEach((output) =>
      output._tag === "Event" && output.event.type === "agent.speech_stopped"
        ? Effect.log("the agent said:", output.event.text)
        : Effect.void
    )
  )
})

Effect.runPromise(program.pipe(Effect.provide(Backend)))
