import { Effect, Layer, Redacted, Stream } from "effect"
import { Agent, VoiceBackend } from "effect-voice"
import * as Energy from "effect-voice/engines/energy"
import * as Flite from "effect-voice/engines/flite"
import * as Moonshine from "effect-voice/engines/moonshine"
import * as OpenAiCompatible from "effect-voice/engines/openai-compatible"
import { ModelStore } from "effect-voice/models/ModelStore"
import * as Local from "effect-voice/providers/local"
import * as Mcp from "effect-voice/tools/mcp"

const agent = Agent.fromLanguageModel({
  instructions: "You answer the phone of a shop. Use one or two short sentences.",
  toolkit: Mcp.toolkit // of each answer: the tools that can be called when it begins
})
const Tools = Mcp.layer([{
  name: "orders",
  url: process.env["ORDERS_URL"] ?? "http://localhost:3000/mcp",
  headers: { authorization: Redacted.make(`Bearer ${process.env["ORDERS_TOKEN"]}`) }
}])

const Model = OpenAiCompatible.layer({ url: process.env["MODEL_URL"] ?? "http://localhost:11434/v1", model: "qwen3" })
const Engines = Layer.mergeAll(Moonshine.layer({ model: "tiny" }), Flite.layer(), Energy.layer()).pipe(
  Layer.provide(ModelStore.layer)
)
const Backend = VoiceBackend.layerSttTts({ agent }).pipe(Layer.provide([Tools, Model, Engines, Local.layer]))

/** Types what the user says, and tells what the agent has answered. */
const program = Effect.gen(function*() {
  const backend = yield* VoiceBackend
  const session = yield* backend.createSession({ userId: "user-123", transport: "websocket" })
  yield* session.pipeline(Stream.never).pipe(
    Stream.tap((output) =>
      output._tag === "Event" && output.event.type === "session.started"
        ? session.sendText("Where is my order?")
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
