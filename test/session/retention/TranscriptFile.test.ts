import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { HistoryItem } from "../../../src/conversation/History.ts"
import { TranscriptFile } from "../../../src/session/retention/TranscriptFile.ts"

const item = (turn: number, text = `Words of turn ${turn}, Grüße.`): HistoryItem => ({
  role: turn % 2 === 0 ? "agent" : "user",
  turn,
  kind: "speech",
  text,
  interrupted: false,
  atMs: turn
})

/** A file as an archive keeps it. */
class Disk {
  bytes: Uint8Array = new Uint8Array(0)
  written = 0
  readonly file = new TranscriptFile()

  /** Writes what the file says; `fails` leaves it as it was. */
  save(history: ReadonlyArray<HistoryItem>, fails = false): void {
    const change = this.file.change(history)
    if (change === undefined) return
    if (fails) return this.file.reset()
    const content = new TextEncoder().encode(change.text)
    this.written += content.length
    if (change.at === undefined) this.bytes = content
    else {
      const next = new Uint8Array(Math.max(this.bytes.length, change.at + content.length))
      next.set(this.bytes)
      next.set(content, change.at)
      this.bytes = next
    }
    change.done()
  }

  get texts(): ReadonlyArray<string> {
    return JSON.parse(new TextDecoder().decode(this.bytes)).map(({ text }: HistoryItem) => text)
  }
}

const texts = (history: ReadonlyArray<HistoryItem>) => history.map(({ text }) => text)

describe("TranscriptFile", () => {
  it("writes what is new only: 2,000 turns cost twice their length, not their square", () => {
    const disk = new Disk()
    let history: ReadonlyArray<HistoryItem> = []
    for (let turn = 1; turn <= 2_000; turn++) {
      history = history.concat(item(turn))
      disk.save(history)
    }
    assert.deepStrictEqual(disk.texts, texts(history))
    assert.isBelow(disk.written, 2 * disk.bytes.length)
  })

  it("writes nothing when nothing has changed", () => {
    const disk = new Disk()
    const history = [item(1), item(2)]
    disk.save(history)
    const { written } = disk
    disk.save(history)
    disk.save([...history])
    assert.strictEqual(disk.written, written)
  })

  it("keeps what has left a history that was too long", () => {
    const disk = new Disk()
    const history = [1, 2, 3, 4].map((turn) => item(turn))
    disk.save(history)
    // the oldest that stays is another object, which says how many are left out
    disk.save([{ ...item(3) }, item(4), item(5)])
    assert.deepStrictEqual(disk.texts, texts([1, 2, 3, 4, 5].map((turn) => item(turn))))
    disk.save([item(5), item(6)])
    disk.save([item(5), item(6), item(7)])
    assert.deepStrictEqual(disk.texts, texts([1, 2, 3, 4, 5, 6, 7].map((turn) => item(turn))))
  })

  it("is written as a whole after a write that failed", () => {
    const disk = new Disk()
    disk.save([item(1)])
    disk.save([item(1), item(2)], true)
    disk.save([item(1), item(2), item(3)])
    assert.deepStrictEqual(disk.texts, texts([item(1), item(2), item(3)]))
  })

  const Step = Schema.Struct({
    what: Schema.Literals(["append", "append", "insert", "withdraw", "replace", "fail"]),
    at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
    text: Schema.String
  })
  it.prop("holds the history after any changes", [Schema.Array(Step)], ([steps]) => {
    const disk = new Disk()
    let history: ReadonlyArray<HistoryItem> = []
    let turn = 0
    for (const { at, text, what } of steps) {
      const next = item(++turn, text)
      if (what === "append" || history.length === 0) history = history.concat(next)
      // not before the first: that would be a history that begins anew
      else if (what === "insert") history = history.toSpliced(1 + at % history.length, 0, next)
      else if (what === "withdraw" && history.length > 1) history = history.toSpliced(1 + at % (history.length - 1), 1)
      else if (what === "replace") history = history.toSpliced(at % history.length, 1, next)
      disk.save(history, what === "fail")
      if (what !== "fail") assert.deepStrictEqual(disk.texts, texts(history))
    }
  })
})
