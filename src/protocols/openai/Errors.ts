/**
 * What a client of the OpenAI Realtime protocol is told when something of what it sent cannot be done.
 *
 * https://platform.openai.com/docs/api-reference/realtime-server-events/error
 *
 * @since 0.1.0
 */

/**
 * The `error` of an `error` event, without the id of the event that has caused it.
 *
 * - `invalid_request_error`: the client's own; `server_error`: ours.
 * - `param`: the field that is at fault, with its path.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenAiFault {
  readonly type: "invalid_request_error" | "server_error"
  readonly code: string
  readonly message: string
  readonly param: string | null
}

/** The longest piece of a client's own text that an error quotes. */
const MAX_QUOTED = 64

/**
 * A client's own word in a sentence, no longer than 64 characters.
 *
 * @category constructors
 * @since 0.1.0
 */
export const quote = (text: string): string => `'${text.slice(0, MAX_QUOTED)}'`

/**
 * A fault of the client.
 *
 * @category constructors
 * @since 0.1.0
 */
export const invalid = (code: string, message: string, param: string | null = null): OpenAiFault => ({
  type: "invalid_request_error",
  code,
  message,
  param
})

/**
 * A value that is not one of those that the field takes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const invalidValue = (param: string, expected: string): OpenAiFault =>
  invalid("invalid_value", `Invalid value for '${param}': ${expected}.`, param)

/**
 * A field that must be there is not.
 *
 * @category constructors
 * @since 0.1.0
 */
export const missing = (param: string): OpenAiFault =>
  invalid("missing_required_parameter", `Missing required parameter: '${param}'.`, param)

/**
 * A field that is not known here: also one of the protocol's beta, or of what is not served.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unknown = (param: string, hint = ""): OpenAiFault =>
  invalid("unknown_parameter", `Unknown parameter: '${param}'.${hint === "" ? "" : ` ${hint}`}`, param)
