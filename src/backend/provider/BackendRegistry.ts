/**
 * Providers by name: a service, not a global.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type BackendError, type InvalidConfig, ProviderNotFound } from "../../BackendError.ts"
import * as Registry from "../../Registry.ts"
import type { Backend } from "../BackendContract.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"
import type { BackendProvider, Registries } from "./ProviderContract.ts"

type Provider = BackendProvider["Service"]

/**
 * The contract's registry.
 *
 * @category services
 * @since 0.1.0
 */
export class BackendRegistry extends Context.Service<BackendRegistry, {
  /** Adds a provider; a name that is taken fails `invalid_config`. */
  readonly register: (name: string, provider: Provider) => Effect.Effect<void, InvalidConfig>
  /** Creates a backend on the named provider, with the engines that the config names; it is not started. */
  readonly create: (
    name: string,
    config: BackendConfig
  ) => Effect.Effect<Backend, BackendError, Scope.Scope | Registries>
  readonly listProviders: Effect.Effect<ReadonlyArray<string>>
  /** Whether a provider of this name is registered. */
  readonly isRegistered: (name: string) => Effect.Effect<boolean>
  /** An unknown name fails `provider_not_found`, with the known ones in `details.known`. */
  readonly getProvider: (name: string) => Effect.Effect<Provider, ProviderNotFound>
}>()("effect-voice/backend/BackendRegistry") {
  /** A registry that starts with these providers. */
  static readonly layer = (providers: ReadonlyArray<Provider> = []) =>
    Layer.sync(BackendRegistry, () => {
      const table = Registry.make(
        "BackendRegistry",
        "provider",
        Object.fromEntries(providers.map((provider) => [provider.name, provider]))
      )
      const getProvider = (name: string) =>
        table.get(name).pipe(
          Effect.mapError((error) =>
            new ProviderNotFound({ op: error.op, message: error.message, details: { known: table.list() } })
          )
        )
      return {
        register: table.register,
        create: (name, config) =>
          Effect.flatMap(getProvider(name), (provider) => provider.createBackend({ ...config, provider: name })),
        listProviders: Effect.sync(table.list),
        isRegistered: (name) => Effect.sync(() => table.has(name)),
        getProvider
      }
    })
}

/**
 * Creates a backend by its provider's name: the contract's factory.
 *
 * @category constructors
 * @since 0.1.0
 */
export const newBackend = (
  name: string,
  config: BackendConfig
): Effect.Effect<Backend, BackendError, Scope.Scope | BackendRegistry | Registries> =>
  Effect.flatMap(BackendRegistry, (registry) => registry.create(name, config))
