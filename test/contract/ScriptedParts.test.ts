/** The suites of all kinds of parts over the scripted engines, in virtual time, and over those of ours that need no model. */
import { describe } from "@effect/vitest"
import { ConnectionFailed } from "../../src/BackendError.ts"
import * as Energy from "../../src/engines/energy/index.ts"
import * as Text from "../../src/engines/text/index.ts"
import * as Conformance from "../../src/testing/conformance/Conformance.ts"
import * as SpokenAudio from "../../src/testing/scenario/SpokenAudio.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedRecogniser from "../../src/testing/scripted/ScriptedRecogniser.ts"
import * as ScriptedSpeechToSpeech from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { load } from "../engines/Recordings.ts"
import * as Parts from "./Parts.ts"

const provideTime = Conformance.virtualTime("parts")
const gone = new ConnectionFailed({ op: "test", message: "the vendor is gone" })
const spoken = (text: string) => ({ pcm: SpokenAudio.encode(text), text })
const speech = [spoken("book a flight to Paris"), spoken("on Monday please")] as const
const failAlways = Object.fromEntries(Array.from({ length: 99 }, (_, at) => [at, gone]))

describe("the scripted recogniser", () => {
  Parts.each(Conformance.stt({
    name: "scripted",
    layer: ScriptedRecogniser.layer({ delayMs: 200 }),
    failing: ScriptedRecogniser.layer({ failAt: failAlways }),
    speech,
    provideTime
  }))
})

describe("the scripted recogniser that detects ends of turns", () => {
  Parts.each(Conformance.stt({
    name: "scripted",
    layer: ScriptedRecogniser.layer({ endOfTurn: 800, interim: false }),
    failing: ScriptedRecogniser.layer({ failToOpenAt: failAlways }),
    speech,
    hour: false,
    provideTime
  }))
})

describe("the scripted voice", () => {
  Parts.each(Conformance.tts({
    name: "scripted",
    layer: ScriptedEngines.layerTts({ delay: "100 millis" }),
    failing: ScriptedEngines.layerTts({ failAt: failAlways }),
    provideTime
  }))
})

for (const [who, turnAuthority] of [["the model", "remote"], ["the backend", "own"]] as const) {
  describe(`the scripted model, with turns decided by ${who}`, () => {
    const answers = Array.from({ length: 60 }, (_, n) => `This is answer ${n}. It has two sentences.`)
    Parts.each(Conformance.s2s({
      name: "scripted",
      layer: ScriptedSpeechToSpeech.layerS2s(answers, { turnAuthority, agentInLoop: true, transcripts: "heard" }),
      failing: ScriptedSpeechToSpeech.layerS2s(answers, { endAt: { 0: gone } }),
      speech: spoken("book a flight"),
      provideTime
    }))
  })
}

describe("the scripted model with a tool", () => {
  Parts.each(
    Conformance.s2s({
      name: "scripted",
      layer: ScriptedSpeechToSpeech.layerS2s([{ first: "One moment.", call: "time", input: {}, last: "It is {}." }]),
      speech: spoken("what time is it"),
      tool: {
        tool: { name: "time", description: "The time", parameters: { type: "object" } },
        ask: "what time",
        output: "noon"
      },
      provideTime
    }).filter(({ id }) => id === "s2s.Tools")
  )
})

describe("the scripted voice activity detector", () => {
  Parts.each(Conformance.vad({
    name: "scripted",
    layer: ScriptedEngines.layerVad(),
    speech: { pcm: ScriptedEngines.speech(1_000) },
    provideTime
  }))
})

describe("the voice activity detector energy", () => {
  Parts.each(Conformance.vad({ name: "energy", layer: Energy.layer(), speech: { pcm: load("eight-of-spades") } }))
})

describe("the turn detector text", () => {
  Parts.each(Conformance.turnDetector({ name: "text", layer: Text.layer() }))
})
