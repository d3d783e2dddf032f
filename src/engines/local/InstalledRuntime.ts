/**
 * Whether there is an ONNX runtime for the engines that run a model.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import type { InvalidConfig } from "../../BackendError.ts"
import { packageFile, requireInstalled } from "../../ExternalPackage.ts"
import * as OnnxRuntime from "./OnnxRuntime.ts"
import * as OptionalPackage from "./OptionalPackage.ts"

/** The copy of `onnxruntime-web` in an installed effect-voice. */
const isCarried = (): boolean =>
  existsSync(packageFile(import.meta.url, OnnxRuntime.CARRIED, `engines/local/${OnnxRuntime.CARRIED}`))

/**
 * Whether a package is installed; it is not loaded. `onnxruntime-web` always is, but in a source tree without the packages of
 * the development.
 *
 * @category predicates
 * @since 0.1.0
 */
export const has = (packageName: string): boolean => {
  if (packageName === OnnxRuntime.WEB && isCarried()) return true
  try {
    requireInstalled(packageName)
    return true
  } catch {
    return false
  }
}

/**
 * Fails `invalid_config` where no runtime is installed; none is loaded.
 *
 * @category checks
 * @since 0.1.0
 */
export const check = (engine: string): Effect.Effect<void, InvalidConfig> =>
  Effect.suspend(() => {
    if (OnnxRuntime.PACKAGES.some(has)) return Effect.void
    return Effect.fail(
      OptionalPackage.missing({
        engine,
        packageName: OnnxRuntime.WEB,
        cause: new Error(`Cannot find package '${OnnxRuntime.WEB}'`)
      })
    )
  })
