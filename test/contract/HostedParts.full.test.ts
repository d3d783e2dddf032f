/** The suites over the hosted engines, against the fakes of their vendors. */
import { describe } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted } from "effect"
import * as AssemblyAi from "../../src/engines/assemblyai/index.ts"
import * as Cartesia from "../../src/engines/cartesia/TextToSpeech.ts"
import * as Deepgram from "../../src/engines/deepgram/index.ts"
import * as DeepgramVoice from "../../src/engines/deepgram/TextToSpeech.ts"
import * as ElevenLabs from "../../src/engines/elevenlabs/index.ts"
import * as ElevenLabsVoice from "../../src/engines/elevenlabs/TextToSpeech.ts"
import * as Gemini from "../../src/engines/gemini/index.ts"
import * as OpenAi from "../../src/engines/openai/index.ts"
import * as OpenAiModel from "../../src/engines/openai/SpeechToSpeech.ts"
import * as Conformance from "../../src/testing/conformance/Conformance.ts"
import * as SpokenAudio from "../../src/testing/scenario/SpokenAudio.ts"
import * as FakeGeminiLive from "../support/FakeGeminiLive.ts"
import type { FakeModel } from "../support/FakeModel.ts"
import * as FakeRealtime from "../support/FakeOpenAiRealtime.ts"
import * as FakeRecognisers from "../support/FakeRecognisers.ts"
import * as FakeVoices from "../support/FakeVoices.ts"
import * as Parts from "./Parts.ts"

const key = Redacted.make(FakeRecognisers.KEY)
const refused = { faults: Array.from({ length: 9 }, () => ({ refuse: { status: 401 } })) }

const recognisers = {
  deepgram: [FakeRecognisers.deepgram, Deepgram.layerSpeechToText],
  flux: [
    FakeRecognisers.flux,
    (options: { readonly url: string; readonly apiKey: typeof key }) =>
      Deepgram.layerSpeechToText({ ...options, model: "flux-general-en" })
  ],
  assemblyai: [FakeRecognisers.assemblyai, AssemblyAi.layer],
  elevenlabs: [FakeRecognisers.elevenlabs, ElevenLabs.layerSpeechToText],
  openai: [FakeRecognisers.openai, OpenAi.layerSpeechToText]
} as const

for (const [name, [fake, layer]] of Object.entries(recognisers)) {
  const sampleRate = name === "openai" ? 24_000 : 16_000
  const spoken = (text: string) => ({
    pcm: SpokenAudio.encode(text, { sampleRate, msPerCharacter: 40 }),
    sampleRate,
    text
  })
  describe(`the recogniser of ${name}`, () => {
    Parts.each(Conformance.stt({
      name,
      layer: Layer.unwrap(Effect.map(fake({}), ({ url }) => layer({ url, apiKey: key }))),
      failing: Layer.unwrap(Effect.map(fake(refused), ({ url }) => layer({ url, apiKey: key }))),
      speech: [spoken("book a flight"), spoken("to Paris please")]
    }))
  })
}

const silence = Duration.millis(400)
const apiKey = Redacted.make(FakeVoices.KEY)
const voices = {
  elevenlabs: [FakeVoices.elevenLabs, ElevenLabsVoice.layer],
  cartesia: [FakeVoices.cartesia, Cartesia.layer],
  deepgram: [FakeVoices.deepgram, DeepgramVoice.layer]
} as const

for (const [name, [fake, layer]] of Object.entries(voices)) {
  describe(`the voice of ${name}`, () => {
    Parts.each(Conformance.tts({
      name,
      layer: Layer.unwrap(Effect.map(fake({}), ({ url }) => layer({ url, apiKey, silence }))),
      failing: Layer.unwrap(Effect.map(fake(refused), ({ url }) => layer({ url, apiKey, silence })))
    }))
  })
}

const answers = Array.from({ length: 60 }, (_, n) => ({ text: `This is answer ${n}.`, paceMs: 2 }))
const transcripts = answers.map(() => "hello")
const tool = {
  tool: { name: "time", description: "The time", parameters: { type: "object", properties: {} } },
  ask: "what time is it",
  output: "noon"
}
const models = {
  openai: (options: object) =>
    Effect.map(FakeRealtime.start(options), (fake) => ({
      fake,
      layer: OpenAiModel.layer({
        url: `${fake.url}/v1/realtime`,
        apiKey: Redacted.make(FakeRealtime.KEY),
        turnDetection: "none",
        retryDelay: Duration.millis(50)
      })
    })),
  gemini: (options: object) =>
    Effect.map(FakeGeminiLive.start(options), (fake) => ({
      fake,
      layer: Gemini.layer({
        url: `${fake.url}/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent`,
        apiKey: Redacted.make(FakeGeminiLive.KEY),
        turnDetection: "none",
        retryDelay: Duration.millis(50)
      })
    }))
} as const

for (const [name, start] of Object.entries(models)) {
  describe(`the model of ${name}`, () => {
    let last: FakeModel | undefined
    const layerOf = (options: object) =>
      Layer.unwrap(Effect.map(start(options), ({ fake, layer }) => {
        last = fake
        return layer
      }))
    const harness = {
      name,
      failing: layerOf(refused),
      speech: { pcm: SpokenAudio.encode("hello there"), text: "hello" },
      disconnect: Effect.sync(() => last?.reset())
    }
    const isTools = ({ id }: Conformance.Case) => id === "s2s.Tools"
    Parts.each([
      ...Conformance.s2s({ ...harness, layer: layerOf({ answers, transcripts }) }).filter((each) => !isTools(each)),
      ...Conformance.s2s({
        ...harness,
        layer: layerOf({
          answers: [{ text: "", call: { name: "time", input: {} } }, "It is noon."],
          transcripts
        }),
        tool
      }).filter(isTools)
    ])
  })
}
