/**
 * Options that a program sets to `undefined` count as absent.
 *
 * @since 0.1.0
 */

/** Levels of objects and lists that are looked at; options have fewer. */
const MAX_DEPTH = 8

type Plain = Record<string, unknown>

const isPlain = (value: unknown): value is Plain => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const strip = (value: unknown, depth: number): unknown => {
  if (depth > MAX_DEPTH) return value
  if (Array.isArray(value)) {
    const items = value.map((item) => strip(item, depth + 1))
    return items.some((item, i) => item !== value[i]) ? items : value
  }
  if (!isPlain(value)) return value
  let changed = false
  const entries = Object.entries(value).flatMap(([key, inner]): ReadonlyArray<[string, unknown]> => {
    const kept = strip(inner, depth + 1)
    changed ||= kept !== inner || inner === undefined
    return inner === undefined ? [] : [[key, kept]]
  })
  return changed ? Object.fromEntries(entries) : value
}

/**
 * Leaves out what is `undefined` in objects and lists of options; the value itself when there is nothing to leave out. Objects
 * of a class stay as they are.
 *
 * @category conversions
 * @since 0.1.0
 */
export const present = <A>(value: A): A => strip(value, 0) as A // the same but for absent properties

/**
 * Puts options over their defaults, at each level of plain objects; what is `undefined` is the default.
 *
 * @category combinators
 * @since 0.1.0
 */
export const over = <A extends object>(
  defaults: A,
  given: { readonly [Key in keyof A]?: A[Key] | undefined } = {}
): A => {
  const merged: Plain = Object.fromEntries(Object.entries(defaults))
  for (const [key, value] of Object.entries(given)) {
    const former = merged[key]
    if (value === undefined) continue
    merged[key] = isPlain(former) && isPlain(value) ? over(former, value) : present(value)
  }
  return merged as A // with the keys of both
}
