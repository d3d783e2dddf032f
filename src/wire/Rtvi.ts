/**
 * RTVI, the messages between a Pipecat bot and its client: JSON with the label `rtvi-ai`, protocol 2.1.0.
 *
 * Pure. The readers know the types and their data; both sides must ignore types that they do not know.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Json from "../schema/Json.ts"

/**
 * The version that we speak. Another minor or patch version of the same major one understands it.
 *
 * @category constants
 * @since 0.1.0
 */
export const VERSION = "2.1.0"

const LABEL = "rtvi-ai"
/** Ids are sent back, so they are bounded. */
const MAX_ID_LENGTH = 128
const MAX_TYPE_LENGTH = 64

/**
 * A message of either side. `id` pairs an answer with its request: clients always give one, bots rarely.
 *
 * @category models
 * @since 0.1.0
 */
export interface RtviMessage {
  readonly type: string
  readonly id?: string | undefined
  readonly data?: unknown
}

/**
 * The JSON text of a message.
 *
 * @category conversions
 * @since 0.1.0
 */
export const encode = ({ data, id, type }: RtviMessage): string => JSON.stringify({ label: LABEL, type, id, data })

/**
 * Reads the JSON text of a message; the failure says what is wrong, and quotes nothing.
 *
 * @category conversions
 * @since 0.1.0
 */
export const decode = (text: string): Result.Result<RtviMessage, string> => {
  const value = Json.parse(text)
  if (value === undefined) return Result.fail("not JSON")
  if (typeof value !== "object" || value === null || !("label" in value) || value.label !== LABEL) {
    return Result.fail(`not an RTVI message: expected the label ${LABEL}`)
  }
  if (!("type" in value) || typeof value.type !== "string" || value.type.length > MAX_TYPE_LENGTH) {
    return Result.fail(`an RTVI message without a type of at most ${MAX_TYPE_LENGTH} characters`)
  }
  const id = "id" in value ? value.id : undefined
  if (id !== undefined && id !== null && (typeof id !== "string" || id.length > MAX_ID_LENGTH)) {
    return Result.fail(`an RTVI message whose id is not a string of at most ${MAX_ID_LENGTH} characters`)
  }
  const data = "data" in value ? value.data : undefined
  return Result.succeed({
    type: value.type,
    ...(typeof id === "string" ? { id } : {}),
    ...(data === undefined || data === null ? {} : { data })
  })
}

/**
 * A field of a message's data, if the data is an object that has it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const field = (data: unknown, name: string): unknown =>
  typeof data === "object" && data !== null && Object.hasOwn(data, name)
    ? Object.getOwnPropertyDescriptor(data, name)?.value
    : undefined

/**
 * A field of a message's data that is a text, else `undefined`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const textField = (data: unknown, name: string): string | undefined => {
  const value = field(data, name)
  return typeof value === "string" ? value : undefined
}
