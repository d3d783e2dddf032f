/** An agent of a language model with one tool, for the tests of models. */
import { Effect, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import * as Agent from "../../src/agent/index.ts"

const Weather = Tool.make("weather", {
  description: "The weather in a city now",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.Struct({ sky: Schema.String })
})

export const toolkit = Toolkit.make(Weather)

export const handlers = toolkit.toLayer({ weather: ({ city }) => Effect.succeed({ sky: `clear over ${city}` }) })

export const agent = Agent.fromLanguageModel({ toolkit, instructions: "Be short." })
