/** The hosted recognisers against their fakes: one contract for all, and what is particular to each. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted, type Scope, Stream } from "effect"
import * as Resampler from "../../../../src/audio/resampling/Resampler.ts"
import type { BackendError } from "../../../../src/BackendError.ts"
import * as AssemblyAi from "../../../../src/engines/assemblyai/index.ts"
import * as Deepgram from "../../../../src/engines/deepgram/index.ts"
import * as ElevenLabs from "../../../../src/engines/elevenlabs/index.ts"
import * as OpenAi from "../../../../src/engines/openai/index.ts"
import type { JsonRecord } from "../../../../src/schema/Json.ts"
import * as ResilientSpeechToText from "../../../../src/speech/resilience/ResilientSpeechToText.ts"
import * as SessionSpeech from "../../../../src/speech/SessionSpeech.ts"
import { SpeechToText } from "../../../../src/speech/SpeechToText.ts"
import * as SpokenAudio from "../../../../src/testing/scenario/SpokenAudio.ts"
import type { FakeModel, FakeModelOptions } from "../../../support/FakeModel.ts"
import * as Fakes from "../../../support/FakeRecognisers.ts"
import * as Contract from "./SpeechToTextContract.ts"

const key = Redacted.make(Fakes.KEY)

Contract.run({
  name: "deepgram",
  vendor: "deepgram",
  fake: Fakes.deepgram,
  layer: Deepgram.layerSpeechToText,
  key,
  variable: "DEEPGRAM_API_KEY",
  asks: "Finalize",
  farewell: "CloseStream"
})
Contract.run({
  name: "deepgram flux",
  vendor: "deepgram",
  fake: Fakes.flux,
  layer: (options) => Deepgram.layerSpeechToText({ ...options, model: "flux-general-en" }),
  key,
  variable: "DEEPGRAM_API_KEY",
  asks: "ForceEndTurn",
  farewell: "CloseStream"
})
Contract.run({
  name: "assemblyai",
  vendor: "assemblyai",
  fake: Fakes.assemblyai,
  layer: AssemblyAi.layer,
  key,
  variable: "ASSEMBLYAI_API_KEY",
  asks: "ForceEndpoint",
  farewell: "Terminate"
})
Contract.run({
  name: "elevenlabs",
  vendor: "elevenlabs",
  fake: Fakes.elevenlabs,
  layer: ElevenLabs.layerSpeechToText,
  key,
  variable: "ELEVENLABS_API_KEY",
  asks: "commit"
})
Contract.run({
  name: "openai",
  vendor: "openai",
  fake: Fakes.openai,
  layer: OpenAi.layerSpeechToText,
  key,
  variable: "OPENAI_API_KEY",
  asks: "commit",
  timesWords: false
})

const pause = (ms: number) => Effect.promise(() => new Promise((resolve) => setTimeout(resolve, ms)))

describe("turns", () => {
  for (
    const [name, fake, layer] of [
      ["flux", Fakes.flux, (url: string) => Deepgram.layerSpeechToText({ url, apiKey: key, model: "flux-general-en" })],
      ["assemblyai", Fakes.assemblyai, (url: string) => AssemblyAi.layer({ url, apiKey: key })]
    ] as const
  ) {
    it.live(`${name} ends a turn once, after its words`, () =>
      Effect.gen(function*() {
        const model = yield* fake({})
        const context = yield* Layer.build(layer(model.url))
        const engine = yield* Effect.provide(SpeechToText, context)
        assert.isTrue(engine.capabilities.endOfTurn)
        const stream = yield* engine.open({ sessionId: "test" })
        stream.push(SpokenAudio.encode("that is all", { msPerCharacter: 40 }))
        stream.push(new Int16Array(16_000))
        const events = yield* stream.events.pipe(
          Stream.takeUntil(({ _tag }) => _tag === "EndOfTurn"),
          Stream.runCollect
        )
        assert.deepStrictEqual(
          events.filter(({ _tag }) => _tag !== "Interim").map((event) =>
            event._tag === "Final" ? event.text : event._tag
          ),
          ["that is all", "EndOfTurn"]
        )
      }).pipe(Effect.scoped), 20_000)
  }
})

describe("a telephone", () => {
  for (
    const [name, fake, layer] of [
      ["deepgram", Fakes.deepgram, (url: string) => Deepgram.layerSpeechToText({ url, apiKey: key })],
      ["flux", Fakes.flux, (url: string) => Deepgram.layerSpeechToText({ url, apiKey: key, model: "flux-general-en" })],
      ["assemblyai", Fakes.assemblyai, (url: string) => AssemblyAi.layer({ url, apiKey: key })],
      ["elevenlabs", Fakes.elevenlabs, (url: string) => ElevenLabs.layerSpeechToText({ url, apiKey: key })]
    ] as const
  ) {
    it.live(
      `is heard by ${name} as it comes, at 8 kHz, and words are placed on the timeline`,
      () =>
        Effect.gen(function*() {
          const model = yield* fake({})
          const engine = yield* Effect.provide(SpeechToText, yield* Layer.build(layer(model.url)))
          assert.deepStrictEqual([engine.sampleRate, engine.sampleRates], [16_000, [8_000]])
          const stream = yield* engine.open({ sessionId: "test", sampleRate: 8_000 })
          stream.push(new Int16Array(8_000))
          stream.push(SpokenAudio.encode("that is all", { sampleRate: 8_000, msPerCharacter: 40 }))
          stream.push(new Int16Array(400))
          stream.finalize(1, 16_000 + 11 * 640 + 800)
          const events = yield* stream.events.pipe(
            Stream.takeUntil(({ _tag }) => _tag === "Finalized"),
            Stream.runCollect
          )
          const finals = events.flatMap((event) => event._tag === "Final" ? [event] : [])
          assert.strictEqual(finals.map(({ text }) => text).join(" "), "that is all")
          const words = finals.flatMap(({ words = [] }) => words)
          assert.approximately(words[0]?.startSample ?? 0, 16_000, 700)
          assert.approximately(words.at(-1)?.endSample ?? 0, 16_000 + 11 * 640, 700)
          const bytes = model.told.reduce((sum, { bytes, what }) => what === "audio" ? sum + Number(bytes) : sum, 0)
          assert.isAtMost(bytes, 2 * (8_000 + 11 * 320 + 400) + 1_600)
        }).pipe(Effect.scoped),
      20_000
    )
  }
})

describe("a session's own language and key terms", () => {
  const query = ({ urls }: FakeModel) => new URL(urls.at(-1) ?? "", "ws://fake").searchParams
  const cases: ReadonlyArray<{
    readonly name: string
    readonly fake: (options: FakeModelOptions) => Effect.Effect<FakeModel, never, Scope.Scope>
    readonly layer: (url: string) => Layer.Layer<SpeechToText, BackendError>
    readonly language: (model: FakeModel) => unknown
    readonly keyterms: (model: FakeModel) => unknown
    readonly expected: readonly [language: unknown, keyterms: unknown]
  }> = [
    {
      name: "deepgram",
      fake: Fakes.deepgram,
      layer: (url) => Deepgram.layerSpeechToText({ url, apiKey: key, language: "en", keyterms: ["own"] }),
      language: (model) => query(model).getAll("language"),
      keyterms: (model) => query(model).getAll("keyterm"),
      expected: [["de-CH"], ["own", "Näfels", "Glarus Süd"]]
    },
    {
      name: "deepgram flux",
      fake: Fakes.flux,
      layer: (url) => Deepgram.layerSpeechToText({ url, apiKey: key, model: "flux-general-multi" }),
      language: (model) => query(model).getAll("language_hint"),
      keyterms: (model) => query(model).getAll("keyterm"),
      expected: [["de"], ["Näfels", "Glarus Süd"]]
    },
    {
      name: "assemblyai",
      fake: Fakes.assemblyai,
      layer: (url) => AssemblyAi.layer({ url, apiKey: key, model: "universal-streaming-multilingual" }),
      language: (model) => query(model).getAll("language_code"),
      keyterms: (model) => JSON.parse(query(model).get("keyterms_prompt") ?? "null"),
      expected: [["de"], ["Näfels", "Glarus Süd"]]
    },
    {
      name: "elevenlabs",
      fake: Fakes.elevenlabs,
      layer: (url) => ElevenLabs.layerSpeechToText({ url, apiKey: key, language: "en" }),
      language: (model) => query(model).getAll("language_code"),
      keyterms: (model) => query(model).getAll("keyterms"),
      expected: [["de"], ["Näfels", "Glarus Süd"]]
    },
    {
      name: "openai",
      fake: Fakes.openai,
      layer: (url) => OpenAi.layerSpeechToText({ url, apiKey: key, prompt: "A valley in Switzerland" }),
      language: ({ told }) => transcription(told)?.["language"],
      keyterms: ({ told }) => transcription(told)?.["prompt"],
      expected: ["de", "A valley in Switzerland, Näfels, Glarus Süd"]
    }
  ]
  const transcription = (told: FakeModel["told"]) => {
    const session = told.find(({ what }) => what === "session")?.["session"]
    const { audio } = session as { readonly audio: { readonly input: { readonly transcription: JsonRecord } } }
    return audio.input.transcription
  }
  for (const { expected, fake, keyterms, language, layer, name } of cases) {
    it.live(`${name} gets them`, () =>
      Effect.gen(function*() {
        const model = yield* fake({})
        const engine = yield* Effect.provide(SpeechToText, yield* Layer.build(layer(model.url)))
        const wanted = { language: "de-CH", keyterms: ["Näfels", "Glarus Süd"] }
        assert.isUndefined(SessionSpeech.check("test", wanted, { stt: engine }))
        yield* engine.open({ sessionId: "test", ...wanted })
        for (let i = 0; i < 100 && name === "openai" && model.told.length === 0; i++) yield* pause(10)
        assert.deepStrictEqual([language(model), keyterms(model)], expected)
      }).pipe(Effect.scoped))
  }

  for (const { fake, language, layer, name } of cases) {
    it.live(`${name} is connected anew for another language, and hears on`, () =>
      Effect.gen(function*() {
        const model = yield* fake({ transcripts: ["guten tag"] })
        yield* Resampler.load
        const engine = yield* Effect.provide(SpeechToText, yield* Layer.build(layer(model.url)))
        const stream = yield* (yield* ResilientSpeechToText.make([engine])).open({ sessionId: "test", language: "fr" })
        const texts: Array<string> = []
        yield* stream.events.pipe(
          Stream.runForEach((event) => Effect.sync(() => event._tag === "Final" ? texts.push(event.text) : undefined)),
          Effect.forkScoped
        )
        stream.setLanguage?.("de-CH")
        for (let i = 0; i < 500 && model.connections() < 2; i++) yield* pause(10)
        assert.strictEqual(model.connections(), 2)
        const sessions = () => model.told.filter(({ what }) => what === "session")
        for (let i = 0; i < 500 && name === "openai" && sessions().length < 2; i++) yield* pause(10)
        const expected = { deepgram: ["de-CH"], openai: "de" }[name] ?? ["de"]
        assert.deepStrictEqual(language({ ...model, told: sessions().slice(-1) }), expected)
        yield* pause(50)
        stream.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
        stream.push(SpokenAudio.encode("guten tag", { msPerCharacter: 40 }))
        stream.push(new Int16Array(1_600))
        stream.activity({ _tag: "SpeechStopped", atSample: 0, decidedAtSample: 0 })
        stream.finalize(1, 20_000)
        for (let i = 0; i < 500 && texts.length === 0; i++) yield* pause(10)
        assert.deepStrictEqual(texts, ["guten tag"])
      }).pipe(Effect.scoped), 30_000)
  }

  for (
    const [name, layer] of [
      ["deepgram flux for English", Deepgram.layerSpeechToText({ apiKey: key, model: "flux-general-en" })],
      ["assemblyai for English", AssemblyAi.layer({ apiKey: key })]
    ] as const
  ) {
    it.effect(`${name} refuses another language`, () =>
      Effect.gen(function*() {
        const engine = yield* Effect.provide(SpeechToText, layer)
        assert.isUndefined(SessionSpeech.check("test", { language: "en-GB" }, { stt: engine }))
        assert.include(SessionSpeech.check("test", { language: "de" }, { stt: engine })?.message, "it supports en")
      }))
  }
})

describe("replaced connections", () => {
  for (
    const [name, fake, layer] of [
      [
        "assemblyai, by its own word",
        () => Fakes.assemblyai({ expiresInMs: 31_500 }),
        (url: string) => AssemblyAi.layer({ url, apiKey: key })
      ],
      [
        "openai, by its age",
        () => Fakes.openai({}),
        (url: string) => OpenAi.layerSpeechToText({ url, apiKey: key, rotateAfter: Duration.seconds(1) })
      ]
    ] as const
  ) {
    it.live(`${name}: a new connection takes over in a pause, and no word is lost`, () =>
      Effect.gen(function*() {
        const model = yield* fake()
        const context = yield* Layer.build(layer(model.url))
        const engine = yield* Effect.provide(SpeechToText, context)
        const stream = yield* engine.open({ sessionId: "test" })
        const texts: Array<string> = []
        let answered = 0
        yield* stream.events.pipe(
          Stream.runForEach((event) =>
            Effect.sync(() => {
              if (event._tag === "Final") texts.push(event.text)
              if (event._tag === "Finalized") answered = event.id
            })
          ),
          Effect.forkScoped
        )
        const say = Effect.fnUntraced(function*(id: number, text: string) {
          stream.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
          stream.push(SpokenAudio.encode(text, { sampleRate: engine.sampleRate, msPerCharacter: 40 }))
          stream.push(new Int16Array(engine.sampleRate / 10))
          stream.activity({ _tag: "SpeechStopped", atSample: 0, decidedAtSample: 0 })
          stream.finalize(id, 0)
          for (let i = 0; i < 300 && answered < id; i++) yield* pause(10)
        })
        yield* say(1, "before it")
        for (let i = 0; i < 600 && model.connections() < 2; i++) yield* pause(10)
        assert.strictEqual(model.connections(), 2)
        yield* pause(200)
        yield* say(2, "after it")
        assert.deepStrictEqual(texts, ["before it", "after it"])
      }).pipe(Effect.scoped), 30_000)
  }

  for (
    const [what, fault] of [
      ["never says that it is ready", { stallAfter: 0 }],
      ["is refused", { refuse: { status: 429, headers: { "retry-after": "2" } } }]
    ] as const
  ) {
    it.live(
      `keep working when a new one ${what}: it is closed, and retried after a pause`,
      () =>
        Effect.gen(function*() {
          const model = yield* Fakes.openai({ faults: [{}, ...Array.from({ length: 50 }, () => fault)] })
          const context = yield* Layer.build(OpenAi.layerSpeechToText({
            url: model.url,
            apiKey: key,
            rotateAfter: Duration.seconds(1),
            timeout: Duration.millis(200)
          }))
          const engine = yield* Effect.provide(SpeechToText, context)
          const stream = yield* engine.open({ sessionId: "test" })
          for (let i = 0; i < 800 && model.connections() < 4; i++) yield* pause(10)
          yield* pause(500)
          const over = model.told.filter(({ what }) => what === "closed" || what === "refused")
          assert.deepStrictEqual(over.map(({ connection }) => connection), [1, 2, 3])
          assert.isAtLeast((over[2]?.at ?? 0) - (over[1]?.at ?? 0), 1_900, "the pauses grow, or are those asked for")
          stream.activity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 })
          stream.push(SpokenAudio.encode("still here", { sampleRate: engine.sampleRate, msPerCharacter: 40 }))
          stream.push(new Int16Array(engine.sampleRate / 10))
          stream.finalize(1, 0)
          const events = yield* stream.events.pipe(
            Stream.takeUntil(({ _tag }) => _tag === "Finalized"),
            Stream.runCollect
          )
          assert.deepStrictEqual(events.flatMap((event) => event._tag === "Final" ? [event.text] : []), ["still here"])
        }).pipe(Effect.scoped),
      20_000
    )
  }
})
