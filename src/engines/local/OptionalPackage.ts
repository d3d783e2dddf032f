/**
 * The error of an engine whose optional package is not installed or does not load.
 *
 * @since 0.1.0
 */
import { InvalidConfig } from "../../BackendError.ts"
import { adviceFor } from "../../ExternalPackage.ts"

/**
 * A package that could not be loaded.
 *
 * - `purpose`: what needs it. Default: the engine.
 * - `native`: whether it has a binary for each platform, which may be missing too.
 *
 * @category models
 * @since 0.1.0
 */
export interface MissingPackage {
  readonly engine: string
  readonly packageName: string
  readonly cause: unknown
  readonly purpose?: string | undefined
  readonly native?: boolean | undefined
}

/**
 * Makes the `invalid_config` of a missing package: it names the package, in `details.missing` too, and says to install it,
 * or why it does not load.
 *
 * @category constructors
 * @since 0.1.0
 */
export const missing = ({ cause, engine, native, packageName, purpose }: MissingPackage): InvalidConfig =>
  new InvalidConfig({
    op: "EngineRegistry.layer",
    message: `${purpose ?? `the engine ${engine}`} needs the package ${packageName}` +
      (native === true ? ` with its binary for ${process.platform}-${process.arch}` : "") +
      `: ${adviceFor(packageName, cause)}`,
    details: { missing: [packageName], engine },
    cause
  })
