/**
 * A config together with the parts that it names: the engines, the provider and the audio processors, each with its decoded
 * options.
 *
 * Everything is decoded once: by `ConfigSource.load` for a file, by `decode` for a config that a program has put together.
 * A backend is made from the result and decodes nothing again.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AgentRegistry } from "../../agent/AgentRegistry.ts"
import type { BackendError } from "../../BackendError.ts"
import { type OpenProcessor, ProcessorRegistry } from "../../hooks/AudioProcessor.ts"
import * as Faults from "../../schema/Faults.ts"
import { EngineRegistry } from "../../speech/EngineRegistry.ts"
import type { BackendProvider, ConfiguredProvider, Registries } from "../provider/ProviderContract.ts"
import { StoreRegistry } from "../sessions/StoreRegistry.ts"
import * as BackendConfig from "./BackendConfig.ts"
import * as NamedParts from "./NamedParts.ts"

/**
 * Everything that a backend is made from.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecodedConfig {
  readonly config: BackendConfig.BackendConfig
  readonly provider: ConfiguredProvider
  readonly engines: NamedParts.DecodedEngines
  /** In the order of `custom_processors`. */
  readonly processors: ReadonlyArray<OpenProcessor>
}

/**
 * Checks a config that a program has put together, and decodes the options in it. Fails `invalid_config` with all faults;
 * a part that cannot be loaded, as the only fault, fails with its own error.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = Effect.fnUntraced(function*(
  provider: BackendProvider["Service"],
  given: BackendConfig.BackendConfig
): Effect.fn.Return<DecodedConfig, BackendError, Registries> {
  const config = yield* BackendConfig.check(given)
  const { engines, errors, faults, processors, provider: configured } = yield* NamedParts.decode(
    NamedParts.namesOf(config),
    {
      // an application may have registered it by another name
      providers: new Map([[config.provider, provider]]),
      engines: yield* EngineRegistry,
      agents: yield* AgentRegistry,
      processors: yield* ProcessorRegistry,
      stores: Option.getOrUndefined(yield* Effect.serviceOption(StoreRegistry))
    }
  )
  if (faults.length === 0 && configured !== undefined) return { config, provider: configured, engines, processors }
  const [error] = errors
  const isAlone = error !== undefined && errors.length === 1 && Faults.fromError(error, "").length === faults.length
  return yield* isAlone ? Effect.fail(error) : Faults.toError("VoiceBackend.make", "the config is not valid", faults)
})
