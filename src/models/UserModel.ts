/**
 * Models of the user's own, at an address: downloaded once, checked against their SHA-256, unpacked and kept in the cache.
 *
 * Internal to `models`: `ModelStore` offers it. In the cache directory it owns `sha256-*`, `.partial-*` and `.lock-*`. The name
 * of a directory is the SHA-256 of what was downloaded, so two addresses of one archive share it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Record from "effect/Record"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Crypto from "node:crypto"
import * as NodeFs from "node:fs/promises"
import { InvalidConfig } from "../BackendError.ts"
import * as CacheLock from "./CacheLock.ts"
import { FetchFailure, type FetchReason, fromUnknown } from "./FetchFailure.ts"
import * as FolderArchive from "./FolderArchive.ts"
import * as ModelDirectory from "./ModelDirectory.ts"
import type { DownloadOptions, ModelProgress } from "./ModelDownload.ts"
import * as ModelLocation from "./ModelLocation.ts"
import * as NpmRegistry from "./NpmRegistry.ts"
import * as PackedFile from "./PackedFile.ts"
import * as StaleEntries from "./StaleEntries.ts"
import * as StallTimeout from "./StallTimeout.ts"
import * as UrlDownload from "./UrlDownload.ts"

const contentName = ".content.json"
/** The largest models that sherpa-onnx decodes have 2.5 GB. */
const MAX_ARCHIVE_BYTES = 2 ** 32

const Content = Schema.Struct({
  url: Schema.String,
  files: Schema.Record(Schema.String, Schema.Struct({ bytes: Schema.Finite, sha256: Schema.String }))
})
const decodeContent = Schema.decodeUnknownOption(Schema.fromJsonString(Content))
const encodeContent = Schema.encodeSync(Schema.fromJsonString(Content))

const diskFailure = (error: { readonly message: string }) =>
  new FetchFailure({ reason: "disk", message: error.message })

const advice: { readonly [Reason in FetchReason]: string } = {
  unauthorized: "the server does not let everybody have it",
  not_found: "there is no such file",
  no_network: "the server could not be reached, or the transfer broke off; the next start goes on where it stopped",
  registry_error: "the server failed",
  integrity: "the content does not match its SHA-256",
  archive: "it could not be unpacked",
  disk: "the cache directory could not be written",
  npm_config: "the npm settings, which say what proxy to use, could not be read",
  timeout: "the download took too long; the next start goes on where it stopped",
  offline: "the network is switched off (offline)"
}

const unavailable = (
  op: string,
  location: ModelLocation.ModelUrl,
  dir: string,
  failure: FetchFailure
): InvalidConfig => {
  const url = ModelLocation.describe(location)
  return new InvalidConfig({
    op,
    message:
      `the model at ${url} is missing and could not be fetched: ${advice[failure.reason]} (${failure.message}). To ` +
      `provide it yourself: download and unpack it, and give the path of its folder or file.`,
    details: {
      reason: failure.reason,
      model: url,
      missing: [url],
      dir,
      ...(failure.code === undefined ? {} : { code: failure.code }),
      ...(failure.status === undefined ? {} : { status: failure.status })
    }
  })
}

/**
 * A model in the cache: its directory, and the names of its files.
 *
 * @category models
 * @since 0.1.0
 */
export interface UserModel {
  readonly dir: string
  readonly names: ReadonlyArray<string>
}

const directoryName = ({ sha256 }: ModelLocation.ModelUrl): string => `sha256-${sha256}`

/** What a directory holds, if that is all that was unpacked into it, unchanged. */
const contentOf = Effect.fnUntraced(function*(dir: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const content = yield* fs.readFileString(path.join(dir, contentName)).pipe(
    Effect.map(decodeContent),
    Effect.orElseSucceed(Option.none)
  )
  if (Option.isNone(content)) return undefined
  const files = pinned(content.value.files)
  const { state } = yield* ModelDirectory.verify(dir, files)
  return state === "ready" ? { dir, names: files.map(({ name }) => name) } satisfies UserModel : undefined
})

/** The name of the one file of a model that is no archive. */
const fileNameOf = (url: string): string => {
  const last = new URL(url).pathname.split("/").at(-1) ?? ""
  const decoded = Option.getOrElse(Option.liftThrowable(decodeURIComponent)(last), () => last)
  return FolderArchive.segmentsOf(decoded)?.length === 1 && !decoded.startsWith(".") ? decoded : "model"
}

/**
 * Makes the operation that gives the directory of a model, and downloads it when it is not there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: DownloadOptions & { readonly timeout: Duration.Input }) => {
  const { cacheDir } = options
  const watched = StallTimeout.make(options.stallTimeout)
  const retries = Schedule.exponential(options.retryDelay).pipe(Schedule.jittered, Schedule.upTo({ times: 3 }))
  const locks = new Map<string, Semaphore.Semaphore>()

  const lockOf = (sha256: string): Semaphore.Semaphore => {
    const known = locks.get(sha256) ?? Semaphore.makeUnsafe(1)
    locks.set(sha256, known)
    return known
  }

  const download = Effect.fnUntraced(function*(
    location: ModelLocation.ModelUrl,
    partial: string,
    onProgress: (progress: ModelProgress) => void
  ) {
    const model = ModelLocation.describe(location)
    const settings = yield* NpmRegistry.loadOptions(options.env)
    const npm = options.offline === undefined ? settings : { ...settings, offline: options.offline }
    let received = 0
    let total = 0
    const report = Effect.sync(() => onProgress({ model, receivedBytes: received, totalBytes: total }))
    const attempt = UrlDownload.attempt(
      {
        url: location.url,
        path: partial,
        maxBytes: MAX_ARCHIVE_BYTES,
        onBytes: (bytes, length) => {
          received = bytes
          total = length ?? 0
        }
      },
      npm,
      options.env
    )
    yield* watched(() => received, report, attempt).pipe(
      Effect.retry({ schedule: retries, while: (failure) => failure.retryable })
    )
    yield* report
  })

  /** Downloads into `partial`, which may hold the beginning of it, until the hash is right. */
  const obtain = Effect.fnUntraced(function*(
    location: ModelLocation.ModelUrl,
    partial: string,
    onProgress: (progress: ModelProgress) => void
  ) {
    const fs = yield* FileSystem.FileSystem
    const hash = ModelDirectory.sha256(partial).pipe(Effect.mapError(diskFailure))
    const begun = yield* fs.exists(partial).pipe(Effect.orElseSucceed(() => false))
    const once = Effect.andThen(download(location, partial, onProgress), hash)
    let actual = yield* once
    if (actual !== location.sha256 && begun) {
      // what was there may have been the beginning of something else
      yield* fs.remove(partial, { force: true }).pipe(Effect.mapError(diskFailure))
      actual = yield* once
    }
    if (actual === location.sha256) return
    yield* fs.remove(partial, { force: true }).pipe(Effect.ignore)
    return yield* new FetchFailure({ reason: "integrity", message: `it has the SHA-256 ${actual}` })
  })

  /** Makes the model's directory from what was downloaded. */
  const install = Effect.fnUntraced(function*(location: ModelLocation.ModelUrl, partial: string, target: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    return yield* Effect.acquireUseRelease(
      fs.makeTempDirectory({ directory: cacheDir, prefix: ".tmp-" }).pipe(Effect.mapError(diskFailure)),
      Effect.fnUntraced(function*(scratch) {
        const unpacked = path.join(scratch, "files")
        yield* fs.makeDirectory(unpacked).pipe(Effect.mapError(diskFailure))
        const { files, root } = yield* unpack(location, partial, unpacked)
        const content = encodeContent({ url: ModelLocation.describe(location), files: recordOf(files) })
        yield* fs.writeFileString(path.join(root, contentName), content).pipe(Effect.mapError(diskFailure))
        yield* ModelDirectory.mark(root, files)
        const all = [...files, pinOf(contentName, content)]
        yield* ModelDirectory.install({ prepared: root, target, attic: scratch, files: all })
        yield* fs.remove(partial, { force: true }).pipe(Effect.ignore)
        return { dir: target, names: files.map(({ name }) => name) } satisfies UserModel
      }),
      (scratch) => fs.remove(scratch, { recursive: true, force: true }).pipe(Effect.ignore)
    )
  })

  const provide = Effect.fnUntraced(function*(
    location: ModelLocation.ModelUrl,
    target: string,
    onProgress: (progress: ModelProgress) => void
  ) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    yield* fs.makeDirectory(cacheDir, { recursive: true }).pipe(Effect.mapError(diskFailure))
    yield* StaleEntries.remove(cacheDir)
    const partial = path.join(cacheDir, `.partial-${location.sha256}`)
    return yield* Effect.gen(function*() {
      const there = yield* contentOf(target)
      if (there !== undefined) return there
      yield* obtain(location, partial, onProgress)
      return yield* install(location, partial, target)
    }).pipe(CacheLock.withLock(path.join(cacheDir, `.lock-${location.sha256}`)))
  })

  return {
    /** The files of the model in the cache, by their names in its directory; `undefined` when it is not there. */
    locate: Effect.fnUntraced(function*(location: ModelLocation.ModelUrl) {
      const path = yield* Path.Path
      return yield* contentOf(path.join(cacheDir, directoryName(location)))
    }),
    /** The model's directory and the names of its files; downloads it when it is not there. */
    ensure: Effect.fnUntraced(function*(
      op: string,
      location: ModelLocation.ModelUrl,
      onProgress: (progress: ModelProgress) => void
    ) {
      const path = yield* Path.Path
      const target = path.join(cacheDir, directoryName(location))
      const there = yield* contentOf(target)
      if (there !== undefined) return there
      return yield* Semaphore.withPermit(lockOf(location.sha256))(provide(location, target, onProgress)).pipe(
        Effect.timeoutOrElse({
          duration: options.timeout,
          orElse: () =>
            Effect.fail(
              new FetchFailure({
                reason: "timeout",
                message: `not done within ${Duration.format(Duration.fromInputUnsafe(options.timeout))}`
              })
            )
        }),
        Effect.mapError((failure) => unavailable(op, location, target, failure))
      )
    })
  }
}

const pinOf = (name: string, text: string): ModelDirectory.PinnedFile => {
  const bytes = Buffer.from(text)
  return { name, bytes: bytes.length, sha256: Crypto.createHash("sha256").update(bytes).digest("hex") }
}

const pinned = (files: typeof Content.Type["files"]): ReadonlyArray<ModelDirectory.PinnedFile> =>
  Object.entries(files).map(([name, pin]) => ({ name, ...pin }))

const recordOf = (files: ReadonlyArray<ModelDirectory.PinnedFile>): typeof Content.Type["files"] =>
  Record.fromIterableWith(files, ({ bytes, name, sha256 }) => [name, { bytes, sha256 }])

/** Unpacks an archive, without the one folder that it may have at its top; or moves the one file that it is. */
const unpack = Effect.fnUntraced(function*(location: ModelLocation.ModelUrl, partial: string, directory: string) {
  const path = yield* Path.Path
  const packing = PackedFile.packingOf(new URL(location.url).pathname)
  if (packing === undefined) {
    const name = fileNameOf(location.url)
    const bytes = yield* Effect.tryPromise({
      try: async () => {
        const { size } = await NodeFs.stat(partial)
        await NodeFs.rename(partial, path.join(directory, name))
        return size
      },
      catch: fromUnknown
    })
    return { root: directory, files: [{ name, bytes, sha256: location.sha256 }] }
  }
  const files = yield* FolderArchive.unpack(partial, packing, directory)
  const top = files[0]?.name.split("/")[0] ?? ""
  if (!files.every(({ name }) => name.startsWith(`${top}/`))) return { root: directory, files }
  return {
    root: path.join(directory, top),
    files: files.map((file) => ({ ...file, name: file.name.slice(top.length + 1) }))
  }
})
