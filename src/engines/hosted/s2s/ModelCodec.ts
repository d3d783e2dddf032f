/**
 * What `ModelConversation` needs of a vendor: how to ask its model for a reply, and how to stop one.
 *
 * @since 0.1.0
 */
import type { ModelReply } from "./ModelReply.ts"

/**
 * The vendor's side of a conversation. The functions are called with a connection only, synchronously.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelCodec {
  readonly vendor: string
  /** The sample rate of the model's audio, in Hz. */
  readonly sampleRate: number
  /**
   * Whether responses carry no id of what they answer: then one reply is asked for at a time, and the connection is
   * renewed where a later response could be taken for an earlier one's.
   */
  readonly ordered: boolean
  /** Whether the model may begin a reply by itself. */
  readonly initiates: boolean
  /** Asks for `reply.next`; with `reply.sent` the message that is to be answered has been sent before. */
  readonly ask: (reply: ModelReply, id: string) => void
  /** A reply is about to begin. */
  readonly starts: (reply: ModelReply) => void
  /** Stops a response. */
  readonly stop: (response: string) => void
  /** Removes from the model's context what was not played of a reply. */
  readonly truncate: (reply: ModelReply, playedMs: number) => void
  /** Gives the model the result of a tool call. */
  readonly toolOutput: (id: string, name: string, output: string) => void
  /** Since when the model owes something to the user's turn that is no request: an answer of its own, a transcript. */
  readonly turnDueSince: () => number | undefined
  /** Gives up what `turnDueSince` waits for. */
  readonly turnLost: () => void
}
