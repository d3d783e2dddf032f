/**
 * A hosted model's side of a conversation, without its socket: what `S2sConnection` needs of it.
 *
 * @since 0.1.0
 */
import type { BackendError } from "../../../BackendError.ts"
import type { SpeechToSpeechEvent, SpeechToSpeechStream } from "../../../speech/SpeechToSpeech.ts"

/**
 * What a talk tells whoever holds its socket; synchronous.
 *
 * @category models
 * @since 0.1.0
 */
export interface TalkListener {
  readonly emit: (event: SpeechToSpeechEvent) => void
  /** The connection can be used now. */
  readonly ready: () => void
  /** The connection is of no use any more: another is wanted. `planned` when that was to be expected. */
  readonly renew: (planned: boolean) => void
  /** No connection will do. */
  readonly fail: (error: BackendError) => void
}

/**
 * One session's talk with a model over however many connections, one at a time. It remembers what the next connection
 * must be told: the conversation, and what the user said that was not answered. Plain and synchronous.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sProtocol extends Omit<SpeechToSpeechStream, "events"> {
  /** A connection is there. */
  readonly opened: (send: (message: string) => void) => void
  /** The server said this. */
  readonly receive: (message: string) => void
  /** The connection is gone, for this reason. Gives whether another may do better, though the error says not. */
  readonly lost: (error: BackendError) => boolean
  /** No moment to change the connection without need. */
  readonly busy: () => boolean
  /** The server owes a message, and will not be waited for for ever. */
  readonly expects: () => boolean
}
