/**
 * The endpoint and the API key of a hosted engine.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { InvalidConfig } from "../BackendError.ts"

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
 * The API key of a vendor: the config's, or an environment variable's. Fails `invalid_config` with the variable in
 * `details.missing` when there is neither.
 *
 * @category accessors
 * @since 0.1.0
 */
export const key = (
  vendor: string,
  given: Redacted.Redacted<string> | undefined,
  variable: string
): Effect.Effect<Redacted.Redacted<string>, InvalidConfig> => {
  const missing = new InvalidConfig({
    op: "EngineRegistry.layer",
    message: `${vendor} needs an API key: set ${variable} or the option api_key`,
    details: { vendor, missing: variable }
  })
  return given !== undefined ? Effect.succeed(given) : Effect.gen(function*() {
    const found = yield* Config.Redacted(variable)
    return Redacted.value(found).trim() === "" ? yield* missing : found
  }).pipe(Effect.mapError(() => missing))
}
