/**
 * The protocol of a hosted speech-to-speech model, apart from its socket: what `S2sConnection` needs of a vendor.
 *
 * @since 0.1.0
 */
import type { BackendError } from "../../../BackendError.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechStream } from "../../../speech/SpeechToSpeech.ts"
import type { ContextMessage } from "./S2sContext.ts"

/**
 * The callbacks of a protocol to the owner of its socket; synchronous.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sListener {
  readonly emit: (event: SpeechToSpeechEvent) => void
  /** The vendor has accepted the session. */
  readonly ready: () => void
  /** Asks for a new connection; `planned` when nothing is wrong with this one, else with the error. */
  readonly renew: (planned: boolean, error?: BackendError) => void
  /** Fails the session: another connection would not help. */
  readonly fail: (error: BackendError) => void
}

/**
 * How long a model may take to begin a reply, and between two events of one, where nothing else is said, in ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEADLINE_MS = 15_000

/**
 * What all protocols are made with.
 *
 * - `deadlineMs`: how long the model may take to begin a reply, and between two events of one, in ms. Default 15,000.
 * - `now`: a monotonic clock, in ms. Default: time stands still.
 * - `remote`: whether the model is the turn authority.
 * - `speaksText`: whether the session speaks what the model writes. Default false.
 * - `history`: the conversation so far, of a session that is resumed.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sProtocolOptions extends S2sListener {
  readonly deadlineMs?: number | undefined
  readonly now?: (() => number) | undefined
  readonly remote: boolean
  readonly speaksText?: boolean | undefined
  readonly history: ReadonlyArray<ContextMessage>
}

/**
 * One session's protocol state over any number of connections, one at a time. It keeps what the next connection needs: the
 * conversation, and the user's audio that was not answered. Plain and synchronous.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sProtocol extends Omit<SpeechToSpeechStream, "events"> {
  /** A connection is open. */
  readonly connected: (send: (message: string) => void) => void
  /** A message of the server. */
  readonly receive: (message: string) => void
  /** The connection is lost. Returns whether to reconnect although the error is not retryable. */
  readonly disconnected: (error: BackendError) => boolean
  /** Whether a turn or a reply is in progress, so that replacing the connection should wait. */
  readonly isBusy: () => boolean
  /** Fails what is overdue. Call it several times within the deadline. */
  readonly tick: () => void
}
