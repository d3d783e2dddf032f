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
  file = new TranscriptFile()

  /** Writes what the file says; one that fails has written half of it, or nothing of a whole file. */
  save(history: ReadonlyArray<HistoryItem>, fails = false): void {
    const change = this.file.change(history)
    if (change === undefined) return
    const whole = new TextEncoder().encode(change.text)
    if (fails && change.at === undefined) return change.failed()
    const content = fails ? whole.subarray(0, whole.length / 2) : whole
    this.written += content.length
    if (change.at === undefined) this.bytes = content
    else {
      const next = new Uint8Array(Math.max(this.bytes.length, change.at + content.length))
      next.set(this.bytes)
      next.set(content, change.at)
      this.bytes = next
    }
    if (fails) change.failed()
    else change.done()
  }

  /** Another process continues the file. */
  takeOver(): void {
    this.file = new TranscriptFile()
    this.file.startWith(new TextDecoder().decode(this.bytes))
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

  it("is written again from where a write failed, with what has left the history", () => {
    const disk = new Disk()
    disk.save([item(1), item(2)])
    disk.save([item(2), item(3)], true)
    disk.save([item(2), item(3), item(4)])
    assert.deepStrictEqual(disk.texts, texts([item(1), item(2), item(3), item(4)]))
  })

  it("keeps what has left the history when another process continues it, also after a crash within a write", () => {
    const disk = new Disk()
    disk.save([item(1), item(2), item(3)])
    disk.takeOver()
    disk.save([{ ...item(2), omittedBefore: 1 }, item(3), item(4)])
    assert.deepStrictEqual(disk.texts, texts([item(1), item(2), item(3), item(4)]))
    disk.save([item(3), item(4), item(5)], true)
    disk.takeOver()
    disk.save([item(3), item(4), item(5), item(6)])
    assert.deepStrictEqual(disk.texts, texts([1, 2, 3, 4, 5, 6].map((turn) => item(turn))))
  })

  it("keeps all of it when all of it has left the history at once", () => {
    const disk = new Disk()
    disk.save([item(1), item(2)])
    disk.save([{ ...item(3), omittedBefore: 2 }, item(4)])
    assert.deepStrictEqual(disk.texts, texts([item(1), item(2), item(3), item(4)]))
  })

  it("writes over what is no transcript", () => {
    for (const content of ["", "nonsense", "[\n", "[\n{}\n]\n", "\0\0\0"]) {
      const disk = new Disk()
      disk.bytes = new TextEncoder().encode(content)
      disk.takeOver()
      disk.save([item(1)])
      assert.deepStrictEqual(disk.texts, texts([item(1)]), content)
    }
  })

  const Step = Schema.Struct({
    what: Schema.Literals(["append", "append", "insert", "withdraw", "replace", "fail", "take over"]),
    at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
    text: Schema.String
  })
  it.prop("holds the history after any changes", [Schema.Array(Step)], ([steps]) => {
    const disk = new Disk()
    let history: ReadonlyArray<HistoryItem> = []
    let turn = 0
    for (const { at, text, what } of steps) {
      const next = item(++turn, text)
      if (what === "take over") disk.takeOver()
      else if (what === "append" || history.length === 0) history = history.concat(next)
      // not before the first: that would be a history that begins anew
      else if (what === "insert") history = history.toSpliced(1 + at % history.length, 0, next)
      else if (what === "withdraw" && history.length > 1) history = history.toSpliced(1 + at % (history.length - 1), 1)
      else if (what === "replace") history = history.toSpliced(at % history.length, 1, next)
      disk.save(history, what === "fail")
      if (what !== "fail" && history.length > 0) assert.deepStrictEqual(disk.texts, texts(history))
    }
  })
})
