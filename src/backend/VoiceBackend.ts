/**
 * A running backend: it creates sessions, admits, observes and drains them.
 *
 * @since 0.1.0
 */
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { type Agent, withContext } from "../agent/Agent.ts"
import { AgentRegistry } from "../agent/AgentRegistry.ts"
import * as ToolRunner from "../agent/ToolRunner.ts"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { ProcessorRegistry } from "../hooks/AudioProcessor.ts"
import * as Registry from "../Registry.ts"
import { over } from "../schema/Defined.ts"
import * as SuppressorProcessor from "../session/input/SuppressorProcessor.ts"
import type { S2sOptions } from "../session/pipeline/S2sOptions.ts"
import * as S2sPipeline from "../session/pipeline/S2sPipeline.ts"
import * as SttTtsPipeline from "../session/pipeline/SttTtsPipeline.ts"
import { EchoCanceller } from "../speech/EchoCanceller.ts"
import { NoiseSuppressor } from "../speech/NoiseSuppressor.ts"
import * as ResilientTurnDetector from "../speech/resilience/ResilientTurnDetector.ts"
import * as WatchedEchoCanceller from "../speech/resilience/WatchedEchoCanceller.ts"
import { SpeechToSpeech } from "../speech/SpeechToSpeech.ts"
import { SpeechToText } from "../speech/SpeechToText.ts"
import { TextToSpeech } from "../speech/TextToSpeech.ts"
import { TurnDetector } from "../speech/TurnDetector.ts"
import { VoiceActivityDetector } from "../speech/VoiceActivityDetector.ts"
import type { Backend } from "./BackendContract.ts"
import type { BackendParts } from "./BackendParts.ts"
import * as BackendConfig from "./config/BackendConfig.ts"
import type { DecodedConfig } from "./config/DecodedConfig.ts"
import * as ConfiguredBackend from "./ConfiguredBackend.ts"
import * as Processors from "./engines/Processors.ts"
import * as SpeechEngines from "./engines/SpeechEngines.ts"
import * as GivenServices from "./GivenServices.ts"
import { makeBackend } from "./makeBackend.ts"
import { BackendRegistry } from "./provider/BackendRegistry.ts"
import { BackendProvider, type Registries } from "./provider/ProviderContract.ts"

export type {
  Backend,
  ConnectionState,
  DrainReport,
  ProcessPlaces,
  SessionPage,
  SessionPlace
} from "./BackendContract.ts"

/**
 * The contract's backend.
 *
 * @category services
 * @since 0.1.0
 */
export class VoiceBackend extends Context.Service<VoiceBackend, Backend>()("effect-voice/backend/VoiceBackend") {
  /**
   * A running backend for speech → text → agent → speech. Its engines and provider are services, so the compiler reports what
   * is missing. What it uses where it is there (`store`, `auth`, `turnDetector`, …) is an option, a service or a Layer, or is
   * found in the context; the log says at the start what was found. The layer asks for what the agent and the given Layers
   * need, too: a language model, the handlers of its tools, a database. Releasing the layer drains it.
   */
  static readonly layerSttTts = <R = never, S extends object = {}>(
    given?:
      & LayerOptions<R>
      & GivenServices.GivenServices
      & S
      & GivenServices.NoOthers<S, LayerOptions & GivenServices.GivenServices>
  ): Layer.Layer<
    VoiceBackend,
    BackendError | GivenServices.Errors<S>,
    | BackendProvider
    | SpeechToText
    | TextToSpeech
    | VoiceActivityDetector
    | Exclude<R, Scope.Scope>
    | GivenServices.Needs<S>
  > => {
    const options: LayerOptions<R> = given ?? {}
    return running(Effect.gen(function*() {
      const [provider, stt, tts, vad] = yield* Effect.all([
        BackendProvider,
        SpeechToText,
        TextToSpeech,
        VoiceActivityDetector
      ])
      const sttTurns = options.turnDetection === "stt"
      const turn = sttTurns ? undefined : yield* turnDetector
      const engines = yield* SpeechEngines.make(
        { stt: [stt], tts: [tts], sttTurns },
        over(BackendConfig.defaults, options.config)
      )
      return yield* layered(options, provider, {
        config: { pipelineType: "stt_tts", sttProvider: stt.name, ttsProvider: tts.name, vadProvider: vad.name },
        pipelines: { stt_tts: SttTtsPipeline.make({ stt: engines.stt, tts: engines.tts, turn, vad }, options) },
        speech: { stt: engines.stt, tts: engines.tts, vad, ...(turn === undefined ? {} : { turn }) },
        useConfig: engines.useConfig,
        engines: {
          stt: stt.name,
          tts: tts.name,
          vad: vad.name,
          ...(turn === undefined ? {} : { turn: turn.name }),
          ...(sttTurns ? { turn: SpeechEngines.STT_TURNS } : {})
        }
      })
    })).pipe(GivenServices.provide<S>(given))
  }

  /**
   * A running backend over a speech-to-speech model. What it uses where it is there (`vad`, `tts`, `store`, `auth`, …) is an
   * option, a service or a Layer, or is found in the context; a turn detector is used where an agent answers. A capability that
   * the model lacks fails `invalid_config`. The layer asks for what the agent, the tools and the given Layers need, too. Releasing
   * the layer drains it.
   *
   * A tool's call is interrupted with the reply that made it, and has nine tenths of the config's `timeout`. The model is told of a
   * failure as in `Agent.fromLanguageModel`.
   */
  static readonly layerS2s = <
    R = never,
    Tools extends Record<string, Tool.Any> = {},
    Handlers = never,
    S extends object = {}
  >(
    given?:
      & S2sLayerOptions<R, Tools, Handlers>
      & GivenServices.S2sGivenServices
      & S
      & GivenServices.NoOthers<S, S2sLayerOptions & GivenServices.S2sGivenServices>
  ): Layer.Layer<
    VoiceBackend,
    BackendError | GivenServices.Errors<S>,
    | BackendProvider
    | SpeechToSpeech
    | Exclude<R | Handlers | Tool.HandlerServices<Tools[keyof Tools]>, Scope.Scope>
    | GivenServices.Needs<S>
  > => {
    const options: S2sLayerOptions<R, Tools, Handlers> = given ?? {}
    return running(Effect.gen(function*() {
      const provider = yield* BackendProvider
      const s2s = yield* SpeechToSpeech
      const vad = Option.getOrUndefined(yield* Effect.serviceOption(VoiceActivityDetector))
      const turn = yield* turnDetector
      const tts = Option.getOrUndefined(yield* Effect.serviceOption(TextToSpeech))
      const voice = tts === undefined
        ? undefined
        : yield* SpeechEngines.makeVoice([tts], over(BackendConfig.defaults, options.config))
      const names = {
        ...(tts === undefined ? {} : { tts: tts.name }),
        ...(vad === undefined ? {} : { vad: vad.name }),
        ...(turn === undefined ? {} : { turn: turn.name })
      }
      const { textTransforms, toolkit } = options
      const agentInLoop = options.agentInLoop ?? options.config?.agentInLoop
      const tools = toolkit === undefined ? undefined : ToolRunner.provideContext(
        ToolRunner.make(yield* toolkit),
        yield* Effect.context<Tool.HandlerServices<Tools[keyof Tools]>>()
      )
      return yield* layered(options, provider, {
        config: {
          pipelineType: "s2s",
          s2sProvider: s2s.name,
          ...(tts === undefined ? {} : { ttsProvider: tts.name }),
          ...(vad === undefined ? {} : { vadProvider: vad.name })
        },
        pipelines: {
          s2s: yield* S2sPipeline.make({ s2s, vad, turn, tts: voice?.tts }, { textTransforms, tools, agentInLoop })
        },
        speech: {
          s2s,
          ...(voice === undefined ? {} : { tts: voice.tts }),
          ...(vad === undefined ? {} : { vad }),
          ...(turn === undefined ? {} : { turn })
        },
        useConfig: voice?.useConfig,
        engines: { s2s: s2s.name, ...names }
      })
    })).pipe(GivenServices.provide<S>(given))
  }

  /**
   * A running backend from a config: provider, engines and agent by name, from the registries. `services` are those of the
   * application. Releasing the layer drains it.
   */
  static readonly layerConfig = <S extends object = {}>(
    config: BackendConfig.BackendConfig,
    services?: GivenServices.HookServices & S & GivenServices.NoOthers<S, GivenServices.HookServices>
  ): Layer.Layer<
    VoiceBackend,
    BackendError | GivenServices.Errors<S>,
    BackendRegistry | Registries | GivenServices.Needs<S>
  > =>
    running(Effect.flatMap(BackendRegistry, (registry) => registry.create(config.provider, config))).pipe(
      GivenServices.provide<S>(services)
    )

  /**
   * A running backend from a config that `ConfigSource.load` has decoded; nothing is decoded again. `services` are those of the
   * application.
   */
  static readonly layerDecoded = <S extends object = {}>(
    decoded: DecodedConfig,
    services?: GivenServices.HookServices & S & GivenServices.NoOthers<S, GivenServices.HookServices>
  ): Layer.Layer<VoiceBackend, BackendError | GivenServices.Errors<S>, Registries | GivenServices.Needs<S>> =>
    running(ConfiguredBackend.make(decoded)).pipe(GivenServices.provide<S>(services))
}

type Given = Omit<BackendConfig.BackendConfig, "provider" | "pipelineType">

/**
 * The fields of a config that a program may give to the layers.
 *
 * @category models
 * @since 0.1.0
 */
export type GivenConfig = { readonly [Key in keyof Given]?: Given[Key] | undefined }

/**
 * The options of the layers, beside the services that they may be given.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerOptions<out R = never> extends SttTtsPipeline.SttTtsOptions {
  /** The agent of sessions that name none; the layer asks for what it needs. Default: `config.agent`. */
  readonly agent?: Agent<R> | undefined
  /** Processors of the user's audio; at the same `order` they run after those of the config. */
  readonly processors?: ReadonlyArray<Processors.GivenProcessor> | undefined
  /** Fields of the config that differ from their defaults; checked like any config. What is `undefined` counts as absent. */
  readonly config?: GivenConfig | undefined
}

/**
 * The options of `layerS2s`.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sLayerOptions<
  out R = never,
  in out Tools extends Record<string, Tool.Any> = {},
  out Handlers = never
> extends LayerOptions<R>, Pick<S2sOptions, "agentInLoop"> {
  /** The tools that the model may call: a `Toolkit`, whose handlers come from the context. */
  readonly toolkit?: Effect.Effect<Toolkit.WithHandler<Tools>, never, Handlers> | undefined
}

/** Starts a backend; its own finalizer drains it before anything below it is released. */
const running = <E, R>(
  make: Effect.Effect<Backend, E, R>
): Layer.Layer<VoiceBackend, E | BackendError, Exclude<R, Scope.Scope>> =>
  Layer.effect(
    VoiceBackend,
    Effect.tap(make, (backend) => backend.start)
  )

/** The turn detector, if there is one, kept from costing more than its verdicts. */
const turnDetector = Effect.flatMap(
  Effect.serviceOption(TurnDetector),
  (found) => Option.isNone(found) ? Effect.undefined : ResilientTurnDetector.make(found.value)
)

const noProcessors: ProcessorRegistry["Service"] = Registry.make("ProcessorRegistry", "audio processor")

const layered = Effect.fnUntraced(function*<R>(
  { agent, config, processors = [] }: LayerOptions<R>,
  provider: BackendProvider["Service"],
  parts: Pick<BackendParts, "pipelines" | "engines" | "speech" | "useConfig"> & {
    readonly config: Partial<BackendConfig.BackendConfig>
  }
) {
  const agents = Option.getOrUndefined(yield* Effect.serviceOption(AgentRegistry))
  const noise = Option.toArray(yield* Effect.serviceOption(NoiseSuppressor))
  const named = noise.map(({ name }) => ({ noiseCancellationProvider: name }))
  if (config?.noiseCancellationProvider !== undefined && noise.length === 0) {
    return yield* new InvalidConfig({
      op: "VoiceBackend.make",
      message: "noise_cancellation_provider: no NoiseSuppressor service: provide one",
      details: { missing: config.noiseCancellationProvider }
    })
  }
  const canceller = Option.getOrUndefined(yield* Effect.serviceOption(EchoCanceller))
  if (config?.echoCancellation === true && canceller === undefined) {
    return yield* new InvalidConfig({
      op: "VoiceBackend.make",
      message: "echo_cancellation: no EchoCanceller service: provide one, such as that of effect-voice/engines/aec3",
      details: { missing: "EchoCanceller" }
    })
  }
  // what is provided and not wanted is not used
  const echo = canceller === undefined || config?.echoCancellation === false
    ? undefined
    : yield* WatchedEchoCanceller.make(canceller)
  const full = yield* BackendConfig.check({
    ...over(BackendConfig.defaults, config),
    ...named[0],
    echoCancellation: echo !== undefined,
    ...parts.config,
    provider: provider.name
  })
  const configured = yield* provider.configure(full.providerConfig)
  const registry = Option.getOrElse(yield* Effect.serviceOption(ProcessorRegistry), () => noProcessors)
  const custom = yield* Effect.forEach(
    full.customProcessors,
    ({ name, options }, i) =>
      Effect.flatMap(registry.get(name), (factory) => Processors.decodeNamed(factory, options, i))
  )
  const findAgent = (name: string) =>
    agents !== undefined ? agents.get(name) : Effect.fail(
      new InvalidConfig({
        op: "VoiceBackend.createSession",
        message: `agent ${name} is not available: provide an AgentRegistry`,
        details: { missing: name }
      })
    )
  return yield* makeBackend({
    ...parts,
    config: full,
    provider: configured,
    processors: [
      ...noise.map(SuppressorProcessor.entry),
      ...Processors.named(full, custom),
      ...(yield* Processors.given(processors))
    ],
    echoCanceller: echo,
    speech: { ...parts.speech, ...(echo === undefined ? {} : { echo }) },
    engines: {
      ...parts.engines,
      ...Object.fromEntries(noise.map(({ name }) => ["noise", name])),
      ...(echo === undefined ? {} : { echo: echo.name })
    },
    agent: agent !== undefined
      ? yield* withContext(agent)
      : config?.agent === undefined
      ? undefined
      : yield* findAgent(config.agent),
    agentNames: agents?.list,
    findAgent
  })
})
