import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Pcm from "../../src/audio/Pcm.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { call, layer, pass, running, User } from "./Harness.ts"
import { TestConnection } from "./TestConnection.ts"

const seconds = (count: number, rate: number) => Pcm.fromInt16(new Int16Array(count * rate).fill(1_000))

describe("sendAudio", () => {
  for (const output of [8_000, 24_000, 48_000]) {
    it.effect(`keeps its length when a connection at ${output} Hz comes before it is played`, () =>
      running(
        layer(),
        Effect.gen(function*() {
          const backend = yield* VoiceBackend
          const session = yield* backend.createSession({ userId: "u", transport: "websocket" })
          // at the rate without a connection, 24 kHz
          yield* session.sendAudio(seconds(1, 24_000))
          const user = new User(session, new TestConnection({ output }))
          yield* session.attach(user.connection)
          yield* user.hears(3_000)
          assert.closeTo(user.connection.frames.length * 20, 1_000, 40)
          const loudest = Math.max(...user.connection.samples)
          assert.isAbove(loudest, 800)
          assert.isBelow(loudest, 1_300)
        })
      ))
  }

  it.effect("keeps the length of each piece when connections at several rates follow one another", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call({ connection: new TestConnection({ output: 48_000 }) })
        yield* user.session.sendAudio(seconds(1, 48_000))
        yield* user.session.sendAudio(seconds(2, 48_000))
        yield* pass("500 millis")
        const first = user.connection
        yield* user.reattach({ output: 8_000 })
        yield* user.hears(5_000)
        const heardMs = 20 * (first.frames.length + user.connection.frames.length)
        assert.closeTo(heardMs, 3_000, 250, "what was sent ahead and not played is heard again")
      })
    ))

  it.effect("takes at most 5 min that wait, however many pieces", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call({ connection: new TestConnection({ output: 8_000 }) })
        yield* user.session.sendAudio(seconds(200, 8_000))
        yield* user.session.sendAudio(seconds(99, 8_000))
        const error = yield* Effect.flip(user.session.sendAudio(seconds(2, 8_000)))
        assert.strictEqual(error.code, "session_limit_exceeded")
        assert.deepStrictEqual(error.details, { reason: "queue_full" })
        // what has been played makes room
        yield* pass("210 seconds")
        yield* user.session.sendAudio(seconds(150, 8_000))
      })
    ))
})

describe("the limit on a user's audio", () => {
  it.effect("is not saved up while the user is silent", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call({ connection: new TestConnection({ transport: "webrtc" }) })
        yield* pass("10 minutes")
        const second = new Int16Array(16_000)
        for (let i = 0; i < 600; i++) user.connection.listener?.audio(second)
        yield* pass("1 second")
        user.connection.listener?.audio(second)
        const dropped = user.connection.of("audio.dropped")
        assert.isAbove(dropped.length, 0, "600 s of audio were taken at once")
        assert.strictEqual(dropped[0]?.reason, "faster than real time")
        // of the first 600 s, all but the burst of 20 s and the tolerance of 4 s
        assert.closeTo(dropped.reduce((sum, { ms }) => sum + ms, 0), 1_000, 1_000)
      })
    ))

  it.effect("takes what a network stall of 10 s has held back", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call({ connection: new TestConnection({ transport: "webrtc" }) })
        yield* pass("10 seconds")
        const frame = new Int16Array(320)
        for (let i = 0; i < 500; i++) user.connection.listener?.audio(frame)
        yield* user.hears(5_000)
        assert.deepStrictEqual(user.connection.of("audio.dropped"), [])
      })
    ))
})
