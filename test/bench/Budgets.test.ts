/** The pure parts of the benchmarks: what measurements come to, the table, the plots. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Plot from "../../scripts/bench/budgets/Plot.ts"
import * as Rows from "../../scripts/bench/budgets/Rows.ts"
import { median, quantile, slope } from "../../scripts/bench/Statistics.ts"

const numbers = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: -1_000, maximum: 1_000 })))

describe("Statistics", () => {
  it.effect.prop(
    "a quantile is one of the values, and so many do not exceed it",
    [numbers],
    ([values]) =>
      Effect.sync(() => {
        for (const q of [0.05, 0.5, 0.95, 0.99, 1]) {
          const found = quantile(values, q)
          if (values.length === 0) {
            assert.isNaN(found)
            continue
          }
          assert.include(values, found)
          assert.isAtLeast(values.filter((value) => value <= found).length, q * values.length - 1e-9)
          assert.isBelow(values.filter((value) => value < found).length, q * values.length)
        }
      })
  )

  it("the median is the middle, or between the two", () => {
    assert.strictEqual(median([5, 1, 9]), 5)
    assert.strictEqual(median([4, 1, 9, 6]), 5)
    assert.isNaN(median([]))
  })

  it.effect.prop(
    "finds the slope of a line, wherever it begins",
    [Schema.Int.check(Schema.isBetween({ minimum: -50, maximum: 50 })), Schema.Int],
    ([grows, begins]) =>
      Effect.sync(() => {
        const from = begins % 1_000
        const points = Array.from({ length: 20 }, (_, x) => [x / 3, from + grows * x / 3] as const)
        assert.closeTo(slope(points), grows, 1e-6)
        assert.strictEqual(slope(points.slice(0, 1)), 0)
      })
  )
})

const row: Rows.Row = {
  id: "B1",
  what: "a turn",
  target: "<= 1 ms",
  ours: "0.9 ms",
  livekit: "4 ms",
  pipecat: "-",
  held: true,
  method: "by the clock"
}

describe("Rows", () => {
  it("stands in columns, says what was held, and how each was measured", () => {
    const text = Rows.table([row, { ...row, id: "B10", held: false }, { ...row, id: "B2", held: undefined }])
    const [head = "", rule = "", ...lines] = text.split("\n")
    assert.match(head, /what +budget +effect-voice +LiveKit Agents JS +Pipecat +held$/u)
    assert.match(rule, /^[- ]+$/u)
    assert.deepEqual(lines.slice(0, 3).map((line) => line.trimEnd().split(/ {2,}/u).at(-1)), ["yes", "NO", "?"])
    assert.strictEqual(lines.at(-1), "B2: by the clock")
    assert.strictEqual(Rows.markdown([row]).split("\n")[2], "| B1 | a turn | <= 1 ms | 0.9 ms | 4 ms | - |")
  })

  it("tells the spread where there is one", () => {
    assert.strictEqual(Rows.spread([1, 2, 3], 1, 2), "2.0 (1.0-3.0)")
    assert.strictEqual(Rows.spread([2.01, 2.02], 1, 2.015), "2.0")
    assert.strictEqual(Rows.spread([Number.NaN], 1, Number.NaN), "-")
  })
})

describe("Plot", () => {
  const plot = Plot.svg({
    title: "Turns & <more>",
    x: "sessions",
    y: "ms",
    log: true,
    limit: { at: 10, name: "10 ms" },
    series: [
      { name: "ours", colour: "#123456", points: [[100, 1], [750, 12.34]] },
      { name: "theirs", colour: "#654321", points: [[10, 5], [100, 300]] },
      { name: "nobody", colour: "#000000", points: [] }
    ]
  })

  it("draws each series that has points, within its frame, and says in words what it shows", () => {
    assert.strictEqual(plot.match(/<path /gu)?.length, 2)
    assert.strictEqual(plot.match(/<circle /gu)?.length, 4)
    assert.notInclude(plot, "nobody")
    assert.include(plot, "Turns &amp; &lt;more&gt;")
    assert.include(plot, "ours: 100 1, 750 12.3; theirs: 10 5, 100 300")
    for (const [, x, y] of plot.matchAll(/cx="([\d.]+)" cy="([\d.]+)"/gu)) {
      assert.isTrue(Number(x) >= 64 && Number(x) <= 624, `x ${x}`)
      assert.isTrue(Number(y) >= 44 && Number(y) <= 312, `y ${y}`)
    }
  })

  it("puts more above less, and the limit between them", () => {
    const ys = Array.from(plot.matchAll(/cy="([\d.]+)"/gu), ([, y]) => Number(y))
    const [limit = 0] = Array.from(plot.matchAll(/y1="([\d.]+)"[^>]*stroke-dasharray/gu), ([, y]) => Number(y))
    assert.isAbove(ys[0]!, limit)
    assert.isBelow(ys[1]!, limit)
    assert.isBelow(ys[3]!, ys[1]!)
  })
})
