import { assert, describe, it } from "@effect/vitest"
import { S2sRequests } from "../../src/session/pipeline/S2sRequests.ts"

const make = () => {
  let nowMs = 0
  const requests = new S2sRequests<string>(() => nowMs)
  const answered = (id?: string) => {
    const answer = requests.answered(id)
    return answer._tag === "Wanted" ? answer.owner : answer._tag
  }
  return { requests, answered, pass: (ms: number) => void (nowMs += ms) }
}

describe("S2sRequests", () => {
  it("matches a reply by the id that it names, in any order, once", () => {
    const { answered, requests } = make()
    const [a, b, c] = ["a", "b", "c"].map((owner) => requests.add(owner, 1_000))
    assert.deepStrictEqual([answered(c), answered(a), answered(b)], ["c", "a", "b"])
    assert.deepStrictEqual([answered(a), answered("unknown")], ["Unwanted", "Unwanted"])
  })

  it("takes a reply without a name for the model's own, once the engine has named one", () => {
    const { answered, requests } = make()
    const a = requests.add("a", 1_000)
    requests.add("b", 1_000)
    assert.deepStrictEqual([answered(a), answered()], ["a", "Unasked"])
  })

  it("takes replies without names in order, those that are not wanted among them, and none that is lost", () => {
    const { answered, pass, requests } = make()
    const a = requests.add("a", 1_000)
    const b = requests.add("b", 1_000)
    requests.add("c", 1_000)
    assert.isTrue(requests.abandon(b))
    assert.isFalse(requests.abandon(b))
    requests.lose(a)
    assert.deepStrictEqual([answered(), answered(), answered()], ["Unwanted", "c", "Unasked"])
    requests.abandon(requests.add("d", 1_000))
    pass(1_000)
    requests.add("e", 1_000)
    assert.strictEqual(answered(), "e")
  })

  it("gives up requests of an owner, and one that failed", () => {
    const { answered, requests } = make()
    const [a, b] = [requests.add("x", 1_000), requests.add("y", 1_000)]
    const c = requests.add("x", 1_000)
    assert.deepStrictEqual(requests.abandonAll((owner) => owner === "x"), [a, c])
    assert.deepStrictEqual([requests.failed(b), requests.failed(b), requests.failed(a)], ["y", undefined, undefined])
    assert.strictEqual(answered(c), "Unwanted")
  })

  it("keeps the latest of very many", () => {
    const { answered, requests } = make()
    const ids = Array.from({ length: 1_000 }, (_, i) => requests.add(`${i}`, 1_000))
    assert.deepStrictEqual([answered(ids[0]), answered(ids[999]), answered(ids[936])], ["Unwanted", "999", "936"])
  })
})
