/**
 * Compares secrets in constant time.
 *
 * @since 0.1.0
 */
import { createHash, timingSafeEqual } from "node:crypto"

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/**
 * Whether two texts are the same; it takes as long whether they are or not.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSame = (given: string | undefined, expected: string): boolean =>
  timingSafeEqual(digest(given ?? ""), digest(expected)) && given !== undefined
