/**
 * The secrets with which an archive names users in its manifests, so that a user id cannot be found by trying.
 *
 * Those that this process has seen are kept: what comes in the place of a directory gets the same secret, so that a user's
 * data is found in both.
 *
 * @since 0.1.0
 */
import * as Crypto from "node:crypto"
import { readSecret } from "./ArchiveFiles.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class ArchiveSecrets {
  readonly #directory: string
  readonly #known: Array<Uint8Array> = []

  constructor(directory: string) {
    this.#directory = directory
  }

  /** The hash of a user id: keyed, because a plain one could be reversed by trying user ids. */
  static hash(secret: Uint8Array, userId: string): string {
    return Crypto.createHmac("sha256", secret).update(userId).digest("hex")
  }

  /** A short name of a secret. */
  static keyOf(secret: Uint8Array): string {
    return Crypto.createHash("sha256").update(secret).digest("hex").slice(0, 8)
  }

  /** All that this process has seen. */
  get known(): ReadonlyArray<Uint8Array> {
    return this.#known
  }

  /** The secret in the directory, which gets one if it has none. */
  async current(): Promise<Uint8Array> {
    const secret = await readSecret(this.#directory, this.#known[0] ?? Crypto.randomBytes(32))
    if (!this.#known.some((known) => secret.equals(known))) this.#known.unshift(secret)
    return secret
  }
}
