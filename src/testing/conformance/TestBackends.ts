/**
 * Where a conformance test plays: backends on the harness' provider with scripted engines, and users who call them.
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
import type { Dial, Harness } from "./Harness.ts"
import { engines, processors } from "./NamedParts.ts"
import * as TestTone from "./TestTone.ts"

/** Who answers, if a test does not care. */
export const echo = Agent.fromCallback((transcript) => Effect.succeed(`You said ${transcript}.`), { name: "echo" })

/** Speaks for half a minute: long enough for whatever is to happen meanwhile. */
export const talker = Agent.fromCallback(() => Effect.succeed("And on and on it goes. ".repeat(40)), { name: "talker" })

/** Never answers. */
export const mute = Agent.fromCallback(() => Effect.never)

/**
 * How a backend differs from the plainest one.
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
  /** In place of recogniser, agent and voice. */
  readonly s2s?: Layer.Layer<SpeechToSpeech, BackendError> | undefined
  /** Hooks, a store: what a backend looks for and can do without. */
  readonly services?: Layer.Layer<never, BackendError> | Layer.Layer<unknown, BackendError> | undefined
}

/**
 * A backend at work.
 *
 * @category models
 * @since 0.1.0
 */
export interface Running {
  readonly backend: VoiceBackend["Service"]
  readonly dial: Dial
  readonly create: (session?: Partial<SessionConfig>) => Effect.Effect<VoiceSession, BackendError>
  /** A session, and its user on the line. */
  readonly call: (
    session?: Partial<SessionConfig>
  ) => Effect.Effect<ConformanceClient.ConformanceClient, BackendError, Scope.Scope>
  /** A user for a session that is there. */
  readonly connect: (
    session: VoiceSession
  ) => Effect.Effect<ConformanceClient.ConformanceClient, BackendError, Scope.Scope>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface TestBackends {
  readonly harness: Harness
  /** A backend that runs, and is drained with the scope. */
  readonly open: (options?: BackendOptions) => Effect.Effect<Running, BackendError, Scope.Scope>
  /** The config of a backend made of names, with some keys changed; encoded, as in a file. */
  readonly config: (
    over?: { readonly [key: string]: unknown }
  ) => Effect.Effect<BackendConfig.BackendConfig, BackendError>
  /** A backend made of names; it is not started. */
  readonly named: (
    over?: { readonly [key: string]: unknown }
  ) => Effect.Effect<VoiceBackend["Service"], BackendError, Scope.Scope>
  /** Makes a backend that runs reachable. */
  readonly reach: (backend: VoiceBackend["Service"]) => Effect.Effect<Running, BackendError, Scope.Scope>
  /** The registries behind `named`. */
  readonly registries: Layer.Layer<
    | BackendRegistry
    | EngineRegistry.EngineRegistry
    | AgentRegistry
    | AudioProcessor.ProcessorRegistry
  >
}

/** A drain in a test is short; nobody is waited for. */
const quick = { drain: { deadline: "1 second" } } as const

/** Without the keys that a test takes away. */
const present = (raw: { readonly [key: string]: unknown }) =>
  Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined))

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (harness: Harness): TestBackends => {
  const spells = harness.unsupported?.words === undefined
  const hearing = () =>
    spells
      ? ScriptedRecogniser.layer()
      : ScriptedEngines.layerStt(Array.from({ length: 100 }, (_, i) => `utterance ${i + 1}`))

  const reach: TestBackends["reach"] = Effect.fnUntraced(function*(backend) {
    const dial = yield* harness.reach(backend)
    const create: Running["create"] = (session) =>
      backend.createSession({ userId: "user", transport: harness.transport, ...session })
    const connect: Running["connect"] = (session) =>
      Effect.flatMap(
        backend.access(session.id),
        (access) => ConformanceClient.connect({ dial, session, access, spells })
      )
    return { backend, dial, create, connect, call: (session) => Effect.flatMap(create(session), connect) }
  })

  const open: TestBackends["open"] = Effect.fnUntraced(function*(options = {}) {
    const { agent = echo, config, policy, processors, turnDetection } = options
    const { conversation, provider: _provider, pipelineType: _type, ...fields } = Scenario.configOf({
      config: { ...quick, ...config },
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
    const vad = spells ? ScriptedEngines.layerVad() : Energy.layer()
    const tts = options.tts ?? ScriptedEngines.layerTts({ msPerCharacter: 40 })
    const layer = options.s2s !== undefined
      ? VoiceBackend.layerS2s(layerOptions).pipe(
        Layer.provide([provider, spells ? options.s2s : TestTone.layerS2s(options.s2s), vad])
      )
      : VoiceBackend.layerSttTts(layerOptions).pipe(
        Layer.provide([
          provider,
          options.stt ?? hearing(),
          spells ? tts : TestTone.layerTts(tts),
          vad
        ])
      )
    const context = yield* Layer.build(options.services === undefined ? layer : Layer.provide(layer, options.services))
    return yield* reach(Context.get(context, VoiceBackend))
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
      stt_provider: "hearing",
      tts_provider: "voice",
      vad_provider: "level",
      agent: "echo",
      drain: { deadline: "1s" },
      ...over
    }))
  return {
    harness,
    open,
    reach,
    config,
    registries,
    named: (over) =>
      Effect.flatMap(config(over), (decoded) => newBackend(decoded.provider, decoded)).pipe(Effect.provide(registries))
  }
}
