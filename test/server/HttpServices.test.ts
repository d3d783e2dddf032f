import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as HttpServices from "../../src/server/HttpServices.ts"

describe("HttpServices", () => {
  it.effect("adds no listener to stdin, however many servers a process has", () =>
    Effect.gen(function*() {
      const before = process.stdin.listenerCount("end")
      for (let i = 0; i < 12; i++) yield* Layer.build(Layer.fresh(HttpServices.layer))
      assert.strictEqual(process.stdin.listenerCount("end"), before)
    }))
})
