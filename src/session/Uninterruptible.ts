/**
 * The refusal to stop what may not be interrupted.
 *
 * @since 0.1.0
 */
import { InvalidConfig } from "../BackendError.ts"

/**
 * The error for a request to stop what the agent says now.
 *
 * @category errors
 * @since 0.1.0
 */
export const uninterruptible = (op: string): InvalidConfig =>
  new InvalidConfig({
    op,
    message: "what the agent says now may not be interrupted",
    details: { reason: "uninterruptible" }
  })
