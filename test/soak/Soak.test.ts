/** The pure parts of the soak: its scenes, and what it makes of what it saw. */
import { assert, describe, it } from "@effect/vitest"
import * as Report from "../../scripts/soak/Report.ts"
import * as Scene from "../../scripts/soak/Scene.ts"

describe("Scene", () => {
  it("is the same for the same seed, another for another, and in time does all there is to do", () => {
    const of = (seed: number) => {
      const next = Scene.chance(seed)
      return Array.from({ length: 200 }, () => Scene.scene(next, 5))
    }
    assert.deepEqual(of(1), of(1))
    assert.notDeepEqual(of(1), of(2))
    const scenes = of(3)
    const acts = scenes.flatMap((scene) => scene.acts)
    assert.lengthOf(new Set(acts.map(({ _tag }) => _tag)), 10)
    assert.deepEqual(new Set(scenes.map(({ ending }) => ending)), new Set(Scene.endings))
    for (const act of acts) {
      if ("recording" in act) assert.isTrue(Number.isInteger(act.recording) && act.recording >= 0 && act.recording < 5)
      if (act._tag === "drop") assert.isBelow(act.awayMs, 10_000, "within the window")
    }
    for (const { acts } of scenes) assert.isTrue(acts.length >= 3 && acts.length <= 10)
  })

  it("draws evenly from [0, 1)", () => {
    const next = Scene.chance(7)
    const drawn = Array.from({ length: 10_000 }, next)
    assert.isTrue(drawn.every((value) => value >= 0 && value < 1))
    assert.closeTo(drawn.reduce((sum, value) => sum + value, 0) / drawn.length, 0.5, 0.02)
  })
})

const sample = (at: number, heap: number): Report.Sample => ({
  at,
  heap,
  external: 0,
  rss: 2 * heap,
  lagP99: 1,
  lagMax: 10,
  resources: {},
  files: 40,
  threads: 12,
  cpuMs: 100 * at,
  sessions: 4
})

const outcome = (growthKb: number): Report.Outcome => ({
  minutes: 30,
  users: 4,
  tally: { ...Report.tally(), turns: 10, answered: 10, sessions: 3, words: 50, answerMs: [400, 500] },
  samples: Array.from({ length: 30 }, (_, minute) => sample(60 * minute, 50e6 + 1024 * 4 * growthKb * minute)),
  before: sample(0, 50e6),
  after: { ...sample(1_900, 51e6), sessions: 0 },
  stored: 0,
  exit: { code: 0, ms: 900 }
})

const broken = (of: Report.Outcome) => Report.verdicts(of).filter(({ kept }) => !kept).map(({ promise }) => promise)

describe("Report", () => {
  it("measures growth per session and minute, and holds it to the budget", () => {
    assert.closeTo(Report.growthKb(outcome(12)), 12, 0.01)
    assert.deepEqual(broken(outcome(12)), [])
    assert.deepEqual(broken(outcome(21)), ["memory grows by at most 20 KB per session and minute (B6)"])
  })

  it("names each broken promise", () => {
    const good = outcome(1)
    const cases: ReadonlyArray<readonly [Partial<Report.Outcome>, RegExp]> = [
      [{ tally: { ...good.tally, answered: 9 } }, /every turn was answered/u],
      [{ tally: { ...good.tally, unexpected: ["scene 1: odd"] } }, /nothing unexpected/u],
      [{ tally: { ...good.tally, lost: 1 } }, /within the resume window/u],
      [{ tally: { ...good.tally, strangersIn: 1 } }, /unauthorised/u],
      [{ tally: { ...good.tally, stale: 1 } }, /P1/u],
      [{ after: { ...good.after, sessions: 1 } }, /P3/u],
      [{ stored: 2 }, /P3/u],
      [{ after: { ...good.after, files: 60 } }, /files and sockets/u],
      [{ after: { ...good.after, heap: 90e6 } }, /P6/u],
      [{ exit: { code: null, ms: 40_000 } }, /P7/u]
    ]
    for (const [change, promise] of cases) {
      const found = broken({ ...good, ...change })
      assert.lengthOf(found, 1, String(promise))
      assert.match(found[0]!, promise)
    }
    assert.include(Report.text({ ...good, stored: 2 }), "BROKEN all sessions ended with their users")
  })
})
