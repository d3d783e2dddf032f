import { Config, Effect, Layer } from "effect"
import * as Google from "effect-voice/engines/google"
import { LanguageModel } from "effect/ai"

const Model = Layer.unwrap(Effect.gen(function*() {
  const apiKey = yield* Config.Redacted("GEMINI_API_KEY")
  const url = yield* Config.String("GEMINI_URL").pipe(
    Config.withDefault("https://generativelanguage.googleapis.com/v1beta")
  )
  return Google.layer({ model: "gemini-3-flash-preview", thinkingLevel: "minimal", apiKey, url })
}))

const program = Effect.gen(function*() {
  const { text } = yield* LanguageModel.generateText({ prompt: "Who was Ada Lovelace? Answer in one short sentence." })
  yield* Effect.log("the model said:", text)
})

Effect.runPromise(program.pipe(Effect.provide(Model)))
