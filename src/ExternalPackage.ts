/**
 * Packages and files that stay outside of bundles: optional peers, native addons, WebAssembly and the scripts of workers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { describe, InvalidConfig } from "./BackendError.ts"

/**
 * Imports a package when the program runs. A bundler that saw its name would include it, or fail where it is not installed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const importPackage = <A>(specifier: string): Promise<A> =>
  import(/* webpackIgnore: true */ /* @vite-ignore */ specifier)

const isNotFound = (cause: unknown, packageName: string): boolean =>
  /Cannot find (?:package|module) ['"]([^'"]+)/.exec(describe(cause))?.[1]?.startsWith(packageName) === true

/**
 * What to do about a package that could not be loaded: install it if it is not there; otherwise the cause, in one line.
 *
 * @category conversions
 * @since 0.1.0
 */
export const adviceFor = (packageName: string, cause: unknown): string =>
  isNotFound(cause, packageName)
    ? `run "npm install ${packageName}"`
    : `it is installed, but could not be loaded: ${describe(cause).split("\n", 1)[0]}`

/**
 * Loads an optional package. Fails `invalid_config` with the package in `details.missing` and what to do about it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const loadPackage = <A>(
  { module, op, packageName, purpose }: {
    readonly op: string
    /** What needs it, such as `store.kind postgres`. */
    readonly purpose: string
    readonly packageName: string
    /** What of it to import, if not its main module. */
    readonly module?: string | undefined
  }
): Effect.Effect<A, InvalidConfig> =>
  Effect.tryPromise({
    try: () => importPackage<A>(module ?? packageName),
    catch: (cause) =>
      new InvalidConfig({
        op,
        message: `${purpose} needs the package ${packageName}: ${adviceFor(packageName, cause)}`,
        details: { missing: packageName },
        cause
      })
  })

/**
 * The address of a module, from its `import.meta.url`, which is missing in a bundle of CommonJS.
 *
 * @category conversions
 * @since 0.1.0
 */
export const urlOfModule = (metaUrl: string | undefined): string =>
  metaUrl ?? pathToFileURL(typeof __filename === "string" ? __filename : join(process.cwd(), "bundle.js")).href

/**
 * Throws what an import would throw if a package is not installed. The package is not loaded.
 *
 * @category checks
 * @since 0.1.0
 */
export const requireInstalled = (packageName: string): void => {
  try {
    createRequire(urlOfModule(import.meta.url)).resolve(packageName)
  } catch (cause) {
    // a package that only an `import` may load is there
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_PACKAGE_PATH_NOT_EXPORTED")) throw cause
  }
}

/**
 * A file or folder of this package: beside the module with this `import.meta.url`, or, in a program that is bundled into one
 * file, at `path` below `dist` of the installed package. A `name` ending in `.js` is `.ts` in the source tree.
 *
 * @category accessors
 * @since 0.1.0
 */
export const packageFile = (metaUrl: string | undefined, name: string, path: string): URL => {
  const moduleUrl = urlOfModule(metaUrl)
  const beside = new URL(moduleUrl.endsWith(".ts") ? name.replace(/\.js$/, ".ts") : name, moduleUrl)
  if (existsSync(beside)) return beside
  try {
    const manifest = createRequire(moduleUrl).resolve("effect-voice/package.json")
    return pathToFileURL(join(dirname(manifest), "dist", path))
  } catch {
    return beside
  }
}
