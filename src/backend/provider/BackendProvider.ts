/**
 * Makes providers: from a provider's own parts, the rest of the contract is derived.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { BackendError } from "../../BackendError.ts"
import * as Faults from "../../schema/Faults.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"
import * as DecodedConfig from "../config/DecodedConfig.ts"
import * as ConfiguredBackend from "../ConfiguredBackend.ts"
import type {
  BackendProvider,
  ConfiguredProvider,
  ProviderCapabilities,
  ProviderConnection,
  ProviderHost
} from "./ProviderContract.ts"

export * from "./ProviderContract.ts"

/**
 * Makes a provider from its own parts; the rest of the contract is derived.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Options>(provider: {
  readonly name: string
  readonly description: string
  readonly capabilities: ProviderCapabilities
  readonly config: Schema.Codec<Options, unknown>
  /** Checks what a schema cannot, such as a key in the environment. It must not open a connection. */
  readonly check?: ((options: Options) => Effect.Effect<void, BackendError>) | undefined
  /** `check` of the configured provider: whether its packages, and the addresses that it names, are there. */
  readonly checkMachine?: ((options: Options) => Effect.Effect<void, BackendError>) | undefined
  readonly connect: (
    options: Options,
    config: BackendConfig,
    host: ProviderHost
  ) => Effect.Effect<ProviderConnection, BackendError, Scope.Scope>
}): BackendProvider["Service"] => {
  const configure: BackendProvider["Service"]["configure"] = (given) =>
    Faults.decode(provider.config, given, {
      op: "BackendProvider.validateConfig",
      what: `the config of provider ${provider.name} is not valid`,
      at: ["provider_config"]
    }).pipe(
      Effect.tap((options) => provider.check?.(options) ?? Effect.void),
      Effect.map((options) => ({
        name: provider.name,
        capabilities: provider.capabilities,
        options,
        check: provider.checkMachine?.(options),
        connect: (config, host) => provider.connect(options, config, host)
      }))
    )
  const { capabilities, description, name } = provider
  return withConfigure({ name, description, capabilities, configSchema: provider.config }, configure)
}

const withConfigure = (
  described: Pick<BackendProvider["Service"], "name" | "description" | "capabilities" | "configSchema">,
  configure: BackendProvider["Service"]["configure"]
): BackendProvider["Service"] => {
  const self: BackendProvider["Service"] = {
    ...described,
    configure,
    validateConfig: ({ providerConfig }) => Effect.asVoid(configure(providerConfig)),
    createBackend: (config) => Effect.flatMap(DecodedConfig.decode(self, config), ConfiguredBackend.make)
  }
  return self
}

/**
 * Makes a provider that connects in another way: with limits or a probe of its own, or by a failure that a test needs.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mapConnect = (
  provider: BackendProvider["Service"],
  change: (connect: ConfiguredProvider["connect"]) => ConfiguredProvider["connect"]
): BackendProvider["Service"] => {
  const { capabilities, configSchema, configure, description, name } = provider
  return withConfigure(
    { name, description, capabilities, configSchema },
    (options) =>
      Effect.map(configure(options), (configured) => ({ ...configured, connect: change(configured.connect) }))
  )
}
