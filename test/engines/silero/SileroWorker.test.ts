/** Silero's worker when it exits, cannot start or is overloaded; and the parts around it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { spawnSync } from "node:child_process"
import type { Worker } from "node:worker_threads"
import * as OnnxRuntime from "../../../src/engines/local/OnnxRuntime.ts"
import { BatchedStream } from "../../../src/engines/silero/BatchedStream.ts"
import { type Batch, MAX_BATCH, type ModelRate, RESET } from "../../../src/engines/silero/BatchProtocol.ts"
import { BatchScheduler } from "../../../src/engines/silero/BatchScheduler.ts"
import { HalfBand } from "../../../src/engines/silero/HalfBand.ts"
import * as SileroWorker from "../../../src/engines/silero/SileroWorker.ts"
import { ModelStore } from "../../../src/models/ModelStore.ts"
import type { VoiceActivity } from "../../../src/speech/VoiceActivityDetector.ts"
import { frames, load, room } from "../Recordings.ts"

const options = {
  rate: 8_000,
  threshold: 0.5,
  minSpeech: 1_024,
  minSilence: 3_200,
  onsetLag: 512,
  offsetLag: 512
} as const

const model = Effect.gen(function*() {
  const { files } = yield* (yield* ModelStore).ensure("silero-vad")
  return files["silero_vad.onnx"]!
})

describe("SileroWorker", () => {
  it.layer(ModelStore.layer, { excludeTestServices: true })((it) => {
    it.effect.each(OnnxRuntime.PACKAGES)(
      "on %s restarts a worker that exits, and continues the utterance",
      (name) =>
        Effect.gen(function*() {
          const workers: Array<Worker> = []
          const { batches, probe } = yield* SileroWorker.make({
            model: yield* model,
            rate: 8_000,
            packages: [name],
            onWorker: (worker) => workers.push(worker)
          })
          const found: Array<VoiceActivity> = []
          const stream = new BatchedStream(batches, { ...options, onActivity: (activity) => found.push(activity) })
          const push = (samples: Int16Array) => {
            for (const frame of frames(samples)) stream.push(frame)
          }
          const speech = load("cold-hearted")
          push(room(0.5))
          push(speech.subarray(0, 24_000))
          yield* probe
          assert.deepEqual(found.map(({ _tag }) => _tag), ["SpeechStarted"])
          yield* Effect.promise(() => workers[0]!.terminate())
          // without a worker the state does not change
          push(speech.subarray(24_000, 28_000))
          yield* probe.pipe(Effect.retry(Schedule.spaced("20 millis")), Effect.timeout("2 minutes"))
          assert.lengthOf(workers, 2)
          push(speech.subarray(28_000))
          push(room(1))
          yield* probe
          assert.deepEqual(found.map(({ _tag }) => _tag), ["SpeechStarted", "SpeechStopped"])
          assert.isAbove(found[1]!.atSample, 8_000 + speech.length - 8_000)
        })
    )

    it.effect(
      "fails with a typed error without its package, with a wrong package, and with a file that is no model",
      () =>
        Effect.gen(function*() {
          const path = yield* model
          const absent = yield* Effect.flip(
            SileroWorker.make({ model: path, rate: 8_000, packages: ["no-such-runtime"] })
          )
          assert.strictEqual(absent.code, "invalid_config")
          assert.deepEqual(absent.details, { missing: ["no-such-runtime"], engine: "silero" })
          const other = yield* Effect.flip(SileroWorker.make({ model: path, rate: 8_000, packages: ["node:path"] }))
          assert.strictEqual(other.code, "pipeline_error")
          const file = new URL(import.meta.url).pathname
          const broken = yield* Effect.flip(
            SileroWorker.make({ model: file, rate: 8_000, packages: OnnxRuntime.PACKAGES })
          )
          assert.strictEqual(broken.code, "pipeline_error")
          assert.match(broken.message, /^silero's worker did not start: /u)
        })
    )

    it.effect("lets the process exit during an inference", () =>
      Effect.gen(function*() {
        const path = yield* model
        for (const afterMs of [0, 5, 15, 30]) {
          const script = new URL("./SileroExit.ts", import.meta.url).pathname
          const { signal, status, stderr } = spawnSync(
            process.execPath,
            ["--disable-warning=ExperimentalWarning", script, path, String(afterMs)],
            { encoding: "utf8", timeout: 120_000 }
          )
          assert.deepEqual([status, signal, stderr], [7, null, ""])
        }
      }))

    it.effect("exits with its scope", () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const workers: Array<Worker> = []
        const made = yield* Scope.provide(
          SileroWorker.make({
            model: yield* model,
            rate: 16_000,
            packages: OnnxRuntime.PACKAGES,
            onWorker: (worker) => workers.push(worker)
          }),
          scope
        )
        yield* made.probe
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(workers[0]!.threadId, -1)
        assert.lengthOf(workers, 1)
        assert.strictEqual((yield* Effect.flip(made.probe)).code, "pipeline_error")
      }))
  })
})

const scheduler = (rate: ModelRate = 8_000) => {
  const sent: Array<Batch> = []
  const batches = new BatchScheduler({ rate, now: () => 0, send: (batch) => sent.push(batch), onFirst: () => {} })
  batches.workerStarted()
  return { batches, sent }
}

describe("BatchScheduler", () => {
  it("sends full batches, reuses their memory, and rejects windows when too much is in flight", () => {
    const { batches, sent } = scheduler()
    const results: Array<number> = []
    const slots = Array.from({ length: 10 }, (_, index) => batches.openSlot(() => results.push(index)))
    let taken = 0
    const push = () => batches.push(slots[taken % 10]!, (samples, at) => samples.fill(taken, at, at + 256))
    while (taken < 100_000 && push()) taken++
    // sixteen batches in flight is the limit
    assert.strictEqual(taken, 16 * MAX_BATCH)
    assert.lengthOf(sent, 16)
    assert.strictEqual(sent[0]!.slots[0], slots[0]!.index | RESET)
    assert.strictEqual(sent[0]!.slots[10], slots[0]!.index)
    assert.strictEqual(sent[0]!.samples[256], 1)
    batches.classified(sent[0]!.index)
    assert.deepEqual(results, Array.from({ length: MAX_BATCH }, (_, index) => index % 10))
    for (let i = 0; i < MAX_BATCH; i++) assert.isTrue(push())
    // there are seventeen batches, and none is in flight and being filled at once
    assert.isAtMost(new Set(sent).size, 17)
    assert.isFalse(sent.slice(1, 16).includes(sent[16]!))
    assert.isFalse(push())
  })

  it("drops results of closed slots, reuses their indexes, and reports lost windows as NaN", () => {
    const { batches, sent } = scheduler()
    const results: Array<string> = []
    const openSlot = (name: string) => batches.openSlot((speech) => results.push(`${name} ${speech}`))
    const [a, b, ...others] = ["a", "b", "c", "d"].map(openSlot)
    for (const each of [a!, b!]) batches.push(each, () => {})
    batches.flush()
    batches.closeSlot(a!)
    batches.closeSlot(a!)
    assert.strictEqual(batches.open, 3)
    const next = openSlot("e")
    assert.strictEqual(next.index, a!.index)
    sent[0]!.speech.set([0.25, 0.5])
    batches.classified(sent[0]!.index)
    assert.deepEqual(results, ["b 0.5"])
    batches.push(b!, () => {})
    batches.flush()
    batches.push(others[0]!, () => {})
    batches.workerStopped()
    assert.deepEqual(results, ["b 0.5", "b NaN", "c NaN"])
    assert.isFalse(batches.push(b!, () => {}))
    batches.workerStarted()
    for (const each of [b!, b!, others[0]!, others[1]!]) batches.push(each, () => {})
    batches.flush()
    assert.deepEqual(Array.from(sent[2]!.slots.subarray(0, 4), (slot) => (slot & RESET) !== 0), [
      true,
      false,
      true,
      true
    ])
  })
})

describe("BatchedStream", () => {
  it("does not send silence, and sends the windows before a sound first", () => {
    const { batches, sent } = scheduler(16_000)
    const stream = new BatchedStream(batches, { ...options, rate: 16_000, onActivity: () => {} })
    batches.openSlot(() => {})
    batches.openSlot(() => {})
    batches.openSlot(() => {})
    const sentWindows = () => {
      batches.flush()
      return sent.splice(0).map((batch) => {
        const count = batch.count
        batch.speech.fill(0)
        batches.classified(batch.index)
        return count
      }).reduce((sum, count) => sum + count, 0)
    }
    let classified = 0
    for (let i = 0; i < 20; i++) {
      stream.push(new Int16Array(512))
      classified += sentWindows()
    }
    assert.strictEqual(classified, 8)
    // 40 windows of silence: none is sent; then a sound, and the three windows before it
    for (let i = 0; i < 40; i++) stream.push(Int16Array.from({ length: 512 }, () => i % 2))
    assert.strictEqual(sentWindows(), 0)
    stream.push(new Int16Array(512).fill(1_000))
    assert.strictEqual(sentWindows(), 4)
  })

  it.effect.prop(
    "finds the same for any delay of the results and any size of the pushed pieces",
    [
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))),
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2_000 })))
    ],
    ([delays, cuts]) =>
      Effect.sync(() => {
        const pcm = Int16Array.from(
          { length: 512 * 60 },
          (_, i) => i % 20_480 < 9_000 ? 8_000 : i % 20_480 < 12_000 ? 100 : 0
        )
        const find = (late: ReadonlyArray<number>, sizes: ReadonlyArray<number>) => {
          const { batches, sent } = scheduler(16_000)
          const found: Array<VoiceActivity> = []
          const stream = new BatchedStream(batches, {
            ...options,
            rate: 16_000,
            onActivity: (activity) => found.push(activity)
          })
          const answer = (all: boolean) => {
            batches.flush()
            while (sent.length > (all ? 0 : late[at % late.length] ?? 0)) {
              const batch = sent.shift()!
              for (let i = 0; i < batch.count; i++) batch.speech[i] = batch.samples[i * 512]! > 0.1 ? 0.9 : 0.1
              batches.classified(batch.index)
            }
          }
          let at = 0
          for (let n = 0; at < pcm.length; n++) {
            const size = sizes[n % sizes.length] ?? 320
            stream.push(pcm.subarray(at, at + size))
            at += size
            answer(false)
          }
          answer(true)
          return found
        }
        const expected = find([], [])
        assert.isAbove(expected.length, 2)
        const found = find(delays, cuts)
        assert.deepEqual(
          found.map(({ _tag, atSample }) => ({ _tag, atSample })),
          expected.map(({ _tag, atSample }) => ({ _tag, atSample }))
        )
      })
  )
})

describe("HalfBand", () => {
  const tone = (hz: number) => Float32Array.from({ length: 5_120 }, (_, i) => Math.sin(2 * Math.PI * hz * i / 16_000))
  const through = (samples: Float32Array, block: number) => {
    const half = new HalfBand(block)
    const out = new Float32Array(samples.length / 2)
    for (let at = 0; at < samples.length; at += block) half.process(samples.subarray(at, at + block), out, at / 2)
    return out
  }
  const level = (samples: Float32Array) =>
    10 * Math.log10(2 * samples.subarray(64).reduce((sum, sample) => sum + sample * sample, 0) / (samples.length - 64))

  it("keeps frequencies below 2.5 kHz, and does not alias those above 5.5 kHz", () => {
    for (const hz of [100, 1_000, 2_500]) assert.closeTo(level(through(tone(hz), 512)), 0, 0.2, `${hz} Hz`)
    for (const hz of [5_500, 6_000, 7_500]) assert.isBelow(level(through(tone(hz), 512)), -45, `${hz} Hz`)
  })

  it("gives the same for any block length", () => {
    assert.deepEqual(through(tone(700), 64), through(tone(700), 512))
  })
})
