/**
 * What the Redis session store needs of a server: commands and scripts.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import type { BackendError } from "../BackendError.ts"

/**
 * The name of the store.
 *
 * @category constants
 * @since 0.1.0
 */
export const NAME = "redis"

/**
 * @category models
 * @since 0.1.0
 */
export interface RedisConnection {
  /** Runs a command; `op` names its failure. */
  readonly command: (op: string, ...words: ReadonlyArray<string>) => Effect.Effect<unknown, BackendError>
  /** Runs a script, by its digest where the server knows it. Those that are begun at once are sent together. */
  readonly script: (
    op: string,
    script: string,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string | number>
  ) => Effect.Effect<unknown, BackendError>
}

/**
 * A client of the application's: sends a command, by its words, and returns the answer of the server. Effect's
 * `effect/persistence/Redis` is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface RedisClient {
  /** Sends a command. Succeeds with the server's answer, fails with whatever the client fails with. */
  readonly send: (command: string, ...args: ReadonlyArray<string>) => Effect.Effect<unknown, unknown>
}

const digests = new Map<string, string>()
/**
 * The name of a script on a server that has had it before.
 *
 * @category accessors
 * @since 0.1.0
 */
export const digestOf = (script: string): string => {
  const known = digests.get(script)
  if (known !== undefined) return known
  const digest = createHash("sha1").update(script).digest("hex")
  digests.set(script, digest)
  return digest
}
