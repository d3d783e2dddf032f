import { assert, describe, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import { plan, seconds } from "./ServerOrder.ts"

type File = { readonly kind: "audio" | "busy" | "waiting"; readonly seconds: number }

/** When each file begins and ends, as workers take them in this order. */
const run = (order: ReadonlyArray<File>, workers: number) => {
  const freeAt = Array.from({ length: workers }, () => 0)
  return order.map((file) => {
    const at = Math.min(...freeAt)
    freeAt[freeAt.indexOf(at)] = at + file.seconds
    return { ...file, at, end: at + file.seconds }
  })
}

const files = (all: Partial<Record<File["kind"], ReadonlyArray<number>>>): ReadonlyArray<File> =>
  (["audio", "busy", "waiting"] as const).flatMap((kind) => (all[kind] ?? []).map((seconds) => ({ kind, seconds })))

describe("ServerOrder", () => {
  for (const workers of [2, 3]) {
    it(`never runs two files with real-time audio side by side, and keeps ${workers} workers busy`, () => {
      const all = files({
        audio: [97, 50, 34, 30, 33, 29],
        busy: [75, 65, 65, 40, 38, 30, ...Array(16).fill(10)],
        waiting: [65, 40, 34, 22, 20, 20, 20]
      })
      const runs = run(plan(all, workers), workers)
      const audio = runs.filter(({ kind }) => kind === "audio")
      for (const [i, { at }] of audio.entries()) assert.isAtLeast(at, audio[i - 1]?.end ?? 0)
      const total = runs.reduce((sum, { seconds }) => sum + seconds, 0)
      assert.isAtMost(Math.max(...runs.map(({ end }) => end)), total / workers + 10)
    })
  }

  it("runs one of each kind side by side, as long as there is one of each", () => {
    const order = plan(files({ audio: [20, 20], busy: [20, 20], waiting: [20, 20] }), 3)
    for (const at of [0, 3]) {
      assert.sameMembers(order.slice(at, at + 3).map(({ kind }) => kind), ["audio", "busy", "waiting"])
    }
  })

  it("runs every file, also where nothing but audio is left", () => {
    const all = files({ audio: [50, 40, 30], busy: [1] })
    assert.sameMembers([...plan(all, 2)], [...all])
    assert.deepStrictEqual(plan([], 2), [])
  })

  it("knows files that exist", () => {
    for (const file of Object.keys(seconds)) assert.isTrue(existsSync(file), file)
  })
})
