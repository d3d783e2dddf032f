/**
 * What the options of hosted language models have in common.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { InvalidConfig } from "../../../BackendError.ts"
import { secret } from "../../../schema/Secret.ts"
import * as EnvironmentVariable from "../../../wire/EnvironmentVariable.ts"
import * as VendorKey from "../../../wire/VendorKey.ts"

/**
 * A base URL.
 *
 * @category schemas
 * @since 0.1.0
 */
export const url = Schema.String.check(
  Schema.isPattern(/^https?:\/\/[^\s?#]+$/u, { expected: "an http:// or https:// URL without a query" }),
  Schema.isMaxLength(2_048)
)

/**
 * The name of a model.
 *
 * @category schemas
 * @since 0.1.0
 */
export const model = Schema.NonEmptyString.check(Schema.isMaxLength(256))

/**
 * @category schemas
 * @since 0.1.0
 */
export const apiKey = Schema.optionalKey(secret({ min: 1, header: true }))

/**
 * @category schemas
 * @since 0.1.0
 */
export const instructions = Schema.optionalKey(Schema.String.check(Schema.isMaxLength(65_536)))

/**
 * The key for a URL: at the vendor's host the config's or that of the first variable that is set, and one is needed; at any other
 * host the config's alone, so that a key of the environment goes to nobody else.
 *
 * @category accessors
 * @since 0.1.0
 */
export const key = (
  vendor: string,
  options: { readonly url: string; readonly apiKey?: Redacted.Redacted<string> | undefined },
  host: string,
  variables: readonly [string, ...ReadonlyArray<string>]
): Effect.Effect<Redacted.Redacted<string> | undefined, InvalidConfig> => {
  if (!URL.canParse(options.url) || new URL(options.url).host !== host) {
    return VendorKey.optionalKey(vendor, options.apiKey, undefined)
  }
  return Effect.flatMap(
    Effect.forEach(variables, (name) => Effect.map(EnvironmentVariable.secret(name), (value) => ({ name, value }))),
    (found) =>
      VendorKey.key(vendor, options.apiKey, found.find(({ value }) => value !== undefined)?.name ?? variables[0])
  )
}
