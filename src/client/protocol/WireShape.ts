/**
 * Checks whether a JSON value has the fields of a message: the client's small stand-in for a schema library.
 *
 * @since 0.1.0
 */

/**
 * What a value must be. A list with one shape is an array of such values.
 *
 * @category models
 * @since 0.1.0
 */
export type Shape = "string" | "number" | "integer" | "boolean" | "object" | readonly [Shape] | Fields

/**
 * The fields of an object; those whose name ends in `?` may be absent. Others may be there, too.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fields {
  readonly [name: string]: Shape
}

/**
 * Whether a value is a JSON object.
 *
 * @category guards
 * @since 0.1.0
 */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isList = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape)

const hasShape = (value: unknown, shape: Shape): boolean => {
  switch (shape) {
    case "string":
    case "boolean":
      return typeof value === shape
    case "number":
      return Number.isFinite(value)
    case "integer":
      return Number.isSafeInteger(value)
    case "object":
      return isRecord(value)
  }
  return isList(shape)
    ? Array.isArray(value) && value.every((each) => hasShape(each, shape[0]))
    : isRecord(value) && hasFields(value, shape)
}

/**
 * Whether an object has all these fields.
 *
 * @category guards
 * @since 0.1.0
 */
export const hasFields = (value: Record<string, unknown>, fields: Fields): boolean =>
  Object.entries(fields).every(([key, shape]) => {
    const name = key.endsWith("?") ? key.slice(0, -1) : key
    return Object.hasOwn(value, name) ? hasShape(value[name], shape) : name !== key
  })
