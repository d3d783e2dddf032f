/**
 * What a call store is made of.
 *
 * @since 0.1.0
 */
import type { AudioDevices } from "../audio/Microphone.ts"
import type { ConnectOptions } from "../ConnectOptions.ts"
import type { VoiceClient } from "../VoiceClient.ts"

/**
 * What the store uses of a call.
 *
 * @category models
 * @since 0.1.0
 */
export type CallOfStore = Pick<
  VoiceClient,
  | "sessionId"
  | "state"
  | "connection"
  | "muted"
  | "hasMicrophone"
  | "playbackBlocked"
  | "levels"
  | "on"
  | "mute"
  | "unmute"
  | "setInputDevice"
  | "setOutputDevice"
  | "startPlayback"
  | "sendText"
  | "interrupt"
  | "end"
>

/**
 * What opens calls and lists devices.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallStoreClient {
  /** Opens a call. */
  readonly connect: (options: ConnectOptions) => Promise<CallOfStore>
  /** Lists the microphones and loudspeakers. */
  readonly devices: () => Promise<AudioDevices>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface CallStoreOptions {
  /**
   * How each call connects, or what says it when one starts, such as a function that asks the application's backend for a
   * `session`. Such an answer may take 30 s; `signal` is aborted when nobody waits for it any more. Default: the page's server.
   */
  readonly connect?: ConnectOptions | ((signal: AbortSignal) => ConnectOptions | Promise<ConnectOptions>) | undefined
  /** The `deviceId` of the microphone to begin with, such as a remembered one; default: the system's choice. */
  readonly input?: string | undefined
  /** The `deviceId` of the speaker to begin with; default: the system's choice. */
  readonly output?: string | undefined
  /** Whether words, latencies and incidents stay when another call starts; default false. */
  readonly keepTranscript?: boolean | undefined
  /** How many entries the transcript keeps; default 400. */
  readonly maxEntries?: number | undefined
  /** How many incidents are kept; default 100. */
  readonly maxIncidents?: number | undefined
  /** What opens calls, for tests of a page; default: `VoiceClient`. */
  readonly client?: CallStoreClient | undefined
}
