/**
 * The connection to a speech-to-speech model, as a conversation knows it: whether it is there, and whether it is to be
 * replaced.
 *
 * @since 0.1.0
 */
import type { BackendError } from "../../../BackendError.ts"
import type { S2sListener } from "./S2sProtocol.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class ModelConnection {
  readonly #listener: S2sListener
  #renewing = false
  /** Whether the vendor has accepted the session. */
  isOpen = false
  /** When it did, in ms. */
  openedAt = 0
  /** Whether the connection was renewed because of the user's turn. */
  turnRepeated = false

  constructor(listener: S2sListener) {
    this.#listener = listener
  }

  /** Whether the vendor is there, and the connection is not to be replaced. */
  get isUsable(): boolean {
    return this.isOpen && !this.#renewing
  }

  /** The vendor has accepted the session. */
  open(now: number): void {
    this.isOpen = true
    this.openedAt = now
    this.#renewing = false
  }

  /** Asks for a new connection, once. Without `error` nothing is wrong with this one. */
  renew(error?: BackendError): void {
    if (this.#renewing) return
    this.#renewing = true
    this.#listener.renew(error === undefined, error)
  }
}
