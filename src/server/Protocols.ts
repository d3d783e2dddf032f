/**
 * Which protocols of clients and carriers the server answers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ProviderRoute } from "../backend/provider/BackendProvider.ts"
import { InvalidConfig } from "../BackendError.ts"

/** What a provider offers its users beside `native`; what else it speaks, it needs. */
const offered: ReadonlySet<string> = new Set(["openai", "rtvi"])

/**
 * The routes of a provider whose protocols are listed. Where none is: all of them, but on a server that others than this machine
 * reach, not those that it only offers. Fails `invalid_config` when a protocol is not listed without which the provider reaches nobody:
 * its config and the server's contradict each other; and when one is listed that the provider does not offer.
 *
 * @category accessors
 * @since 0.1.0
 */
export const served = (
  routes: ReadonlyArray<ProviderRoute>,
  protocols: ReadonlyArray<string> | undefined,
  isPublic: boolean
): Effect.Effect<ReadonlyArray<ProviderRoute>, InvalidConfig> => {
  const isOffered = ({ protocol }: ProviderRoute) => protocol !== undefined && offered.has(protocol)
  if (protocols === undefined) return Effect.succeed(isPublic ? routes.filter((route) => !isOffered(route)) : routes)
  const spoken = new Set(routes.map(({ protocol }) => protocol))
  const missing = routes.flatMap((route) => {
    const { protocol } = route
    return protocol === undefined || protocol === "native" || isOffered(route) || protocols.includes(protocol)
      ? []
      : [protocol]
  })
  const unknown = protocols.filter((protocol) => offered.has(protocol) && !spoken.has(protocol))
  if (missing.length > 0) {
    return refuse(`server.protocols does not list ${inWords(missing)}, which the provider's config names`)
  }
  return unknown.length > 0
    ? refuse(`server.protocols lists ${inWords(unknown)}, which this provider does not serve`)
    : Effect.succeed(routes.filter(({ protocol }) => protocol === undefined || protocols.includes(protocol)))
}

const inWords = (names: ReadonlyArray<string>): string => Array.from(new Set(names)).join(", ")

const refuse = (message: string) =>
  Effect.fail(new InvalidConfig({ op: "Server.layer", message, details: { path: "server.protocols" } }))
