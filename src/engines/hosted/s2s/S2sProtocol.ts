/**
 * The protocol of a hosted speech-to-speech model, apart from its socket: what `S2sConnection` needs of a vendor.
 *
 * @since 0.1.0
 */
import type { BackendError } from "../../../BackendError.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechStream } from "../../../speech/SpeechToSpeech.ts"

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
  /** Asks for a new connection; `planned` when the vendor announced the end of this one. */
  readonly renew: (planned: boolean) => void
  /** Fails the session: another connection would not help. */
  readonly fail: (error: BackendError) => void
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
  /** Whether the server must send a message next; its silence is then a failure. */
  readonly expectsMessage: () => boolean
}
