/**
 * What an invariant of a conversation is: a check of its recording, which returns the violations.
 *
 * @since 0.1.0
 */
import type { Recording } from "./Recording.ts"

/**
 * A violation of an invariant, and when it happened.
 *
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  readonly invariant: string
  readonly atMs: number
  readonly message: string
}

/**
 * Checks a recording.
 *
 * @category models
 * @since 0.1.0
 */
export type Invariant = (recording: Recording) => ReadonlyArray<Violation>

/**
 * Makes an invariant of a function that adds what it finds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const checker =
  (invariant: string, find: (recording: Recording, add: (atMs: number, what: string) => void) => void) =>
  (recording: Recording): ReadonlyArray<Violation> => {
    const found: Array<Violation> = []
    find(recording, (atMs, what) => found.push({ invariant, atMs, message: what }))
    return found
  }
