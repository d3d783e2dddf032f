import { NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Schema } from "effect"
import { Agent, CallContext, VoiceBackend } from "effect-voice"
import * as Hibari from "effect-voice/engines/hibari"
import * as Moonshine from "effect-voice/engines/moonshine"
import * as OpenAiCompatible from "effect-voice/engines/openai-compatible"
import * as Silero from "effect-voice/engines/silero"
import * as SmartTurn from "effect-voice/engines/smart-turn"
import { ModelStore } from "effect-voice/models/ModelStore"
import * as Local from "effect-voice/providers/local"
import * as Server from "effect-voice/server"
import { Tool, Toolkit } from "effect/ai"

const day = Schema.Literals(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"])
const toolkit = Toolkit.make(
  Tool.make("free_slots", {
    description: "The free times of a day",
    parameters: Schema.Struct({ day }),
    success: Schema.Array(Schema.String)
  }),
  Tool.make("book", {
    description: "Books an appointment for the caller",
    parameters: Schema.Struct({ day, time: Schema.String }),
    success: Schema.String
  })
)
const Tools = toolkit.toLayer({
  free_slots: ({ day }) => Effect.succeed(day === "Friday" ? ["nine o'clock"] : ["half past ten", "three o'clock"]),
  book: ({ day, time }) => Effect.map(CallContext, ({ userId }) => `${day} at ${time} is booked for ${userId}`)
})

// Ollama here; any server of /v1/chat/completions works, and any other language model of effect/ai
const Model = OpenAiCompatible.layer({ url: process.env["MODEL_URL"] ?? "http://localhost:11434/v1", model: "qwen3" })
const agent = Agent.fromLanguageModel({
  instructions: ({ userId }) => `You make a doctor's appointments, in short sentences. You speak to ${userId}.`,
  toolkit
})

const Engines = Layer.mergeAll(
  Moonshine.layer({ model: "tiny" }),
  Hibari.layer(),
  Silero.layer(),
  SmartTurn.layer() // without it, silence alone ends a turn
).pipe(Layer.provide(ModelStore.layer))

Server.layer({ port: Number(process.env["PORT"] ?? 8080) }).pipe(
  Layer.provide(VoiceBackend.layerSttTts({ agent })),
  Layer.provide([Tools, Model, Engines, Local.layer]),
  Layer.launch,
  NodeRuntime.runMain
)
