/**
 * Everything that comes with the package, by name: providers, engines, audio processors, stores, the agent.
 *
 * The only module that imports them all; the core imports none. An application that adds its own registers them in these
 * registries, or makes registries of its own.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentRegistry } from "../agent/AgentRegistry.ts"
import { OpenToolSources } from "../backend/engines/OpenToolSources.ts"
import { BackendRegistry } from "../backend/provider/BackendRegistry.ts"
import { OpenPendingErasures, StoreRegistry } from "../backend/sessions/StoreRegistry.ts"
import { packageFile } from "../ExternalPackage.ts"
import { ProcessorRegistry } from "../hooks/AudioProcessor.ts"
import * as RateLimits from "../hooks/RateLimits.ts"
import { Open } from "../session/retention/SessionArchive.ts"
import { EngineRegistry } from "../speech/EngineRegistry.ts"
import * as BuiltinAgent from "./BuiltinAgent.ts"
import { engines } from "./Engines.ts"
import { processors } from "./Processors.ts"
import { providers } from "./Providers.ts"
import { loadRateLimits, openArchive, openPendingErasures, stores } from "./Stores.ts"
import { openToolSources } from "./Tools.ts"

export * as BuiltinAgent from "./BuiltinAgent.ts"
export { engines } from "./Engines.ts"
export { modelsOf } from "./Models.ts"
export { processors } from "./Processors.ts"
export { providers } from "./Providers.ts"
export { stores } from "./Stores.ts"

const openRateLimits: typeof RateLimits.SharedStore.Service = (url) =>
  Effect.flatMap(loadRateLimits, (redis) => redis.open(url))

/**
 * The file with the JSON Schema of config files, with all built-in names. `npm run fix` writes it.
 *
 * @category constants
 * @since 0.1.0
 */
export const configSchema: URL = packageFile(import.meta.url, "./config.schema.json", "builtin/config.schema.json")

/**
 * The registries with everything that is built in.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<BackendRegistry | EngineRegistry | AgentRegistry | ProcessorRegistry | StoreRegistry> =
  Layer.mergeAll(
    BackendRegistry.layer(Object.values(providers)),
    EngineRegistry.layer(engines),
    AgentRegistry.layer({ [BuiltinAgent.name]: BuiltinAgent.agent }),
    ProcessorRegistry.layer(processors),
    StoreRegistry.layer(stores),
    Layer.succeed(RateLimits.SharedStore, openRateLimits),
    Layer.succeed(OpenToolSources, openToolSources),
    Layer.succeed(Open, openArchive),
    Layer.succeed(OpenPendingErasures, openPendingErasures)
  )
