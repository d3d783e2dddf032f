/**
 * What a start would fail on although its config is well formed: a key, a package or a file that is missing, a directory that
 * cannot be written. Nothing is downloaded, and nothing is reached over the network.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { type BackendConfig, periodsOf } from "../backend/config/BackendConfig.ts"
import type { BackendError } from "../BackendError.ts"
import { deadline } from "../Deadline.ts"
import * as Faults from "../schema/Faults.ts"
import { isRecord } from "../schema/Json.ts"
import * as EngineRegistry from "../speech/EngineRegistry.ts"
import { archiveDirectory, defaultPath, stores } from "./Stores.ts"

/** Of one part; a check reads files and loads packages. */
const CHECK_WITHIN = "10 seconds"

/**
 * The faults of a check; none when it succeeds.
 *
 * @category conversions
 * @since 0.1.0
 */
export const faultsBy = (path: string, check: Effect.Effect<unknown, BackendError>) =>
  Effect.match(check, {
    onFailure: (error) => Faults.fromError(error, path),
    onSuccess: (): ReadonlyArray<Faults.Fault> => []
  })

const whyUnwritable = (cause: unknown, directory: string): string => {
  switch (isRecord(cause) ? cause["code"] : undefined) {
    case "EACCES":
    case "EPERM":
      return `no permission to write in ${directory}`
    case "EROFS":
      return `${directory} is on a read-only file system`
    case "ENOTDIR":
      return `${directory} is not a directory`
    default:
      return `cannot write in ${directory}`
  }
}

/** The faults of a directory that a start would write in, or make. */
const directoryFaults = (path: string, directory: string): Effect.Effect<ReadonlyArray<Faults.Fault>> =>
  Effect.promise(async () => {
    for (let at = Path.resolve(directory);; at = Path.dirname(at)) {
      try {
        const { isDirectory } = await Fs.stat(at).then((stat) => ({ isDirectory: stat.isDirectory() }))
        if (!isDirectory) return [{ path, message: `${at} is not a directory` }]
        await Fs.access(at, Fs.constants.W_OK)
        return []
      } catch (cause) {
        const code = isRecord(cause) ? cause["code"] : undefined
        // what does not exist is made: then its parent counts
        if (code !== "ENOENT" || at === Path.dirname(at)) return [{ path, message: whyUnwritable(cause, at) }]
      }
    }
  })

const storeFaults = ({ store }: BackendConfig): Effect.Effect<ReadonlyArray<Faults.Fault>> => {
  if (store.kind === "memory") return Effect.succeed([])
  const load = Object.hasOwn(stores, store.kind) ? stores[store.kind] : undefined
  if (load === undefined) return Effect.succeed([])
  const loaded = faultsBy("store", load(store))
  return store.kind === "sqlite"
    ? Effect.zipWith(
      loaded,
      directoryFaults("store.path", Path.dirname(store.path ?? defaultPath())),
      (one, other) => [...one, ...other]
    )
    : loaded
}

/**
 * The faults of the parts that a config names.
 *
 * @category checks
 * @since 0.1.0
 */
export const faultsOf = (found: {
  readonly config: BackendConfig | undefined
  readonly engines: ReadonlyArray<EngineRegistry.AnyEngine>
}): Effect.Effect<ReadonlyArray<Faults.Fault>> => {
  const { config, engines } = found
  const checks = [
    ...engines.map((engine) =>
      faultsBy(
        `engines.${engine.name}`,
        deadline("EngineRegistry.check", `the check of the engine ${engine.name}`, CHECK_WITHIN)(
          EngineRegistry.check(engine)
        )
      )
    ),
    ...(config === undefined ? [] : [
      storeFaults(config),
      ...(Object.keys(periodsOf(config)).length === 0
        ? []
        : [directoryFaults("retention.directory", archiveDirectory(config.retention.directory))])
    ])
  ]
  return Effect.map(Effect.all(checks, { concurrency: 4 }), (all) => all.flat())
}
