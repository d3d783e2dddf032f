/**
 * The suite of noise suppressors: what `NoiseSuppressor` promises.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Pcm from "../../../audio/Pcm.ts"
import type { BackendError } from "../../../BackendError.ts"
import { NoiseSuppressor, type NoiseSuppressorStream } from "../../../speech/NoiseSuppressor.ts"
import { assertCompletesWithin, assertThat, fail, type Failure } from "../Assertions.ts"
import type { Case } from "../Case.ts"
import * as PartSuite from "../PartSuite.ts"
import { assertDescribed, assertRate, assertReleases, failureRow } from "./EngineChecks.ts"
import { atRate, cut, noise, ODD_SIZES, silence, type Spoken } from "./TestAudio.ts"

/**
 * The noise suppressor under test.
 *
 * - `layer`: the suppressor; it is built for each case.
 * - `speech`: clean speech, at least a second of it.
 * - `failing`: the suppressor where it cannot work: opening a stream of it must fail. Default: how it fails is not checked.
 * - `reducesDb`: by how much it makes steady noise quieter, at least, in dB. Default: 3.
 *
 * @category models
 * @since 0.1.0
 */
export interface NoiseSuppressorHarness extends PartSuite.PartHarness {
  readonly layer: Layer.Layer<NoiseSuppressor, BackendError>
  readonly speech: Pick<Spoken, "pcm" | "sampleRate">
  /** The suppressor where it cannot work. Default: how it fails is not checked. */
  readonly failing?: Layer.Layer<NoiseSuppressor, BackendError> | undefined
  /** By how many dB it makes steady noise quieter, at least. Default: 3. */
  readonly reducesDb?: number | undefined
}

interface NoisePart {
  readonly engine: NoiseSuppressor["Service"]
  readonly speech: Int16Array
  readonly reducesDb: number
  readonly failing: Layer.Layer<NoiseSuppressor, BackendError> | undefined
}

/** How much speech it may take away. */
const MAX_LOSS_DB = 10
/** How much it may make it louder, and how much it may change its shape. */
const MAX_GAIN_DB = 3
const MIN_LIKENESS = 0.6
const LATENCY_TOLERANCE_MS = 5
/** What an average suppressor has learnt of a noise. */
const WARM_UP_MS = 2_000
const BRANCHES: ReadonlyArray<string> = ["stt", "vad", "receive"]

/** Processes frames, each in a buffer that is overwritten afterwards; fails where the length changes. */
const through = (
  stream: NoiseSuppressorStream,
  frames: ReadonlyArray<Int16Array>
): Effect.Effect<Int16Array, Failure> =>
  Effect.suspend(() => {
    const output: Array<Int16Array> = []
    for (const frame of frames) {
      let given: Int16Array = frame
      // the result is only valid until the next call, and may be the buffer that was given
      const buffer = Int16Array.from(frame)
      const result = stream.process(buffer)
      if (!(result instanceof Int16Array)) {
        return fail(`expected that process gives an Int16Array, and not ${Object.prototype.toString.call(result)}`)
      }
      given = Int16Array.from(result)
      buffer.fill(-7_777)
      if (given.length !== frame.length) return fail(`${frame.length} samples became ${given.length}`)
      output.push(given)
    }
    return Effect.succeed(Pcm.concat(output))
  })

const process = (
  { engine }: Pick<NoisePart, "engine">,
  pcm: Int16Array,
  sizes?: ReadonlyArray<number>
): Effect.Effect<Int16Array, Failure, Scope.Scope> =>
  Effect.flatMap(
    assertCompletesWithin("1 minute", "opening a stream", engine.open),
    (stream) => through(stream, cut(pcm, engine.sampleRate, sizes))
  )

const same = (one: Int16Array, other: Int16Array): boolean =>
  one.length === other.length && one.every((sample, i) => sample === other[i])

/** How well the second is the first, `delay` samples later: 1 is the same. */
const likeness = (one: Int16Array, other: Int16Array, delay: number): number => {
  let product = 0
  let power = 0
  let otherPower = 0
  for (let i = 0; i + delay < other.length && i < one.length; i++) {
    const [a, b] = [one[i] ?? 0, other[i + delay] ?? 0]
    product += a * b
    power += a * a
    otherPower += b * b
  }
  return power === 0 || otherPower === 0 ? 0 : product / Math.sqrt(power * otherPower)
}

const rows: ReadonlyArray<PartSuite.PartRow<NoisePart>> = [
  {
    id: "noise.Describe",
    title: "has a name, a rate, a latency, and the branches that it applies to",
    check: ({ engine }) =>
      Effect.gen(function*() {
        yield* assertDescribed(engine.name)
        yield* assertRate("sampleRate", engine.sampleRate)
        yield* assertThat(
          Number.isInteger(engine.latencySamples) && engine.latencySamples >= 0 &&
            engine.latencySamples <= engine.sampleRate,
          `latencySamples is a number of samples, at most 1 s, and not ${engine.latencySamples}`
        )
        for (const branch of engine.appliesTo ?? []) {
          yield* assertThat(BRANCHES.includes(branch), `a branch is one of ${BRANCHES.join(", ")}, and not ${branch}`)
        }
      })
  },
  {
    id: "noise.Length",
    title: "gives as many samples as it takes, whatever the frames are, and the same samples",
    check: (part) =>
      Effect.gen(function*() {
        const pcm = part.speech.subarray(0, part.engine.sampleRate)
        const even = yield* process(part, pcm)
        const stream = yield* part.engine.open
        yield* through(stream, [new Int16Array(0)])
        yield* assertThat(
          same(yield* through(stream, cut(pcm, part.engine.sampleRate)), even),
          "a frame of no samples changes nothing"
        )
        for (const sizes of [ODD_SIZES, [pcm.length]]) {
          yield* assertThat(
            same(yield* process(part, pcm, sizes), even),
            `frames of ${sizes.join(", ")} samples give the samples that frames of 20 ms give`
          )
        }
      })
  },
  {
    id: "noise.Latency",
    title: "delays speech by the latency that it declares",
    check: (part) =>
      Effect.gen(function*() {
        const { latencySamples, sampleRate } = part.engine
        const output = yield* process(part, Pcm.concat([part.speech, silence(1_000, sampleRate)]))
        const most = latencySamples + Math.round(sampleRate / 10)
        let best = 0
        let bestLikeness = 0
        for (let delay = 0; delay <= most; delay++) {
          const value = likeness(part.speech, output, delay)
          if (value <= bestLikeness) continue
          best = delay
          bestLikeness = value
        }
        yield* assertThat(
          Math.abs(best - latencySamples) <= sampleRate * LATENCY_TOLERANCE_MS / 1000,
          `speech comes after latencySamples, ${latencySamples}, and not after ${best}`
        )
      })
  },
  {
    id: "noise.Noise",
    title: "makes steady noise quieter",
    check: (part) =>
      Effect.gen(function*() {
        const { sampleRate } = part.engine
        const input = noise(2 * WARM_UP_MS, sampleRate, 1_500)
        const from = sampleRate * WARM_UP_MS / 1000
        const output = yield* process(part, input)
        const less = Pcm.rmsDbfs(input.subarray(from)) - Pcm.rmsDbfs(output.subarray(from))
        yield* assertThat(
          less >= part.reducesDb,
          `noise is ${part.reducesDb} dB quieter, and not ${less.toFixed(1)} dB`
        )
      })
  },
  {
    id: "noise.Speech",
    title: "leaves speech as it is, and silence silent",
    check: (part) =>
      Effect.gen(function*() {
        const { latencySamples, sampleRate } = part.engine
        const output = yield* process(part, Pcm.concat([part.speech, new Int16Array(latencySamples)]))
        const less = Pcm.rmsDbfs(part.speech) - Pcm.rmsDbfs(output.subarray(latencySamples))
        yield* assertThat(less <= MAX_LOSS_DB, `speech loses at most ${MAX_LOSS_DB} dB, and not ${less.toFixed(1)} dB`)
        const like = likeness(part.speech, output, latencySamples)
        yield* assertThat(
          like >= MIN_LIKENESS,
          `speech stays as it is, but for ${MIN_LIKENESS} of 1: what comes out is ${like.toFixed(2)} of it`
        )
        yield* assertThat(
          -less <= MAX_GAIN_DB,
          `speech gains at most ${MAX_GAIN_DB} dB, and not ${(-less).toFixed(1)} dB`
        )
        const quiet = yield* process(part, silence(1_000, sampleRate))
        yield* assertThat(Pcm.peak(quiet) <= 8, `silence stays silent: its loudest sample is ${Pcm.peak(quiet)}`)
      })
  },
  {
    id: "noise.Extremes",
    title: "recovers from audio as loud as it can be: silence is silent after it, and speech is heard",
    check: (part) =>
      Effect.gen(function*() {
        const { engine: { sampleRate }, speech } = part
        const square = Int16Array.from({ length: sampleRate }, (_, i) => i % 40 < 20 ? 32_767 : -32_768)
        const input = Pcm.concat([square, noise(500, sampleRate, 32_767), silence(2_000, sampleRate), speech])
        const output = yield* process(part, input)
        const at = input.length - speech.length
        const quiet = Pcm.peak(output.subarray(at - sampleRate / 2, at))
        yield* assertThat(quiet <= 8, `silence is silent 1.5 s after loud noise: its loudest sample is ${quiet}`)
        yield* assertThat(Pcm.peak(output.subarray(at)) > 300, "speech after loud noise is heard")
      })
  },
  {
    id: "noise.Minute",
    title: "works after a minute as in the first second",
    check: (part) =>
      Effect.gen(function*() {
        const { sampleRate } = part.engine
        const stream = yield* part.engine.open
        const minute = yield* through(stream, cut(silence(60_000, sampleRate), sampleRate))
        yield* assertThat(
          Pcm.peak(minute) <= 8,
          `a silent minute stays silent: its loudest sample is ${Pcm.peak(minute)}`
        )
        const speech = yield* through(stream, cut(part.speech, sampleRate))
        yield* assertThat(Pcm.peak(speech) > 300, "speech after a silent minute is heard")
      })
  },
  {
    id: "noise.Sessions",
    title: "keeps two sessions apart that take turns",
    check: (part) =>
      Effect.gen(function*() {
        const { engine, speech } = part
        const frames = cut(speech, engine.sampleRate)
        const alone = yield* process(part, speech)
        const [one, other] = yield* Effect.all([engine.open, engine.open])
        const output: Array<Int16Array> = []
        for (const frame of frames) {
          output.push(yield* through(one, [frame]))
          yield* through(other, [noise(20, engine.sampleRate, 20_000)])
        }
        yield* assertThat(same(Pcm.concat(output), alone), "a session beside another gives what it gives alone")
      })
  },
  failureRow(
    "noise",
    (failing: NonNullable<NoisePart["failing"]>) =>
      Effect.flatMap(Layer.build(failing), (context) => Context.get(context, NoiseSuppressor).open)
  ),
  {
    id: "noise.Release",
    title: "releases a session that is closed, and works on",
    check: (part) =>
      Effect.gen(function*() {
        yield* assertReleases(() => process(part, part.speech.subarray(0, part.engine.sampleRate / 10)))
        yield* assertThat(Pcm.peak(yield* process(part, part.speech)) > 300, "a session after others were closed works")
      })
  }
]

/**
 * Makes the cases for a noise suppressor.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noiseSuppressor = (harness: NoiseSuppressorHarness): ReadonlyArray<Case> =>
  PartSuite.cases(
    harness,
    rows,
    Effect.gen(function*() {
      const engine = Context.get(yield* Layer.build(harness.layer), NoiseSuppressor)
      const speech = yield* atRate(harness.speech, engine.sampleRate)
      return { engine, speech, reducesDb: harness.reducesDb ?? 3, failing: harness.failing }
    })
  )
