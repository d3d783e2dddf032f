import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { all } from "../../src/audio/AudioBranch.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Resampler from "../../src/audio/resampling/Resampler.ts"
import { defaults } from "../../src/backend/config/BackendConfig.ts"
import type { GivenProcessor } from "../../src/backend/engines/Processors.ts"
import * as BackendProvider from "../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { ConnectionFailed } from "../../src/BackendError.ts"
import { processors as builtin } from "../../src/builtin/Processors.ts"
import * as AudioProcessor from "../../src/hooks/AudioProcessor.ts"
import { AudioInput } from "../../src/session/input/AudioInput.ts"
import * as ProcessorChain from "../../src/session/input/ProcessorChain.ts"
import type { ProcessorIncident } from "../../src/session/input/ProcessorHealth.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import { fewer } from "../support/Full.ts"
import { call, echo, pass, provider, running } from "./Harness.ts"

const ramp = (length: number) => Int16Array.from({ length }, (_, i) => i % 10_000)
const add = (name: string, step: number, order = 0) =>
  AudioProcessor.sync({
    name,
    order,
    process: (pcm) => {
      for (let i = 0; i < pcm.length; i++) pcm[i] = pcm[i]! * step + 1
      return pcm
    }
  })
const batched = (
  name: string,
  process: (audio: Uint8Array) => Effect.Effect<Uint8Array, ConnectionFailed>
) => AudioProcessor.effect({ name, process })

const entry = (
  processor: AudioProcessor.AudioProcessor,
  overrides: Partial<ProcessorChain.ProcessorEntry> = {}
): ProcessorChain.ProcessorEntry => ({
  open: Effect.succeed(processor),
  appliesTo: all,
  onFailure: "bypass",
  ...overrides
})

const input = Effect.fnUntraced(function*(entries: ReadonlyArray<ProcessorChain.ProcessorEntry>) {
  const incidents: Array<ProcessorIncident> = []
  const chain = yield* ProcessorChain.make(entries, {
    sessionId: "s",
    metadata: () => ({ tenant: "t" }),
    timeout: Duration.seconds(1),
    onIncident: (incident) => void incidents.push(incident)
  })
  const input = new AudioInput<string>(yield* Resampler.load, () => {}, chain)
  const heard = { stt: new Array<number>(), vad: new Array<number>(), receive: new Array<number>() }
  for (const branch of all) {
    input.add({ sampleRate: 16_000, branch, push: (pcm) => void heard[branch].push(...pcm) })
  }
  return { incidents, input, heard, told: () => incidents.map(({ name, what }) => `${name} ${what}`) }
})

describe("ProcessorChain", () => {
  it.effect.prop(
    "passes audio unchanged through processors that change nothing, whatever the pieces, kinds and branches",
    [
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3_000 }))).check(
        Schema.isMinLength(1),
        Schema.isMaxLength(12)
      ),
      Schema.Array(Schema.Struct({
        batched: Schema.Boolean,
        appliesTo: Schema.NonEmptyArray(Schema.Literals(["stt", "vad", "receive"]))
      })).check(Schema.isMaxLength(4))
    ],
    ([pieces, stages]) =>
      Effect.gen(function*() {
        const run = yield* input(stages.map(({ appliesTo, batched: slow }, i) =>
          entry(
            slow ? batched(`${i}`, Effect.succeed) : AudioProcessor.sync({ name: `${i}`, process: (pcm) => pcm }),
            { appliesTo: [...appliesTo] }
          )
        ))
        const total = pieces.reduce((sum, size) => sum + size, 0)
        const whole = ramp(total)
        let at = 0
        for (const size of pieces) {
          run.input.push(whole.subarray(at, at += size))
          yield* TestClock.adjust(100)
        }
        let settled = false
        run.input.settle(() => {
          settled = true
        })
        yield* TestClock.adjust(1_000)
        assert.isTrue(settled)
        assert.strictEqual(run.input.position, total)
        assert.deepStrictEqual(run.heard.stt, Array.from(whole))
        assert.deepStrictEqual(run.heard.vad, Array.from(whole))
        // a batch for listeners alone may still be filling
        assert.deepStrictEqual(run.heard.receive, Array.from(whole).slice(0, run.heard.receive.length))
        assert.isAtLeast(run.heard.receive.length, total - 4 * 1_600)
        assert.deepStrictEqual(run.incidents, [])
      }).pipe(Effect.scoped),
    { arbitrary: { runs: fewer(40) } }
  )

  it.effect("runs processors by `order`, equal ones in the order of the config, each on its branches only", () =>
    Effect.gen(function*() {
      const run = yield* input([
        entry(add("last", 2, 5)),
        entry(add("first", 3), { appliesTo: ["receive"] }),
        entry(add("second", 5)),
        entry(add("early", 7, 9), { order: -1, appliesTo: ["stt", "receive"] })
      ])
      run.input.push(new Int16Array(320).fill(10))
      const early = 10 * 7 + 1
      assert.strictEqual(run.heard.vad[0], (10 * 5 + 1) * 2 + 1)
      assert.strictEqual(run.heard.stt[0], (early * 5 + 1) * 2 + 1)
      assert.strictEqual(run.heard.receive[0], ((early * 3 + 1) * 5 + 1) * 2 + 1)
      assert.strictEqual(run.input.position, 320)
    }))

  it.effect("bypasses a processor that throws or returns an invalid result, retries it, and then bypasses it for good", () =>
    Effect.gen(function*() {
      let calls = 0
      let broken = true
      const run = yield* input([
        entry(AudioProcessor.sync({
          name: "flaky",
          process: (pcm) => {
            calls++
            if (!broken) return pcm.fill(7)
            pcm.fill(-1)
            if (calls % 2 === 0) throw new Error("secret")
            return pcm.subarray(1)
          }
        }))
      ])
      const second = () => {
        for (let i = 0; i < 51; i++) run.input.push(new Int16Array(320).fill(5))
      }
      second()
      assert.deepStrictEqual(run.told(), ["flaky failed"])
      assert.strictEqual(run.incidents[0]?.error?.code, "pipeline_error")
      assert.deepStrictEqual([...new Set(run.heard.stt)], [5])
      broken = false
      run.input.push(new Int16Array(320).fill(5))
      assert.deepStrictEqual(run.told(), ["flaky failed", "flaky recovered"])
      assert.strictEqual(run.heard.stt.at(-1), 7)
      broken = true
      for (let i = 0; i < 60; i++) second()
      assert.strictEqual(run.told().at(-1), "flaky bypassed")
      assert.isBelow(calls, 10)
      assert.strictEqual(run.heard.stt.length, run.input.position)
    }))

  it.effect("keeps audio in order over slow batches, and bounds a processor that fails, hangs or is too slow", () =>
    Effect.gen(function*() {
      let mode: "good" | "fails" | "hangs" | "stuck" | "slow" | "short" = "good"
      let most = 0
      let active = 0
      const run = yield* input([
        entry(
          batched("remote", (bytes) =>
            Effect.suspend(() => {
              most = Math.max(most, ++active)
              if (mode === "fails") return Effect.fail(new ConnectionFailed({ op: "x", message: "gone" }))
              if (mode === "hangs") return Effect.never
              if (mode === "stuck") return Effect.uninterruptible(Effect.sleep("5 seconds")).pipe(Effect.as(bytes))
              if (mode === "short") return Effect.succeed(bytes.subarray(2))
              return Effect.as(Effect.sleep(mode === "slow" ? 180 : 40), bytes)
            }).pipe(Effect.ensuring(Effect.sync(() => active--)))),
          { appliesTo: ["stt"] }
        )
      ])
      const whole = ramp(16_000 * 120)
      let at = 0
      const seconds = (count: number) =>
        Effect.repeat(
          Effect.suspend(() => {
            run.input.push(whole.subarray(at, at += 320))
            return TestClock.adjust(20)
          }),
          { times: 50 * count - 1 }
        )
      yield* seconds(1)
      assert.isTrue(run.input.behind >= 640 && run.input.behind <= 3_200, `${run.input.behind}`)
      const codes: Array<string | undefined> = []
      for (const next of ["fails", "hangs", "short", "slow"] as const) {
        mode = next
        yield* seconds(4)
        codes.push(run.incidents.findLast(({ what }) => what === "failed")?.error?.code)
        assert.isAtMost(run.input.behind, 16_000 * 1.6, next)
        mode = "good"
        // failures are forgotten after 10 s of good audio
        yield* seconds(24)
      }
      assert.deepStrictEqual(codes, ["connection_failed", "timeout", "pipeline_error", "timeout"])
      run.input.settle(() => {})
      yield* TestClock.adjust(1_000)
      assert.strictEqual(most, 1)
      assert.strictEqual(run.input.position, at)
      assert.deepStrictEqual(run.heard.stt, Array.from(whole.subarray(0, at)))
      assert.deepStrictEqual(run.heard.vad, run.heard.stt)
    }).pipe(Effect.scoped))

  it.effect("loses nothing of audio that arrives faster than real time, and holds a bounded part of it", () =>
    Effect.gen(function*() {
      const run = yield* input([entry(batched("remote", (bytes) => Effect.as(Effect.sleep(50), bytes)))])
      const whole = ramp(16_000 * 5)
      run.input.push(whole)
      yield* pass("4 seconds")
      assert.deepStrictEqual(run.heard.stt, Array.from(whole))
      assert.deepStrictEqual(run.told(), [])
      run.input.push(ramp(16_000 * 20))
      assert.isAtMost(run.input.behind, 16_000 * 6.2)
      assert.strictEqual(run.told()[0], "remote failed")
    }).pipe(Effect.scoped))

  it.effect("bypasses a processor that cannot be opened, and reports it with the first audio", () =>
    Effect.gen(function*() {
      const gone = Effect.fail(new ConnectionFailed({ op: "x", message: "no licence" }))
      const run = yield* input([entry(add("x", 1), { name: "gone", open: gone }), entry(add("add", 1))])
      assert.deepStrictEqual(run.told(), [])
      run.input.push(new Int16Array(320))
      assert.deepStrictEqual(run.told(), ["gone bypassed"])
      assert.strictEqual(run.heard.stt[0], 1)
      const stop = yield* Effect.flip(input([entry(add("x", 1), { open: gone, onFailure: "stop" })]))
      assert.strictEqual(stop.code, "connection_failed")
    }).pipe(Effect.scoped))
})

const layer = (processors: ReadonlyArray<GivenProcessor>, noise: Layer.Layer<never> = Layer.empty) =>
  VoiceBackend.layerSttTts({ agent: echo, processors, config: { conversation: defaults.conversation } }).pipe(
    Layer.provide([
      Layer.succeed(BackendProvider.BackendProvider, provider()),
      Scripted.layerStt(["one", "two"]),
      Scripted.layerTts(),
      Scripted.layerVad(),
      noise
    ])
  )

describe("processors of a session", () => {
  it.effect("keep speech from the agent when they mute it", () =>
    running(
      layer([AudioProcessor.sync({ name: "mute", process: (pcm) => pcm.fill(0) })]),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(500)
        yield* user.hears(2_000)
        assert.deepStrictEqual(yield* user.said, [])
      })
    ))

  it.effect("change only `receiveAudio` when they apply to that branch, and get the session's metadata", () => {
    const seen: Array<unknown> = []
    const mute = AudioProcessor.sync({
      name: "mute",
      process: (pcm, { metadata, sampleRate }) => {
        seen.push([sampleRate, metadata["loud"]])
        return pcm.fill(0)
      }
    })
    return running(
      layer([{ use: mute, appliesTo: ["receive"] }]),
      Effect.gen(function*() {
        const user = yield* call({ config: { metadata: { loud: false } } })
        const heard = yield* Effect.forkChild(Stream.runCollect(Stream.take(user.session.receiveAudio, 3)), {
          startImmediately: true
        })
        yield* user.speaks(500)
        yield* user.session.updateMetadata({ loud: true })
        yield* user.hears(2_000)
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one."])
        for (const batch of yield* Fiber.join(heard)) assert.strictEqual(Pcm.peak(Pcm.toInt16(batch)), 0)
        assert.deepStrictEqual(seen[0], [16_000, false])
        assert.deepStrictEqual(seen.at(-1), [16_000, true])
      })
    )
  })

  it.effect("may work on batches: turns are delayed and complete, also at the end of a stream", () =>
    running(
      layer([batched("remote", (bytes) => Effect.as(Effect.sleep(60), bytes))]),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(500)
        yield* user.hears(2_500)
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one."])
        const backend = yield* VoiceBackend
        const session = yield* backend.createSession({ userId: "u", transport: "websocket" })
        const whole = yield* Effect.forkChild(
          Stream.runDrain(session.pipeline(Stream.succeed(Pcm.fromInt16(Scripted.speech(10_050)))))
        )
        yield* pass("30 seconds")
        yield* Fiber.join(whole)
        assert.deepStrictEqual((yield* session.history).map(({ text }) => text), ["two", "You said two."])
      })
    ))

  it.effect("end the session with `on_failure: stop`, and are reported otherwise", () =>
    Effect.forEach([["bypass", "failed"], ["stop", "stopped"]] as const, ([onFailure, what]) => {
      const broken = AudioProcessor.sync({
        name: "broken",
        process: () => {
          throw new Error("user speech")
        }
      })
      return running(
        layer([{ use: broken, onFailure }]),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.speaks(500)
          yield* user.hears(500)
          const [incident] = user.connection.of("processor.incident")
          assert.deepInclude(incident, { name: "broken", what, code: "pipeline_error" })
          assert.notInclude(JSON.stringify(user.connection.events), "user speech")
          if (onFailure === "bypass") {
            yield* user.hears(1_500)
            assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one."])
          } else {
            assert.strictEqual(yield* user.session.ended, "failed")
          }
        })
      )
    }))

  it.effect("are refused with invalid options, by their paths", () =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(
        Effect.scoped(Layer.build(layer([{ use: builtin.gain, options: { db: 500, colour: "s3cret" } }])))
      )
      assert.strictEqual(failure.code, "invalid_config")
      assert.include(failure.message, "processors.0.options.db")
      assert.include(failure.message, "processors.0.options.colour")
      assert.notInclude(failure.message, "s3cret")
    }))
})
