/**
 * A registry of entries by name: agents, processors, engines, providers and stores.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { InvalidConfig } from "./BackendError.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Registry<A> {
  /** Adds an entry; a name that is registered already fails `invalid_config`. */
  readonly register: (name: string, entry: A) => Effect.Effect<void, InvalidConfig>
  /** An unknown name fails `invalid_config`, with the known ones in `details.known`. */
  readonly get: (name: string) => Effect.Effect<A, InvalidConfig>
  readonly has: (name: string) => boolean
  /** The names, sorted. */
  readonly list: () => ReadonlyArray<string>
}

/**
 * Makes a registry with some initial entries. `what` names the kind of entry in errors (`"agent"`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(
  op: string,
  what: string,
  initial: { readonly [name: string]: A } = {}
): Registry<A> => {
  const table = new Map(Object.entries(initial))
  const list = () => Array.from(table.keys()).sort()
  return {
    register: (name, entry) =>
      Effect.suspend(() => {
        if (table.has(name)) {
          return Effect.fail(
            new InvalidConfig({
              op: `${op}.register`,
              message: `${what} "${name}" is registered already`,
              details: { name }
            })
          )
        }
        table.set(name, entry)
        return Effect.void
      }),
    get: (name) =>
      Effect.suspend(() => {
        const entry = table.get(name)
        if (entry !== undefined) return Effect.succeed(entry)
        const known = list()
        return Effect.fail(
          new InvalidConfig({
            op: `${op}.get`,
            message: `unknown ${what} "${name}"; ${
              known.length === 0 ? "none is registered" : `expected one of ${known.join(", ")}`
            }`,
            details: { missing: name, known }
          })
        )
      }),
    has: (name) => table.has(name),
    list
  }
}
