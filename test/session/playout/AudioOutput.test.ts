import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { AudioOutput, LEAD_MS } from "../../../src/session/playout/AudioOutput.ts"
import { fewer } from "../../support/Full.ts"
import { FakeClock } from "../FakeClock.ts"
import { TestConnection } from "../TestConnection.ts"

const RATE = 24_000
const PER_MS = RATE / 1000
/** Audio whose samples show their position: sample i of the whole is i modulo 30,000. */
const ramp = (fromMs: number, ms: number, rate = RATE): Int16Array =>
  Int16Array.from({ length: ms * rate / 1000 }, (_, i) => (fromMs * rate / 1000 + i) % 30_000)
const convert = (samples: Int16Array, from: number, to: number): Int16Array =>
  Int16Array.from({ length: samples.length * to / from }, (_, i) => samples[Math.floor(i * from / to)] ?? 0)

const make = (attached = true) => {
  const connection = new TestConnection()
  const clock = new FakeClock()
  const log: Array<string> = []
  let onAudible = (_epoch: number): void => {}
  const output = new AudioOutput(clock, {
    audible: (epoch) => {
      log.push(`audible ${epoch}`)
      onAudible(epoch)
    },
    text: (epoch, text) => log.push(`text ${epoch} ${text}`),
    played: (epoch) => log.push(`played ${epoch}`),
    slow: () => log.push("slow"),
    dead: () => {
      log.push("dead")
      output.attach(undefined, convert)
    },
    drained: () => log.push("drained"),
    failed: () => log.push("failed")
  })
  if (attached) output.attach(connection, convert)
  const begin = (epoch: number, ms: number, options: { readonly text?: string; readonly finish?: boolean } = {}) => {
    output.begin(epoch, epoch)
    output.push(epoch, { pcm: ramp(0, ms), text: options.text ?? "one two three four" })
    if (options.finish !== false) output.finish(epoch)
  }
  return { begin, clock, connection, log, output, onAudible: (on: (epoch: number) => void) => onAudible = on }
}

describe("AudioOutput", () => {
  it("plays on, no faster and no slower, when the clock that it is given goes back", () => {
    const { begin, clock, connection, output } = make()
    begin(1, 9_000)
    clock.run(1_000)
    clock.nowMs -= 5_000
    assert.strictEqual(output.aheadMs(1), 8_000)
    clock.run(4_000)
    assert.closeTo(connection.frames.length * 20, 5_000 + LEAD_MS, 40)
    clock.nowMs -= 3_600_000
    clock.run(2_000)
    assert.closeTo(connection.frames.length * 20, 7_000 + LEAD_MS, 60)
  })

  it("plays a reply at the speed of speech, at most 200 ms ahead, and reports its texts", () => {
    const { begin, clock, connection, log } = make()
    begin(1, 1_000)
    for (let ms = 0; ms <= 1_000; ms += 20) {
      const sent = connection.frames.length * 20
      assert.isAtMost(sent, ms + LEAD_MS)
      assert.isAtLeast(sent, Math.min(1_000, ms + LEAD_MS))
      assert.strictEqual(log.includes("played 1"), ms >= 1_000)
      clock.run(20)
    }
    assert.deepStrictEqual(log, ["audible 1", "text 1 one two three four", "played 1"])
    assert.deepStrictEqual(connection.samples, Array.from(ramp(0, 1_000)))
    assert.strictEqual(clock.players.size, 0)
  })

  it("makes frames of 20 ms of pieces of any size, and pads the last one", () => {
    const { clock, connection, output } = make()
    output.begin(1, 1)
    for (let at = 0; at < 100; at += 7) output.push(1, { pcm: ramp(at, Math.min(7, 100 - at)), text: "" })
    output.push(1, { pcm: Int16Array.of(1), text: "" })
    output.finish(1)
    clock.run(400)
    assert.isTrue(connection.frames.every((frame) => frame.length === 20 * PER_MS))
    assert.deepStrictEqual(connection.samples.slice(0, 100 * PER_MS + 2), [...ramp(0, 100), 1, 0])
  })

  it("reports a reply before its first frame, and sends none when the reply is ended in response", () => {
    const { begin, connection, log, onAudible, output } = make()
    const sentBefore: Array<number> = []
    onAudible((epoch) => {
      sentBefore.push(connection.frames.length)
      output.end(epoch)
    })
    begin(1, 1_000)
    assert.deepStrictEqual([log[0], ...sentBefore], ["audible 1", 0])
    assert.strictEqual(connection.frames.length, 0)
  })

  it("is full beyond ten seconds, and reports when it has drained", () => {
    const { clock, log, output } = make()
    output.begin(1, 1)
    output.push(1, { pcm: ramp(0, 10_000), text: "" })
    assert.isFalse(output.isFull(1))
    output.push(1, { pcm: ramp(0, 1_000), text: "" })
    assert.isTrue(output.isFull(1))
    assert.isFalse(output.isFull(2))
    clock.run(980)
    assert.notInclude(log, "drained")
    clock.run(40)
    assert.deepStrictEqual(log, ["audible 1", "drained"])
    assert.isFalse(output.isFull(1))
  })

  it("stops its clock while there is nothing to play", () => {
    const { clock, connection, log, output } = make()
    output.begin(1, 1)
    output.push(1, { pcm: ramp(0, 100), text: "one" })
    clock.run(2_000)
    assert.strictEqual(output.end(7).playedMs, 0)
    output.push(1, { pcm: ramp(100, 400), text: "two" })
    assert.strictEqual(connection.frames.length, 5 + LEAD_MS / 20)
    clock.run(200)
    assert.deepStrictEqual(log, ["audible 1", "text 1 one", "text 1 two"])
    const { playedMs, text } = output.end(1)
    assert.isTrue(playedMs >= 280 && playedMs <= 300, String(playedMs))
    assert.strictEqual(text, "one")
  })

  describe("hold and release", () => {
    it("is silent at once, and goes on with exactly what was not played", () => {
      const { begin, clock, connection, output } = make()
      begin(1, 1_000)
      clock.run(300)
      output.hold(1)
      const sent = connection.frames.length
      assert.strictEqual(sent, 25)
      assert.strictEqual(connection.clears, 1)
      clock.run(500)
      output.hold(1)
      assert.strictEqual(connection.frames.length, sent)
      assert.strictEqual(clock.players.size, 0)
      output.release(1)
      output.release(1)
      clock.run(900)
      const after = connection.frames.slice(sent).flatMap((frame) => Array.from(frame))
      assert.deepStrictEqual(after, Array.from(ramp(300, 700)))
    })

    it("goes back to what the connection took back, where that is more than the clock says", () => {
      const { begin, clock, connection, output } = make()
      begin(1, 1_000)
      clock.run(300)
      // 500 ms were sent; a connection that stalled has played only 240 of them
      connection.unplayedMs = 260
      output.hold(1)
      connection.unplayedMs = 0
      const sent = connection.frames.length
      assert.strictEqual(output.heard(1)?.text, "one")
      output.release(1)
      clock.run(900)
      const after = connection.frames.slice(sent).flatMap((frame) => Array.from(frame))
      assert.deepStrictEqual(after, Array.from(ramp(240, 760)))
    })

    it("counts nothing of an ended reply that the connection took back", () => {
      const { begin, clock, connection, output } = make()
      begin(1, 1_000)
      clock.run(600)
      connection.unplayedMs = 500
      const { playedMs, text } = output.end(1)
      assert.deepStrictEqual([playedMs, text], [300, "one"])
    })

    it("keeps speech that is pushed meanwhile", () => {
      const { clock, connection, log, output } = make()
      output.begin(1, 1)
      output.hold(1)
      output.push(1, { pcm: ramp(0, 500), text: "one" })
      output.finish(1)
      clock.run(1_000)
      assert.deepStrictEqual([connection.frames.length, log.length], [0, 0])
      output.release(1)
      clock.run(500)
      assert.deepStrictEqual(connection.samples, Array.from(ramp(0, 500)))
      assert.include(log, "played 1")
    })

    it("goes back to what the client has played", () => {
      const { begin, clock, connection, output } = make()
      begin(1, 1_000)
      clock.run(500)
      output.reported(1, 300)
      clock.run(20)
      output.hold(1)
      const sent = connection.frames.length
      output.release(1)
      assert.strictEqual(connection.frames[sent]?.[0], 320 * PER_MS)
    })

    it("does not go back further than the kept frames, whatever the client reports", () => {
      const { clock, connection, output } = make()
      output.begin(1, 1)
      output.push(1, { pcm: ramp(0, 9_000), text: "" })
      clock.run(8_000)
      output.reported(1, 0)
      output.hold(1)
      const sent = connection.frames.length
      output.release(1)
      // playout does not wait until an impossible position is reached
      assert.isAbove(connection.frames.length, sent)
      clock.run(4_000)
      assert.isAtLeast(connection.frames.length - sent, 150)
    })
  })

  describe("what was heard", () => {
    it("is what was played, and never more than the client reports", () => {
      for (const [reported, expected] of [[undefined, 500], [200, 220], [10_000, 500]] as const) {
        const { begin, clock, connection, output } = make()
        begin(1, 1_000)
        clock.run(480)
        if (reported !== undefined) output.reported(1, reported)
        output.reported(2, 0)
        clock.run(20)
        assert.strictEqual(output.end(1).playedMs, expected)
        assert.strictEqual(connection.clears, 1)
      }
    })

    it("waits for the end of a client that lags a little, and not for one that lags for ever", () => {
      const { begin, clock, connection, log, output } = make()
      begin(1, 1_000)
      clock.run(900)
      output.reported(1, 700)
      clock.run(100)
      assert.notInclude(log, "played 1")
      clock.run(200)
      assert.include(log, "played 1")
      assert.deepStrictEqual(output.end(1), { text: "one two three four", playedMs: 1_000 })
      assert.strictEqual(connection.clears, 0, "its tail is not taken away")
      begin(2, 1_000)
      for (let i = 0; i < 98; i++) {
        output.reported(2, 0)
        clock.run(20)
      }
      assert.notInclude(log, "played 2")
      for (let i = 0; i < 4; i++) {
        output.reported(2, 0)
        clock.run(20)
      }
      assert.include(log, "played 2")
    })
  })

  describe("a connection", () => {
    it("that refuses frames is retried, is slow after a second and dead after ten", () => {
      const { begin, clock, connection, log } = make()
      begin(1, 1_000)
      clock.run(100)
      connection.accepts = false
      clock.run(1_020)
      assert.strictEqual(log.filter((line) => line === "slow").length, 1)
      connection.accepts = true
      clock.run(20)
      connection.accepts = false
      clock.run(9_900)
      assert.notInclude(log, "dead")
      clock.run(200)
      assert.strictEqual(log.filter((line) => line === "slow").length, 2)
      assert.strictEqual(log.filter((line) => line === "dead").length, 1)
      assert.strictEqual(clock.players.size, 0)
    })

    it("is not dead because of what it refused of a former reply, or before a pause", () => {
      const { begin, clock, connection, log, output } = make()
      begin(1, 1_000)
      connection.accepts = false
      clock.run(500)
      output.hold(1)
      clock.run(20_000)
      output.release(1)
      clock.run(500)
      output.end(1)
      clock.run(20_000)
      begin(2, 1_000)
      clock.run(500)
      assert.notInclude(log, "dead")
    })

    it("is replaced by another one that goes on, also at another rate", () => {
      for (const rate of [24_000, 48_000, 8_000]) {
        for (const finish of [true, false]) {
          const { begin, clock, log, output } = make()
          begin(1, 1_000, { finish: false })
          output.push(1, { pcm: ramp(1_000, 5), text: "" })
          if (finish) output.finish(1)
          clock.run(400)
          output.attach(undefined, convert)
          clock.run(5_000)
          assert.strictEqual(clock.players.size, 0)
          const next = new TestConnection({ output: rate })
          output.attach(next, convert)
          assert.strictEqual(output.sampleRate, rate)
          if (!finish) output.finish(1)
          clock.run(900)
          const expected = convert(ramp(400, 605), RATE, rate)
          assert.isTrue(next.frames.every((frame) => frame.length === rate / 50))
          assert.deepStrictEqual(next.samples.slice(0, expected.length), Array.from(expected), `${rate}`)
          assert.isTrue(next.samples.slice(expected.length).every((sample) => sample === 0))
          assert.include(log, "played 1")
          assert.strictEqual(output.end(1).playedMs, 1_005)
        }
      }
    })

    it("gets no audio when it is attached while the reply is held", () => {
      const { begin, clock, output } = make()
      begin(1, 1_000)
      clock.run(200)
      output.hold(1)
      const next = new TestConnection()
      output.attach(next, convert)
      clock.run(500)
      assert.strictEqual(next.frames.length, 0)
      output.release(1)
      assert.strictEqual(next.frames[0]?.[0], 200 * PER_MS)
    })

    it("lets the clock sleep while it is away", () => {
      const { begin, clock } = make(false)
      begin(1, 1_000)
      assert.strictEqual(clock.players.size, 0)
    })
  })

  const Op = Schema.Union([
    Schema.Struct({ op: Schema.Literal("push"), ms: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 700 })) }),
    Schema.Struct({
      op: Schema.Literal("stale"),
      back: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 }))
    }),
    Schema.Struct({ op: Schema.Literal("run"), ms: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 900 })) }),
    Schema.Struct({
      op: Schema.Literal("report"),
      ms: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3_000 }))
    }),
    Schema.Struct({ op: Schema.Literals(["begin", "finish", "hold", "release", "end", "attach", "detach", "refuse"]) })
  ])

  it.prop(
    "sends nothing of a held or ended reply (P1), and paces the rest",
    [Schema.Array(Op).check(Schema.isMaxLength(60))],
    ([ops]) => {
      const { clock, log, output } = make(false)
      let epoch = 0
      let phase: "none" | "playing" | "held" = "none"
      let connection = new TestConnection()
      let sentAt: Array<number> = []
      // each epoch's audio is its own number
      const watch = () => {
        connection.onSend = (frame) => {
          assert.strictEqual(phase, "playing", "only what plays is sent")
          assert.isTrue(frame.every((sample) => sample === epoch || sample === 0), "and nothing of another reply")
          sentAt.push(clock.nowMs)
          // no more than the lead and what a second's time allows
          const recent = sentAt.filter((at) => at > clock.nowMs - 1_000).length * 20
          assert.isAtMost(recent, 1_000 + LEAD_MS + 20)
        }
      }
      watch()
      output.attach(connection, convert)
      for (const step of ops) {
        switch (step.op) {
          case "begin":
            if (phase !== "none") output.end(epoch)
            phase = "playing"
            sentAt = []
            output.begin(++epoch, epoch)
            break
          case "push":
            output.push(epoch, { pcm: new Int16Array(step.ms * PER_MS).fill(epoch), text: "text" })
            break
          case "stale":
            output.push(epoch - step.back, { pcm: new Int16Array(4_800).fill(epoch - step.back), text: "stale" })
            output.finish(epoch - step.back)
            output.release(epoch - step.back)
            break
          case "finish":
            output.finish(epoch)
            break
          case "run":
            clock.run(step.ms)
            break
          case "report":
            output.reported(epoch, step.ms)
            break
          case "hold":
            if (phase === "playing") phase = "held"
            sentAt = []
            output.hold(epoch)
            break
          case "release":
            if (phase === "held") phase = "playing"
            output.release(epoch)
            break
          case "end": {
            phase = "none"
            const { playedMs } = output.end(epoch)
            assert.isAtLeast(playedMs, 0)
            assert.deepStrictEqual(output.end(epoch), { text: "", playedMs: 0 })
            break
          }
          case "attach":
            connection = new TestConnection()
            sentAt = []
            watch()
            output.attach(connection, convert)
            break
          case "detach":
            output.attach(undefined, convert)
            break
          case "refuse":
            connection.accepts = !connection.accepts
        }
      }
      assert.isFalse(log.some((line) => line.includes("stale")))
    },
    { arbitrary: { runs: fewer(400) } }
  )
})
