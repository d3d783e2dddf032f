import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { call, immediates, start } from "./Phone.ts"

setFlagsFromString("--expose-gc")
const gc: () => void = runInNewContext("gc")

const CALLS = 250

const look = Effect.gen(function*() {
  for (let i = 0; i < 5; i++) {
    yield* immediates(20)
    gc()
  }
  const { arrayBuffers, external, heapUsed } = process.memoryUsage()
  return {
    bytes: heapUsed + external + arrayBuffers,
    handles: process.getActiveResourcesInfo().filter((name) => name !== "Immediate").length
  }
})

describe("250 calls in one process", () => {
  it.live("leave no memory and no handle behind", () =>
    Effect.gen(function*() {
      const { backend, url } = yield* start({ policy: { greeting: "Welcome." } })
      const all = Effect.forEach(Array.from({ length: CALLS }), (_, i) =>
        Effect.gen(function*() {
          const phone = yield* call(url, { call: `c${i}`, from: `+49${i}`, comfort: i % 2 === 0 })
          yield* phone.until("the greeting", () => phone.heard === "Welcome.")
          if (i % 3 === 0) phone.hangUp()
          else if (i % 3 === 1) phone.socket.close()
          else phone.socket.terminate()
          yield* phone.until("the end", () => phone.closed !== undefined)
        }).pipe(Effect.scoped), { concurrency: "unbounded", discard: true })
      const round = Effect.andThen(
        all,
        Effect.repeat(Effect.andThen(immediates(20), backend.activeSessionCount), { until: (count) => count === 0 })
      )
      yield* round
      const before = yield* look
      yield* Effect.repeat(round, { times: 2 })
      const after = yield* look
      const perCall = (after.bytes - before.bytes) / (3 * CALLS)
      yield* Effect.logInfo(`left by a call: ${Math.round(perCall)} bytes; handles: ${after.handles - before.handles}`)
      assert.isBelow(perCall, 4_096, "bytes that a call leaves behind")
      assert.isAtMost(after.handles - before.handles, 5)
    }).pipe(Effect.scoped), 300_000)
})
