/**
 * Builds a backend with the engines, the agent and the processors that a config names.
 *
 * @since 0.1.0
 */
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { AgentRegistry } from "../agent/AgentRegistry.ts"
import * as CallTools from "../agent/tools/CallTools.ts"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { HealthSources } from "../HealthSource.ts"
import { DataRetentionHook } from "../hooks/DataRetentionHook.ts"
import * as SuppressorProcessor from "../session/input/SuppressorProcessor.ts"
import { PendingErasures } from "../session/persistence/PendingErasures.ts"
import { SessionStore } from "../session/persistence/SessionStore.ts"
import * as S2sPipeline from "../session/pipeline/S2sPipeline.ts"
import * as SttTtsPipeline from "../session/pipeline/SttTtsPipeline.ts"
import { Open, SessionArchive } from "../session/retention/SessionArchive.ts"
import { EchoCanceller } from "../speech/EchoCanceller.ts"
import { type EngineKind, type EngineKinds, EngineRegistry } from "../speech/EngineRegistry.ts"
import { NoiseSuppressor } from "../speech/NoiseSuppressor.ts"
import * as ResilientTurnDetector from "../speech/resilience/ResilientTurnDetector.ts"
import * as WatchedEchoCanceller from "../speech/resilience/WatchedEchoCanceller.ts"
import { SpeechToSpeech } from "../speech/SpeechToSpeech.ts"
import { SpeechToText } from "../speech/SpeechToText.ts"
import { TextToSpeech } from "../speech/TextToSpeech.ts"
import { TurnDetector } from "../speech/TurnDetector.ts"
import { VoiceActivityDetector } from "../speech/VoiceActivityDetector.ts"
import * as ThrownValue from "../ThrownValue.ts"
import type { Backend } from "./BackendContract.ts"
import { type BackendConfig, periodsOf } from "./config/BackendConfig.ts"
import type { DecodedConfig } from "./config/DecodedConfig.ts"
import { DEFAULT_TURNS, DEFAULT_VAD, ECHO_CANCELLER } from "./config/NamedParts.ts"
import * as LlmAgent from "./engines/LlmAgent.ts"
import { OpenToolSources } from "./engines/OpenToolSources.ts"
import * as Processors from "./engines/Processors.ts"
import * as SpeechEngines from "./engines/SpeechEngines.ts"
import { makeBackend } from "./makeBackend.ts"
import type { Registries } from "./provider/ProviderContract.ts"
import { OpenPendingErasures, StoreRegistry } from "./sessions/StoreRegistry.ts"

/**
 * Builds an engine by name in the current scope. An engine that was not needed when the config was decoded, such as the
 * default detector of a speech-to-speech model that turns out to need one, is built with its default options.
 */
const build = Effect.fnUntraced(function*<Kind extends EngineKind, Shape>(
  { engines }: DecodedConfig,
  kind: Kind,
  name: string,
  tag: Context.Service<EngineKinds[Kind], Shape>
) {
  const decoded = engines[kind].get(name)
  const layer = decoded?.layer ?? (yield* Effect.flatten((yield* EngineRegistry)[kind].get(name))).layer(undefined)
  return Context.get(yield* Layer.build(layer), tag)
})

/** The named turn detector, kept from costing more than its verdicts; none for `silence` and for `stt`. */
const buildTurn = Effect.fnUntraced(function*(decoded: DecodedConfig, name: string) {
  if (name === SpeechEngines.SILENCE_TURNS || name === SpeechEngines.STT_TURNS) return undefined
  return yield* ResilientTurnDetector.make(yield* build(decoded, "turn", name, TurnDetector))
})

/** The detector of a config that names none: one whose package is not installed gives way to the next, and at last to silence. */
const buildDefaultTurn = Effect.fnUntraced(function*(decoded: DecodedConfig) {
  const { turn } = yield* EngineRegistry
  for (const name of DEFAULT_TURNS.filter((each) => turn.has(each))) {
    const built = yield* buildTurn(decoded, name).pipe(
      Effect.catchIf(
        (error) => error.details?.["missing"] !== undefined,
        (error) =>
          Effect.as(Effect.logInfo(`turns are detected without ${name}: ${ThrownValue.textOf(error)}`), undefined)
      )
    )
    if (built !== undefined) return built
  }
  return undefined
})

/**
 * Builds a voice and those that step in for it. One that is configured well and cannot start, such as a model that does not
 * load, is left out where another can: with a warning. What is wrong in the config (`invalid_config`) always fails.
 */
const buildVoices = Effect.fnUntraced(function*(decoded: DecodedConfig, names: Arr.NonEmptyReadonlyArray<string>) {
  const results = yield* Effect.forEach(
    names,
    (name) =>
      build(decoded, "tts", name, TextToSpeech).pipe(
        Effect.map((engine) => ({ name, engine })),
        Effect.catchIf((error) => error.code !== "invalid_config", (error) => Effect.succeed({ name, error }))
      )
  )
  const voices = results.filter((result) => "engine" in result)
  const failed = results.filter((result) => "error" in result)
  if (!Arr.isReadonlyArrayNonEmpty(voices)) return yield* failed[0]!.error
  for (const { error, name } of failed) {
    yield* Effect.logWarning(
      `the voice ${name} cannot start; ${voices[0].name} speaks in its place`,
      ThrownValue.loggable(Cause.fail(error))
    )
  }
  return { names: voices.map(({ name }) => name), engines: Arr.map(voices, ({ engine }) => engine) }
})

const buildStt = Effect.fnUntraced(function*(decoded: DecodedConfig) {
  const { config } = decoded
  // the config's rules require both names
  const sttName = config.sttProvider ?? ""
  const ttsName = config.ttsProvider ?? ""
  const vadName = config.vadProvider ?? DEFAULT_VAD
  const turnName = config.turnDetectionProvider
  const sttTurns = turnName === SpeechEngines.STT_TURNS
  const [stts, voices, vad, turn] = yield* Effect.all([
    Effect.forEach(Arr.prepend(config.sttFallback, sttName), (name) => build(decoded, "stt", name, SpeechToText)),
    buildVoices(decoded, Arr.prepend(config.ttsFallback, ttsName)),
    build(decoded, "vad", vadName, VoiceActivityDetector),
    turnName === undefined ? buildDefaultTurn(decoded) : buildTurn(decoded, turnName)
  ], { concurrency: "unbounded" })
  const { stt, tts, useConfig } = yield* SpeechEngines.make({ stt: stts, tts: voices.engines, sttTurns }, config)
  return {
    pipelines: {
      stt_tts: SttTtsPipeline.make({ stt, tts, vad, turn }, {
        turnDetection: sttTurns ? "stt" : undefined
      })
    },
    useConfig,
    speech: { stt, tts, vad, ...(turn === undefined ? {} : { turn }) },
    engines: {
      stt: [sttName, ...config.sttFallback].join(", "),
      tts: voices.names.join(", "),
      vad: vadName,
      ...(turn === undefined ? {} : { turn: turn.name }),
      ...(sttTurns ? { turn: SpeechEngines.STT_TURNS } : {})
    }
  }
})

const buildS2s = Effect.fnUntraced(function*(decoded: DecodedConfig) {
  const { config } = decoded
  const name = config.s2sProvider ?? ""
  const s2s = yield* build(decoded, "s2s", name, SpeechToSpeech)
  const vadName = config.vadProvider ?? (s2s.capabilities.turnAuthority === "remote" ? undefined : DEFAULT_VAD)
  const vad = vadName === undefined ? undefined : yield* build(decoded, "vad", vadName, VoiceActivityDetector)
  const turnName = config.turnDetectionProvider
  const turn = turnName === undefined ? undefined : yield* buildTurn(decoded, turnName)
  const ttsNames = config.ttsProvider === undefined ? undefined : Arr.prepend(config.ttsFallback, config.ttsProvider)
  const voice = ttsNames === undefined
    ? undefined
    : yield* Effect.flatMap(
      buildVoices(decoded, ttsNames),
      ({ engines, names }) => Effect.map(SpeechEngines.makeVoice(engines, config), (made) => ({ ...made, names }))
    )
  const { agentInLoop } = config
  return {
    pipelines: { s2s: yield* S2sPipeline.make({ s2s, vad, turn, tts: voice?.tts }, { agentInLoop }) },
    useConfig: voice?.useConfig,
    speech: {
      s2s,
      ...(voice === undefined ? {} : { tts: voice.tts }),
      ...(vad === undefined ? {} : { vad }),
      ...(turn === undefined ? {} : { turn })
    },
    engines: {
      s2s: name,
      ...(voice === undefined ? {} : { tts: voice.names.join(", ") }),
      ...(vadName === undefined ? {} : { vad: vadName }),
      ...(turn === undefined ? {} : { turn: turn.name })
    }
  }
})

/** Builds the store of a config in the current scope. */
const buildStore = Effect.fnUntraced(function*({ store }: BackendConfig) {
  const registry = yield* Effect.serviceOption(StoreRegistry)
  if (Option.isNone(registry)) {
    return yield* new InvalidConfig({
      op: "VoiceBackend.make",
      message: `store.kind: session store ${store.kind} is not available: provide a StoreRegistry`,
      details: { missing: store.kind }
    })
  }
  const load = yield* registry.value.get(store.kind)
  const context = yield* Layer.build(yield* load(store))
  return Context.get(context, SessionStore)
})

/** Whether session data may be kept and the program has not provided an archive of its own. */
const needsArchive = Effect.fnUntraced(function*(config: BackendConfig) {
  if (Option.isSome(yield* Effect.serviceOption(SessionArchive))) return false
  return Object.keys(periodsOf(config)).length > 0 || Option.isSome(yield* Effect.serviceOption(DataRetentionHook))
})

/**
 * Makes the backend of a decoded config; it is not started. The engines are built here and live as long as the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (decoded: DecodedConfig): Effect.Effect<Backend, BackendError, Scope.Scope | Registries> =>
  Effect.gen(function*() {
    const { config, provider } = decoded
    const agents = yield* AgentRegistry
    const model = LlmAgent.providerOf(config, agents)
    const sources = model === undefined
      ? []
      : [...CallTools.source(config.callTools), ...(yield* (yield* OpenToolSources)(config))]
    const llm = model === undefined
      ? undefined
      : LlmAgent.make(
        yield* build(decoded, "llm", model, LanguageModel.LanguageModel),
        decoded.engines.llm.get(model)?.options,
        sources
      )
    const findAgent = (name: string) =>
      llm !== undefined && name === LlmAgent.NAME ? Effect.succeed(llm) : agents.get(name)
    const agent = config.agent === undefined ? undefined : yield* findAgent(config.agent)
    const noise = config.noiseCancellationProvider === undefined
      ? []
      : [yield* build(decoded, "noise", config.noiseCancellationProvider, NoiseSuppressor)]
    const echo = config.echoCancellation
      ? yield* Effect.flatMap(build(decoded, "echo", ECHO_CANCELLER, EchoCanceller), WatchedEchoCanceller.make)
      : undefined
    const built = yield* (config.pipelineType === "s2s" ? buildS2s(decoded) : buildStt(decoded))
    const around = yield* HealthSources
    const making = makeBackend({
      config,
      provider,
      agent,
      agentNames: agents.list,
      findAgent,
      ...built,
      echoCanceller: echo,
      speech: { ...built.speech, ...(echo === undefined ? {} : { echo }) },
      processors: [...noise.map(SuppressorProcessor.entry), ...Processors.named(config, decoded.processors)],
      engines: {
        ...built.engines,
        ...(model === undefined ? {} : { llm: model }),
        ...Object.fromEntries(noise.map(({ name }) => ["noise", name])),
        ...(echo === undefined ? {} : { echo: echo.name })
      }
    }).pipe(
      Effect.provideService(HealthSources, [...around, ...sources.flatMap(({ health }) => health ?? [])])
    )
    const backend = (yield* needsArchive(config))
      ? Effect.provideServiceEffect(making, SessionArchive, (yield* Open)(config.retention.directory))
      : making
    if (config.store.kind === "memory") return yield* backend
    const own = Option.getOrUndefined(yield* Effect.serviceOption(SessionStore))
    const store = yield* buildStore(config)
    if (own !== undefined && own !== store) {
      yield* Effect.logWarning(
        `the SessionStore that the program provides is not used: store.kind is ${config.store.kind}; give it a name among the ` +
          "session stores, for store.kind, or set that to memory"
      )
    }
    const stored = Effect.provideService(backend, SessionStore, store)
    const erasures = yield* (yield* OpenPendingErasures)(config.store)
    return yield* erasures === undefined ? stored : Effect.provideService(stored, PendingErasures, erasures)
  })
