/**
 * A running backend: it owns sessions, admits them, watches over them and drains them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Agent } from "../agent/Agent.ts"
import { AgentRegistry } from "../agent/AgentRegistry.ts"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { ProcessorRegistry } from "../hooks/AudioProcessor.ts"
import * as Registry from "../Registry.ts"
import type { Archive } from "../session/Archive.ts"
import type { Observable } from "../session/Observable.ts"
import * as S2sPipeline from "../session/S2sPipeline.ts"
import type { SessionConfig } from "../session/SessionConfig.ts"
import * as SttTtsPipeline from "../session/SttTtsPipeline.ts"
import * as SuppressorProcessor from "../session/SuppressorProcessor.ts"
import type { VoiceSession } from "../session/VoiceSession.ts"
import { NoiseSuppressor } from "../speech/NoiseSuppressor.ts"
import { SpeechToSpeech } from "../speech/SpeechToSpeech.ts"
import { SpeechToText } from "../speech/SpeechToText.ts"
import { TextToSpeech } from "../speech/TextToSpeech.ts"
import { TurnDetector } from "../speech/TurnDetector.ts"
import { VoiceActivityDetector } from "../speech/VoiceActivityDetector.ts"
import { type BackendConfig, defaults } from "./BackendConfig.ts"
import type { BackendParts } from "./BackendParts.ts"
import {
  BackendProvider,
  type ProviderCapabilities,
  type ProviderRoute,
  type Registries,
  type SessionAccess
} from "./BackendProvider.ts"
import { BackendRegistry } from "./BackendRegistry.ts"
import type { Authorize } from "./Gate.ts"
import type { HealthStatus } from "./HealthStatus.ts"
import { makeBackend } from "./makeBackend.ts"
import * as Processors from "./Processors.ts"
import * as SpeechEngines from "./SpeechEngines.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type ConnectionState = "disconnected" | "connecting" | "connected" | "reconnecting" | "error"

/**
 * How a stop went: sessions that ended by themselves within the deadline, and those that had to be cut.
 *
 * @category models
 * @since 0.1.0
 */
export interface DrainReport {
  readonly completed: number
  readonly interrupted: number
  readonly durationMs: number
}

/**
 * The contract's backend.
 *
 * @category services
 * @since 0.1.0
 */
export class VoiceBackend extends Context.Service<VoiceBackend, {
  /** Connects the provider and opens admission; idempotent. The layers do it on build. */
  readonly start: Effect.Effect<void, BackendError>
  /** Closes admission, drains every session within `drain.deadline`, disconnects; idempotent. */
  readonly stop: Effect.Effect<DrainReport, BackendError>
  /** Cuts a drain short: what is still in flight is interrupted. */
  readonly abort: Effect.Effect<void>
  /**
   * A slot is taken here and kept until the session ends. Fails `session_limit_exceeded` when full or draining,
   * `connection_failed` when not started.
   */
  readonly createSession: (config: SessionConfig) => Effect.Effect<VoiceSession, BackendError>
  readonly getSession: (id: string) => Effect.Effect<VoiceSession, BackendError>
  readonly listSessions: Effect.Effect<ReadonlyArray<VoiceSession>>
  /** Ends a session at once and waits until it is gone. */
  readonly closeSession: (id: string) => Effect.Effect<void, BackendError>
  /** What the session's user needs to connect. */
  readonly access: (id: string) => Effect.Effect<SessionAccess, BackendError>
  readonly healthCheck: Effect.Effect<HealthStatus>
  readonly connectionState: Observable<ConnectionState>
  readonly activeSessionCount: Effect.Effect<number>
  readonly config: Effect.Effect<BackendConfig>
  /**
   * Validated whole before anything changes; running sessions keep theirs. Another provider or pipeline type fails
   * `invalid_config`; a lower maximum only stops new sessions.
   */
  readonly updateConfig: (next: BackendConfig) => Effect.Effect<void, BackendError>
  readonly provider: { readonly name: string; readonly capabilities: ProviderCapabilities }
  /** The names of the engines at work, by kind. */
  readonly engines: { readonly [kind: string]: string }
  /** Whether new sessions are taken. */
  readonly ready: Effect.Effect<boolean>
  /**
   * Asks the application's `AuthHook` who a token belongs to and whether they may do this; `undefined` where there is no
   * hook. Fails `authentication_failed` and `authorization_failed`.
   */
  readonly authorize?: Authorize | undefined
  /** Where what is kept of sessions is; `undefined` where nothing can be. */
  readonly archive?: Archive["Service"] | undefined
  /** What the provider wants the HTTP server to mount. */
  readonly routes: ReadonlyArray<ProviderRoute>
  /** Where users' clients connect beside this server. Default: nowhere. */
  readonly clientOrigins?: ReadonlyArray<string> | undefined
}>()("effect-voice/backend/VoiceBackend") {
  /**
   * A running backend for speech → text → agent → speech. It takes no names: the compiler says which of its engines and
   * which provider are missing. A `TurnDetector` is used when there is one and the recogniser does not decide turns
   * itself (`turnDetection: "stt"`), and a `NoiseSuppressor` when there is one. Releasing the layer drains it.
   */
  static readonly layerSttTts = (
    options: LayerOptions = {}
  ): Layer.Layer<
    VoiceBackend,
    BackendError,
    BackendProvider | SpeechToText | TextToSpeech | VoiceActivityDetector
  > =>
    running(Effect.gen(function*() {
      const [provider, stt, tts, vad] = yield* Effect.all([
        BackendProvider,
        SpeechToText,
        TextToSpeech,
        VoiceActivityDetector
      ])
      const sttTurns = options.turnDetection === "stt"
      const turn = sttTurns ? undefined : Option.getOrUndefined(yield* Effect.serviceOption(TurnDetector))
      const engines = yield* SpeechEngines.make({ stt: [stt], tts: [tts], sttTurns }, {
        ...defaults,
        ...options.config
      })
      return yield* layered(options, provider, {
        config: { pipelineType: "stt_tts", sttProvider: stt.name, ttsProvider: tts.name, vadProvider: vad.name },
        pipelines: { stt_tts: SttTtsPipeline.make({ stt: engines.stt, tts: engines.tts, turn, vad }, options) },
        speech: { stt: engines.stt, tts: engines.tts, vad },
        listen: engines.listen,
        engines: {
          stt: stt.name,
          tts: tts.name,
          vad: vad.name,
          ...(turn === undefined ? {} : { turn: turn.name }),
          ...(sttTurns ? { turn: SpeechEngines.STT_TURNS } : {})
        }
      })
    }))

  /**
   * A running backend over a speech-to-speech model. A voice activity detector is used when there is one; a model that
   * does not decide turns itself needs it. So is a `NoiseSuppressor`; and a `TurnDetector`, where an agent answers. What the
   * model lacks fails `invalid_config`. Releasing the layer drains it.
   */
  static readonly layerS2s = (
    options: LayerOptions & Pick<S2sPipeline.S2sOptions, "agentInLoop" | "tools"> = {}
  ): Layer.Layer<VoiceBackend, BackendError, BackendProvider | SpeechToSpeech> =>
    running(Effect.gen(function*() {
      const provider = yield* BackendProvider
      const s2s = yield* SpeechToSpeech
      const vad = Option.getOrUndefined(yield* Effect.serviceOption(VoiceActivityDetector))
      const turn = Option.getOrUndefined(yield* Effect.serviceOption(TurnDetector))
      const names = {
        ...(vad === undefined ? {} : { vad: vad.name }),
        ...(turn === undefined ? {} : { turn: turn.name })
      }
      const agentInLoop = options.agentInLoop ?? options.config?.agentInLoop
      return yield* layered(options, provider, {
        config: {
          pipelineType: "s2s",
          s2sProvider: s2s.name,
          ...(vad === undefined ? {} : { vadProvider: vad.name })
        },
        pipelines: { s2s: yield* S2sPipeline.make({ s2s, vad, turn }, { ...options, agentInLoop }) },
        speech: { s2s, ...(vad === undefined ? {} : { vad }) },
        engines: { s2s: s2s.name, ...names }
      })
    }))

  /**
   * A running backend from a config: provider, engines and agent by name, from the registries. Releasing the layer
   * drains it.
   */
  static readonly layerConfig = (
    config: BackendConfig
  ): Layer.Layer<VoiceBackend, BackendError, BackendRegistry | Registries> =>
    running(Effect.flatMap(BackendRegistry, (registry) => registry.create(config.provider, config)))
}

/**
 * What the layers of a program take.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerOptions extends SttTtsPipeline.SttTtsOptions {
  /** Who answers, when a session does not say. Default: whom `config.agent` names. */
  readonly agent?: Agent | undefined
  /** What processes the user's audio before it is heard; after those of the config, where the order is the same. */
  readonly processors?: ReadonlyArray<Processors.GivenProcessor> | undefined
  /** Fields of the config that differ from their defaults; checked like any config. */
  readonly config?: Partial<Omit<BackendConfig, "provider" | "pipelineType">> | undefined
}

/** Starts a backend; its own finalizer drains it before anything below it is released. */
const running = <E, R>(
  make: Effect.Effect<VoiceBackend["Service"], E, R>
): Layer.Layer<VoiceBackend, E | BackendError, Exclude<R, Scope.Scope>> =>
  Layer.effect(
    VoiceBackend,
    Effect.tap(make, (backend) => backend.start)
  )

const noProcessors: ProcessorRegistry["Service"] = Registry.make("ProcessorRegistry", "audio processor")

const layered = Effect.fnUntraced(function*(
  { agent, config, processors = [] }: LayerOptions,
  provider: BackendProvider["Service"],
  parts: Pick<BackendParts, "pipelines" | "engines" | "speech" | "listen"> & {
    readonly config: Partial<BackendConfig>
  }
) {
  const agents = Option.getOrUndefined(yield* Effect.serviceOption(AgentRegistry))
  const noise = Option.toArray(yield* Effect.serviceOption(NoiseSuppressor))
  const named = noise.map(({ name }) => ({ noiseCancellationProvider: name }))
  if (config?.noiseCancellationProvider !== undefined && noise.length === 0) {
    return yield* new InvalidConfig({
      op: "VoiceBackend.make",
      message: "there is no noise suppressor: provide a NoiseSuppressor",
      details: { missing: config.noiseCancellationProvider }
    })
  }
  const full: BackendConfig = { ...defaults, ...config, ...named[0], ...parts.config, provider: provider.name }
  const registry = Option.getOrElse(yield* Effect.serviceOption(ProcessorRegistry), () => noProcessors)
  const findAgent = (name: string) =>
    agents !== undefined ? agents.get(name) : Effect.fail(
      new InvalidConfig({
        op: "VoiceBackend.createSession",
        message: `there is no agent "${name}": provide an AgentRegistry`,
        details: { missing: name }
      })
    )
  return yield* makeBackend({
    ...parts,
    config: full,
    provider,
    processors: [
      ...noise.map(SuppressorProcessor.entry),
      ...(yield* Processors.named(full, registry)),
      ...(yield* Processors.given(processors))
    ],
    engines: { ...parts.engines, ...Object.fromEntries(noise.map(({ name }) => ["noise", name])) },
    agent: agent ?? (config?.agent === undefined ? undefined : yield* findAgent(config.agent)),
    findAgent
  })
})
