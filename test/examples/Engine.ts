import { Effect, Layer, Schema, Stream } from "effect"
import { Agent, EngineRegistry, TextToSpeech } from "effect-voice"
import { Conformance, Recording, Scenario } from "effect-voice/testing"
import assert from "node:assert"

const RATE = 16_000

/** 200 ms of a tone for each word. */
const tone = (text: string, pitch: number) =>
  Int16Array.from(
    { length: text.split(" ").length * RATE / 5 },
    (_, at) => 8_000 * Math.sin(2 * Math.PI * pitch * at / RATE)
  )

// Options are decoded once; every engine that a config can name is a definition.
const Options = Schema.Struct({ pitch: Schema.Finite.check(Schema.isBetween({ minimum: 50, maximum: 4_000 })) })
const beeper = EngineRegistry.define({
  kind: "tts",
  name: "beeper",
  description: "Speaks in tones",
  options: Options,
  layer: ({ pitch }) =>
    Layer.succeed(
      TextToSpeech.TextToSpeech,
      TextToSpeech.TextToSpeech.of({
        name: "beeper",
        sampleRate: RATE,
        capabilities: { voices: ["tone"] },
        // One stream for each session. An adapter makes one attempt and fails with a typed error: it never retries.
        open: () =>
          Effect.succeed({
            speak: (sentences) => Stream.map(sentences, (text) => ({ text, pcm: tone(text, pitch) }))
          })
      })
    )
})

const call = await Effect.runPromise(Scenario.run({
  tts: beeper.layer({ pitch: 440 }),
  agent: Agent.fromCallback((text) => Effect.succeed(`You said: ${text}`)),
  user: [Scenario.say("hello"), Scenario.waitForAgent]
}))
assert.deepEqual(Recording.lines(call.history), ["user: hello", "agent: You said: hello"])

// Whether it keeps the contract of its kind: texts as given, pieces, interruption, release, …
const results = await Effect.runPromise(Conformance.run(Conformance.tts({
  name: "beeper",
  layer: beeper.layer({ pitch: 440 }),
  provideTime: Conformance.virtualTime("beeper")
})))
console.log(Conformance.summary(results)) // conformance: … passed, 0 failed, … skipped
assert.deepEqual(results.flatMap(({ detail, id, result }) => result === "failed" ? [[id, detail]] : []), [])
