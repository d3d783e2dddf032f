import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { createRequire } from "node:module"
import * as Aec3Stream from "../../../src/engines/aec3/Aec3Stream.ts"
import * as Bindings from "../../../src/engines/aec3/Bindings.ts"
import * as Aec3 from "../../../src/engines/aec3/index.ts"

/** A `require` that finds these modules, by name, and nothing else. */
const requireOf = (modules: { readonly [name: string]: unknown }): NodeJS.Require =>
  Object.assign((name: string) => {
    if (Object.hasOwn(modules, name)) return modules[name]
    throw Object.assign(new Error(`Cannot find module '${name}'`), { code: "MODULE_NOT_FOUND" })
  }, { ...createRequire(import.meta.url) })

const library = "@livekit/rtc-ffi-bindings"

describe("aec3", () => {
  it.effect("names the package when it is not installed", () =>
    Effect.gen(function*() {
      const find = () => {
        throw new Error("Cannot find module '@livekit/rtc-node'")
      }
      for (const effect of [Effect.asVoid(Bindings.check(find)), Effect.asVoid(Bindings.load(find))]) {
        const error = yield* Effect.flip(effect)
        assert.strictEqual(error.code, "invalid_config")
        assert.deepStrictEqual(error.details?.["missing"], ["@livekit/rtc-node"])
        assert.include(error.message, "echo_cancellation needs the package @livekit/rtc-node")
        assert.include(error.message, "run \"npm install @livekit/rtc-node\"")
      }
    }))

  it.effect("names both versions when another one is installed", () =>
    Effect.gen(function*() {
      const find = () => requireOf({ [`${library}/package.json`]: { version: "0.13.0" }, [library]: {} })
      const error = yield* Effect.flip(Bindings.load(find))
      assert.strictEqual(error.code, "invalid_config")
      assert.include(error.message, `${Bindings.VERSION}, and found 0.13.0`)
      assert.include(error.message, "npm install @livekit/rtc-node@")
    }))

  it.effect("says why a library that is installed does not load", () =>
    Effect.gen(function*() {
      const find = () => requireOf({ [`${library}/package.json`]: { version: Bindings.VERSION } })
      assert.isDefined(yield* Bindings.check(find))
      const error = yield* Effect.flip(Bindings.load(find))
      assert.strictEqual(error.code, "invalid_config")
      assert.deepStrictEqual(error.details?.["missing"], ["@livekit/rtc-node"])
    }))

  it.effect("is freed with its session, and refuses what would end the process", () =>
    Effect.gen(function*() {
      const canceller = Aec3.make(yield* Bindings.load())
      const scope = yield* Scope.make()
      const stream = yield* Scope.provide(canceller.open, scope)
      const frame = new Int16Array(160)
      stream.played(frame)
      stream.heard(frame)
      assert.throws(() => stream.heard(new Int16Array(150)), /150 samples/)
      assert.throws(() => stream.played(new Int16Array(0)), /0 samples/)
      yield* Scope.close(scope, Exit.void)
      assert.throws(() => stream.heard(frame), /has ended/)
    }))

  it.effect("fails with what the library answers", () =>
    Effect.gen(function*() {
      const bindings = yield* Bindings.load()
      const without = {
        ...bindings,
        FfiResponse: { fromBinary: () => ({ message: { value: { error: "out of memory" } } }) }
      }
      assert.throws(() => Aec3Stream.make(without), /out of memory/)
      const error = yield* Effect.flip(Effect.scoped(Aec3.make(without).open))
      assert.strictEqual(error.code, "pipeline_error")
      let broken = false
      const breaking: Bindings.Bindings = {
        ...bindings,
        livekitFfiRequest: (request) => broken ? new Uint8Array(20) : bindings.livekitFfiRequest(request),
        FfiResponse: {
          fromBinary: (response) =>
            broken ? { message: { value: { error: "bad frame" } } } : bindings.FfiResponse.fromBinary(response)
        }
      }
      const stream = Aec3Stream.make(breaking)
      stream.heard(new Int16Array(160))
      broken = true
      assert.throws(() => stream.heard(new Int16Array(160)), /bad frame/)
      stream.dispose()
    }))
})
