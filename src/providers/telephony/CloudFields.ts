/**
 * The options that all carriers of the cloud have: they call our webhooks, and are asked by REST.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import { carrierFields, carrierKeys } from "./CarrierFields.ts"
import { outboundFields, outboundKeys } from "./OutboundFields.ts"

/**
 * - `apiUrl`: of the REST interface. Default: the given one.
 *
 * @category models
 * @since 0.1.0
 */
export const cloudFields = (apiUrl: string) => ({
  ...carrierFields,
  ...outboundFields,
  apiUrl: Schema.String.check(
    Schema.isPattern(/^https?:\/\/[^\s?#@]*[^\s?#@/]$/u, { expected: "a URL without a slash at its end" })
  ).pipe(withDefault(apiUrl))
})

/**
 * Their names in a config file.
 *
 * @category constants
 * @since 0.1.0
 */
export const cloudKeys = { ...carrierKeys, ...outboundKeys, apiUrl: "api_url" } as const
