/**
 * The browser client of effect-voice, `effect-voice/client`: talk to a voice agent from any web page.
 *
 * It depends on nothing, neither on Effect nor on a bundler.
 *
 * @since 0.1.0
 */
export type { AudioDevice, AudioDevices, MicrophoneOptions } from "./audio/Microphone.ts"
export type { WorkletUrl } from "./audio/Worklets.ts"
export type {
  AgentState,
  CallDevices,
  CallEnding,
  CallIncident,
  CallPhase,
  CallState,
  MicrophonePermission,
  TranscriptEntry,
  TurnLatency
} from "./call/CallState.ts"
export { CallStore } from "./call/CallStore.ts"
export type { CallOfStore, CallStoreClient, CallStoreOptions } from "./call/CallStoreOptions.ts"
export type { ConnectOptions, ExistingSession } from "./ConnectOptions.ts"
export type { Levels } from "./media/CallMedia.ts"
export type {
  LiveKitClient,
  LiveKitLocalParticipant,
  LiveKitLocalTrack,
  LiveKitParticipant,
  LiveKitRoom,
  LiveKitTrack
} from "./media/LiveKitClient.ts"
export { fitsMessage, parseServerMessage, type ServerMessage, type UnknownEvent } from "./protocol/ClientProtocol.ts"
export {
  type ClientMessage,
  type ClientMessages,
  closeCodes,
  DEFAULT_RATES,
  type Envelope,
  type ErrorCode,
  EVENTS_CHANNEL,
  type LatencyPart,
  LIVEKIT_TOPIC,
  MAX_MESSAGE_BYTES,
  MAX_TEXT_BYTES,
  MAX_TEXT_LENGTH,
  type ServerEvent,
  type ServerEvents,
  type SessionEnd,
  type SessionState,
  type SpeechEnd,
  SUBPROTOCOL,
  type UnansweredReason
} from "./protocol/WireProtocol.ts"
export { VoiceClient } from "./VoiceClient.ts"
export { VoiceClientError, type VoiceClientErrorCode } from "./VoiceClientError.ts"
export type { CallEnded, ConnectionChange, VoiceClientEvents } from "./VoiceClientEvents.ts"
