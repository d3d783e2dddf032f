import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Layer, Schema, Stream } from "effect"
import * as BackendProvider from "../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as Local from "../../src/providers/local/index.ts"
import * as Server from "../../src/server/Server.ts"
import { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import type { SessionConfig } from "../../src/session/SessionConfig.ts"
import { SpeechToSpeech } from "../../src/speech/SpeechToSpeech.ts"
import { SpeechToText, type SpeechToTextOptions } from "../../src/speech/SpeechToText.ts"
import { TextToSpeech, type TextToSpeechOptions } from "../../src/speech/TextToSpeech.ts"
import * as MemoryStore from "../../src/store/MemoryStore.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedS2s from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { call as request } from "../server/support.ts"
import { echo, pass, provider, running } from "./Harness.ts"
import { TestConnection } from "./TestConnection.ts"

interface Opened {
  readonly stt: Array<SpeechToTextOptions>
  readonly tts: Array<TextToSpeechOptions>
}

/** Engines that take German and English, two voices and key terms, and remember what each session asked for. */
const engines = (opened: Opened) =>
  [
    Scripted.layerVad(),
    Layer.effect(
      SpeechToText,
      Effect.map(SpeechToText, (stt): SpeechToText["Service"] => ({
        ...stt,
        capabilities: { ...stt.capabilities, languages: ["en", "de"], keyterms: true },
        open: (options) => {
          opened.stt.push(options)
          return stt.open(options)
        }
      }))
    ).pipe(Layer.provide(Scripted.layerStt(["one"]))),
    Layer.effect(
      TextToSpeech,
      Effect.map(TextToSpeech, (tts): TextToSpeech["Service"] => ({
        ...tts,
        capabilities: { ...tts.capabilities, languages: [], voices: ["ada", "bob"] },
        open: (options) => {
          opened.tts.push(options)
          return tts.open(options)
        }
      }))
    ).pipe(Layer.provide(Scripted.layerTts()))
  ] as const

const layerTest = (opened: Opened) =>
  VoiceBackend.layerSttTts({ agent: echo }).pipe(
    Layer.provide([Layer.succeed(BackendProvider.BackendProvider, provider()), ...engines(opened)])
  )

/** A busy machine must not refuse the sessions of a test in real time. */
const noOverload = { maxLag: Duration.seconds(10), maxBacklog: Duration.seconds(30) }

const none = (): Opened => ({ stt: [], tts: [] })
const german = { language: "de-AT", voice: "bob", keyterms: ["Grüß Gott", "Sachertorte"] }
const create = (config: Partial<SessionConfig>) =>
  Effect.flatMap(VoiceBackend, (backend) => backend.createSession({ userId: "u", transport: "websocket", ...config }))

const receivedGerman = ({ stt, tts }: Opened) => {
  assert.lengthOf(stt, 1)
  assert.strictEqual(stt[0]?.language, "de-AT")
  assert.deepStrictEqual(stt[0]?.keyterms, german.keyterms)
  assert.lengthOf(tts, 1)
  assert.strictEqual(tts[0]?.language, "de-AT")
  assert.strictEqual(tts[0]?.voice, "bob")
}

describe("A session's language, voice and key terms", () => {
  it.effect("reach the engines of its pipeline, and of no other session", () => {
    const opened = none()
    return running(
      layerTest(opened),
      Effect.gen(function*() {
        const session = yield* create(german)
        yield* session.attach(new TestConnection())
        yield* session.say("Hallo.")
        yield* pass("2 seconds")
        receivedGerman(opened)
        const other = yield* create({})
        yield* other.attach(new TestConnection())
        yield* other.say("Hello.")
        yield* pass("2 seconds")
        const { keyterms, language } = opened.stt[1] ?? {}
        assert.deepStrictEqual([language, keyterms, opened.tts[1]?.voice], [undefined, undefined, undefined])
      })
    )
  })

  it.effect("are refused where an engine does not support them, and the slot is free again", () =>
    running(
      layerTest(none()),
      Effect.gen(function*() {
        const cases: ReadonlyArray<readonly [Partial<SessionConfig>, string, ReadonlyArray<string>]> = [
          [{ language: "fr" }, "language", ["en", "de"]],
          [{ voice: "carol" }, "voice", ["ada", "bob"]]
        ]
        for (const [config, field, supported] of cases) {
          const error = yield* Effect.flip(create(config))
          assert.strictEqual(error.code, "invalid_config")
          assert.deepInclude(error.details, { field, supported })
          for (const name of supported) assert.include(error.message, name)
        }
        assert.strictEqual(yield* (yield* VoiceBackend).activeSessionCount, 0)
      })
    ))

  it.effect("are refused when they are malformed or too many", () =>
    running(
      layerTest(none()),
      Effect.gen(function*() {
        const malformed: ReadonlyArray<Partial<SessionConfig>> = [
          { language: "" },
          { language: "German, please" },
          { language: "x".repeat(40) },
          { voice: "" },
          { voice: "v".repeat(129) },
          { keyterms: Array.from({ length: 101 }, () => "word") },
          { keyterms: ["k".repeat(129)] },
          { keyterms: [""] }
        ]
        for (const config of malformed) {
          const error = yield* Effect.flip(create(config))
          assert.strictEqual(error.code, "invalid_config", JSON.stringify(config))
          assert.include(error.message, Object.keys(config).join(), "the message names the field")
        }
      })
    ))

  it.effect("reach a speech-to-speech model, or are refused by one that takes none", () => {
    const opened: Array<unknown> = []
    const layerModel = Layer.effect(
      SpeechToSpeech,
      Effect.map(SpeechToSpeech, (s2s): SpeechToSpeech["Service"] => ({
        ...s2s,
        capabilities: { ...s2s.capabilities, languages: [], voices: [], keyterms: false },
        open: (options) => {
          opened.push({ language: options.language, voice: options.voice })
          return s2s.open(options)
        }
      }))
    ).pipe(Layer.provide(ScriptedS2s.layerS2s([])))
    return running(
      VoiceBackend.layerS2s().pipe(
        Layer.provide([Layer.succeed(BackendProvider.BackendProvider, provider()), layerModel])
      ),
      Effect.gen(function*() {
        yield* create({ language: "de-AT", voice: "bob" })
        assert.deepStrictEqual(opened, [{ language: "de-AT", voice: "bob" }])
        const error = yield* Effect.flip(create({ keyterms: ["Sachertorte"] }))
        assert.strictEqual(error.code, "invalid_config")
        assert.strictEqual(error.details?.["field"], "keyterms")
      })
    )
  })

  it.effect("are restored with the session in another process", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const start = Effect.fnUntraced(function*(opened: Opened) {
        const host = yield* Deferred.make<BackendProvider.ProviderHost>()
        const restoring = BackendProvider.make({
          name: "test",
          description: "for tests",
          capabilities: provider().capabilities,
          config: Schema.Struct({}),
          connect: (_options, _config, given) =>
            Effect.as(Deferred.succeed(host, given), {
              open: () => Effect.succeed({ access: { connectionUrl: "memory:" }, attachments: Stream.never }),
              probe: Effect.succeed({ name: "provider", status: "healthy" as const })
            })
        })
        const context = yield* Layer.build(
          VoiceBackend.layerSttTts({ agent: echo }).pipe(Layer.provide([
            Layer.succeed(BackendProvider.BackendProvider, restoring),
            // its leases are not renewed, as those of a process that has died
            Layer.succeed(SessionStore, { ...MemoryStore.make({ table }), renew: Effect.void }),
            ...engines(opened)
          ]))
        )
        return { context, host: yield* Deferred.await(host) }
      })
      const [first, second] = [none(), none()]
      const one = yield* start(first)
      const session = yield* Effect.provide(create(german), one.context)
      yield* session.attach(new TestConnection())
      const two = yield* start(second)
      yield* pass("20 seconds")
      yield* two.host.recover(session.id)
      receivedGerman(second)
      const restored = yield* Effect.provide(
        Effect.flatMap(VoiceBackend, (backend) => backend.getSession(session.id)),
        two.context
      )
      assert.deepInclude(restored.config, german)
    }))

  it.live("are fields of POST /v1/sessions", () => {
    const opened = none()
    const post = (url: string, body: object) =>
      request(`${url}/v1/sessions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user_id: "u", transport: "websocket", ...body })
      })
    return Effect.gen(function*() {
      const { url } = yield* Server.VoiceServer
      const created = yield* post(url, german)
      assert.strictEqual(created.status, 201, created.text)
      receivedGerman(opened)
      for (const body of [{ language: "fr" }, { voice: "carol" }, { language: 7 }, { keyterms: "word" }]) {
        const refused = yield* post(url, body)
        assert.strictEqual(refused.status, 400, refused.text)
        assert.strictEqual(refused.json["code"], "invalid_config")
        assert.include(refused.text, Object.keys(body).join())
      }
    }).pipe(
      Effect.provide(
        Server.layer({ port: 0 }).pipe(
          Layer.provideMerge(VoiceBackend.layerSttTts({ agent: echo, config: { overload: noOverload } })),
          Layer.provide([Local.layer, ...engines(opened)])
        )
      ),
      Effect.scoped
    )
  })
})
