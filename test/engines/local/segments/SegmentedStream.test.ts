import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { type BackendError, PipelineError } from "../../../../src/BackendError.ts"
import * as DecodeQueue from "../../../../src/engines/local/segments/DecodeQueue.ts"
import * as SegmentedStream from "../../../../src/engines/local/segments/SegmentedStream.ts"
import type { SpeechToTextStream, TranscriptEvent } from "../../../../src/speech/SpeechToText.ts"
import { frames, until } from "../../Recordings.ts"

/** Samples that carry their own position, in blocks of 100 ms: a transcript shows what was decoded. */
const tone = (from: number, to: number) =>
  Int16Array.from({ length: to - from }, (_, i) => 1_000 + Math.floor((from + i) / 1_600) * 10)

const range = (samples: Float32Array) => {
  const spoken = samples.filter((sample) => sample !== 0)
  const block = (sample: number) => Math.round((sample * 32768 - 1_000) / 10)
  return `${block(spoken[0]!)}-${block(spoken[spoken.length - 1]!)}`
}

const open = Effect.fnUntraced(function*(
  decode: (samples: Float32Array) => Effect.Effect<string, BackendError> = (samples) => Effect.succeed(range(samples)),
  interimInterval?: number
) {
  const queue = yield* DecodeQueue.make({ engine: "moonshine", parallel: 1, maxQueued: 8, timeout: "10 seconds" })
  const count = { decodes: 0 }
  const stream = yield* SegmentedStream.make({
    engine: "moonshine",
    language: "en",
    recognizer: {
      decode: (samples) =>
        Effect.suspend(() => {
          count.decodes++
          return decode(samples)
        })
    },
    queue,
    interimInterval
  })
  return { stream, queue, count }
})

const started = (at: number) => ({ _tag: "SpeechStarted", atSample: at, decidedAtSample: at }) as const
const stopped = (at: number) => ({ _tag: "SpeechStopped", atSample: at, decidedAtSample: at }) as const

const push = (stream: SpeechToTextStream, from: number, to: number) => {
  for (const frame of frames(tone(from, to))) stream.push(frame)
}

const tags = (events: ReadonlyArray<TranscriptEvent>) =>
  events.map((event) =>
    event._tag === "Finalized" ? `#${event.id}` : event._tag === "EndOfTurn" ? "end" : `${event._tag} ${event.text}`
  )

describe("SegmentedStream", () => {
  it.effect("decodes from 300 ms before the start to 300 ms after the end of speech, and nothing else", () =>
    Effect.gen(function*() {
      const { stream } = yield* open()
      push(stream, 0, 160_000)
      stream.activity(started(160_000))
      push(stream, 160_000, 176_000)
      stream.activity(stopped(174_400))
      push(stream, 176_000, 184_000)
      stream.finalize(1, 184_000)
      assert.deepEqual(tags(yield* until(stream, 1)), ["Final 97-109", "#1"])
    }).pipe(Effect.scoped))

  it.effect("uses the decode that began when speech stopped", () =>
    Effect.gen(function*() {
      const { count, stream } = yield* open()
      stream.activity(started(0))
      push(stream, 0, 32_000)
      stream.activity(stopped(28_800))
      for (let i = 0; i < 10; i++) yield* Effect.yieldNow
      assert.strictEqual(count.decodes, 1)
      push(stream, 32_000, 40_000)
      stream.finalize(7, 38_000)
      const events = yield* until(stream, 7)
      assert.deepEqual(tags(events), ["Final 0-19", "#7"])
      assert.strictEqual(count.decodes, 1)
    }).pipe(Effect.scoped))

  const quiet = (stream: SpeechToTextStream, samples: number) => {
    for (const frame of frames(new Int16Array(samples))) stream.push(frame)
  }

  it.effect("decodes 100 ms after the utterance has become quiet, and uses that when its speech has stopped", () =>
    Effect.gen(function*() {
      const { count, stream } = yield* open()
      stream.activity(started(0))
      push(stream, 0, 16_000)
      quiet(stream, 1_280)
      for (let i = 0; i < 10; i++) yield* Effect.yieldNow
      assert.strictEqual(count.decodes, 0)
      quiet(stream, 320)
      for (let i = 0; i < 10; i++) yield* Effect.yieldNow
      assert.strictEqual(count.decodes, 1)
      quiet(stream, 1_920)
      stream.activity(stopped(16_000))
      quiet(stream, 3_200)
      stream.finalize(1, 22_400)
      assert.deepEqual(tags(yield* until(stream, 1)), ["Final 0-9", "#1"])
      assert.strictEqual(count.decodes, 1)
    }).pipe(Effect.scoped))

  it.effect("does not decode again what a detector hears in the quiet for 200 ms, and does what it hears for longer", () =>
    Effect.gen(function*() {
      for (const [stoppedAt, decodes] of [[20_800, 1], [20_801, 2]] as const) {
        const { count, stream } = yield* open()
        stream.activity(started(0))
        push(stream, 0, 16_000)
        quiet(stream, 8_000)
        for (let i = 0; i < 10; i++) yield* Effect.yieldNow
        stream.activity(stopped(stoppedAt))
        stream.finalize(1, 24_000)
        yield* until(stream, 1)
        assert.strictEqual(count.decodes, decodes)
      }
    }).pipe(Effect.scoped))

  it.effect("decodes again what follows a quiet moment, whether or not its end was noticed", () =>
    Effect.gen(function*() {
      const { count, stream } = yield* open()
      stream.activity(started(0))
      push(stream, 0, 16_000)
      quiet(stream, 1_600)
      for (let i = 0; i < 10; i++) yield* Effect.yieldNow
      assert.strictEqual(count.decodes, 1)
      push(stream, 17_600, 19_200)
      stream.finalize(1, 19_200)
      assert.deepEqual(tags(yield* until(stream, 1)), ["Final 0-11", "#1"])
      assert.strictEqual(count.decodes, 2)
    }).pipe(Effect.scoped))

  it.effect("leaves the recogniser to others: a quiet moment is not decoded while it is busy", () =>
    Effect.gen(function*() {
      const never = yield* Deferred.make<string>()
      const { count, queue, stream } = yield* open(() => Deferred.await(never))
      yield* Effect.forkChild(queue.final(Deferred.await(never)))
      yield* Effect.yieldNow
      stream.activity(started(0))
      push(stream, 0, 16_000)
      quiet(stream, 3_200)
      for (let i = 0; i < 10; i++) yield* Effect.yieldNow
      assert.deepEqual([count.decodes, queue.load().finals], [0, 0])
    }).pipe(Effect.scoped))

  it.effect("decodes again when speech continues after a pause", () =>
    Effect.gen(function*() {
      const { stream } = yield* open(undefined, 8_000)
      stream.activity(started(0))
      push(stream, 0, 16_000)
      stream.activity(stopped(14_400))
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      push(stream, 16_000, 19_200)
      stream.activity(started(18_000))
      push(stream, 19_200, 32_000)
      stream.activity(stopped(30_400))
      push(stream, 32_000, 40_000)
      stream.finalize(1, 40_000)
      const events = yield* until(stream, 1)
      assert.deepEqual(tags(events.filter((event) => event._tag !== "Interim")), ["Final 0-19", "#1"])
      assert.include(tags(events), "Interim 0-9")
    }).pipe(Effect.scoped))

  it.effect("answers every finalize once, in order, also without speech", () =>
    Effect.gen(function*() {
      const { count, stream } = yield* open(() => Effect.succeed(""))
      stream.finalize(1, 0)
      stream.push(new Int16Array(32_000))
      stream.finalize(2, 32_000)
      stream.activity(started(32_000))
      push(stream, 32_000, 64_000)
      stream.activity(stopped(60_000))
      stream.finalize(3, 64_000)
      stream.finalize(4, 64_000)
      assert.deepEqual(tags(yield* until(stream, 4)), ["#1", "#2", "#3", "#4"])
      assert.strictEqual(count.decodes, 1)
    }).pipe(Effect.scoped))

  it.effect("decodes everything pushed when there is no detector, here 40 s", () =>
    Effect.gen(function*() {
      const { stream } = yield* open()
      push(stream, 0, 640_000)
      stream.finalize(1, 640_000)
      push(stream, 640_000, 672_000)
      stream.finalize(2, 672_000)
      const ranges = (yield* until(stream, 2)).flatMap((event) =>
        event._tag === "Final" ? [event.text.split("-").map(Number)] : []
      )
      assert.strictEqual(ranges[0]![0], 0)
      ranges.slice(1).forEach(([from], i) => assert.isAtMost(from! - ranges[i]![1]!, 1))
      assert.strictEqual(ranges[ranges.length - 1]![1], 419)
    }).pipe(Effect.scoped))

  it.effect("delivers long speech in order while it goes on", () =>
    Effect.gen(function*() {
      const { stream } = yield* open()
      const heard: Array<TranscriptEvent> = []
      yield* Effect.forkChild(Stream.runForEach(stream.events, (event) => Effect.sync(() => heard.push(event))))
      stream.activity(started(0))
      for (let at = 0; at < 640_000; at += 16_000) {
        push(stream, at, at + 16_000)
        for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      }
      assert.isAtLeast(heard.length, 2)
      stream.finalize(1, 640_000)
      for (let i = 0; i < 50; i++) yield* Effect.yieldNow
      assert.deepEqual(heard[heard.length - 1], { _tag: "Finalized", id: 1 })
      const texts = heard.flatMap((event) => event._tag === "Final" ? [event.text.split("-").map(Number)] : [])
      assert.strictEqual(texts[0]![0], 0)
      texts.slice(1).forEach(([from], i) => assert.isAtMost(from! - texts[i]![1]!, 1))
      assert.strictEqual(texts[texts.length - 1]![1], 399)
    }).pipe(Effect.scoped))

  it.effect("sends interims while the user speaks, and none of an earlier utterance", () =>
    Effect.gen(function*() {
      const { stream } = yield* open(undefined, 8_000)
      stream.activity(started(0))
      for (let at = 0; at < 48_000; at += 8_000) {
        push(stream, at, at + 8_000)
        for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      }
      stream.activity(stopped(44_800))
      stream.finalize(1, 48_000)
      assert.deepEqual(tags(yield* until(stream, 1)), [
        "Interim 0-4",
        "Interim 0-9",
        "Interim 0-14",
        "Interim 0-19",
        "Interim 0-24",
        "Interim 0-29",
        "Final 0-29",
        "#1"
      ])
    }).pipe(Effect.scoped))

  it.effect("retries a failed decode once, then fails its events", () =>
    Effect.gen(function*() {
      const broken = new PipelineError({ op: "test", message: "broken", retryable: true })
      let left = 1
      const flaky = yield* open((samples) => left-- > 0 ? Effect.fail(broken) : Effect.succeed(range(samples)))
      push(flaky.stream, 0, 16_000)
      flaky.stream.finalize(1, 16_000)
      assert.deepEqual(tags(yield* until(flaky.stream, 1)), ["Final 0-9", "#1"])
      const dead = yield* open(() => Effect.fail(broken))
      push(dead.stream, 0, 16_000)
      dead.stream.finalize(1, 16_000)
      assert.strictEqual((yield* Effect.flip(until(dead.stream, 1))).code, "pipeline_error")
      assert.strictEqual(dead.count.decodes, 2)
      push(dead.stream, 16_000, 32_000)
      dead.stream.finalize(2, 32_000)
      assert.strictEqual(dead.count.decodes, 2)
    }).pipe(Effect.scoped))

  it.effect("fails with timeout when a decode hangs", () =>
    Effect.gen(function*() {
      const { stream } = yield* open(() => Effect.never)
      push(stream, 0, 16_000)
      stream.finalize(1, 16_000)
      const fiber = yield* Effect.forkChild(Effect.flip(until(stream, 1)), { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).code, "timeout")
    }).pipe(Effect.scoped))

  it.effect("fails instead of growing when the recogniser is stuck", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<string>()
      const { stream } = yield* open(() => Deferred.await(gate))
      stream.activity(started(0))
      for (let at = 0; at < 120 * 16_000; at += 16_000) push(stream, at, at + 16_000)
      const error = yield* Effect.flip(until(stream, 1))
      assert.strictEqual(error.code, "pipeline_error")
      assert.isTrue(error.retryable)
    }).pipe(Effect.scoped))
})
