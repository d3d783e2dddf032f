/** The services that a program gives to the layers of a backend, and the line of the log that says what was found. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Data, Duration, Effect, Layer, Logger, Redacted } from "effect"
import { AgentRegistry } from "../../src/agent/AgentRegistry.ts"
import * as Agent from "../../src/agent/index.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { BackendRegistry } from "../../src/backend/provider/BackendRegistry.ts"
import { BackendProvider } from "../../src/backend/provider/ProviderContract.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import type { BackendError } from "../../src/BackendError.ts"
import * as AudioProcessor from "../../src/hooks/AudioProcessor.ts"
import { AuthHook } from "../../src/hooks/AuthHook.ts"
import type { DataRetentionHook } from "../../src/hooks/DataRetentionHook.ts"
import { RateLimiter } from "../../src/hooks/RateLimiter.ts"
import { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import type { SessionArchive } from "../../src/session/retention/SessionArchive.ts"
import { EngineRegistry } from "../../src/speech/EngineRegistry.ts"
import type { SpeechToSpeech } from "../../src/speech/SpeechToSpeech.ts"
import type { SpeechToText } from "../../src/speech/SpeechToText.ts"
import type { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import type { VoiceActivityDetector } from "../../src/speech/VoiceActivityDetector.ts"
import * as MemoryStore from "../../src/store/MemoryStore.ts"
import * as named from "../../src/testing/conformance/NamedParts.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedS2s from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { call, echo, pass, provider, running } from "../session/Harness.ts"

class Database extends Context.Service<Database, { readonly name: string }>()("test/Database") {}
class DatabaseDown extends Data.TaggedError("DatabaseDown") {}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
const holds = <_ extends true>(): void => undefined
type Needs<L> = L extends Layer.Layer<infer _Out, infer _E, infer In> ? In : never
type Fails<L> = L extends Layer.Layer<infer _Out, infer E, infer _In> ? E : never
type Parts = BackendProvider | SpeechToText | TextToSpeech | VoiceActivityDetector

declare const onDatabase: Layer.Layer<SessionStore, DatabaseDown, Database>
const hook: AuthHook["Service"] = {
  authenticate: (token) => Effect.succeed({ userId: token, authorized: true }),
  authorize: () => Effect.succeed(true)
}

/** The compiler checks these. */
const types = (config: BackendConfig.BackendConfig) => {
  const sttTts = () => VoiceBackend.layerSttTts({ agent: echo, store: onDatabase, auth: hook })
  holds<Equal<Needs<ReturnType<typeof sttTts>>, Parts | Database>>()
  holds<Equal<Fails<ReturnType<typeof sttTts>>, BackendError | DatabaseDown>>()
  const plain = () => VoiceBackend.layerSttTts({ auth: hook, store: undefined })
  holds<Equal<Needs<ReturnType<typeof plain>>, Parts>>()
  holds<Equal<Fails<ReturnType<typeof plain>>, BackendError>>()
  const s2s = () => VoiceBackend.layerS2s({ vad: Scripted.layerVad(), store: onDatabase })
  holds<Equal<Needs<ReturnType<typeof s2s>>, BackendProvider | SpeechToSpeech | Database>>()
  const byNames = () => VoiceBackend.layerConfig(config, { store: onDatabase })
  holds<Equal<Fails<ReturnType<typeof byNames>>, BackendError | DatabaseDown>>()
  // @ts-expect-error: misspelt
  void VoiceBackend.layerSttTts({ stroe: onDatabase })
  // @ts-expect-error: another service's layer
  void VoiceBackend.layerSttTts({ auth: onDatabase })
  // @ts-expect-error: a backend of text-to-speech requires it
  void VoiceBackend.layerSttTts({ vad: Scripted.layerVad() })
  // @ts-expect-error: a config names its agents itself
  void VoiceBackend.layerConfig(config, { agents: AgentRegistry.layer() })
}

const engines = Layer.mergeAll(
  Layer.succeed(BackendProvider, provider()),
  Scripted.layerStt(["one", "two", "three"]),
  Scripted.layerTts(),
  Scripted.layerVad()
)

/** Collects the messages of info and above. */
const collected = () => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) =>
    void lines.push(`${logLevel} ${Array.isArray(message) ? message.join(" ") : String(message)}`)
  )
  return { lines, layer: Logger.layer([logger]), started: () => lines.filter((line) => line.includes("started")) }
}

const archive: SessionArchive["Service"] = {
  begin: () => Effect.succeed(0),
  write: () => Effect.succeed(true),
  append: () => Effect.succeed(true),
  finish: () => Effect.void,
  list: () => Effect.succeed([]),
  erase: () => Effect.succeed(0),
  eraseUser: () => Effect.succeed(0),
  sweep: Effect.succeed(0)
}
const retention: DataRetentionHook["Service"] = {
  shouldRetain: () => Effect.succeed(true),
  getRetentionPeriod: () => Effect.succeed(Duration.days(1))
}

describe("GivenServices", () => {
  it("shows errors and needs in the types of the layers", () => assert.isFunction(types))

  it.effect("uses each service and each layer that is given", () =>
    Effect.gen(function*() {
      const order: Array<string> = []
      const allowed: Array<string> = []
      const table = MemoryStore.makeTable()
      const backend = VoiceBackend.layerSttTts({
        agent: echo,
        config: { drain: { mode: "turn", deadline: Duration.seconds(1) } },
        // from a layer with a life of its own
        store: Layer.effect(
          SessionStore,
          Effect.as(
            Effect.acquireRelease(
              Effect.sync(() => order.push("store opened")),
              () => Effect.sync(() => order.push(`store released with ${table.rows.size} sessions`))
            ),
            MemoryStore.make({ table })
          )
        ),
        auth: hook,
        rateLimiter: Layer.effect(
          RateLimiter,
          Effect.map(Database, ({ name }) => ({
            allow: (key) => Effect.sync(() => allowed.push(`${name} ${key}`) > 0),
            wait: () => Effect.void
          }))
        ),
        agents: AgentRegistry.layer({ second: Agent.fromCallback(() => Effect.succeed("I am second.")) })
      }).pipe(Layer.provide([engines, Layer.succeed(Database, { name: "main" })]))
      yield* running(
        backend,
        Effect.gen(function*() {
          const user = yield* call({ config: { token: "ada", agent: "second" } })
          yield* user.session.sendText("hello")
          yield* pass("3 seconds")
          assert.deepStrictEqual(yield* user.said, ["user: hello", "agent: I am second."])
          assert.strictEqual(table.rows.size, 1)
          assert.deepStrictEqual(allowed.slice(0, 1), ["main user:ada"])
        })
      )
      // what is given is released after the backend has drained
      assert.deepStrictEqual(order, ["store opened", "store released with 0 sessions"])
    }))

  it.effect("takes a given one rather than that of the context, which is still a way", () =>
    Effect.gen(function*() {
      const denying: AuthHook["Service"] = { ...hook, authorize: () => Effect.succeed(false) }
      const refused = (layer: Layer.Layer<VoiceBackend, BackendError, Parts>) =>
        Effect.gen(function*() {
          let code = "none"
          yield* running(
            layer.pipe(Layer.provide([engines, Layer.succeed(AuthHook, denying)])),
            Effect.flatMap(VoiceBackend, (backend) =>
              backend.createSession({ userId: "ada", token: "ada", transport: "websocket" }).pipe(
                Effect.match({
                  onFailure: (error) => code = error.code,
                  onSuccess: () => code = "created"
                })
              )).pipe(Effect.asVoid)
          )
          return code
        })
      assert.strictEqual(yield* refused(VoiceBackend.layerSttTts({ agent: echo })), "authorization_failed")
      assert.strictEqual(yield* refused(VoiceBackend.layerSttTts({ agent: echo, auth: hook })), "created")
      assert.strictEqual(
        yield* refused(VoiceBackend.layerSttTts({ agent: echo, auth: undefined })),
        "authorization_failed"
      )
    }))

  it.effect("fails as a given layer does", () =>
    Effect.gen(function*() {
      const failing = VoiceBackend.layerSttTts({
        agent: echo,
        store: Layer.effect(SessionStore, Effect.fail(new DatabaseDown()))
      }).pipe(Layer.provide(engines))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(failing)))
      assert.strictEqual(error._tag, "DatabaseDown")
    }))

  it.effect("gives a speech-to-speech backend its detector and its voice", () =>
    Effect.gen(function*() {
      const { layer, started } = collected()
      yield* running(
        VoiceBackend.layerS2s({ vad: Scripted.layerVad(), tts: Scripted.layerTts() }).pipe(
          Layer.provide([
            Layer.succeed(BackendProvider, provider()),
            ScriptedS2s.layerS2s(["Hello."], { turnAuthority: "own" })
          ])
        ),
        Effect.void
      ).pipe(Effect.provide(layer))
      assert.match(
        started()[0] ?? "",
        /speech-to-speech: scripted-s2s; text-to-speech: scripted; voice activity detection: /
      )
    }))
})

describe("the line at the start of a backend", () => {
  const line = (layer: Layer.Layer<VoiceBackend, BackendError>) =>
    Effect.gen(function*() {
      const { layer: logger, lines, started } = collected()
      yield* running(layer, Effect.flatMap(VoiceBackend, (backend) => backend.start)).pipe(Effect.provide(logger))
      assert.strictEqual(started().length, 1, "once, however often it is started")
      return { line: started()[0]?.replace("Info voice backend started: ", ""), lines }
    })

  it.effect("says that nothing was found", () =>
    Effect.gen(function*() {
      const found = yield* line(VoiceBackend.layerSttTts().pipe(Layer.provide(engines)))
      assert.strictEqual(
        found.line,
        "provider: test; speech-to-text: scripted; turn detection: silence; text-to-speech: scripted; " +
          "voice activity detection: scripted; agent: none; store: memory; auth: none; rate limits: none; retention: none"
      )
    }))

  it.effect("says all that was found, and no secret", () =>
    Effect.gen(function*() {
      const found = yield* line(
        VoiceBackend.layerSttTts({
          agent: echo,
          store: MemoryStore.make(),
          auth: hook,
          rateLimiter: { allow: () => Effect.succeed(true), wait: () => Effect.void },
          retention,
          archive,
          agents: AgentRegistry.layer({ a: echo, b: echo }),
          turnDetector: { name: "words", endOfTurn: () => Effect.succeed(1) },
          noiseSuppressor: { name: "quiet", sampleRate: 16_000, latencySamples: 0, open: Effect.never },
          echoCanceller: { name: "dry", open: Effect.never },
          processorRegistry: AudioProcessor.ProcessorRegistry.layer(),
          processors: [AudioProcessor.sync({ name: "gain", process: (frame) => frame })],
          config: {
            engines: { deepgram: { api_key: "canary" } },
            session: { ...BackendConfig.defaults.session, signingKey: Redacted.make("canary".repeat(6)) },
            rateLimits: {
              ...BackendConfig.defaults.rateLimits,
              connect: { address: { limit: 60, window: Duration.minutes(1) } }
            }
          }
        }).pipe(Layer.provide(engines))
      )
      assert.match(
        found.line ?? "",
        /turn detection: words;.*noise suppression: quiet; echo cancellation: dry; agent: unnamed; agents: 2; audio processors: 1; store: memory; auth: hook; rate limits: limiter, memory; retention: hook$/u
      )
      assert.notInclude(found.lines.join(), "canary")
    }))

  it.effect("warns of a retention hook that has no archive", () =>
    Effect.gen(function*() {
      const found = yield* line(VoiceBackend.layerSttTts({ retention }).pipe(Layer.provide(engines)))
      assert.match(found.line ?? "", /retention: hook, but no archive$/u)
      assert.isTrue(found.lines.some((each) => each.startsWith("Warn nothing is kept")))
    }))

  it.effect("is that of a config as well, with the services that are given beside it", () =>
    Effect.gen(function*() {
      const config = yield* BackendConfig.decode({
        provider: "test",
        pipeline_type: "stt_tts",
        stt_provider: "scripted_stt",
        tts_provider: "scripted_tts",
        vad_provider: "scripted_vad",
        turn_detection_provider: "silence",
        agent: "a",
        retention: { transcript: "1 day" }
      })
      const found = yield* line(
        VoiceBackend.layerConfig(config, { auth: hook, store: MemoryStore.make(), archive }).pipe(
          Layer.provide([
            BackendRegistry.layer([provider()]),
            EngineRegistry.layer(named.engines),
            AudioProcessor.ProcessorRegistry.layer(named.processors),
            AgentRegistry.layer({ a: echo, b: echo })
          ])
        )
      )
      assert.match(
        found.line ?? "",
        /agent: a; agents: 2; store: memory; auth: hook; rate limits: none; retention: transcript$/u
      )
    }))
})
