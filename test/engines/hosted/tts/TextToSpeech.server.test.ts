/** The hosted voices, each through one contract, against fakes that the vendors' own clients verify. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import * as Cartesia from "../../../../src/engines/cartesia/TextToSpeech.ts"
import * as Deepgram from "../../../../src/engines/deepgram/TextToSpeech.ts"
import * as ElevenLabs from "../../../../src/engines/elevenlabs/TextToSpeech.ts"
import * as OpenAi from "../../../../src/engines/openai/TextToSpeech.ts"
import * as SessionSpeech from "../../../../src/speech/SessionSpeech.ts"
import { TextToSpeech } from "../../../../src/speech/TextToSpeech.ts"
import * as FakeOpenAiSpeech from "../../../support/FakeOpenAiSpeech.ts"
import * as Fakes from "../../../support/FakeVoices.ts"
import * as VoiceContract from "./TtsContract.ts"

const silence = Duration.millis(400)
const common = ({ key, rotateAfter, url, voices }: Parameters<VoiceContract.Vendor["layer"]>[0]) => ({
  url,
  silence,
  ...(voices === undefined ? {} : { voices }),
  ...(key === undefined ? {} : { apiKey: Redacted.make(key) }),
  ...(rotateAfter === undefined ? {} : { rotateAfter: Duration.seconds(1) })
})

VoiceContract.suite({
  name: "elevenlabs",
  voice: {
    name: "voice-7",
    language: "fr",
    asked: ({ urls }) => {
      const url = new URL(urls.at(-1) ?? "", "ws://fake")
      return [url.pathname.split("/")[3], url.searchParams.get("language_code") ?? undefined]
    }
  },
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
  voice: {
    name: "voice-7",
    language: "fr",
    asked: ({ told }) => {
      const message = told.findLast((each) => "transcript" in each)
      return [(message?.["voice"] as { readonly id?: string } | undefined)?.id, message?.["language"]]
    }
  },
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
  voice: {
    name: "aura-2-agathe-fr",
    language: undefined,
    asked: ({ urls }) => [new URL(urls.at(-1) ?? "", "ws://fake").searchParams.get("model"), undefined]
  },
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
  voice: {
    name: "cedar",
    language: undefined,
    asked: ({ told }) => {
      const body = told.findLast(({ what }) => what === "request")?.["body"]
      return [(body as { readonly voice?: string } | undefined)?.voice, undefined]
    }
  },
  variable: "OPENAI_API_KEY",
  sampleRate: 24_000,
  words: false,
  socket: false,
  greetings: 0,
  start: FakeOpenAiSpeech.start,
  layer: ({ key, url, voices }) =>
    OpenAi.layer({
      url: url.replace(/^ws/, "http"),
      silence,
      ...(voices === undefined ? {} : { voices }),
      ...(key === undefined ? {} : { apiKey: Redacted.make(key) })
    }),
  cancels: ({ what }) => what === "aborted"
})

describe("deepgram's voices", () => {
  it.effect("may be one for each language, also over the session's own voice of another", () =>
    Effect.gen(function*() {
      const voices = { fr: "aura-2-agathe-fr", "es-MX": "aura-2-javier-es" }
      const engine = yield* Effect.provide(TextToSpeech, Deepgram.layer({ apiKey: Redacted.make("key"), voices }))
      for (const language of ["en", "en-GB", "fr", "fr-CA", "es-MX"]) {
        assert.isTrue(SessionSpeech.takesLanguage(engine, { voice: "aura-2-zeus-en" }, language), language)
      }
      for (const language of ["de", "es", "frx"]) assert.isFalse(SessionSpeech.takesLanguage(engine, {}, language))
    }))

  it.effect("speak one language, which a session cannot change", () =>
    Effect.gen(function*() {
      const engine = yield* Effect.provide(TextToSpeech, Deepgram.layer({ apiKey: Redacted.make("key") }))
      const error = yield* Effect.flip(Effect.scoped(engine.open({ sessionId: "s", language: "fr" })))
      assert.strictEqual(error._tag, "InvalidConfig")
      // and is told so before anything is opened
      assert.deepStrictEqual(SessionSpeech.check("test", { language: "fr" }, { tts: engine })?.message, error.message)
      assert.isFalse(SessionSpeech.takesLanguage(engine, {}, "fr"))
      assert.strictEqual(
        error.message,
        "language: deepgram's voice aura-2-thalia-en speaks en, not fr; choose another voice"
      )
    }))
})
