/**
 * The services that a program may give to the layers of a backend, so that the types say what is used and what it needs.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { AgentRegistry } from "../agent/AgentRegistry.ts"
import { ProcessorRegistry } from "../hooks/AudioProcessor.ts"
import { AuthHook } from "../hooks/AuthHook.ts"
import { DataRetentionHook } from "../hooks/DataRetentionHook.ts"
import { DoNotCall } from "../hooks/DoNotCall.ts"
import { RateLimiter } from "../hooks/RateLimiter.ts"
import { SessionStore } from "../session/persistence/SessionStore.ts"
import { SessionArchive } from "../session/retention/SessionArchive.ts"
import { EchoCanceller } from "../speech/EchoCanceller.ts"
import { NoiseSuppressor } from "../speech/NoiseSuppressor.ts"
import { TextToSpeech } from "../speech/TextToSpeech.ts"
import { TurnDetector } from "../speech/TurnDetector.ts"
import { VoiceActivityDetector } from "../speech/VoiceActivityDetector.ts"

/**
 * A service, or a Layer that makes it: the backend's layer then fails as that Layer does, and asks for what it asks for.
 *
 * @category models
 * @since 0.1.0
 */
export type Given<Self, Shape> = Shape | Layer.Layer<Self, unknown, unknown>

/**
 * The services of the application that every backend uses where they are there. One that is given takes the place of one in
 * the context. The log says at the start of a backend what it has found.
 *
 * @category models
 * @since 0.1.0
 */
export interface HookServices {
  /**
   * Where active sessions are stored, so that they survive the process. With a config by names, where its `store.kind` is
   * `memory`. Default: in memory, nothing survives.
   */
  readonly store?: Given<SessionStore, SessionStore["Service"]> | undefined
  /** Checks every connection and every operation. Default: everything is allowed. */
  readonly auth?: Given<AuthHook, AuthHook["Service"]> | undefined
  /** Is asked before each call that is made. Default: whoever the provider may call is called. */
  readonly doNotCall?: Given<DoNotCall, DoNotCall["Service"]> | undefined
  /** Is asked in addition to the limits of the config. Default: those alone. */
  readonly rateLimiter?: Given<RateLimiter, RateLimiter["Service"]> | undefined
  /** Decides what is kept of a session, in place of the config's periods; it needs an `archive`. Default: those. */
  readonly retention?: Given<DataRetentionHook, DataRetentionHook["Service"]> | undefined
  /**
   * Keeps the data of sessions. Default: none; with a config by names and the built-in parts, files in its
   * `retention.directory`.
   */
  readonly archive?: Given<SessionArchive, SessionArchive["Service"]> | undefined
}

/**
 * The services that a backend of services uses where they are there.
 *
 * @category models
 * @since 0.1.0
 */
export interface GivenServices extends HookServices {
  /** The agents that sessions may name. Default: sessions have the default agent. */
  readonly agents?: Given<AgentRegistry, AgentRegistry["Service"]> | undefined
  /**
   * Decides whether the user has finished, unless the speech-to-text engine does (`turnDetection: "stt"`). Default: silence
   * does.
   */
  readonly turnDetector?: Given<TurnDetector, TurnDetector["Service"]> | undefined
  /** Takes noise out of the user's audio for readers of `receiveAudio`. Default: nothing does. */
  readonly noiseSuppressor?: Given<NoiseSuppressor, NoiseSuppressor["Service"]> | undefined
  /** Takes the echo of the agent's voice out of the user's audio. Default: nothing does. */
  readonly echoCanceller?: Given<EchoCanceller, EchoCanceller["Service"]> | undefined
  /** The audio processors that `config.customProcessors` may name. Default: none. */
  readonly processorRegistry?: Given<ProcessorRegistry, ProcessorRegistry["Service"]> | undefined
}

/**
 * The services that a backend over a speech-to-speech model uses where they are there.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sGivenServices extends GivenServices {
  /** Required with a model that is not the turn authority. Default: none. */
  readonly vad?: Given<VoiceActivityDetector, VoiceActivityDetector["Service"]> | undefined
  /** Speaks what the model writes instead of speaking it, and given texts where the model cannot. Default: none. */
  readonly tts?: Given<TextToSpeech, TextToSpeech["Service"]> | undefined
}

type ErrorOf<A> = A extends Layer.Layer<infer _Out, infer E, infer _In> ? E : never
type NeedOf<A> = A extends Layer.Layer<infer _Out, infer _E, infer In> ? In : never

/**
 * What the layers among the given services fail with.
 *
 * @category models
 * @since 0.1.0
 */
export type Errors<S> = { readonly [Key in keyof S & keyof S2sGivenServices]: ErrorOf<S[Key]> }[
  keyof S & keyof S2sGivenServices
]

/**
 * What the layers among the given services ask for.
 *
 * @category models
 * @since 0.1.0
 */
export type Needs<S> = { readonly [Key in keyof S & keyof S2sGivenServices]: NeedOf<S[Key]> }[
  keyof S & keyof S2sGivenServices
]

/**
 * Refuses options that no layer has, such as a misspelt one, which a type parameter would take for one of its own.
 *
 * @category models
 * @since 0.1.0
 */
export type NoOthers<S, Known> = { readonly [Key in Exclude<keyof S, keyof Known>]: never }

const makers: { readonly [Key in keyof S2sGivenServices]-?: (service: never) => Layer.Layer<never> } = {
  store: Layer.succeed(SessionStore),
  auth: Layer.succeed(AuthHook),
  doNotCall: Layer.succeed(DoNotCall),
  rateLimiter: Layer.succeed(RateLimiter),
  retention: Layer.succeed(DataRetentionHook),
  archive: Layer.succeed(SessionArchive),
  agents: Layer.succeed(AgentRegistry),
  turnDetector: Layer.succeed(TurnDetector),
  noiseSuppressor: Layer.succeed(NoiseSuppressor),
  echoCanceller: Layer.succeed(EchoCanceller),
  processorRegistry: Layer.succeed(ProcessorRegistry),
  vad: Layer.succeed(VoiceActivityDetector),
  tts: Layer.succeed(TextToSpeech)
}

/**
 * Provides the given services to the layer of a backend; `S` is their exact type. They are released after it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const provide =
  <S extends object>(services: S2sGivenServices = {}) =>
  <A, E, R>(self: Layer.Layer<A, E, R>): Layer.Layer<A, E | Errors<S>, R | Needs<S>> => {
    let given: Layer.Layer<never, unknown, unknown> = Layer.empty
    for (const [name, make] of Object.entries(makers)) {
      const service = services[name as keyof S2sGivenServices]
      if (service === undefined) continue
      given = Layer.merge(given, Layer.isLayer(service) ? service : make(service as never))
    }
    // the loop keeps no types of single services; `Errors` and `Needs` have them
    return Layer.provide(self, given) as Layer.Layer<A, E | Errors<S>, R | Needs<S>>
  }
