import { NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Schema } from "effect"
import { Agent, VoiceBackend } from "effect-voice"
import * as Hibari from "effect-voice/engines/hibari"
import * as Moonshine from "effect-voice/engines/moonshine"
import * as OpenAiCompatible from "effect-voice/engines/openai-compatible"
import * as Silero from "effect-voice/engines/silero"
import * as SmartTurn from "effect-voice/engines/smart-turn"
import { ModelStore } from "effect-voice/models/ModelStore"
import * as Local from "effect-voice/providers/local"
import * as Server from "effect-voice/server"
import { Tool, Toolkit } from "effect/ai"

const toolkit = Toolkit.make(
  Tool.make("opening_hours", {
    description: "When the restaurant is open on a day of the week",
    parameters: Schema.Struct({ day: Schema.String }),
    success: Schema.String
  }),
  Tool.make("book_table", {
    description: "Books a table",
    parameters: Schema.Struct({ name: Schema.String, people: Schema.Int, time: Schema.String }),
    success: Schema.String
  })
)
const Tools = toolkit.toLayer({
  opening_hours: ({ day }) => Effect.succeed(day === "Monday" ? "closed" : "from noon to ten in the evening"),
  book_table: ({ name, people, time }) => Effect.succeed(`Booked for ${name}: ${people} people at ${time}`)
})

// Ollama here; any server of /v1/chat/completions works, and any other language model of effect/ai
const Model = OpenAiCompatible.layer({ url: process.env["MODEL_URL"] ?? "http://localhost:11434/v1", model: "qwen3" })
const agent = Agent.fromLanguageModel({
  instructions: "You answer the phone of a restaurant. Use one or two short sentences.",
  toolkit,
  slowTool: { after: "1 second", phrases: ["One moment, please."] }
})

const Engines = Layer.mergeAll(
  Moonshine.layer({ model: "tiny" }),
  Hibari.layer(),
  Silero.layer(),
  SmartTurn.layer() // without it, silence alone ends a turn
).pipe(Layer.provide(ModelStore.layer))
const Backend = VoiceBackend.layerSttTts({ agent }).pipe(Layer.provide([Tools, Model, Engines, Local.layer]))

Server.layer({ port: Number(process.env["PORT"] ?? 8080) }).pipe(
  Layer.provide(Backend),
  Layer.launch,
  NodeRuntime.runMain
)
