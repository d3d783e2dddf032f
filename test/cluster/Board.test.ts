import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Board } from "../../src/cluster/board/Board.ts"
import { type BoardAnswer, FORGET_MS, type NodeReport } from "../../src/cluster/board/BoardReport.ts"
import { PlaceGrant } from "../../src/cluster/board/PlaceGrant.ts"

/** A process, as the board and its users see it. */
class Process {
  readonly owner: string
  readonly address: string
  readonly grant = new PlaceGrant(() => true)
  taken = 0
  answer: BoardAnswer | undefined

  constructor(owner: string, address: string) {
    this.owner = owner
    this.address = address
  }

  report(nowMs: number, waiting = 0): NodeReport {
    return {
      owner: this.owner,
      address: this.address,
      version: "1",
      sessions: this.taken,
      unstored: 0,
      max: 100,
      ready: true,
      loadLevel: 0,
      leaving: false,
      ...this.grant.ask({ nowMs, taken: this.taken, waiting, max: 100, ready: true }),
      ...(this.answer?.settled === true ? {} : { known: this.answer?.nodes ?? [] })
    }
  }

  heard(answer: BoardAnswer, sentMs: number): void {
    this.answer = answer
    this.grant.answered(answer, sentMs)
  }

  admit(nowMs: number): boolean {
    if (this.taken >= this.grant.limit(nowMs)) return false
    this.taken++
    return true
  }
}

const MAX = 12
const sum = (processes: Iterable<Process>) => Array.from(processes).reduce((total, { taken }) => total + taken, 0)

const Step = Schema.Struct({
  what: Schema.Literals([
    "report",
    "late",
    "lost",
    "repeat",
    "admit",
    "admit",
    "end",
    "restart",
    "move",
    "wait",
    "wait"
  ]),
  at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
  ms: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 900 }))
})

/** All report, so that none is thought gone, as a healthy cluster does. */
const round = (board: Board, processes: ReadonlyArray<Process>, nowMs: number) => {
  for (const each of processes) each.heard(board.report(each.report(nowMs), nowMs), nowMs)
}

describe("Board", () => {
  it.prop(
    "never lets in more than the maximum, whatever is lost, late, repeated, restarted, and wherever the board is",
    [Schema.Array(Step).check(Schema.isMinLength(60), Schema.isMaxLength(200))],
    ([steps]) => {
      let now = 0
      let ids = 0
      const processes = [0, 1, 2].map((n) => new Process(`o${ids++}`, `http://n${n}`))
      const late: Array<NodeReport> = []
      const newBoard = () => {
        const board = new Board(() => MAX, now)
        board.engineKnows(processes.map(({ address }) => address))
        return board
      }
      let board = newBoard()
      for (const { at, ms, what } of steps) {
        const process = processes[at]!
        switch (what) {
          case "report": {
            process.heard(board.report(process.report(now, 3), now), now)
            break
          }
          case "late":
            late.push(process.report(now, 3))
            break
          case "repeat": {
            const report = process.report(now, 3)
            board.report(report, now)
            process.heard(board.report(report, now), now)
            break
          }
          case "lost":
            board.report(process.report(now, 3), now)
            break
          case "admit":
            while (process.admit(now));
            break
          case "end":
            process.taken = Math.max(0, process.taken - 1)
            break
          case "restart":
            processes[at] = new Process(`o${ids++}`, process.address)
            break
          case "move":
            board = newBoard()
            break
          case "wait": {
            now += ms
            // what comes late is nobody's any more: its sender has stopped waiting
            const report = late.shift()
            if (report !== undefined && processes.some(({ owner }) => owner === report.owner)) board.report(report, now)
            break
          }
        }
        assert.isAtMost(sum(processes), MAX)
      }
    }
  )

  it.prop(
    "lets in exactly the maximum, wherever the sessions come",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 }))).check(Schema.isMaxLength(20))],
    ([places]) => {
      let now = 0
      const processes = [0, 1, 2].map((n) => new Process(`o${n}`, `http://n${n}`))
      const board = new Board(() => MAX, now)
      board.engineKnows(processes.map(({ address }) => address))
      for (const at of [...places, ...Array.from({ length: MAX }, () => 1)]) {
        const process = processes[at]!
        // asks for a place where it has none, and gives back reserves as all do with their reports
        for (let tries = 0; tries < 4 && !process.admit(now); tries++) {
          now += 100
          round(board, processes, now)
          process.heard(board.report(process.report(now, 1), now), now)
        }
        assert.isAtMost(sum(processes), MAX)
      }
      assert.strictEqual(sum(processes), MAX)
    }
  )

  it("keeps the places of a node that is silent until it is forgotten, and gives back those of one that was restarted", () => {
    const [one, other] = [new Process("a", "http://a"), new Process("b", "http://b")]
    const board = new Board(() => MAX, 0)
    board.engineKnows(["http://a", "http://b"])
    round(board, [one, other], 0)
    one.heard(board.report(one.report(0, 8), 0), 0)
    assert.strictEqual(one.grant.limit(0), 8)
    while (one.admit(0));
    board.engineKnows(["http://b"])
    let now = 0
    const most = () => {
      other.heard(board.report(other.report(now, 12), now), now)
      return other.grant.limit(now)
    }
    for (; now < FORGET_MS; now += 500) assert.strictEqual(most(), 4)
    now += 1_000
    assert.strictEqual(most(), 12)

    const restarted = new Process("c", "http://b")
    restarted.heard(board.report(restarted.report(now, 12), now), now)
    assert.strictEqual(restarted.grant.limit(now), 12)
  })

  it("raises no grant while it is new, before all that the engine knows have reported; nor after it was stopped", () => {
    const [one, other] = [new Process("a", "http://a"), new Process("b", "http://b")]
    const board = new Board(() => MAX, 0)
    board.engineKnows(["http://a", "http://b"])
    one.heard(board.report(one.report(0, 4), 0), 0)
    assert.strictEqual(one.grant.limit(0), 0)
    round(board, [other, one], 100)
    assert.isAbove(one.grant.limit(100), 0)
    // stopped for 5 s: another may have been the board
    const answer = board.report(other.report(5_100, 12), 5_100)
    assert.isFalse(answer.settled)
    assert.strictEqual(answer.granted, 0)
  })

  it("does not believe in its grant after it was stopped, or when the board is away for long", () => {
    const process = new Process("a", "http://a")
    const board = new Board(() => MAX, 0)
    board.engineKnows(["http://a"])
    round(board, [process], 0)
    assert.isTrue(process.admit(2_900))
    assert.isFalse(process.admit(3_100))
    process.report(3_200)
    assert.isFalse(process.admit(3_200))
  })
})
