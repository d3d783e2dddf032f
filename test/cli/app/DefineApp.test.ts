// The compiler is to refuse what lacks a service, and does: Effect's own diagnostics would say so once more.
// @effect-diagnostics missingLayerContext:off
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Deferred, Duration, Effect, Layer, Logger, Schema } from "effect"
import * as LanguageModel from "effect/ai/LanguageModel"
import { AgentRegistry } from "../../../src/agent/AgentRegistry.ts"
import * as Agent from "../../../src/agent/index.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import * as BackendError from "../../../src/BackendError.ts"
import * as Builtin from "../../../src/builtin/index.ts"
import type { App } from "../../../src/cli/app/App.ts"
import * as AppModule from "../../../src/cli/app/AppModule.ts"
import { defineApp, fromParts } from "../../../src/cli/app/DefineApp.ts"
import * as LayerApp from "../../../src/cli/app/LayerApp.ts"
import * as Setup from "../../../src/cli/Setup.ts"
import { AuthHook } from "../../../src/hooks/AuthHook.ts"
import { DataRetentionHook } from "../../../src/hooks/DataRetentionHook.ts"
import { SessionStore } from "../../../src/session/persistence/SessionStore.ts"
import * as EngineRegistry from "../../../src/speech/EngineRegistry.ts"
import type { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"
import * as NamedParts from "../../../src/testing/conformance/NamedParts.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as MemoryConnection from "../../../src/transport/MemoryConnection.ts"

class Rooms extends Context.Service<Rooms, { readonly free: string }>()("test/Rooms") {}
class Mail extends Context.Service<Mail, { readonly send: (text: string) => void }>()("test/Mail") {}

const rooms = Layer.succeed(Rooms, { free: "twelve" })
const concierge = Agent.fromCallback((words) => Effect.map(Rooms, ({ free }) => `Room ${free}. You said ${words}`))
const porter = Agent.fromCallback(() => Effect.map(Mail, ({ send }) => (send("a bag"), "Sent.")))
const voice: Layer.Layer<TextToSpeech, never, Rooms> = Layer.unwrap(
  Effect.map(Rooms, () => ScriptedEngines.layerTts({ msPerCharacter: 40 }))
)
const config = {
  stt_provider: "scripted_stt",
  tts_provider: "bellboy",
  vad_provider: "scripted_vad",
  turn_detection_provider: "silence"
}
const engines = { stt: NamedParts.engines.stt, tts: { bellboy: voice }, vad: NamedParts.engines.vad }
const auth = {
  authenticate: () => Effect.succeed({ userId: "ada", authorized: true }),
  authorize: () => Effect.succeed(true)
}

const retention = {
  shouldRetain: () => Effect.succeed(false),
  getRetentionPeriod: () => Effect.succeed(Duration.zero)
}

/** A backend of an application, as the commands make it. */
const backendOf = (app: App) =>
  Effect.gen(function*() {
    const loaded = yield* Setup.loadConfig(undefined, { app, inspect: false })
    return { config: loaded.config, backend: Context.get(yield* Layer.build(Setup.backend(loaded, app)), VoiceBackend) }
  }).pipe(Effect.provide([Builtin.layerWith(app.parts), NodeServices.layer]))

/** What is said to a text in a session of its own. */
const answerTo = (app: App, text: string) =>
  Effect.gen(function*() {
    const { backend } = yield* backendOf(app)
    const session = yield* backend.createSession({ userId: "ada", transport: "websocket" })
    const answer = yield* Deferred.make<string>()
    const memory = MemoryConnection.make({
      inputSampleRate: 16_000,
      outputSampleRate: 24_000,
      onFrame: () => {},
      onEvent: (event) => {
        if (event.type === "agent.speech_stopped") Deferred.doneUnsafe(answer, Effect.succeed(event.text))
      }
    })
    yield* session.attach(memory.connection)
    memory.message({ type: "user.text", text })
    return yield* Deferred.await(answer)
  }).pipe(Effect.scoped)

describe("defineApp", () => {
  it("asks for a layer that provides what the parts need, and takes none where they need nothing", () => {
    const model = Agent.fromLanguageModel({})
    const hook = Layer.effect(AuthHook, Effect.as(Mail, auth))
    const store: Layer.Layer<SessionStore, never, Mail> = Layer.effect(
      SessionStore,
      Effect.flatMap(Mail, () => Effect.die("not built"))
    )

    defineApp({})
    defineApp({ agents: { echo: Agent.fromCallback((words) => Effect.succeed(words)) }, auth })
    defineApp({ agents: { concierge }, layer: rooms })
    defineApp({ agents: { concierge }, engines, layer: rooms, config })
    // more than is needed
    defineApp({ agents: { concierge }, layer: Layer.merge(rooms, Layer.succeed(Mail, { send: () => {} })) })
    // @ts-expect-error the agent needs Rooms
    defineApp({ agents: { concierge } })
    // @ts-expect-error the second agent needs Mail
    defineApp({ agents: { concierge, porter }, layer: rooms })
    // @ts-expect-error the agent needs a language model
    defineApp({ agents: { model }, layer: rooms })
    // @ts-expect-error the voice needs Rooms
    defineApp({ engines: { tts: { bellboy: voice } } })
    // @ts-expect-error the hook needs Mail
    defineApp({ auth: hook, layer: rooms })
    // @ts-expect-error the store needs Mail
    defineApp({ stores: { paper: store } })
    // @ts-expect-error the store needs Mail
    defineApp({ stores: { paper: () => Effect.succeed(store) } })
    // @ts-expect-error the layer is not complete
    defineApp({ agents: { concierge }, layer: Layer.effect(Rooms, Effect.as(Mail, { free: "one" })) })
    // @ts-expect-error a voice is no recogniser
    defineApp({ engines: { stt: { bellboy: voice } }, layer: rooms })
    // @ts-expect-error misspelt
    defineApp({ agnets: {} })
    // @ts-expect-error no such field in a config
    defineApp({ config: { stt_provder: "mine" } })
    const needs: Layer.Layer<LanguageModel.LanguageModel, never> = Layer.effect(
      LanguageModel.LanguageModel,
      Effect.die("not built")
    )
    assert.deepStrictEqual(defineApp({ agents: { model }, layer: needs }).faults, [])
  })

  it.effect("gives agents, voices and hooks what the layer provides, which is built once and released last", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const layer = Layer.effect(
        Rooms,
        Effect.acquireRelease(
          Effect.sync(() => (log.push("built"), { free: "seven" })),
          () => Effect.sync(() => void log.push("released"))
        )
      )
      const hook = Layer.effect(
        AuthHook,
        Effect.map(Rooms, ({ free }) => ({
          ...auth,
          authenticate: () => Effect.succeed({ userId: `guest of ${free}`, authorized: true })
        }))
      )
      // the same layer again, within a hook: it is built once all the same
      const app = defineApp({
        agents: { concierge },
        engines,
        auth: hook,
        retention: Layer.provide(Layer.effect(DataRetentionHook, Effect.as(Rooms, retention)), layer),
        config,
        layer
      })
      assert.isTrue(app.mayHaveAuth)
      yield* Effect.scoped(Effect.gen(function*() {
        const { backend, config } = yield* backendOf(app)
        assert.deepStrictEqual(log, ["built"])
        assert.strictEqual(config.agent, "concierge")
        assert.strictEqual(backend.engines["tts"], "bellboy")
        assert.strictEqual((yield* backend.authorize!("token", "session.list")).userId, "guest of seven")
        yield* Effect.addFinalizer(() => Effect.sync(() => void log.push("the backend has ended")))
      }))
      assert.deepStrictEqual(log, ["built", "the backend has ended", "released"])
    }))

  it.live("answers with what the layer provides, by a voice that needs it as well", () =>
    Effect.gen(function*() {
      const app = defineApp({
        agents: { concierge, second: Agent.fromCallback(() => Effect.succeed("the second")) },
        engines,
        config: { ...config, conversation: { greeting: "" } },
        layer: rooms
      })
      assert.strictEqual(yield* answerTo(app, "hello"), "Room twelve. You said hello")
    }))

  it.effect("lets a config choose among the application's agents and ours, and the application's names win", () =>
    Effect.gen(function*() {
      const own = defineApp({
        agents: { builtin: concierge, porter },
        engines,
        config: { ...config, agent: "porter" },
        layer: Layer.merge(rooms, Layer.succeed(Mail, { send: () => {} }))
      })
      const { backend, config: loaded } = yield* backendOf(own)
      assert.strictEqual(loaded.agent, "porter")
      assert.deepStrictEqual(Object.keys(own.parts.agents ?? {}), ["builtin", "porter"])
      // its key is its name
      assert.strictEqual(own.parts.agents?.["porter"]?.name, "porter")
      const registry = yield* Effect.provide(AgentRegistry, Builtin.layerWith(own.parts))
      assert.notStrictEqual((yield* registry.get("builtin")).respond, Builtin.BuiltinAgent.agent.respond)
      assert.isDefined(backend)
    }))

  it.effect("says that its layer could not be built, and logs the cause", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ cause, message }) => {
        lines.push(`${String(message)} ${Cause.pretty(cause)}`)
      })
      const failing = (layer: Layer.Layer<Rooms, unknown>) =>
        backendOf(defineApp({ agents: { concierge }, engines, config, layer })).pipe(
          Effect.scoped,
          Effect.flip,
          Effect.provide(Logger.layer([logger]))
        )
      const failed = yield* failing(Layer.effect(Rooms, Effect.fail("no route to postgres://u:s3cret@db")))
      const died = yield* failing(Layer.effect(Rooms, Effect.die(new TypeError("undefined is not s3cret"))))
      for (const error of [failed, died]) {
        assert.strictEqual(error.message, "the layer of the application could not be built: the log has the cause")
        assert.notInclude(JSON.stringify(BackendError.toProblemJson(error)), "s3cret")
      }
      assert.lengthOf(lines, 2)
      assert.match(lines[0] ?? "", /the layer of the application could not be built.*no route to/)
      // an error of ours was written to be read
      const ours = yield* failing(
        Layer.effect(Rooms, Effect.fail(new BackendError.ConnectionFailed({ op: "rooms", message: "no rooms today" })))
      )
      assert.strictEqual(ours.message, "no rooms today")
    }))

  it.effect("names every part that is none", () =>
    Effect.gen(function*() {
      const { faults } = fromParts({
        agnets: {},
        agents: { concierge: () => "hello" },
        engines: {
          stt: { mine: "mine" },
          tts: {
            other: NamedParts.engines.stt["scripted_stt"],
            wrong: { kind: "stt", decode: () => {}, layer: () => {} }
          },
          tty: {},
          turn: { stt: Layer.empty, silence: Layer.empty }
        },
        processors: { loud: {} },
        stores: { memory: Layer.empty, postgres: Layer.empty, paper: 1 },
        providers: [{}],
        auth: { authenticate: () => {} },
        retention: 3,
        rateLimiter: Layer.empty,
        doNotCall: {},
        config: "x",
        layer: {}
      })
      assert.deepStrictEqual(faults.map(({ message, path }) => `${path}: ${message}`), [
        "agnets: unknown key `agnets`; did you mean `agents`?",
        "agents.concierge: expected an agent, such as Agent.fromCallback gives",
        "engines.tty: unknown key `tty`; did you mean `tts`?",
        "engines.stt.mine: expected a definition of kind stt, an Effect that loads one, or a Layer",
        "engines.tts.wrong: expected a definition of kind tts, an Effect that loads one, or a Layer",
        "engines.turn.stt: `stt` means something else in a config: use another name",
        "engines.turn.silence: `silence` means something else in a config: use another name",
        "processors.loud: expected what AudioProcessor.define gives",
        "stores.memory: `memory` means something else in a config: use another name",
        "stores.postgres: `postgres` means something else in a config: use another name",
        "stores.paper: expected a Layer, or a function that makes one",
        "providers.0: expected what BackendProvider.make gives",
        "auth: expected an object with authenticate and authorize, or a Layer",
        "retention: expected an object with shouldRetain and getRetentionPeriod, or a Layer",
        "doNotCall: expected an object with mayCall, or a Layer",
        "config: expected an object",
        "layer: expected a Layer"
      ])
      const wrong = fromParts({ agents: { a: 1 } })
      const error = yield* Effect.flip(Effect.scoped(AppModule.of(wrong, "the default export of voice.ts")))
      assert.strictEqual(
        error.message,
        "the default export of voice.ts is not valid: agents.a: expected an agent, such as Agent.fromCallback gives"
      )
      const kinds = [
        [null, "null"],
        [[], "a list"],
        [{}, "an object"],
        ["x", "a string"],
        [undefined, "undefined"],
        [() => defineApp({}), "a function: call it"],
        [Promise.resolve(1), "a promise: await it"],
        [Effect.succeed(1), "an Effect: make a Layer of it with Layer.unwrap"],
        [{ agents: {} }, "an object with parts of an application: export default defineApp({ … }) of it"]
      ] as const
      for (const [value, kind] of kinds) {
        const { message } = yield* Effect.flip(Effect.scoped(AppModule.of(value, "it")))
        assert.strictEqual(message, `it is ${kind}; expected what defineApp gives, or a Layer`)
      }
    }))

  it.effect("takes a Layer of registries and hooks as it is", () =>
    Effect.gen(function*() {
      let builds = 0
      const layer = Layer.mergeAll(
        AgentRegistry.layer({ concierge }),
        EngineRegistry.EngineRegistry.layer({
          ...NamedParts.engines,
          tts: {
            bellboy: Effect.succeed(EngineRegistry.define({
              kind: "tts",
              name: "bellboy",
              description: "speaks",
              options: Schema.Struct({}),
              layer: () => ScriptedEngines.layerTts()
            }))
          }
        }),
        Layer.succeed(AuthHook, auth)
      ).pipe(Layer.provide(Layer.effect(Rooms, Effect.sync(() => (builds++, { free: "nine" })))))
      const app = yield* LayerApp.make(layer)
      assert.isTrue(app.mayHaveAuth)
      assert.deepStrictEqual(app.defaults, { agent: "concierge" })
      const { backend } = yield* backendOf({ ...app, defaults: { ...app.defaults, ...config } })
      assert.isDefined(backend.authorize)
      assert.strictEqual(builds, 1)
      const agent = yield* Effect.flatMap(
        Effect.provide(AgentRegistry, app.layer),
        (registry) => registry.get("concierge")
      )
      assert.isFunction(agent.respond)
    }).pipe(Effect.scoped))

  it.effect("makes the session store of such a Layer the default, by a name", () =>
    Effect.gen(function*() {
      const store = yield* Effect.provide(SessionStore, MemoryStore.layer())
      const asked: Array<string> = []
      const watched = SessionStore.of({
        ...store,
        probe: Effect.andThen(Effect.sync(() => asked.push("asked")), store.probe)
      })
      const app = yield* LayerApp.make(
        Layer.merge(
          EngineRegistry.EngineRegistry.layer({
            ...NamedParts.engines,
            tts: { bellboy: NamedParts.engines.tts["scripted_tts"]! }
          }),
          Layer.succeed(SessionStore, watched)
        )
      )
      // over that of `serve`
      assert.deepStrictEqual(app.defaults, { store: { kind: "application" } })
      const { backend, config: loaded } = yield* backendOf({ ...app, defaults: { ...app.defaults, ...config } })
      assert.strictEqual(loaded.store.kind, "application")
      yield* backend.healthCheck
      assert.notDeepEqual(asked, [])
    }).pipe(Effect.scoped))

  it.effect("warns of a session store that is provided and not used", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
        if (logLevel === "Warn") lines.push(String(message))
      })
      const app = (kind: string) =>
        defineApp({
          engines: { ...engines, tts: { bellboy: NamedParts.engines.tts["scripted_tts"]! } },
          stores: { paper: MemoryStore.layer() },
          config: { ...config, store: { kind } },
          layer: MemoryStore.layer()
        })
      for (const kind of ["paper", "memory"]) {
        yield* backendOf(app(kind)).pipe(Effect.scoped, Effect.provide(Logger.layer([logger])))
      }
      assert.deepStrictEqual(lines.map((line) => line.slice(0, 80)), [
        "the SessionStore that the program provides is not used: store.kind is paper; give it a".slice(0, 80)
      ])
    }))
})
