/**
 * The backends of the conformance suite: the harness' provider with scripted engines, and users who connect to them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Agent from "../../agent/Agent.ts"
import { AgentRegistry } from "../../agent/AgentRegistry.ts"
import * as BackendConfig from "../../backend/config/BackendConfig.ts"
import { BackendProvider } from "../../backend/provider/BackendProvider.ts"
import { BackendRegistry, newBackend } from "../../backend/provider/BackendRegistry.ts"
import { type LayerOptions, VoiceBackend } from "../../backend/VoiceBackend.ts"
import type { BackendError } from "../../BackendError.ts"
import * as Energy from "../../engines/energy/index.ts"
import * as AudioProcessor from "../../hooks/AudioProcessor.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import type { SpeechToSpeech } from "../../speech/SpeechToSpeech.ts"
import type { SpeechToText } from "../../speech/SpeechToText.ts"
import type { TextToSpeech } from "../../speech/TextToSpeech.ts"
import * as Scenario from "../scenario/Scenario.ts"
import * as ScriptedEngines from "../scripted/ScriptedEngines.ts"
import * as ScriptedRecogniser from "../scripted/ScriptedRecogniser.ts"
import * as ConformanceClient from "./ConformanceClient.ts"
import type { ConnectClient, Harness } from "./Harness.ts"
import { engines, processors } from "./NamedParts.ts"
import * as TestTone from "./TestTone.ts"

/** The default agent. */
export const echo = Agent.fromCallback((transcript) => Effect.succeed(`You said ${transcript}.`), { name: "echo" })

/** Speaks for half a minute, long enough to be interrupted or closed meanwhile. */
export const talker = Agent.fromCallback(() => Effect.succeed("And on and on it goes. ".repeat(40)), { name: "talker" })

/** Never answers. */
export const mute = Agent.fromCallback(() => Effect.never)

/**
 * Changes to the default backend of the suite.
 *
 * @category models
 * @since 0.1.0
 */
export interface BackendOptions extends Pick<LayerOptions, "processors" | "turnDetection"> {
  readonly agent?: Agent.Agent | undefined
  readonly config?: Scenario.ScenarioOptions["config"]
  readonly policy?: Scenario.ScenarioOptions["policy"]
  readonly stt?: Layer.Layer<SpeechToText, BackendError> | undefined
  readonly tts?: Layer.Layer<TextToSpeech, BackendError> | undefined
  /** Replaces recogniser, agent and voice. */
  readonly s2s?: Layer.Layer<SpeechToSpeech, BackendError> | undefined
  /** Optional services of a backend: hooks, a store. */
  readonly services?: Layer.Layer<never, BackendError> | Layer.Layer<unknown, BackendError> | undefined
}

/**
 * A running backend, and how to create sessions and users on it.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunningBackend {
  readonly backend: VoiceBackend["Service"]
  readonly connectClient: ConnectClient
  readonly createSession: (session?: Partial<SessionConfig>) => Effect.Effect<VoiceSession, BackendError>
  /** Creates a session and connects its user. */
  readonly createUser: (
    session?: Partial<SessionConfig>
  ) => Effect.Effect<ConformanceClient.ConformanceClient, BackendError, Scope.Scope>
  /** Connects a user to an existing session. */
  readonly connectUser: (
    session: VoiceSession
  ) => Effect.Effect<ConformanceClient.ConformanceClient, BackendError, Scope.Scope>
}

/**
 * Makes the backends that rows run on.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestBackends {
  readonly harness: Harness
  /** Starts a backend, which is drained when the scope closes. */
  readonly start: (options?: BackendOptions) => Effect.Effect<RunningBackend, BackendError, Scope.Scope>
  /** The config of a backend whose engines are named; `over` changes encoded keys, as in a file. */
  readonly config: (
    over?: { readonly [key: string]: unknown }
  ) => Effect.Effect<BackendConfig.BackendConfig, BackendError>
  /** Makes a backend from such a config, not started. */
  readonly fromConfig: (
    over?: { readonly [key: string]: unknown }
  ) => Effect.Effect<VoiceBackend["Service"], BackendError, Scope.Scope>
  /** Makes a running backend reachable for users. */
  readonly serve: (backend: VoiceBackend["Service"]) => Effect.Effect<RunningBackend, BackendError, Scope.Scope>
  /** The registries that `fromConfig` uses. */
  readonly registries: Layer.Layer<
    | BackendRegistry
    | EngineRegistry.EngineRegistry
    | AgentRegistry
    | AudioProcessor.ProcessorRegistry
  >
}

/** Short, so that a row does not wait for replies in flight. */
const shortDrain = { drain: { deadline: "1 second" } } as const
/** The largest limit: cases run side by side, and a busy machine must not make a backend refuse sessions. */
const noOverload = { overload: { maxLag: "10 seconds" } } as const

/** Removes the keys whose value is `undefined`. */
const present = (raw: { readonly [key: string]: unknown }) =>
  Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined))

/**
 * Makes the backends for a harness.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (harness: Harness): TestBackends => {
  const exactAudio = harness.unsupported?.exactAudio === undefined
  const recogniser = () =>
    exactAudio
      ? ScriptedRecogniser.layer()
      : ScriptedEngines.layerStt(Array.from({ length: 100 }, (_, i) => `utterance ${i + 1}`))

  const serve: TestBackends["serve"] = Effect.fnUntraced(function*(backend) {
    const connectClient = yield* harness.serve(backend)
    const createSession: RunningBackend["createSession"] = (session) =>
      backend.createSession({ userId: "user", transport: harness.transport, ...session })
    const connectUser: RunningBackend["connectUser"] = (session) =>
      Effect.flatMap(
        backend.access(session.id),
        (access) => ConformanceClient.connect({ connectClient, session, access, exactAudio })
      )
    return {
      backend,
      connectClient,
      createSession,
      connectUser,
      createUser: (session) => Effect.flatMap(createSession(session), connectUser)
    }
  })

  const start: TestBackends["start"] = Effect.fnUntraced(function*(options = {}) {
    const { agent = echo, config, policy, processors, turnDetection } = options
    const { conversation, provider: _provider, pipelineType: _type, ...fields } = Scenario.configOf({
      config: { ...shortDrain, ...noOverload, ...config },
      policy
    })
    const encoded = harness.providerConfig ?? {}
    const layerOptions = {
      agent,
      processors,
      turnDetection,
      config: { ...fields, conversation, providerConfig: encoded }
    }
    const provider = Layer.succeed(BackendProvider, harness.provider)
    const vad = exactAudio ? ScriptedEngines.layerVad() : Energy.layer()
    const tts = options.tts ?? ScriptedEngines.layerTts({ msPerCharacter: 40 })
    const layer = options.s2s !== undefined
      ? VoiceBackend.layerS2s(layerOptions).pipe(
        Layer.provide([provider, exactAudio ? options.s2s : TestTone.layerS2s(options.s2s), vad])
      )
      : VoiceBackend.layerSttTts(layerOptions).pipe(
        Layer.provide([
          provider,
          options.stt ?? recogniser(),
          exactAudio ? tts : TestTone.layerTts(tts),
          vad
        ])
      )
    const context = yield* Layer.build(options.services === undefined ? layer : Layer.provide(layer, options.services))
    return yield* serve(Context.get(context, VoiceBackend))
  })

  const registries = Layer.mergeAll(
    BackendRegistry.layer([harness.provider]),
    EngineRegistry.EngineRegistry.layer(engines),
    AgentRegistry.layer({ echo, talker }),
    AudioProcessor.ProcessorRegistry.layer(processors)
  )
  const config: TestBackends["config"] = (over) =>
    BackendConfig.decode(present({
      provider: harness.provider.name,
      provider_config: harness.providerConfig ?? {},
      pipeline_type: "stt_tts",
      stt_provider: "scripted_stt",
      tts_provider: "scripted_tts",
      vad_provider: "scripted_vad",
      agent: "echo",
      drain: { deadline: "1s" },
      overload: { max_lag: "10s" },
      ...over
    }))
  return {
    harness,
    start,
    serve,
    config,
    registries,
    fromConfig: (over) =>
      Effect.flatMap(config(over), (decoded) => newBackend(decoded.provider, decoded)).pipe(Effect.provide(registries))
  }
}
