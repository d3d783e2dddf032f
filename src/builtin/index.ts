/**
 * Everything that comes with the package, by name: providers, engines, audio processors, stores, the agent.
 *
 * The only module that imports them all; the core imports none. An application that adds its own gives them to `layerWith`,
 * or makes registries of its own.
 *
 * @since 0.1.0
 */
import { packageFile } from "../ExternalPackage.ts"

export * as BuiltinAgent from "./BuiltinAgent.ts"
export { engines } from "./Engines.ts"
export { modelsOf } from "./Models.ts"
export { processors } from "./Processors.ts"
export { providers } from "./Providers.ts"
export { layer, layerWith, type OwnEngines, type OwnParts, providersWith, type Registries } from "./Registries.ts"
export { stores } from "./Stores.ts"

/**
 * The file with the JSON Schema of config files, with all built-in names. `npm run fix` writes it.
 *
 * @category constants
 * @since 0.1.0
 */
export const configSchema: URL = packageFile(import.meta.url, "./config.schema.json", "builtin/config.schema.json")
