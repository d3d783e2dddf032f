import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Faults from "../../src/schema/Faults.ts"

describe("Faults", () => {
  it.effect("tells where a fault is, but not what stands there in place of a key", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ server: Schema.Struct({ port: Schema.Finite }) })
      const value = { server: { port: "x", "api_key=s3cret/key": 1, por: 2 }, [`k${"e".repeat(99)}y`]: 3 }
      const error = yield* Effect.flip(Faults.decode(schema, value, { op: "test", what: "not valid" }))
      const told = `${error.message} ${JSON.stringify(error.details)}`
      assert.include(told, "server.port: Expected number")
      assert.include(told, "server.por: Expected no excess property")
      assert.include(told, "server.(a key that is no name)")
      assert.notInclude(told, "s3cret")
      assert.notInclude(told, "eeeee")
    }))

  it.effect("tells no more faults than a person reads, and is done at once", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ name: Schema.String })
      const value = Object.fromEntries(Array.from({ length: 8_000 }, (_, i) => [`k${i}`, 0]))
      let reads = 0
      const counted = new Proxy(value, {
        ownKeys: (target) => {
          reads++
          return Reflect.ownKeys(target)
        }
      })
      const error = yield* Effect.flip(Faults.decode(schema, counted, { op: "test", what: "not valid" }))
      assert.match(error.message, /^not valid: .*; and 7901 more$/s)
      assert.lengthOf(error.message.split("; "), Faults.MAX_FAULTS + 1)
      assert.isBelow(reads, 10)
    }))
})
