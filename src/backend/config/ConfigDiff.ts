/**
 * The differences between two configs, by path only: for logs, which must not contain values.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"
import { isRecord } from "../../schema/Json.ts"

const differences = (one: unknown, other: unknown, path: string): ReadonlyArray<string> => {
  if (!isRecord(one) || !isRecord(other)) return Equal.equals(one, other) ? [] : [path]
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].sort().flatMap((key) =>
    differences(one[key], other[key], path === "" ? key : `${path}.${key}`)
  )
}

/**
 * The paths at which two values of a schema differ, in the names of its encoded form.
 *
 * @category accessors
 * @since 0.1.0
 */
export const changedPaths = <A>(
  schema: Schema.Codec<A, unknown>,
  one: A,
  other: A,
  at = ""
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(
    Effect.all([Schema.encodeEffect(schema)(one), Schema.encodeEffect(schema)(other)]),
    ([before, after]) => differences(before, after, at)
  ).pipe(
    // both were decoded by that schema
    Effect.orDie
  )
