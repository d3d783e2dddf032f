/**
 * The endpoint and the API key of a hosted engine.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { InvalidConfig } from "../BackendError.ts"
import * as KnownKeys from "../KnownKeys.ts"
import { headerFault } from "../schema/Secret.ts"
import * as EnvironmentVariable from "./EnvironmentVariable.ts"

/**
 * A WebSocket endpoint.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Endpoint = Schema.String.check(
  Schema.isPattern(/^wss?:\/\/[^\s]+$/u, { expected: "a ws:// or wss:// URL" }),
  Schema.isMaxLength(2_048)
)

/**
 * The API key of a vendor: the config's, or that of an environment variable if the vendor has one, without the white space and line breaks around it;
 * undefined when there is neither. Fails `invalid_config` when no header can carry it; the key is not quoted.
 *
 * @category accessors
 * @since 0.1.0
 */
export const optionalKey = Effect.fnUntraced(function*(
  vendor: string,
  given: Redacted.Redacted<string> | undefined,
  variable: string | undefined
): Effect.fn.Return<Redacted.Redacted<string> | undefined, InvalidConfig> {
  const found = given ?? (variable === undefined ? undefined : yield* EnvironmentVariable.secret(variable))
  const value = found === undefined ? "" : Redacted.value(found).trim()
  if (value === "") return undefined
  const fault = headerFault(value)
  if (fault === undefined) {
    KnownKeys.remember(value)
    return Redacted.make(value)
  }
  const name = given === undefined && variable !== undefined ? variable : "api_key"
  return yield* new InvalidConfig({
    op: "EngineRegistry.layer",
    message: `the API key of ${vendor} (${name}) cannot be used: ${fault}`,
    details: { vendor, key: name }
  })
})

/**
 * The API key of a vendor that needs one: as `optionalKey`. Fails `invalid_config` with the variable in `details.missing` when
 * there is none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const key = (
  vendor: string,
  given: Redacted.Redacted<string> | undefined,
  variable: string
): Effect.Effect<Redacted.Redacted<string>, InvalidConfig> =>
  Effect.flatMap(
    optionalKey(vendor, given, variable),
    (found) =>
      found !== undefined ? Effect.succeed(found) : Effect.fail(
        new InvalidConfig({
          op: "EngineRegistry.layer",
          message: `${vendor} needs an API key: set ${variable} or the option api_key`,
          details: { vendor, missing: variable }
        })
      )
  )
