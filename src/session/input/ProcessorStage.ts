/**
 * One processor at its place in the chain: passes on as many samples as it takes, in order, whatever the processor does.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Pcm from "../../audio/Pcm.ts"
import { Timeout } from "../../BackendError.ts"
import type { AudioProcessor, ProcessorMetadata } from "../../hooks/AudioProcessor.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as EngineFailure from "../../speech/EngineFailure.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import { errorOfThrown, invalidResult, type ProcessorHealth } from "./ProcessorHealth.ts"

/**
 * Takes the samples of a branch; they are only valid during the call, and must not be changed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sink {
  readonly push: (pcm: Int16Array) => void
}

type ProcessorOf<Tag extends AudioProcessor["_tag"]> = Extract<AudioProcessor, { readonly _tag: Tag }>

/** The longest frame that the chain takes: 30 ms. */
const MAX_FRAME = 480
/** Samples of a batch: 100 ms. */
const BATCH = TIMELINE_RATE / 10
const FRAME = TIMELINE_RATE / 50

/**
 * How long a batch may take, in ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const BATCH_TIMEOUT_MS = 500

/**
 * How late a batch may begin, in ms; a processor that is further behind has failed. For audio that arrives faster than real
 * time, lateness is counted by the time in which it was spoken.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_LATE_MS = 1_000

/**
 * The samples that may wait: 6 s, which is what a connection may be ahead of real time, and a second more.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_HELD = 6 * TIMELINE_RATE

/**
 * A synchronous processor. It works on a copy, because others get the same frame; a frame that it fails on passes
 * unchanged.
 *
 * @category models
 * @since 0.1.0
 */
export class SyncStage implements Sink {
  readonly #processor: ProcessorOf<"sync">
  readonly #health: ProcessorHealth
  readonly #metadata: ProcessorMetadata
  readonly #next: Sink
  readonly #buffer = new Int16Array(MAX_FRAME)
  #frame = this.#buffer.subarray(0, FRAME)

  constructor(processor: ProcessorOf<"sync">, health: ProcessorHealth, metadata: ProcessorMetadata, next: Sink) {
    this.#processor = processor
    this.#health = health
    this.#metadata = metadata
    this.#next = next
  }

  push(pcm: Int16Array): void {
    this.#next.push(this.#health.accepts(pcm.length) ? this.#processed(pcm) : pcm)
  }

  #processed(pcm: Int16Array): Int16Array {
    if (this.#frame.length !== pcm.length) this.#frame = this.#buffer.subarray(0, pcm.length)
    this.#frame.set(pcm)
    const { name } = this.#processor
    let result: unknown
    try {
      result = this.#processor.process(this.#frame, this.#metadata)
    } catch (cause) {
      this.#health.failed(errorOfThrown(name, cause))
      return pcm
    }
    if (result instanceof Int16Array && result.length === pcm.length) {
      this.#health.succeeded(pcm.length)
      return result
    }
    // an async function by mistake: an unhandled rejection would end the process
    if (result instanceof Promise) result.catch(() => {})
    this.#health.failed(invalidResult(name, `an Int16Array of ${pcm.length} samples`))
    return pcm
  }
}

interface Batch {
  readonly pcm: Int16Array
  readonly dueMs: number
}

/**
 * A processor that works on batches in a fiber. When it fails, all waiting audio passes unchanged at once.
 *
 * @category models
 * @since 0.1.0
 */
export class BatchStage implements Sink {
  readonly #processor: ProcessorOf<"effect">
  readonly #health: ProcessorHealth
  readonly #metadata: ProcessorMetadata
  readonly #next: Sink
  readonly #clock: Clock.Clock
  readonly #scope: Scope.Scope
  readonly #run: (effect: Effect.Effect<void>) => void
  readonly #batch = new Int16Array(BATCH)
  #filled = 0
  #pending: Array<Batch> = []
  #held = 0
  #taken = 0
  #flushAt = -1
  #dueMs = 0
  #working = false
  #closed = false

  constructor(
    processor: ProcessorOf<"effect">,
    health: ProcessorHealth,
    metadata: ProcessorMetadata,
    next: Sink,
    runtime: {
      readonly clock: Clock.Clock
      readonly scope: Scope.Scope
      readonly run: (effect: Effect.Effect<void>) => void
    }
  ) {
    this.#processor = processor
    this.#health = health
    this.#metadata = metadata
    this.#next = next
    this.#clock = runtime.clock
    this.#scope = runtime.scope
    this.#run = runtime.run
  }

  push(pcm: Int16Array): void {
    this.#taken += pcm.length
    if (!this.#health.accepts(pcm.length)) return this.#next.push(pcm)
    for (let at = 0; at < pcm.length;) {
      const part = Math.min(pcm.length - at, BATCH - this.#filled)
      this.#batch.set(pcm.subarray(at, at + part), this.#filled)
      at += part
      this.#filled += part
      if (this.#filled < BATCH) continue
      this.#submit()
      // it has just failed, and the waiting audio has passed
      if (this.#health.isBypassed) return this.#next.push(pcm.subarray(at))
    }
    if (this.#taken === this.#flushAt) this.#submit()
  }

  /** Processes an incomplete batch once it has taken so many samples. */
  flush(atSample: number): void {
    this.#flushAt = atSample
    if (this.#taken === atSample) this.#submit()
  }

  /** Stops all output. */
  close(): void {
    this.#closed = true
    this.#pending = []
    this.#filled = 0
  }

  #submit(): void {
    if (this.#filled === 0 || this.#closed) return
    const pcm = this.#batch.slice(0, this.#filled)
    this.#filled = 0
    const nowMs = MonotonicTime.nowMs(this.#clock)
    this.#dueMs = Math.max(nowMs, this.#dueMs)
    this.#pending.push({ pcm, dueMs: this.#dueMs })
    this.#dueMs += pcm.length * 1000 / TIMELINE_RATE
    this.#held += pcm.length
    if (this.#held > MAX_HELD) return this.#fellBehind()
    if (this.#working) return
    this.#working = true
    this.#run(this.#work)
  }

  readonly #work: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    for (let batch = this.#pending[0]; batch !== undefined; batch = this.#pending[0]) {
      if (MonotonicTime.nowMs(this.#clock) > batch.dueMs + MAX_LATE_MS) this.#fellBehind()
      else yield* this.#process(batch)
    }
  }).pipe(Effect.ensuring(Effect.sync(() => {
    this.#working = false
  })))

  #process(batch: Batch): Effect.Effect<void> {
    const { name } = this.#processor
    const op = "AudioProcessor.process"
    return Effect.suspend(() => this.#processor.process(Pcm.fromInt16(batch.pcm.slice()), this.#metadata)).pipe(
      // a fiber of its own, so that an uninterruptible processor is not waited for any longer
      Effect.forkIn(this.#scope, { startImmediately: true }),
      Effect.flatMap((fiber) =>
        Effect.tap(
          Effect.timeoutOption(Fiber.await(fiber), BATCH_TIMEOUT_MS),
          (exit) => Effect.sync(() => Option.isNone(exit) ? fiber.interruptUnsafe() : undefined)
        )
      ),
      Effect.map((exit) => {
        // it has passed already, after a failure
        if (this.#pending[0] !== batch) return
        if (Option.isNone(exit)) {
          return this.#failed(new Timeout({ op, message: `audio processor ${name} timed out after ${limit}` }))
        }
        if (Exit.isFailure(exit.value)) {
          return this.#failed(EngineFailure.fromCause(op, `audio processor ${name}`, exit.value.cause))
        }
        const bytes: unknown = exit.value.value
        if (!(bytes instanceof Uint8Array) || bytes.length !== 2 * batch.pcm.length) {
          return this.#failed(invalidResult(name, `a Uint8Array of ${2 * batch.pcm.length} bytes`))
        }
        this.#pending.shift()
        this.#held -= batch.pcm.length
        this.#health.succeeded(batch.pcm.length)
        this.#release(Pcm.copyInt16(bytes))
      })
    )
  }

  #fellBehind(): void {
    const { name } = this.#processor
    this.#failed(
      new Timeout({ op: "AudioProcessor.process", message: `audio processor ${name} is slower than real time` })
    )
  }

  #failed(error: Parameters<ProcessorHealth["failed"]>[0]): void {
    const waiting = this.#pending
    const rest = this.#batch.slice(0, this.#filled)
    this.#pending = []
    this.#filled = 0
    this.#held = 0
    this.#dueMs = 0
    this.#health.failed(error)
    for (const { pcm } of waiting) this.#release(pcm)
    this.#release(rest)
  }

  #release(pcm: Int16Array): void {
    for (let at = 0; at < pcm.length && !this.#closed; at += FRAME) this.#next.push(pcm.subarray(at, at + FRAME))
  }
}

const limit = Duration.format(Duration.millis(BATCH_TIMEOUT_MS))
