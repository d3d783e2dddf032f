/**
 * The audio processors of a session, between the audio that arrives and its listeners.
 *
 * The audio forks into branches (`AudioBranch`), and each processor works on those that it applies to; what two branches
 * have in common is processed once. A processor never changes the number of samples, so a position means the same in each
 * branch. One that works on batches delays its branches. The recogniser and the voice activity detector still get the same
 * sample at the same time: when only one of their branches is delayed, the other waits.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { all, type AudioBranch } from "../../audio/AudioBranch.ts"
import { SampleRing } from "../../audio/SampleRing.ts"
import { type BackendError, normalize } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import type { AudioProcessor, ProcessorMetadata } from "../../hooks/AudioProcessor.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import { type OnFailure, ProcessorHealth, type ProcessorIncident } from "./ProcessorHealth.ts"
import * as ProcessorIncidents from "./ProcessorIncidents.ts"
import { BATCH_TIMEOUT_MS, BatchStage, MAX_HELD, MAX_LATE_MS, type Sink, SyncStage } from "./ProcessorStage.ts"

/**
 * A processor of a backend: how each session opens its own, and its place in the chain.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessorEntry {
  /** Default: the processor's own. */
  readonly name?: string | undefined
  /** Opened once for each branch, where the branches of a processor have forked before it. */
  readonly open: Effect.Effect<AudioProcessor, BackendError, Scope.Scope>
  /** Default: the processor's own. */
  readonly order?: number | undefined
  readonly appliesTo: ReadonlyArray<AudioBranch>
  readonly onFailure: OnFailure
}

/**
 * Takes the audio that leaves the chain.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChainListener {
  readonly output: (branch: AudioBranch, pcm: Int16Array) => void
  /** The same samples of the timeline for the recogniser and the detector, each from its branch. */
  readonly engines: (stt: Int16Array, vad: Int16Array) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ChainOptions {
  readonly sessionId: string
  readonly metadata: () => ProcessorMetadata["metadata"]
  /** Bounds each open. */
  readonly timeout: Duration.Duration
  /** Whether the recogniser's branch is pushed apart from the others. Default: false. */
  readonly forked?: boolean | undefined
  /** Synchronous, within a push or a fiber of the session. */
  readonly onIncident: (incident: ProcessorIncident) => void
}

const engineBranches: ReadonlyArray<AudioBranch> = ["stt", "vad"]
const FRAME = TIMELINE_RATE / 50

/** Joins the two branches of the engines: samples of the one that is ahead wait for the other. */
class BranchJoin {
  readonly #stt: SampleRing
  readonly #vad: SampleRing
  #at = 0
  readonly #pair = [new Int16Array(FRAME), new Int16Array(FRAME)] as const
  readonly #engines: ChainListener["engines"]

  constructor(capacity: number, engines: ChainListener["engines"]) {
    this.#stt = new SampleRing(capacity)
    this.#vad = new SampleRing(capacity)
    this.#engines = engines
  }

  push(branch: AudioBranch, pcm: Int16Array): void {
    ;(branch === "vad" ? this.#vad : this.#stt).push(pcm)
    const end = Math.min(this.#stt.end, this.#vad.end)
    for (let at = this.#at; at < end; at = this.#at) {
      const to = Math.min(end, at + FRAME)
      // before the call, because a listener may push more
      this.#at = to
      this.#engines(this.#stt.read(at, to, this.#pair[0]), this.#vad.read(at, to, this.#pair[1]))
    }
  }
}

/**
 * A session's processors; to be connected before the first push.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessorChain {
  /** Whether the engines get audio later than it arrives. */
  readonly delaysEngines: boolean
  /** By how much at most, in ms. */
  readonly maxDelayMs: number
  readonly connect: (listener: ChainListener) => void
  /**
   * Takes samples of the timeline, at most 30 ms; they are only valid during the call. With `forked`, `others` are the same
   * samples for the branches besides the recogniser's.
   */
  readonly push: (pcm: Int16Array, others?: Int16Array) => void
  /** Processes what has arrived without waiting for a full batch. */
  readonly flush: () => void
  /** Stops all output. */
  readonly close: () => void
}

const nameOf = (entry: ProcessorEntry, processor?: AudioProcessor) => entry.name ?? processor?.name ?? "processor"

/** An open processor, and how to open another one for a second branch. */
interface OpenProcessor {
  readonly entry: ProcessorEntry
  readonly first: AudioProcessor
  used: boolean
}

/**
 * Opens the processors in the session's scope; `undefined` without any. One that cannot be opened is bypassed, or fails
 * with its error when its `onFailure` is `stop`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(entries: ReadonlyArray<ProcessorEntry>, options: ChainOptions) {
  if (entries.length === 0) return undefined
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const runtime = yield* FiberSet.makeRuntime<never, void, never>()
  const run = (effect: Effect.Effect<void>): void => void runtime(effect)
  const metadata: ProcessorMetadata = {
    sessionId: options.sessionId,
    sampleRate: TIMELINE_RATE,
    get metadata() {
      return options.metadata()
    }
  }
  const report = ProcessorIncidents.reporter("audio processor", run, options.onIncident)
  // reported with the first audio: there are no readers of the session's events while it is made
  let pendingIncidents: Array<ProcessorIncident> = []

  const open = (entry: ProcessorEntry): Effect.Effect<AudioProcessor | undefined, BackendError, Scope.Scope> =>
    entry.open.pipe(
      deadline("AudioProcessor.open", `opening audio processor ${nameOf(entry)}`, options.timeout),
      normalize("AudioProcessor.open"),
      Effect.catch((error) => {
        if (entry.onFailure === "stop") return Effect.fail(error)
        pendingIncidents.push({ name: nameOf(entry), what: "bypassed", error })
        return Effect.undefined
      })
    )
  const opened: Array<OpenProcessor> = []
  for (const entry of entries) {
    const first = yield* open(entry)
    if (first !== undefined) opened.push({ entry, first, used: false })
  }
  const orderOf = ({ entry, first }: OpenProcessor) => entry.order ?? first.order
  opened.sort((a, b) => orderOf(a) - orderOf(b))

  const delaying = opened.filter(({ entry, first }) =>
    first._tag === "effect" && engineBranches.some((branch) =>
      entry.appliesTo.includes(branch)
    )
  ).length
  const delaysEngines = delaying > 0
  let listener: ChainListener = { output: () => {}, engines: () => {} }
  const join = delaysEngines
    ? new BranchJoin(delaying * MAX_HELD + TIMELINE_RATE, (stt, vad) => listener.engines(stt, vad))
    : undefined
  const batched: Array<BatchStage> = []

  const branchEnd = (branch: AudioBranch): Sink =>
    join !== undefined && engineBranches.includes(branch)
      ? { push: (pcm) => join.push(branch, pcm) }
      : { push: (pcm) => listener.output(branch, pcm) }
  const bothEngines: Sink = { push: (pcm) => listener.engines(pcm, pcm) }
  const fork = (sinks: ReadonlyArray<Sink>): Sink =>
    sinks.length === 1 && sinks[0] !== undefined ? sinks[0] : {
      push: (pcm) => {
        for (const sink of sinks) sink.push(pcm)
      }
    }
  const ends = (branches: ReadonlyArray<AudioBranch>): Sink =>
    delaysEngines && engineBranches.every((branch) => branches.includes(branch))
      ? fork([bothEngines, ...branches.filter((branch) => !engineBranches.includes(branch)).map(branchEnd)])
      : fork(branches.map(branchEnd))

  const build = (
    at: number,
    branches: ReadonlyArray<AudioBranch>
  ): Effect.Effect<Sink, BackendError, Scope.Scope> =>
    Effect.gen(function*() {
      const next = opened[at]
      if (next === undefined) return ends(branches)
      const { entry } = next
      const inside = branches.filter((branch) => entry.appliesTo.includes(branch))
      const outside = branches.filter((branch) => !entry.appliesTo.includes(branch))
      const processor = inside.length === 0 ? undefined : next.used ? yield* open(entry) : next.first
      if (processor === undefined) return yield* build(at + 1, branches)
      next.used = true
      const after = yield* build(at + 1, inside)
      const health = new ProcessorHealth(nameOf(entry, processor), entry.onFailure, report)
      let stage: Sink
      if (processor._tag === "sync") stage = new SyncStage(processor, health, metadata, after)
      else {
        const batches = new BatchStage(processor, health, metadata, after, { clock, scope, run })
        batched.push(batches)
        stage = batches
      }
      if (outside.length === 0) return stage
      const others = yield* build(at + 1, outside)
      // the recogniser hears first: a change of activity then refers to audio that it has
      return fork(outside.includes("stt") ? [others, stage] : [stage, others])
    })
  const root = yield* build(0, options.forked === true ? ["stt"] : all)
  const others = options.forked === true ? yield* build(0, all.filter((branch) => branch !== "stt")) : undefined
  let arrived = 0
  let closed = false

  const chain: ProcessorChain = {
    delaysEngines,
    maxDelayMs: delaying * (MAX_LATE_MS + BATCH_TIMEOUT_MS),
    connect: (next) => {
      listener = next
    },
    push: (pcm, pcmOfOthers = pcm) => {
      if (closed) return
      if (pendingIncidents.length > 0) {
        const incidents = pendingIncidents
        pendingIncidents = []
        for (const incident of incidents) report(incident)
      }
      arrived += pcm.length
      root.push(pcm)
      others?.push(pcmOfOthers)
    },
    flush: () => {
      for (const stage of batched) stage.flush(arrived)
    },
    close: () => {
      closed = true
      for (const stage of batched) stage.close()
    }
  }
  return chain
})
