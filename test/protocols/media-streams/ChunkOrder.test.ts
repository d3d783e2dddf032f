import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { ChunkOrder } from "../../../src/protocols/media-streams/ChunkOrder.ts"

/** What comes out for these numbers, with `-n` for n chunks that were missing. */
const run = (numbers: ReadonlyArray<number>, capacity = 5) => {
  const order = new ChunkOrder<{ readonly number: number }>(capacity)
  const out: Array<number> = []
  const take = () => {
    for (let chunk = order.take(); chunk !== undefined; chunk = order.take()) {
      if (order.missing > 0) out.push(-order.missing)
      out.push(chunk.number)
    }
    assert.isAtMost(order.size, capacity)
  }
  for (const number of numbers) {
    order.push(number, { number })
    take()
  }
  order.end()
  take()
  assert.strictEqual(order.size, 0)
  return out
}
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** Chunks 1 to n, each at most `distance` places from its own, and some of them twice. */
const Shuffled = Schema.Struct({
  late: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))),
  twice: Schema.Array(Schema.Boolean)
})

describe("ChunkOrder", () => {
  it("passes on what is in order at once", () => {
    const order = new ChunkOrder<string>(5)
    for (const number of range(1, 10)) {
      order.push(number, `${number}`)
      assert.strictEqual(order.take(), `${number}`)
      assert.strictEqual(order.missing, 0)
      assert.strictEqual(order.take(), undefined)
    }
  })

  it.prop("passes a chunk by exactly where it would have been added and taken at once, and nothing been missing", [
    Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 }))),
    Schema.Boolean
  ], ([numbers, reorders]) => {
    const [passing, plain] = [new ChunkOrder<string>(reorders ? 5 : 0), new ChunkOrder<string>(reorders ? 5 : 0)]
    for (const number of numbers) {
      const taken: Array<string> = []
      plain.push(number, `${number}`)
      for (let chunk = plain.take(); chunk !== undefined; chunk = plain.take()) taken.push(`${plain.missing} ${chunk}`)
      if (passing.passes(number)) {
        assert.deepStrictEqual([`${passing.missing} ${number}`], taken)
        continue
      }
      const passed: Array<string> = []
      passing.push(number, `${number}`)
      for (let chunk = passing.take(); chunk !== undefined; chunk = passing.take()) {
        passed.push(`${passing.missing} ${chunk}`)
      }
      assert.deepStrictEqual(passed, taken)
    }
  })

  it("begins with the first chunk, though another comes before it", () => {
    assert.deepStrictEqual(run([3, 1, 2, 4]), [1, 2, 3, 4])
    assert.deepStrictEqual(run([1, 0, 2]), [1, 2])
    assert.deepStrictEqual(run([700, 701]), [700, 701])
    assert.deepStrictEqual(run([0, 1, 2]), [0, 1, 2])
  })

  it("waits for no more chunks than it may keep", () => {
    assert.deepStrictEqual(run([1, 3, 4, 5, 6, 7, 8]), [1, -1, 3, 4, 5, 6, 7, 8])
    const order = new ChunkOrder<string>(2)
    order.push(1, "1")
    order.take()
    order.push(3, "3")
    order.push(4, "4")
    assert.strictEqual(order.take(), undefined)
    order.push(5, "5")
    assert.strictEqual(order.take(), "3")
    assert.strictEqual(order.missing, 1)
  })

  it("keeps nothing where the order is kept", () => {
    assert.deepStrictEqual(run([1, 2, 5, 4, 3, 6], 0), [1, 2, -2, 5, 6])
  })

  it("drops duplicates and late chunks", () => {
    assert.deepStrictEqual(run([1, 1, 2, 2, 1, 3, 3, 3]), [1, 2, 3])
    assert.deepStrictEqual(run([1, 3, 3, 2, 3]), [1, 2, 3])
  })

  it("follows a sender that counts anew, once two chunks in a row say so", () => {
    assert.deepStrictEqual(run([...range(500, 510), 1, 2, 3, 4]), [...range(500, 510), 2, 3, 4])
    assert.deepStrictEqual(run([...range(1, 5), 90_000, 90_001, 90_002]), [...range(1, 5), 90_001, 90_002])
    // a single number that is unlikely moves nothing
    assert.deepStrictEqual(run([1, 2, 99_999, 3, 4, 99_999, 5]), [1, 2, 3, 4, 5])
  })

  it.prop("restores the order of chunks that are at most four places late", [Shuffled], ([{ late, twice }]) => {
    const places = late.map((by, i) => ({ number: i + 1, at: i + by }))
    const numbers = places.sort((a, b) => a.at - b.at || a.number - b.number)
      .flatMap(({ number }) => twice[number - 1] === true ? [number, number] : [number])
    assert.deepStrictEqual(run(numbers), range(1, late.length + 1))
  })

  it.prop(
    "gives numbers that rise, each once, and tells each that is missing",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 })))],
    ([numbers]) => {
      const out = run(numbers)
      let next: number | undefined
      for (const each of out) {
        if (each < 0) {
          next = (next ?? 1) - each
          continue
        }
        if (next !== undefined) assert.strictEqual(each, next)
        next = each + 1
      }
      assert.isTrue(out.every((each) => each < 0 || numbers.includes(each)))
    }
  )
})
