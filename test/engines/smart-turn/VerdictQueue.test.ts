/** The queue in front of the worker that listens. */
import { assert, describe, it } from "@effect/vitest"
import { MAX_WAITING, VerdictQueue } from "../../../src/engines/smart-turn/VerdictQueue.ts"

const pcm = new Int16Array(1)

const harness = () => {
  const sent: Array<number> = []
  const results: Array<string> = []
  const queue = new VerdictQueue({ now: () => 7, send: (id) => sent.push(id) })
  const add = (name: string) =>
    queue.add(pcm, {
      onVerdict: (probability) => results.push(`${name} ${probability}`),
      onFailure: ({ message }) => results.push(`${name} failed: ${message}`)
    })
  return { queue, sent, results, add }
}

describe("VerdictQueue", () => {
  it("gives the worker one turn at a time, in the order of arrival, once it is ready", () => {
    const { add, queue, results, sent } = harness()
    for (const name of ["a", "b", "c"]) add(name)
    assert.deepEqual(sent, [])
    queue.workerStarted()
    assert.deepEqual(sent, [1])
    assert.strictEqual(queue.sentAt, 7)
    queue.verdict(1, 0.5)
    queue.verdict(1, 0.9)
    queue.noVerdict(2, "out of memory")
    queue.verdict(3, 1)
    assert.deepEqual(results, ["a 0.5", "b failed: smart-turn could not listen: out of memory", "c 1"])
    assert.isUndefined(queue.sentAt)
  })

  it("forgets turns that are taken back, also the one at the worker", () => {
    const { add, queue, results, sent } = harness()
    queue.workerStarted()
    const [first, second] = ["a", "b", "c"].map(add)
    second?.()
    first?.()
    first?.()
    queue.verdict(1, 0.5)
    assert.deepEqual(sent, [1, 3])
    queue.verdict(3, 0.25)
    assert.deepEqual(results, ["c 0.25"])
  })

  it("refuses a turn beyond its size", () => {
    const { add, queue, results } = harness()
    queue.workerStarted()
    for (let i = 0; i <= MAX_WAITING; i++) add(`${i}`)
    assert.deepEqual(results, [])
    add("one more")
    assert.deepEqual(results, ["one more failed: smart-turn is overloaded"])
  })

  it("fails everything when the worker is gone, and at once until there is another", () => {
    const { add, queue, results, sent } = harness()
    queue.workerStarted()
    for (const name of ["a", "b"]) add(name)
    queue.workerStopped("exited with code 1")
    add("c")
    assert.deepEqual(results, ["a", "b", "c"].map((name) => `${name} failed: smart-turn exited with code 1`))
    assert.strictEqual(queue.failing?.code, "pipeline_error")
    queue.workerStarted()
    assert.isUndefined(queue.failing)
    add("d")
    queue.verdict(1, 0.1)
    assert.deepEqual(sent, [1, 3])
    queue.verdict(3, 0.2)
    assert.strictEqual(results.at(-1), "d 0.2")
  })
})
