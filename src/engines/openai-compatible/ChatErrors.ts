/**
 * The errors of this engine.
 *
 * @since 0.1.0
 */
import type * as AiError from "effect/ai/AiError"
import * as ModelErrors from "../hosted/llm/ModelErrors.ts"

export { faultIn, faultOf, faultOfText, type ResponseInfo } from "../hosted/llm/ModelErrors.ts"

/**
 * The name of the engine in `details.vendor` and in messages.
 *
 * @category constants
 * @since 0.1.0
 */
export const VENDOR = "openai-compatible"

/**
 * @category models
 * @since 0.1.0
 */
export type ChatFault = ModelErrors.ModelFault

/**
 * Maps a response and the error in it to an error.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromResponse = (response: ModelErrors.ResponseInfo, fault: ChatFault): AiError.AiErrorReason =>
  ModelErrors.fromResponse(VENDOR, response, fault)

/**
 * Makes the error of this engine with a reason.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (reason: AiError.AiErrorReason): AiError.AiError =>
  ModelErrors.make(VENDOR, "chat.completions", reason)
