import { Duration, Redacted } from "effect"
import * as OpenAi from "../../../src/engines/openai/SpeechToSpeech.ts"
import * as Fake from "../../support/FakeOpenAiRealtime.ts"
import { suite, type Vendor } from "../hosted/s2s/S2sContract.ts"

const vendor: Vendor = {
  name: "openai",
  variable: "OPENAI_API_KEY",
  start: Fake.start,
  layer: (url, { key, own, ...settings }) =>
    OpenAi.layer({
      url: `${url}/v1/realtime`,
      apiKey: Redacted.make(key ?? Fake.KEY),
      turnDetection: own === true ? "none" : "server_vad",
      silenceDuration: Duration.millis(200),
      retryDelay: Duration.millis(50),
      ...settings
    }),
  definition: OpenAi.definition,
  announcesEnd: JSON.stringify({ type: "error", error: { type: "invalid_request_error", code: "session_expired" } }),
  openMessages: 2,
  truncates: true,
  agentAnswers: true,
  tellsSpeech: true,
  speech: {
    options: { voice: "cedar", language: "de-AT", keyterms: ["Effect", "Ulm"] },
    expected: {
      "audio.output.voice": "cedar",
      "audio.input.transcription.language": "de",
      "audio.input.transcription.prompt": "Effect, Ulm"
    }
  }
}

suite(vendor)
