/** Measures what many sessions leave behind: heap, handles, fibers. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Agent from "../../src/agent/Agent.ts"
import * as VirtualTime from "../../src/testing/scenario/VirtualTime.ts"
import * as Sessions from "./Sessions.ts"

setFlagsFromString("--expose-gc")
const gc: () => void = runInNewContext("gc")

export interface Left {
  readonly cycles: number
  readonly fibers: number
  readonly timers: number
  readonly handles: number
  readonly heapKb: number
  readonly externalKb: number
}

const echo = Agent.fromCallback((text) => Effect.succeed(`You said ${text}.`))
/** Sessions before the baseline, so that one-time allocations of runtime and compiler do not count. */
const WARM_UP = 100

/** Creates, uses and closes `cycles` sessions, ten at a time, and returns what was left. */
export const run = (cycles: number): Promise<Left> =>
  Effect.runPromise(VirtualTime.provide("leaks", (time) =>
    Effect.scoped(Effect.gen(function*() {
      const backend = yield* Sessions.backend(echo)
      const ten = Effect.gen(function*() {
        const users = yield* Effect.forEach(
          Array.from({ length: 10 }, (_, i) => i),
          (i) => Sessions.call(backend, `user${i}`, "hi")
        )
        for (let at = 0; at < 1_600; at += 20) {
          for (const { hear } of users) hear()
          yield* time.tick
        }
        for (const { session } of users) {
          const history = yield* session.history
          assert.deepStrictEqual(history.map(({ text }) => text), ["hi", "You said hi."])
        }
        // half of them hang up, half of them are closed
        for (const [i, { link, session }] of users.entries()) {
          if (i % 2 === 0) link.message({ type: "session.end" })
          else yield* Effect.forkChild(backend.closeSession(session.id))
        }
        for (let at = 0; at < 200; at += 20) yield* time.tick
        assert.strictEqual(yield* backend.activeSessionCount, 0)
      })
      const times = (count: number) => Effect.forEach(Array.from({ length: count / 10 }), () => ten, { discard: true })
      const look = Effect.gen(function*() {
        // let the runtime's finalizers run in between
        for (let i = 0; i < 3; i++) {
          gc()
          yield* Effect.promise(() => new Promise((resume) => setImmediate(resume)))
        }
        const { arrayBuffers, external, heapUsed } = process.memoryUsage()
        return {
          heap: heapUsed,
          external: external + arrayBuffers,
          handles: process.getActiveResourcesInfo().filter((name) => name !== "Immediate").length,
          fibers: time.fibers(),
          timers: time.timers()
        }
      })
      yield* times(WARM_UP)
      const before = yield* look
      yield* times(cycles)
      const after = yield* look
      return {
        cycles,
        fibers: after.fibers - before.fibers,
        timers: after.timers - before.timers,
        handles: after.handles - before.handles,
        heapKb: Math.round((after.heap - before.heap) / 1_024),
        externalKb: Math.round((after.external - before.external) / 1_024)
      }
    }))))

/** A leaked session keeps tens of kilobytes; the heap varies by less than this. */
const SWAY_KB = 3_000

export const check = (left: Left): void => {
  process.stdout.write(
    `after ${left.cycles} sessions: ${left.heapKb} KB of heap, ${left.externalKb} KB external, ` +
      `${left.handles} handles, ${left.fibers} fibers and ${left.timers} timers more than before\n`
  )
  assert.deepStrictEqual([left.fibers, left.timers, left.handles], [0, 0, 0])
  assert.isBelow(left.heapKb, SWAY_KB)
  assert.isBelow(left.externalKb, SWAY_KB)
}
