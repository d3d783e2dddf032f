import { Cause, Effect } from "effect"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { slowness, timed } from "../support/CpuTime.ts"
import { Chance } from "./Chance.ts"
import type { Coverage } from "./Coverage.ts"
import * as Json from "./Json.ts"
import * as Mutate from "./Mutate.ts"
import type { Surface } from "./Surface.ts"
import { Watchdog } from "./Watchdog.ts"

/**
 * Runs a surface with mutated inputs.
 *
 * The same seed gives the same inputs. A failure reports the seed, the number of the input and the input itself; repeat it
 * with `FUZZ_REPLAY=<surface>:<base64>`. `FUZZ_SEED` chooses other inputs, `FUZZ_SAVE=1` saves in `corpus/` the inputs that
 * reached new code.
 */
export interface Report {
  readonly surface: string
  readonly inputs: number
  readonly ms: number
  /** The slowest input, in ms of CPU time, and its first bytes in base64. */
  readonly slowest: { readonly ms: number; readonly input: string }
  /** The growth of the heap in bytes. */
  readonly growth: number
  /** Blocks of `src` reached so far, and inputs that reached new ones; 0 without guidance. */
  readonly blocks: number
  readonly kept: number
}

export interface Options {
  readonly inputs: number
  /** Guides the inputs: those that reach new code are mutated further. Slower. */
  readonly coverage?: Coverage | undefined
}

const SEED = process.env["FUZZ_SEED"] ?? "effect-voice"
const MAX_BYTES = 66_000
const LIMIT_MS = 250
/** The allowed growth of the heap after garbage collection, in bytes. */
const MAX_GROWTH = 24 * 1_048_576
const BATCH = 256
/** Small enough for people and git to read. */
const MAX_KEPT_BYTES = 2_048

V8.setFlagsFromString("--expose-gc")
const collectGarbage: () => void = Vm.runInNewContext("gc")
export const heap = (): number => {
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().heapUsed
}

const corpusFile = (surface: string) => fileURLToPath(new URL(`corpus/${surface}.json`, import.meta.url))

const readCorpus = (surface: string): ReadonlyArray<Uint8Array> => {
  const file = corpusFile(surface)
  if (!Fs.existsSync(file)) return []
  const texts: unknown = JSON.parse(Fs.readFileSync(file, "utf8"))
  return Array.isArray(texts) ? texts.map((text) => Buffer.from(String(text), "base64")) : []
}

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** Makes one input, which depends only on its number and the pool. */
export const input = (surface: Surface, pool: ReadonlyArray<Uint8Array>, index: number): Uint8Array => {
  const chance = new Chance(`${SEED}/${surface.name}/${index}`)
  const maxBytes = surface.maxBytes ?? MAX_BYTES
  const seed = chance.pick(pool)
  if (surface.json === true && !chance.one(4)) {
    const changed = Json.mutate(decoder.decode(seed), chance)
    if (changed !== undefined && changed.length <= 4 * maxBytes) {
      const bytes = encoder.encode(changed)
      return chance.one(10) ? Mutate.bytes(bytes, chance, { ...surface, pool, maxBytes }) : bytes
    }
  }
  return Mutate.bytes(seed, chance, { ...surface, pool, maxBytes })
}

class Failed extends Error {}

const failure = (surface: Surface, index: number, bytes: Uint8Array, cause: unknown): Failed =>
  new Failed(
    `${surface.name} failed at input ${index} (seed "${SEED}"): ${
      cause instanceof Error ? cause.stack : String(cause)
    }\nFUZZ_REPLAY=${surface.name}:${Buffer.from(bytes).toString("base64")}`,
    { cause }
  )

/** Runs a surface; fails with the first input that is handled wrongly, slowly, or leaves memory behind. */
export const run = Effect.fnUntraced(function*(surface: Surface, options: Options) {
  const replay = process.env["FUZZ_REPLAY"]
  if (replay?.startsWith(`${surface.name}:`) === true) {
    surface.run(Buffer.from(replay.slice(surface.name.length + 1), "base64"))
  }
  const limit = (surface.limitMs ?? LIMIT_MS) * slowness()
  const watchdog = yield* Effect.acquireRelease(
    Effect.sync(() => new Watchdog(surface.name)),
    (dog) => Effect.promise(() => dog.close())
  )
  const corpus = readCorpus(surface.name)
  const pool = [...surface.seeds, ...corpus]
  let slowest = 0
  let slowestInput: Uint8Array = new Uint8Array()

  const one = (bytes: Uint8Array, index: number): void => {
    watchdog.begin(bytes)
    try {
      let ms = timed(() => surface.run(bytes))
      if ("polluted" in {}) throw new Error("Object.prototype was changed")
      // Garbage collection and compilation take time once: an input is slow when it is slow again.
      for (let again = 0; ms > limit / 4 && again < 3; again++) ms = Math.min(ms, timed(() => surface.run(bytes)))
      if (ms > slowest) {
        slowest = ms
        slowestInput = bytes
      }
      if (ms > limit) throw new Error(`it took ${ms.toFixed(0)} ms of CPU time`)
    } catch (cause) {
      throw failure(surface, index, bytes, cause)
    }
  }

  let index = 0
  for (; index < pool.length; index++) one(pool[index]!, index)
  // Warm up, so that caches and compiled code do not count as growth.
  for (let warm = 0; warm < Math.min(200, options.inputs / 10); warm++) one(input(surface, pool, index), index++)
  watchdog.rest()
  const before = heap()
  const from = performance.now()
  const first = index

  let kept = 0
  const { coverage } = options
  if (coverage !== undefined) {
    for (const [at, bytes] of pool.entries()) one(bytes, at)
    coverage.fresh()
    // Reading the counts costs as much as hundreds of inputs, so inputs that reached new code are found by bisection.
    const find = (batch: ReadonlyArray<Uint8Array>, first: number): void => {
      coverage.reset()
      for (const [i, bytes] of batch.entries()) one(bytes, first + i)
      if (batch.length > 1) {
        if (!coverage.peek()) return
        const half = batch.length >> 1
        find(batch.slice(0, half), first)
        find(batch.slice(half), first + half)
      } else if (coverage.fresh() > 0 && batch[0]!.length <= MAX_KEPT_BYTES) {
        pool.push(batch[0]!)
        kept++
      }
    }
    while (index - first < options.inputs) {
      find(Array.from({ length: BATCH }, (_, i) => input(surface, pool, index + i)), index)
      coverage.settle()
      index += BATCH
      watchdog.rest()
      yield* Effect.yieldNow
    }
    if (process.env["FUZZ_SAVE"] !== undefined) {
      const found = pool.slice(surface.seeds.length)
      Fs.writeFileSync(
        corpusFile(surface.name),
        `${JSON.stringify(found.map((bytes) => Buffer.from(bytes).toString("base64")), undefined, 1)}\n`
      )
    }
  }
  while (index - first < options.inputs) {
    one(input(surface, pool, index), index++)
    if (index % 256 === 0) {
      watchdog.rest()
      yield* Effect.yieldNow
    }
  }
  watchdog.rest()
  const ms = performance.now() - from
  const growth = heap() - before
  if (growth > MAX_GROWTH) throw new Failed(`${surface.name} grew the heap by ${growth} bytes`)
  const report: Report = {
    surface: surface.name,
    inputs: index - first,
    ms: Math.round(ms),
    slowest: {
      ms: Math.round(slowest * 10) / 10,
      input: Buffer.from(slowestInput.subarray(0, 96)).toString("base64")
    },
    growth,
    blocks: coverage?.size ?? 0,
    kept
  }
  return report
}, Effect.scoped)

/** Runs several surfaces, each with its share of the inputs; all of them, even if one fails. */
export const runAll = Effect.fnUntraced(function*(
  surfaces: ReadonlyArray<readonly [surface: Surface, share: number]>,
  options: Options
) {
  const only = process.env["FUZZ_ONLY"]?.split(",")
  const wanted = surfaces.filter(([{ name }]) => only === undefined || only.includes(name))
  const total = wanted.reduce((sum, [, share]) => sum + share, 0)
  const reports: Array<Report> = []
  const broken: Array<string> = []
  for (const [surface, share] of wanted) {
    const exit = yield* Effect.exit(run(surface, {
      inputs: Math.ceil(options.inputs * share / total),
      coverage: options.coverage
    }))
    if (exit._tag === "Failure") broken.push(Cause.pretty(exit.cause))
    else {
      reports.push(exit.value)
      yield* Effect.log(line(exit.value))
    }
  }
  if (broken.length > 0) throw new Failed(broken.join("\n\n"))
  return reports
})

/** Formats a report as one line. */
export const line = ({ blocks, growth, inputs, kept, ms, slowest, surface }: Report): string =>
  `${surface}: ${inputs} inputs in ${ms} ms, slowest ${slowest.ms} ms, heap ${(growth / 1024).toFixed(0)} KiB` +
  (blocks === 0 ? "" : `, ${blocks} blocks, ${kept} inputs reached new code`)
