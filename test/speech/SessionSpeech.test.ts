/** What a session may ask of its engines. */
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as SessionSpeech from "../../src/speech/SessionSpeech.ts"

const engine = (name: string, capabilities: SessionSpeech.SpeechCapabilities) => ({ name, capabilities })
const anything = { languages: [], voices: [], keyterms: true }
const check = (wanted: SessionSpeech.SessionSpeech, engines: SessionSpeech.SpeechEngines) =>
  SessionSpeech.check("VoiceBackend.createSession", wanted, engines)

describe("SessionSpeech", () => {
  it("accepts whatever engines take that take anything, and nothing asked for", () => {
    const wanted = { language: "de-CH", voice: "anna", keyterms: ["Zürich"] }
    const engines = { stt: engine("a", anything), tts: engine("b", anything) }
    assert.isUndefined(check(wanted, engines))
    assert.isUndefined(check(wanted, { s2s: engine("c", anything) }))
    assert.isUndefined(check({}, { stt: engine("a", {}), tts: engine("b", {}), s2s: engine("c", {}) }))
    assert.isUndefined(check({ keyterms: [] }, { stt: engine("a", {}) }))
  })

  it("covers regions by their language, whatever the case, and not languages by their region", () => {
    const english = { languages: ["en", "zh-Hant"] }
    for (const tag of ["en", "en-GB", "EN-us", "zh-hant-TW"]) {
      assert.isTrue(SessionSpeech.supportsLanguage(english, tag), tag)
    }
    for (const tag of ["de", "eng", "zh", "zh-Hans"]) {
      assert.isFalse(SessionSpeech.supportsLanguage(english, tag), tag)
    }
  })

  it("names the engine, the field and what it supports", () => {
    const error = check({ language: "fr" }, {
      stt: engine("ear", anything),
      tts: engine("mouth", { languages: ["en"] })
    })
    assert.strictEqual(error?._tag, "InvalidConfig")
    assert.strictEqual(error?.message, "language: mouth does not support \"fr\"; it supports en")
    assert.deepStrictEqual(error?.details, { engine: "mouth", field: "language", supported: ["en"] })
    const voice = check({ voice: "x" }, { tts: engine("mouth", { voices: ["rms", "slt"] }) })
    assert.strictEqual(voice?.message, "voice: mouth has no voice \"x\"; it supports rms, slt")
  })

  it("refuses what an engine lets no session choose", () => {
    const fixed = engine("bot", {})
    assert.strictEqual(
      check({ language: "en" }, { s2s: fixed })?.message,
      "language: bot does not let a session choose its language"
    )
    assert.strictEqual(
      check({ voice: "x" }, { s2s: fixed })?.message,
      "voice: bot does not let a session choose its voice"
    )
    assert.strictEqual(check({ keyterms: ["x"] }, { stt: fixed })?.message, "keyterms: bot does not take key terms")
  })

  it("does not ask a recogniser for a voice, nor a voice for key terms", () => {
    assert.isUndefined(check({ voice: "x" }, { stt: engine("ear", {}), tts: engine("mouth", anything) }))
    assert.isUndefined(check({ keyterms: ["x"] }, { stt: engine("ear", anything), tts: engine("mouth", {}) }))
  })

  it("leaves out what a fallback does not support", () => {
    const wanted: SessionSpeech.SessionSpeech & { readonly sessionId: string } = {
      sessionId: "s",
      language: "fr",
      voice: "anna",
      keyterms: ["x"]
    }
    assert.deepStrictEqual(SessionSpeech.supportedBy(engine("b", { languages: ["en"], voices: [] }), wanted), {
      sessionId: "s",
      language: undefined,
      voice: undefined,
      keyterms: undefined
    })
    assert.deepStrictEqual(
      SessionSpeech.supportedBy(engine("b", { languages: [], voices: ["anna"], keyterms: true }), wanted),
      wanted
    )
  })

  it("takes tags, names and terms of a bounded length, and no more than 100 terms", () => {
    const decode = Schema.decodeUnknownResult(Schema.Struct(SessionSpeech.fields))
    for (const good of [{}, { language: "pt-BR", voice: "v", keyterms: ["Fjällräven"] }]) {
      assert.isTrue(Result.isSuccess(decode(good)))
    }
    for (
      const bad of [
        { language: "english please" },
        { language: "e" },
        { language: `en${"-abcdefgh".repeat(9)}` },
        { voice: "" },
        { voice: "v".repeat(129) },
        { keyterms: [""] },
        { keyterms: Array.from({ length: 101 }, () => "x") }
      ]
    ) assert.isTrue(Result.isFailure(decode(bad)), JSON.stringify(bad))
  })
})
