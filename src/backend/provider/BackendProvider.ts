/**
 * Makes providers: the rest of the contract is derived from what is a provider's own.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { BackendError } from "../../BackendError.ts"
import * as Faults from "../../schema/Faults.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"
import * as ConfiguredBackend from "../ConfiguredBackend.ts"
import type { BackendProvider, ProviderCapabilities, ProviderConnection, ProviderHost } from "./ProviderContract.ts"

export * from "./ProviderContract.ts"

/**
 * Makes a provider of what is its own; the rest of the contract is derived.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Options>(provider: {
  readonly name: string
  readonly description: string
  readonly capabilities: ProviderCapabilities
  readonly config: Schema.Codec<Options, unknown>
  /** What else must be right, such as a key in the environment; it reaches for nothing. */
  readonly check?: ((options: Options) => Effect.Effect<void, BackendError>) | undefined
  readonly connect: (
    options: Options,
    config: BackendConfig,
    host: ProviderHost
  ) => Effect.Effect<ProviderConnection, BackendError, Scope.Scope>
}): BackendProvider["Service"] => {
  const decode = (config: BackendConfig) =>
    Faults.decode(provider.config, config.providerConfig, {
      op: "BackendProvider.validateConfig",
      what: `the config of provider ${provider.name} is not valid`,
      at: ["provider_config"]
    })
  const self: BackendProvider["Service"] = {
    name: provider.name,
    description: provider.description,
    capabilities: provider.capabilities,
    configSchema: provider.config,
    validateConfig: (config) => Effect.flatMap(decode(config), provider.check ?? (() => Effect.void)),
    connect: (config, host) => Effect.flatMap(decode(config), (options) => provider.connect(options, config, host)),
    createBackend: (config) => ConfiguredBackend.make(self, config)
  }
  return self
}
