/** Readings of the wall clock are found wherever they are written, and so are differences of them. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { allowed, check } from "../../scripts/check/WallClock.ts"

const file = "src/a/A.ts"
const lines = (source: string, list: Parameters<typeof check>[2] = {}) =>
  check(file, source, list).map(({ line, message }) => `${line}: ${message}`)

const isRead = (what: string) => `${what} is the wall clock: durations come from MonotonicTime`
const difference = "a difference of wall-clock times is no duration: use MonotonicTime"

describe("WallClock", () => {
  it("finds every way to read the wall clock", () => {
    for (
      const [source, what] of [
        ["const now = clock.currentTimeMillisUnsafe()", "currentTimeMillisUnsafe"],
        ["const now = yield* Clock.currentTimeMillis", "currentTimeMillis"],
        ["const now = yield* Clock.currentTimeNanos", "currentTimeNanos"],
        ["const now = clock.currentTimeNanosUnsafe()", "currentTimeNanosUnsafe"],
        ["const now = Date.now()", "Date.now"],
        ["const now = new Date()", "new Date()"],
        ["const text = `at ${new Date( ).toISOString()}`", "new Date( )"],
        ["Effect.map(DateTime.now, show)", "DateTime.now"],
        ["Effect.map(DateTime.nowAsDate, show)", "DateTime.nowAsDate"],
        ["const origin = performance.timeOrigin", "performance.timeOrigin"]
      ] as const
    ) assert.deepStrictEqual(lines(source), [`1: ${isRead(what)}`], source)
  })

  it("leaves alone what is no reading", () => {
    for (
      const source of [
        "const at = new Date(event.atMs)",
        "const until = Date.parse(text)",
        "const now = performance.now()",
        "const now = MonotonicTime.nowMs(clock)",
        "const nanos = clock.monotonicTimeNanosUnsafe()",
        "// Date.now() is the wall clock\n/** `Clock.currentTimeMillis`\n * new Date() */\nconst a = 1 // not Date.now()",
        "const own: Clock.Clock = {\n  currentTimeMillis: Effect.sync(now)\n}"
      ]
    ) assert.deepStrictEqual(lines(source), [], source)
  })

  it("finds a difference, also in a file that may read", () => {
    const list = { [file]: { reads: "shown" } }
    for (
      const source of [
        "const from = clock.currentTimeMillisUnsafe()\nconst ms = end - from",
        "const from = clock.currentTimeMillisUnsafe()\nif (from - end > 5) stop()",
        "const now = () => clock.currentTimeMillisUnsafe()\nconst ms = now() - since",
        "const now = () => clock.currentTimeMillisUnsafe()\nconst ms = until - now()",
        "x()\nconst ms = clock.currentTimeMillisUnsafe() - since",
        "x()\nconst ms = until - clock.currentTimeMillisUnsafe()",
        "x()\nconst ms = (yield* Clock.currentTimeMillis) - since",
        "x()\nconst ms = until - (yield* Clock.currentTimeMillis)",
        "Effect.map(Clock.currentTimeMillis, (now) =>\n  now - since)",
        "Clock.currentTimeMillis.pipe(Effect.map((at): number =>\n  since - at))",
        "let a = Date.now()\nconst b = c - a"
      ]
    ) assert.deepStrictEqual(lines(source, list), [`2: ${difference}`], source)
    assert.deepStrictEqual(
      lines("const now = clock.currentTimeMillisUnsafe()\nconst at = now + ttl\nconst b = arrow => a - nowhere", list),
      []
    )
    assert.deepStrictEqual(
      lines("const now = Date.now()\nconst a = b - now", {
        [file]: { reads: "shown", subtracts: "between processes" }
      }),
      []
    )
  })

  it("finds what measures by the wall clock inside Effect", () => {
    for (
      const [source, what] of [
        ["const s = Schedule.fixed(\"1 second\")", "Schedule.fixed"],
        ["s.pipe(Schedule.upTo({ duration: MAX }))", "upTo({ duration"],
        ["const s = Schedule.upTo(pauses, { duration: MAX })", "upTo(pauses, { duration"],
        ["events.pipe(Stream.debounce(\"1 second\"))", "Stream.debounce"],
        ["const c = Effect.cachedWithTTL(load, \"1 minute\")", "cachedWithTTL"],
        ["import * as Pool from \"effect/Pool\"", "\"effect/Pool\""]
      ] as const
    ) assert.deepStrictEqual(lines(source), [`1: ${what} measures by the wall clock: sleep, or count`], source)
    assert.deepStrictEqual(lines("Schedule.upTo({ times: 3 })\nSchedule.spaced(every)\nEffect.timeout(limit)"), [])
  })

  it("wants no file on the list without need", () => {
    const list = { [file]: { reads: "shown", subtracts: "between processes" } }
    assert.strictEqual(lines("const a = 1", list).length, 2)
    assert.strictEqual(lines("const now = Date.now()", list).length, 1)
  })

  it("finds the faults that this project had", () => {
    // each was a duration of the wall clock once
    for (
      const path of ["src/session/playout/PlayoutClock.ts", "src/session/pipeline/StallWatch.ts", "src/RetryPolicy.ts"]
    ) {
      const source = readFileSync(path, "utf8")
      assert.deepStrictEqual(check(path, source), [], path)
      const former = source
        .replaceAll("MonotonicTime.nowMs(clock)", "clock.currentTimeMillisUnsafe()")
        .replaceAll("MonotonicTime.currentMs", "Clock.currentTimeMillis")
      assert.isAbove(check(path, former).length, 0, path)
    }
    for (const [path, { reads }] of Object.entries(allowed)) assert.isAbove(reads.length, 10, path)
  })
})
