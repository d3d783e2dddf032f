/**
 * The processors of a session, between the audio that arrives and those who hear it.
 *
 * The audio forks into branches (`AudioBranch`), and each processor stands in those that it applies to; what two branches
 * have in common is processed once. A processor never changes how many samples there are, so a position means the same in
 * each branch. One that works on batches delays its branches; recogniser and voice activity detector then still hear the
 * same sample at the same time: where only one of them is delayed, the other waits.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { all, type AudioBranch } from "../../audio/AudioBranch.ts"
import { Ring } from "../../audio/Ring.ts"
import { type BackendError, normalize, Timeout } from "../../BackendError.ts"
import type { AudioProcessor, ProcessorMetadata } from "../../hooks/AudioProcessor.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import { type OnFailure, ProcessorHealth, type ProcessorIncident } from "./ProcessorHealth.ts"
import { BATCH_TIMEOUT_MS, BatchStage, MAX_HELD, MAX_LATE_MS, type Sink, SyncStage } from "./ProcessorStage.ts"

/**
 * A processor as a backend has it: how each session opens its own, and where it stands.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessorEntry {
  /** Default: the processor's own. */
  readonly name?: string | undefined
  /** A stateful processor in branches that have gone apart before it is opened once for each. */
  readonly open: Effect.Effect<AudioProcessor, BackendError, Scope.Scope>
  /** Default: the processor's own. */
  readonly order?: number | undefined
  readonly appliesTo: ReadonlyArray<AudioBranch>
  readonly onFailure: OnFailure
}

/**
 * Where the audio goes that leaves the chain.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChainListener {
  readonly out: (branch: AudioBranch, pcm: Int16Array) => void
  /** The same samples of the timeline, as both branches have them. */
  readonly heard: (stt: Int16Array, vad: Int16Array) => void
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
  /** Called as it happens, within a push or a fiber of the session. */
  readonly onIncident: (incident: ProcessorIncident) => void
}

const hearing: ReadonlyArray<AudioBranch> = ["stt", "vad"]
const FRAME = TIMELINE_RATE / 50

/** Two branches that are heard together: what one of them has first waits for the other. */
class Join {
  readonly #stt: Ring
  readonly #vad: Ring
  readonly #pair = [new Int16Array(FRAME), new Int16Array(FRAME)] as const
  readonly #heard: ChainListener["heard"]

  constructor(capacity: number, heard: ChainListener["heard"]) {
    this.#stt = new Ring(capacity)
    this.#vad = new Ring(capacity)
    this.#heard = heard
  }

  push(branch: AudioBranch, pcm: Int16Array): void {
    ;(branch === "vad" ? this.#vad : this.#stt).push(pcm)
    const end = Math.min(this.#stt.end, this.#vad.end)
    for (let at = this.#at; at < end; at = this.#at) {
      const to = Math.min(end, at + FRAME)
      // before the call: it may push more
      this.#at = to
      this.#heard(this.#stt.read(at, to, this.#pair[0]), this.#vad.read(at, to, this.#pair[1]))
    }
  }

  #at = 0
}

/**
 * A session's chain; `connect` it before the first push.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessorChain {
  /** Whether what is understood is heard later than it arrives. */
  readonly delaysHearing: boolean
  /** How late that may be, in ms. */
  readonly slackMs: number
  readonly connect: (listener: ChainListener) => void
  /** Takes samples of the timeline, at most 30 ms; valid during the call only. */
  readonly push: (pcm: Int16Array) => void
  /** What has arrived is not held back until a batch is full. */
  readonly flush: () => void
  /** Nothing leaves it any more. */
  readonly close: () => void
}

const nameOf = (entry: ProcessorEntry, processor?: AudioProcessor) => entry.name ?? processor?.name ?? "processor"

/** One open processor, and how to open another. */
interface Opened {
  readonly entry: ProcessorEntry
  readonly first: AudioProcessor
  used: boolean
}

/**
 * Opens the processors in the session's scope; without any there is no chain. One that cannot be opened is left out, or
 * fails with its error when its failure is to stop the session.
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
  const tell = (incident: ProcessorIncident): void => {
    const { error, name, what } = incident
    // the event has only the code: this is for whoever wrote the processor
    if (error !== undefined) run(Effect.logDebug(`audio processor ${name} ${what}`, error))
    options.onIncident(incident)
  }
  // what went wrong before there was anybody to hear of it
  let untold: Array<ProcessorIncident> = []

  const open = (entry: ProcessorEntry): Effect.Effect<AudioProcessor | undefined, BackendError, Scope.Scope> =>
    entry.open.pipe(
      Effect.timeoutOrElse({
        duration: options.timeout,
        orElse: () =>
          Effect.fail(new Timeout({ op: "AudioProcessor.open", message: `opening ${nameOf(entry)} took too long` }))
      }),
      normalize("AudioProcessor.open"),
      Effect.catch((error) => {
        if (entry.onFailure === "stop") return Effect.fail(error)
        untold.push({ name: nameOf(entry), what: "bypassed", error })
        return Effect.undefined
      })
    )
  const opened: Array<Opened> = []
  for (const entry of entries) {
    const first = yield* open(entry)
    if (first !== undefined) opened.push({ entry, first, used: false })
  }
  const orderOf = ({ entry, first }: Opened) => entry.order ?? first.order
  opened.sort((a, b) => orderOf(a) - orderOf(b))

  const delaying = opened.filter(({ entry, first }) =>
    first._tag === "effect" && hearing.some((branch) =>
      entry.appliesTo.includes(branch)
    )
  ).length
  const delaysHearing = delaying > 0
  let listener: ChainListener = { out: () => {}, heard: () => {} }
  const join = delaysHearing
    ? new Join(delaying * MAX_HELD + TIMELINE_RATE, (stt, vad) => listener.heard(stt, vad))
    : undefined
  const batched: Array<BatchStage> = []

  const leaf = (branch: AudioBranch): Sink =>
    join !== undefined && hearing.includes(branch)
      ? { push: (pcm) => join.push(branch, pcm) }
      : { push: (pcm) => listener.out(branch, pcm) }
  const together: Sink = { push: (pcm) => listener.heard(pcm, pcm) }
  const fork = (sinks: ReadonlyArray<Sink>): Sink =>
    sinks.length === 1 && sinks[0] !== undefined ? sinks[0] : {
      push: (pcm) => {
        for (const sink of sinks) sink.push(pcm)
      }
    }
  const ends = (branches: ReadonlyArray<AudioBranch>): Sink =>
    delaysHearing && hearing.every((branch) => branches.includes(branch))
      ? fork([together, ...branches.filter((branch) => !hearing.includes(branch)).map(leaf)])
      : fork(branches.map(leaf))

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
      const health = new ProcessorHealth(nameOf(entry, processor), entry.onFailure, tell)
      let stage: Sink
      if (processor._tag === "sync") stage = new SyncStage(processor, health, metadata, after)
      else {
        const batches = new BatchStage(processor, health, metadata, after, { clock, scope, run })
        batched.push(batches)
        stage = batches
      }
      if (outside.length === 0) return stage
      const others = yield* build(at + 1, outside)
      // the recogniser hears first: a change of activity then speaks of audio that it has
      return fork(outside.includes("stt") ? [others, stage] : [stage, others])
    })
  const root = yield* build(0, all)
  let arrived = 0
  let closed = false

  const chain: ProcessorChain = {
    delaysHearing,
    slackMs: delaying * (MAX_LATE_MS + BATCH_TIMEOUT_MS),
    connect: (next) => {
      listener = next
    },
    push: (pcm) => {
      if (closed) return
      if (untold.length > 0) {
        const incidents = untold
        untold = []
        for (const incident of incidents) tell(incident)
      }
      arrived += pcm.length
      root.push(pcm)
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
