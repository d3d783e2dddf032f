import { assert, describe, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import { plan, seconds } from "./ServerOrder.ts"

/** When each file begins and ends, as workers take them in this order. */
const run = (order: Readonly<ReturnType<typeof files>>) => {
  const freeAt = [0, 0]
  return order.map((file) => {
    const at = Math.min(...freeAt)
    freeAt[freeAt.indexOf(at)] = at + file.seconds
    return { ...file, at, end: at + file.seconds }
  })
}

const files = (audio: ReadonlyArray<number>, others: ReadonlyArray<number>) => [
  ...audio.map((seconds) => ({ isAudio: true, seconds })),
  ...others.map((seconds) => ({ isAudio: false, seconds }))
]

describe("ServerOrder", () => {
  it("never runs two files with real-time audio side by side, and keeps both workers busy", () => {
    const runs = run(plan(files([125, 50, 34, 30, 33, 29], [75, 65, 65, 40, 38, 30, 20, 20, ...Array(16).fill(10)]), 2))
    const audio = runs.filter(({ isAudio }) => isAudio)
    for (const [i, { at }] of audio.entries()) assert.isAtLeast(at, audio[i - 1]?.end ?? 0)
    const total = runs.reduce((sum, { seconds }) => sum + seconds, 0)
    assert.isAtMost(Math.max(...runs.map(({ end }) => end)), total / 2 + 10)
  })

  it("runs every file, also where nothing but audio is left", () => {
    const all = files([50, 40, 30], [1])
    assert.sameMembers([...plan(all, 2)], all)
    assert.deepStrictEqual(plan([], 2), [])
  })

  it("knows files that exist", () => {
    for (const file of Object.keys(seconds)) assert.isTrue(existsSync(file), file)
  })
})
