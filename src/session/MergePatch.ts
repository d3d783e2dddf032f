/**
 * JSON Merge Patch (RFC 7396).
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"

const isObject = (value: Schema.Json): value is { readonly [key: string]: Schema.Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * The target with the patch merged in: `null` removes a member, an object merges, anything else replaces.
 *
 * @category combinators
 * @since 0.1.0
 */
export const merge = (
  target: { readonly [key: string]: Schema.Json },
  patch: { readonly [key: string]: Schema.Json }
): { readonly [key: string]: Schema.Json } => {
  // a map, because an object would treat a member named `__proto__` as its prototype
  const result = new Map(Object.entries(target))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      result.delete(key)
    } else if (isObject(value)) {
      const old = result.get(key)
      result.set(key, merge(old !== undefined && isObject(old) ? old : {}, value))
    } else {
      result.set(key, value)
    }
  }
  return Object.fromEntries(result)
}
