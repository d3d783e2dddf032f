/** The hosted voices, each through the contract, against fakes that are held to the vendors' own clients. */
import { Duration, Redacted } from "effect"
import * as Cartesia from "../../../../src/engines/cartesia/TextToSpeech.ts"
import * as Deepgram from "../../../../src/engines/deepgram/TextToSpeech.ts"
import * as ElevenLabs from "../../../../src/engines/elevenlabs/TextToSpeech.ts"
import * as OpenAi from "../../../../src/engines/openai/TextToSpeech.ts"
import * as FakeOpenAiSpeech from "../../../support/FakeOpenAiSpeech.ts"
import * as Fakes from "../../../support/FakeVoices.ts"
import * as VoiceContract from "./TtsContract.ts"

const silence = Duration.millis(400)
const common = ({ key, rotateAfter, url }: Parameters<VoiceContract.Vendor["layer"]>[0]) => ({
  url,
  silence,
  ...(key === undefined ? {} : { apiKey: Redacted.make(key) }),
  ...(rotateAfter === undefined ? {} : { rotateAfter: Duration.seconds(1) })
})

VoiceContract.suite({
  name: "elevenlabs",
  variable: "ELEVENLABS_API_KEY",
  sampleRate: 24_000,
  words: true,
  socket: true,
  greetings: 0,
  start: Fakes.elevenLabs,
  layer: (options) => ElevenLabs.layer(common(options))
})

VoiceContract.suite({
  name: "cartesia",
  variable: "CARTESIA_API_KEY",
  sampleRate: 24_000,
  words: true,
  socket: true,
  greetings: 0,
  start: Fakes.cartesia,
  layer: (options) => Cartesia.layer(common(options)),
  cancels: (told) => told["cancel"] === true
})

VoiceContract.suite({
  name: "deepgram",
  variable: "DEEPGRAM_API_KEY",
  sampleRate: 24_000,
  words: false,
  socket: true,
  greetings: 1,
  start: Fakes.deepgram,
  layer: (options) => Deepgram.layer(common(options)),
  cancels: (told) => told["type"] === "Clear"
})

VoiceContract.suite({
  name: "openai",
  variable: "OPENAI_API_KEY",
  sampleRate: 24_000,
  words: false,
  socket: false,
  greetings: 0,
  start: FakeOpenAiSpeech.start,
  layer: ({ key, url }) =>
    OpenAi.layer({
      url: url.replace(/^ws/, "http"),
      silence,
      ...(key === undefined ? {} : { apiKey: Redacted.make(key) })
    }),
  cancels: ({ what }) => what === "aborted"
})
