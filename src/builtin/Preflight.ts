/**
 * What a start would fail on although its config is well formed: a key, a package or a file that is missing, a directory that
 * cannot be written. Nothing is downloaded, and nothing is reached over the network.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { type BackendConfig, periodsOf } from "../backend/config/BackendConfig.ts"
import * as SpeechEngines from "../backend/engines/SpeechEngines.ts"
import type { ConfiguredProvider } from "../backend/provider/ProviderContract.ts"
import { StoreRegistry } from "../backend/sessions/StoreRegistry.ts"
import type { BackendError } from "../BackendError.ts"
import { deadline } from "../Deadline.ts"
import * as Faults from "../schema/Faults.ts"
import { isRecord } from "../schema/Json.ts"
import * as S2sCapabilities from "../session/pipeline/S2sCapabilities.ts"
import * as EngineRegistry from "../speech/EngineRegistry.ts"
import * as SqliteFile from "../store/SqliteFile.ts"
import { archiveDirectory, defaultPath, loadRateLimits, stores } from "./Stores.ts"

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

/** The faults of the file of an SQLite store, and of the directory that it is or would be in. */
const fileFaults = (file: string): Effect.Effect<ReadonlyArray<Faults.Fault>> => {
  const path = "store.path"
  const found = Effect.try({
    try: () => SqliteFile.faultOf(file),
    catch: (cause) => whyUnwritable(cause, file)
  }).pipe(
    Effect.catch((message) => Effect.succeed(message)),
    Effect.map((message) => message === undefined ? [] : [{ path, message: `${file}: ${message}` }])
  )
  return Effect.flatMap(
    directoryFaults(path, Path.dirname(file)),
    (faults) => faults.length > 0 ? Effect.succeed(faults) : found
  )
}

/**
 * The faults of the store that a config names, as far as they are known before it is opened.
 *
 * @category checks
 * @since 0.1.0
 */
export const storeFaults = Effect.fnUntraced(function*({ store }: BackendConfig) {
  const registry = yield* Effect.serviceOption(StoreRegistry)
  if (Option.isNone(registry) || !registry.value.has(store.kind)) return []
  const load = yield* Effect.orDie(registry.value.get(store.kind))
  const loaded = yield* faultsBy("store", load(store))
  // an application may have another store of this name
  return load === stores.sqlite ? [...loaded, ...(yield* fileFaults(store.path ?? defaultPath()))] : loaded
})

/** Where a program would be looked for. */
const candidatesOf = (command: string): ReadonlyArray<string> =>
  command.includes("/")
    ? [Path.resolve(command)]
    : (process.env["PATH"] ?? "").split(Path.delimiter).filter((part) => part !== "").map((part) =>
      Path.join(part, command)
    )

/** The faults of the programs of MCP servers. Windows finds programs in its own ways. */
const programFaults = ({ mcp }: BackendConfig): Effect.Effect<ReadonlyArray<Faults.Fault>> =>
  Effect.promise(async () => {
    const faults: Array<Faults.Fault> = []
    for (const [i, { command }] of process.platform === "win32" ? [] : mcp.entries()) {
      if (command === undefined) continue
      const found = await Promise.any(candidatesOf(command).map((file) => Fs.access(file, Fs.constants.X_OK)))
        .then(() => true, () => false)
      if (!found) faults.push({ path: `mcp.${i}.command`, message: `there is no program ${command}` })
    }
    return faults
  })

/** What the config asks of its engines and they cannot do. */
const capabilityFaults = (
  config: BackendConfig,
  engines: ReadonlyArray<EngineRegistry.AnyEngine & { readonly can: EngineRegistry.Capabilities }>
): ReadonlyArray<Faults.Fault> => {
  const faultOf = ({ can: { s2s, stt }, kind, name }: (typeof engines)[number]): Faults.Fault | undefined => {
    if (
      kind === "stt" && config.pipelineType === "stt_tts" && config.turnDetectionProvider === SpeechEngines.STT_TURNS
    ) {
      return stt?.endOfTurn === false
        ? { path: "turn_detection_provider", message: SpeechEngines.withoutEndpointing(name) }
        : undefined
    }
    if (kind !== "s2s" || config.pipelineType !== "s2s" || s2s === undefined) return undefined
    return S2sCapabilities.faultOf({ agentInLoop: config.agentInLoop }, {
      name,
      capabilities: s2s,
      // without one, the default one is used
      vad: true,
      tts: config.ttsProvider !== undefined
    })
  }
  return engines.flatMap((engine) => faultOf(engine) ?? []).map(({ message, path }) => ({ path, message }))
}

/** The faults of engines, each by itself, and those of what the config asks of them. */
const engineFaults = Effect.fnUntraced(function*(
  config: BackendConfig | undefined,
  engines: ReadonlyArray<EngineRegistry.AnyEngine>
) {
  const inspected = yield* Effect.forEach(engines, (engine) =>
    EngineRegistry.inspect(engine).pipe(
      deadline("EngineRegistry.inspect", `the check of the engine ${engine.name}`, CHECK_WITHIN),
      Effect.match({
        onFailure: (error) => ({ faults: Faults.fromError(error, `engines.${engine.name}`), able: [] }),
        onSuccess: (can) => ({ faults: [], able: [{ ...engine, can }] })
      })
    ), { concurrency: 4 })
  return [
    ...inspected.flatMap(({ faults }) => faults),
    ...(config === undefined ? [] : capabilityFaults(config, inspected.flatMap(({ able }) => able)))
  ]
})

/**
 * The faults of the parts that a config names.
 *
 * @category checks
 * @since 0.1.0
 */
export const faultsOf = (found: {
  readonly config: BackendConfig | undefined
  readonly engines: ReadonlyArray<EngineRegistry.AnyEngine>
  readonly provider?: ConfiguredProvider | undefined
}): Effect.Effect<ReadonlyArray<Faults.Fault>> => {
  const { config, engines, provider } = found
  const checks = [
    engineFaults(config, engines),
    ...(provider?.check === undefined ? [] : [faultsBy("provider", provider.check)]),
    ...(config === undefined ? [] : [
      storeFaults(config),
      programFaults(config),
      ...(config.rateLimits.store === "redis" ? [faultsBy("rate_limits.store", loadRateLimits)] : []),
      ...(Object.keys(periodsOf(config)).length === 0
        ? []
        : [directoryFaults("retention.directory", archiveDirectory(config.retention.directory))])
    ])
  ]
  return Effect.map(Effect.all(checks, { concurrency: 4 }), (all) => all.flat())
}
