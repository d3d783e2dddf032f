import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { EventEmitter } from "node:events"
import * as Twilio from "../../src/protocols/media-streams/Twilio.ts"
import * as MediaConnection from "../../src/protocols/MediaConnection.ts"
import type { MediaStart } from "../../src/protocols/MediaProtocol.ts"
import { SilenceClock } from "../../src/protocols/SilenceClock.ts"
import { ScriptedListener } from "../transport/ScriptedListener.ts"

const format = { encoding: "mulaw", sampleRate: 8_000 } as const
const start: MediaStart = { streamId: "MZ1", callId: "CA1", input: format, output: format, parameters: {} }

/** An open socket of which only the messages that come are of interest. */
class Socket extends EventEmitter {
  readonly readyState = 1
  readonly bufferedAmount = 0
  readonly isPaused = false
  chunk = 0

  send(): void {}
  ping(): void {}
  pong(): void {}
  pause(): void {}
  resume(): void {}
  close(): void {
    this.emit("close", 1_000)
  }
  terminate(): void {}

  hears(): void {
    const media = { track: "inbound", chunk: String(++this.chunk), payload: Buffer.alloc(160, 0xff).toString("base64") }
    this.emit("message", Buffer.from(JSON.stringify({ event: "media", media, streamSid: "MZ1" })), false)
  }
}

const open = Effect.fnUntraced(function*(silence: SilenceClock["Service"]) {
  const socket = new Socket()
  const { connection } = yield* MediaConnection.make(socket, {
    protocol: Twilio.protocol,
    start,
    silence,
    stopped: () => {}
  })
  const gaps: Array<number> = []
  let samples = 0
  connection.listen(
    Object.assign(new ScriptedListener(), {
      audio: (pcm: Int16Array) => {
        samples += pcm.length
      },
      gap: (count: number) => void gaps.push(count)
    })
  )
  return { socket, gaps, samples: () => samples }
})

describe("MediaConnection", () => {
  it.effect("gives silence where the far end sends nothing, 700 ms after its last audio, and none while it sends", () =>
    Effect.gen(function*() {
      const { gaps, samples, socket } = yield* open(yield* SilenceClock.make)
      const speaks = Effect.repeat(
        Effect.andThen(Effect.sync(() => socket.hears()), TestClock.adjust(20)),
        { times: 99 }
      )
      yield* speaks
      assert.deepStrictEqual([samples(), gaps], [100 * 160, []])
      // 20 ms have passed since the last audio
      yield* TestClock.adjust(679)
      assert.deepStrictEqual(gaps, [])
      // the clock of all streams ticks every 200 ms, and gives all that is due
      yield* TestClock.adjust(200)
      assert.deepStrictEqual(gaps, [400 * 8])
      yield* Effect.repeat(TestClock.adjust(200), { times: 9 })
      assert.deepStrictEqual(gaps, [400 * 8, ...Array.from({ length: 10 }, () => 200 * 8)])
      yield* speaks
      assert.deepStrictEqual(gaps.length, 11)
      yield* TestClock.adjust(880)
      assert.deepStrictEqual(gaps.length, 12)
    }).pipe(Effect.scoped))

  it.effect("takes what has arrived when it listens itself, so that nothing is lost in between", () =>
    Effect.gen(function*() {
      const socket = new Socket()
      const first = Buffer.from(JSON.stringify({ event: "media", streamSid: "MZ1", media: { payload: "fw==" } }))
      const { connection } = yield* MediaConnection.make(socket, {
        protocol: Twilio.protocol,
        start,
        silence: yield* SilenceClock.make,
        arrived: () => {
          assert.strictEqual(socket.listenerCount("message"), 1)
          return [{ data: first, isBinary: false }]
        },
        stopped: () => {}
      })
      socket.hears()
      const counts: Array<number> = []
      connection.listen(
        Object.assign(new ScriptedListener(), { audio: (pcm: Int16Array) => void counts.push(pcm.length) })
      )
      assert.deepStrictEqual(counts, [1, 160])
    }).pipe(Effect.scoped))
})
