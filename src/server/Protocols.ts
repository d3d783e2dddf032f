/**
 * Which protocols of clients and carriers the server answers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ProviderRoute } from "../backend/provider/BackendProvider.ts"
import { InvalidConfig } from "../BackendError.ts"

/**
 * The routes of a provider whose protocols are listed; all of them where none is. Fails `invalid_config` when a protocol is not listed
 * without which the provider reaches nobody: its config and the server's contradict each other.
 *
 * @category accessors
 * @since 0.1.0
 */
export const served = (
  routes: ReadonlyArray<ProviderRoute>,
  protocols: ReadonlyArray<string> | undefined
): Effect.Effect<ReadonlyArray<ProviderRoute>, InvalidConfig> => {
  if (protocols === undefined) return Effect.succeed(routes)
  const missing = routes.flatMap(({ protocol }) =>
    protocol === undefined || protocol === "native" || protocols.includes(protocol) ? [] : [protocol]
  )
  return missing.length === 0
    ? Effect.succeed(routes.filter(({ protocol }) => protocol === undefined || protocols.includes(protocol)))
    : Effect.fail(
      new InvalidConfig({
        op: "Server.layer",
        message: `server.protocols does not list ${
          Array.from(new Set(missing)).join(", ")
        }, which the provider's config names`,
        details: { path: "server.protocols" }
      })
    )
}
