/**
 * The browser client of effect-voice, `effect-voice/client`: talk to a voice agent from any web page.
 *
 * It depends on nothing, neither on Effect nor on a bundler.
 *
 * @since 0.1.0
 */
export type { Levels } from "./CallMedia.ts"
export * from "./ClientProtocol.ts"
export type { AudioDevice, AudioDevices, MicrophoneOptions } from "./Microphone.ts"
export {
  type CallEnded,
  type ConnectionChange,
  type ConnectOptions,
  VoiceClient,
  type VoiceClientEvents
} from "./VoiceClient.ts"
export { VoiceClientError, type VoiceClientErrorCode } from "./VoiceClientError.ts"
