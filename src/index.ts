/**
 * Real-time voice agents on Effect: the public contract.
 *
 * Engines, providers, the server, the browser client and test tools have subpaths of their own
 * (`effect-voice/engines/moonshine`, `effect-voice/providers/local`, `effect-voice/server`, …).
 *
 * @since 0.1.0
 */
export { AgentRegistry } from "./agent/AgentRegistry.ts"
export { CallContext } from "./agent/CallContext.ts"
export * as Agent from "./agent/index.ts"
export { AudioBranch } from "./audio/AudioBranch.ts"
export * as OutboundCalls from "./backend/calls/OutboundCalls.ts"
export * as BackendConfig from "./backend/config/BackendConfig.ts"
export * as ConfigSource from "./backend/config/ConfigSource.ts"
export type { GivenProcessor } from "./backend/engines/Processors.ts"
export type { GivenServices, HookServices, S2sGivenServices } from "./backend/GivenServices.ts"
export * as HealthStatus from "./backend/health/HealthStatus.ts"
export * as BackendProvider from "./backend/provider/BackendProvider.ts"
export { BackendRegistry, newBackend } from "./backend/provider/BackendRegistry.ts"
export { type StoreLoader, StoreRegistry } from "./backend/sessions/StoreRegistry.ts"
export {
  type ConnectionState,
  type DrainReport,
  type LayerOptions,
  type S2sLayerOptions,
  VoiceBackend
} from "./backend/VoiceBackend.ts"
export {
  AgentError,
  AuthenticationFailed,
  AuthorizationFailed,
  BackendError,
  BackendErrorCode,
  ConnectionFailed,
  ConnectionTimeout,
  ContextCanceled,
  httpStatus,
  InvalidConfig,
  isBackendError,
  PipelineError,
  ProblemJson,
  ProviderNotFound,
  RateLimitExceeded,
  SessionLimitExceeded,
  SessionNotFound,
  Timeout,
  toProblemJson
} from "./BackendError.ts"
export * as ConversationPolicy from "./conversation/ConversationPolicy.ts"
export * as History from "./conversation/History.ts"
export { TurnAuthority } from "./conversation/TurnAuthority.ts"
export type { EngineIncident, OnIncident } from "./EngineIncident.ts"
export * as HealthSource from "./HealthSource.ts"
export * as AudioProcessor from "./hooks/AudioProcessor.ts"
export { ProcessorRegistry } from "./hooks/AudioProcessor.ts"
export { AuthHook, type AuthResult, type Operation } from "./hooks/AuthHook.ts"
export { type ClientRequest, ClientRequests } from "./hooks/ClientRequests.ts"
export { DataRetentionHook, type DataType } from "./hooks/DataRetentionHook.ts"
export { DoNotCall, type IntendedCall } from "./hooks/DoNotCall.ts"
export { RateLimiter } from "./hooks/RateLimiter.ts"
export * as RateLimits from "./hooks/RateLimits.ts"
export type { EngineLanguage, LanguageChange } from "./LanguageChange.ts"
export { encodeKeys } from "./schema/EncodedKeys.ts"
export type { DialRequest } from "./session/call/DialRequest.ts"
export type { CollectedDigits, CollectOptions } from "./session/call/DigitCollection.ts"
export * as PhoneAddress from "./session/call/PhoneAddress.ts"
export * as ClientMessage from "./session/ClientMessage.ts"
export {
  type Claim,
  MAX_HEAD_BYTES,
  MAX_ITEM_BYTES,
  MAX_SECRETS,
  type OwnedSession,
  type SessionLease,
  type SessionLocation,
  SessionStore,
  type StoredSession
} from "./session/persistence/SessionStore.ts"
export { type ArchivedSession, SessionArchive } from "./session/retention/SessionArchive.ts"
export * as SessionConfig from "./session/SessionConfig.ts"
export * as SessionEvent from "./session/SessionEvent.ts"
export type { ConnectionListener, UserConnection } from "./session/UserConnection.ts"
export type { PersistenceStatus, PipelineOutput, VoiceSession } from "./session/VoiceSession.ts"
export * as EchoCanceller from "./speech/EchoCanceller.ts"
export * as EngineRegistry from "./speech/EngineRegistry.ts"
export * as NoiseSuppressor from "./speech/NoiseSuppressor.ts"
export * as ResilientSpeechToText from "./speech/resilience/ResilientSpeechToText.ts"
export * as ResilientTextToSpeech from "./speech/resilience/ResilientTextToSpeech.ts"
export * as SpeechToSpeech from "./speech/SpeechToSpeech.ts"
export * as SpeechToText from "./speech/SpeechToText.ts"
export * as TextToSpeech from "./speech/TextToSpeech.ts"
export * as TurnDetector from "./speech/TurnDetector.ts"
export * as VoiceActivityDetector from "./speech/VoiceActivityDetector.ts"
export * as SpokenText from "./text/SpokenText.ts"
export * as TextTransform from "./text/TextTransform.ts"
