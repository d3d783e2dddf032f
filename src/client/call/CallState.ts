/**
 * What a page shows of a call: its phase, what the agent does, the words of both, latencies, incidents and devices.
 *
 * A state is never changed: the next one shares what is the same, so that `===` tells whether a part is another.
 *
 * @since 0.1.0
 */
import type { AudioDevices } from "../audio/Microphone.ts"
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import type { LatencyPart, SpeechEnd } from "../protocol/WireProtocol.ts"
import type { VoiceClientError } from "../VoiceClientError.ts"

/**
 * Where a call is. `ended`: there was one, or it could not be set up; `CallState.ended` says why.
 *
 * @category models
 * @since 0.1.0
 */
export type CallPhase = "idle" | "connecting" | "connected" | "reconnecting" | "ended"

/**
 * What the agent does. `absent`: there is no call; `hearing`: the user speaks, and nothing is answered yet; `processing`: the
 * answer is on its way; `failing`: an engine is down, and the session waits for it.
 *
 * @category models
 * @since 0.1.0
 */
export type AgentState = "absent" | "listening" | "hearing" | "processing" | "speaking" | "failing"

/**
 * What one of both has said in a turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface TranscriptEntry {
  /** Unique within the store, and the same for as long as the entry is there. */
  readonly id: number
  readonly role: "user" | "agent"
  /** Counts the calls of the store from 1: each session counts its turns from 1 again. */
  readonly call: number
  /** The number of the turn, from 1; `undefined` for what was typed, until the server has it. */
  readonly turn: number | undefined
  /** The words; of an interrupted answer those that were heard. At most 65,536 UTF-16 code units. */
  readonly text: string
  /** The words of an answer that nobody has heard, because it was interrupted or failed. */
  readonly unheard: string
  /** Whether the words may not change any more. */
  readonly final: boolean
  /** How the agent's speech ended; `undefined` for the user, and while it lasts. */
  readonly end: SpeechEnd | undefined
}

/**
 * How long the user waited for the answer of a turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnLatency {
  readonly call: number
  /** The number of the turn, from 1. */
  readonly turn: number
  /** Milliseconds from the end of the user's speech to the first audio of the reply. */
  readonly totalMs: number
  /** Where the time went, in order; at most 32. */
  readonly parts: ReadonlyArray<LatencyPart>
}

/**
 * Something that happened beside the words: a tool, an engine, a device, an error.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallIncident {
  /** Grows with every incident of the store. */
  readonly id: number
  readonly call: number
  /** The turn under which it belongs; `undefined` for what has none. */
  readonly turn: number | undefined
  /** `note` is for who reads the conversation; the others are for the user: it is well again, is worse, or has failed. */
  readonly kind: "note" | "good" | "warn" | "bad"
  /** A sentence in English. */
  readonly text: string
  /** The server's event, where it is about one. */
  readonly event: ServerMessage | undefined
  /** The client's error, where it is about one. */
  readonly error: VoiceClientError | undefined
}

/**
 * Why a call ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallEnding {
  /** The server's reason, `ended_by_user`, or the code of `error`. */
  readonly reason: string
  /** Set where the call has failed, or could not be set up. */
  readonly error: VoiceClientError | undefined
  /** A sentence in English. */
  readonly text: string
}

/**
 * Whether the page may use the microphone; `unknown` where the browser does not say.
 *
 * @category models
 * @since 0.1.0
 */
export type MicrophonePermission = "unknown" | PermissionState

/**
 * The microphones and speakers, and which are chosen.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallDevices extends AudioDevices {
  /** The `deviceId` of the chosen microphone; empty for the system's choice. */
  readonly input: string
  /** The `deviceId` of the chosen speaker; empty for the system's choice. */
  readonly output: string
  readonly permission: MicrophonePermission
}

/**
 * @category models
 * @since 0.1.0
 */
export interface CallState {
  readonly phase: CallPhase
  readonly agent: AgentState
  /** Why the last call ended; `undefined` before one has, and during the next. */
  readonly ended: CallEnding | undefined
  /** The session's id on the server; `undefined` while there is no call. */
  readonly sessionId: string | undefined
  readonly muted: boolean
  /** Whether the call has a microphone: a call in which the user only types has none. */
  readonly hasMicrophone: boolean
  /** Whether the browser keeps the sound off until the user clicks, taps or presses a key. */
  readonly playbackBlocked: boolean
  /** The words of both, in the order of the conversation; the latest, as many as the store keeps. */
  readonly transcript: ReadonlyArray<TranscriptEntry>
  /** The latest 200 turns. */
  readonly latencies: ReadonlyArray<TurnLatency>
  /** The latest, as many as the store keeps. */
  readonly incidents: ReadonlyArray<CallIncident>
  readonly devices: CallDevices
}

/**
 * The state before anything has happened, which is also what a server renders.
 *
 * @category constants
 * @since 0.1.0
 */
export const initialState: CallState = {
  phase: "idle",
  agent: "absent",
  ended: undefined,
  sessionId: undefined,
  muted: false,
  hasMicrophone: false,
  playbackBlocked: false,
  transcript: [],
  latencies: [],
  incidents: [],
  devices: { inputs: [], outputs: [], canChooseOutput: false, input: "", output: "", permission: "unknown" }
}
