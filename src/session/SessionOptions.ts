/**
 * What a backend gives a session that it makes.
 *
 * @since 0.1.0
 */
import type * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Agent } from "../agent/Agent.ts"
import type { HistorySettings } from "../agent/HistorySettings.ts"
import type { ResamplerFactory } from "../audio/resampling/Resampler.ts"
import type { BackendError } from "../BackendError.ts"
import type { ConversationPolicy } from "../conversation/ConversationPolicy.ts"
import type { EchoCanceller } from "../speech/EchoCanceller.ts"
import type { TextSettings } from "../speech/TextSettings.ts"
import type { BackendMetrics } from "../telemetry/BackendMetrics.ts"
import type { EchoCancellation } from "./input/EchoCancellation.ts"
import type { ProcessorChain, ProcessorEntry } from "./input/ProcessorChain.ts"
import type { LeaseWatch } from "./persistence/LeaseWatch.ts"
import type { RestoredSession } from "./persistence/SessionSnapshot.ts"
import type { SnapshotWriterOptions } from "./persistence/SnapshotWriter.ts"
import type { PipelineFactory } from "./pipeline/Pipeline.ts"
import type { PlayoutClock } from "./playout/PlayoutClock.ts"
import type { Retention } from "./retention/SessionRecorder.ts"
import type { SessionConfig } from "./SessionConfig.ts"
import type { SessionEnd } from "./SessionEvent.ts"
import type { SessionObserver } from "./tracing/SessionObserver.ts"

/**
 * Options of `Session.make`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionOptions {
  readonly id: string
  readonly config: SessionConfig
  /** The name of the provider that reaches the user. */
  readonly provider: string
  readonly agent: Agent
  /** How much of the conversation a language model is told. Default: that of the agent. */
  readonly history?: HistorySettings | undefined
  /** Finds an agent by name, for a hand-over. */
  readonly findAgent: (name: string) => Effect.Effect<Agent, BackendError>
  readonly pipeline: PipelineFactory
  /** Processors of the user's audio, in front of the engines. */
  readonly processors?: ReadonlyArray<ProcessorEntry> | undefined
  /** Takes the echo of the agent's voice out of the user's audio. Default: nothing does. */
  readonly echoCanceller?: EchoCanceller["Service"] | undefined
  readonly clock: PlayoutClock["Service"]
  /** The timestamps of the session (`MonotonicTime.timestamps`): Unix time in ms at its beginning, monotonic from then on. */
  readonly now: () => number
  readonly policy: ConversationPolicy
  /** How text is prepared for the voice; the session's own settings hold over it. Default: no settings. */
  readonly text?: TextSettings | undefined
  /** The stored session that is restored. Default: a new session. */
  readonly restored?: RestoredSession | undefined
  /** Writes snapshots to the session store. Default: the session is not stored. */
  readonly writeSnapshot?: SnapshotWriterOptions["write"] | undefined
  /** Whether the session may act now: not while another process may have taken it over. Default: always. */
  readonly leaseWatch?: LeaseWatch | undefined
  /** What is recorded beyond the session's life, and where. Default: nothing. */
  readonly retention?: Retention | undefined
  readonly latencyTarget: Duration.Duration
  readonly timeout: Duration.Duration
  readonly maxRetries: number
  readonly retryDelay: Duration.Duration
  readonly connectWindow: Duration.Duration
  readonly resumeWindow: Duration.Duration
  readonly maxDuration: Duration.Duration
  /** Whether the process is too loaded for optional work: interim transcripts, preemptive replies. Default: never. */
  readonly busy?: (() => boolean) | undefined
  /** Takes so many ms from the user's audio quota; `false` when it is exhausted. Default: no quota. */
  readonly takeAudio?: ((ms: number) => boolean) | undefined
  /** Called with each turn's latency, for the backend's health. */
  readonly onLatency: (totalMs: number) => void
  /** Counts and traces the session. Default: nothing does. */
  readonly observer?: SessionObserver | undefined
  /** Measures each operation. Default: nothing does. */
  readonly measure?: BackendMetrics["operation"] | undefined
}

/**
 * What runs a session: made in its scope.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionRuntime {
  readonly resamplers: ResamplerFactory
  readonly processors: ProcessorChain | undefined
  readonly cancellation: EchoCancellation | undefined
  /** Completes when the session has ended. */
  readonly ended: Deferred.Deferred<SessionEnd>
  /** Runs an effect in the session's scope; a former one of the name is interrupted. */
  readonly run: (name: string, effect: Effect.Effect<unknown>) => void
  readonly cancel: (name: string) => void
}
