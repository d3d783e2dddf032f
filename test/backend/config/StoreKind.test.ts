/** `store.kind` names a store of the application's registry, with options of its own. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Schema } from "effect"
import * as ConfigSource from "../../../src/backend/config/ConfigSource.ts"
import { StoreRegistry } from "../../../src/backend/sessions/StoreRegistry.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { InvalidConfig } from "../../../src/BackendError.ts"
import * as Builtin from "../../../src/builtin/index.ts"
import * as Preflight from "../../../src/builtin/Preflight.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"

const Options = Schema.Struct({
  table: Schema.NonEmptyString,
  replicas: Schema.optionalKey(Schema.Int)
})

const dynamo = (given: Array<unknown>) =>
  StoreRegistry.define({
    options: Options,
    layer: (options, { lease }) => {
      given.push([options, lease])
      return MemoryStore.layer()
    }
  })

const registriesOf = (given: Array<unknown>) =>
  Layer.mergeAll(
    Builtin.layer,
    StoreRegistry.layer({
      ...Builtin.stores,
      dynamo: dynamo(given),
      plain: () => Effect.succeed(MemoryStore.layer())
    }),
    NodeServices.layer
  )

const missing = new InvalidConfig({ op: "test", message: "the package x is missing", details: { missing: "x" } })

const section = { name: "server", schema: Schema.Struct({}) }

const load = (store: object | undefined, env: ConfigSource.Env = {}, given: Array<unknown> = []) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const file = yield* fs.makeTempFileScoped({ suffix: ".json" })
    yield* fs.writeFileString(
      file,
      JSON.stringify({ stt_provider: "moonshine", tts_provider: "flite", ...(store === undefined ? {} : { store }) })
    )
    return yield* ConfigSource.load({ file, env, section })
  }).pipe(Effect.catchTag("PlatformError", Effect.die), Effect.scoped, Effect.provide(registriesOf(given)))

const faults = (store: object, env?: ConfigSource.Env) =>
  Effect.map(Effect.flip(load(store, env)), ({ details }) => details?.["faults"])

describe("store.kind", () => {
  it.effect("takes a store that the application has registered, with its options", () =>
    Effect.gen(function*() {
      const { config } = yield* load({ kind: "dynamo", options: { table: "calls" }, lease: "2s" })
      assert.strictEqual(config.store.kind, "dynamo")
      assert.strictEqual((yield* load({ kind: "plain" })).config.store.kind, "plain")
      assert.strictEqual((yield* load(undefined)).config.store.kind, "memory")
    }))

  it.effect("says which one was meant, and never repeats the name", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* faults({ kind: "dynamoo", options: { table: "calls" } }), [
        { path: "store.kind", message: "unknown session store; did you mean `dynamo`?" }
      ])
      const error = yield* Effect.flip(load({ kind: "s3cret-in-the-wrong-place" }))
      assert.notInclude(error.message, "s3cret")
      assert.include(error.message, "expected one of dynamo, memory, plain, postgres, redis, sqlite")
    }))

  it.effect("reports what is wrong with the options, all of it with the rest", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* faults({ kind: "dynamo", options: { tabel: "x", replicas: "many" } }), [
        { path: "store.options.tabel", message: "unknown key `tabel`; did you mean `table`?" },
        { path: "store.options.table", message: "required" },
        { path: "store.options.replicas", message: "expected number" }
      ])
      assert.deepStrictEqual(yield* faults({ kind: "dynamo" }), [{ path: "store.options.table", message: "required" }])
      assert.deepStrictEqual(yield* faults({ kind: "plain", options: { a: 1 } }), [
        { path: "store.options", message: "this session store has no options" }
      ])
      assert.deepStrictEqual(yield* faults({ options: { a: 1 } }), [
        { path: "store.options", message: "memory has no options" }
      ])
    }))

  it.effect("takes options from the environment, in the types of the store's schema", () =>
    Effect.gen(function*() {
      const env = { EFFECT_VOICE_STORE__OPTIONS__TABLE: "5", EFFECT_VOICE_STORE__OPTIONS__REPLICAS: "3" }
      const { config } = yield* load({ kind: "dynamo" }, env)
      assert.deepStrictEqual({ ...config.store.options }, { table: "5", replicas: 3 })
    }))

  it.effect("hides the options, which may hold secrets", () =>
    Effect.gen(function*() {
      const { config } = yield* load({ kind: "dynamo", options: { table: "s3cret" } })
      assert.notInclude(JSON.stringify(config.store), "s3cret")
      assert.include(
        yield* Effect.map(faults({ kind: "dynamo", options: { table: 5 } }), JSON.stringify),
        "store.options.table"
      )
    }))

  it.effect("has no room for a cluster in a store of one's own", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Effect.scoped(
          Effect.flatMap(FileSystem.FileSystem, (fs) =>
            Effect.gen(function*() {
              const file = yield* fs.makeTempFileScoped({ suffix: ".json" })
              yield* fs.writeFileString(file, JSON.stringify({ store: { kind: "plain" }, cluster: {} }))
              return yield* ConfigSource.load({ file, section })
            }))
        )
      ).pipe(Effect.provide(registriesOf([])))
      assert.include(error.message, "store.kind: this store has no room for a cluster")
    }))

  it.effect("is checked like the stores of the package: what cannot be loaded is a fault", () =>
    Effect.gen(function*() {
      const { config } = yield* load({ kind: "plain" })
      const broken = StoreRegistry.layer({ plain: () => Effect.fail(missing) })
      const found = yield* Preflight.storeFaults(config).pipe(Effect.provide(broken))
      assert.deepStrictEqual(found, [{ path: "store", message: missing.message }])
    }))

  it.live("builds the store with its decoded options", () =>
    Effect.gen(function*() {
      const given: Array<unknown> = []
      const registries = registriesOf(given)
      const loaded = yield* load({ kind: "dynamo", options: { table: "calls" } })
      const backend = yield* Effect.provide(
        VoiceBackend,
        VoiceBackend.layerDecoded(loaded).pipe(Layer.provide(registries))
      )
      assert.strictEqual(backend.engines["stt"], "moonshine")
      assert.deepStrictEqual(given.map((each) => Array.isArray(each) ? each[0] : undefined), [{ table: "calls" }])
    }))
})
