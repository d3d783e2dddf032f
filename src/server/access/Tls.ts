/**
 * The certificate of the server, from files that may be replaced while it runs.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Fs from "node:fs/promises"
import type * as Https from "node:https"
import * as NodeTls from "node:tls"
import { InvalidConfig } from "../../BackendError.ts"
import * as Faults from "../../schema/Faults.ts"
import { isRecord } from "../../schema/Json.ts"
import type { ServerConfig } from "../ServerConfig.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
}

/**
 * How often the files are checked for changes.
 *
 * @category constants
 * @since 0.1.0
 */
export const RELOAD_EVERY = Duration.minutes(1)

const op = "Server.layer"

const NOT_A_FILE = { code: "not_a_file" } as const

const invalid = (path: string, file: string, why: string) =>
  new InvalidConfig({
    op,
    message: `${path}: the file ${file} ${why}`,
    details: { faults: [{ path, message: why }], file }
  })

const whyUnread = (cause: unknown): string => {
  switch (isRecord(cause) ? cause["code"] : undefined) {
    case "ENOENT":
      return "does not exist"
    case "EACCES":
      return "cannot be read: permission denied"
    case "EISDIR":
      return "is a directory"
    case NOT_A_FILE.code:
      return "is a pipe or a device, not a file"
    default:
      return "cannot be read"
  }
}

const read = (path: string, file: string) =>
  Effect.tryPromise({
    try: async () => {
      const found = await Fs.stat(file)
      // a pipe that nobody writes to would be read for ever, and could not be read again
      if (!found.isFile() && !found.isDirectory()) throw NOT_A_FILE
      return Fs.readFile(file)
    },
    // The cause may quote the file.
    catch: (cause) => invalid(path, file, whyUnread(cause))
  })

const attempt = (options: NodeTls.SecureContextOptions, error: InvalidConfig) =>
  Effect.try({ try: () => NodeTls.createSecureContext(options), catch: () => error })

/** Both files, so that what is wrong with one does not hide what is wrong with the other. */
const readBoth = Effect.fnUntraced(function*(files: NonNullable<ServerConfig["tls"]>) {
  const cert = yield* Effect.result(read("server.tls.cert", files.cert))
  const key = yield* Effect.result(read("server.tls.key", files.key))
  if (Result.isSuccess(cert) && Result.isSuccess(key)) return { cert: cert.success, key: key.success }
  const faults = [cert, key].flatMap((one) => Result.isFailure(one) ? Faults.fromError(one.failure, "server.tls") : [])
  return yield* Faults.toError(op, "the certificate cannot be used", faults)
})

/**
 * Reads and checks the files; fails `invalid_config` with the path of the config that is wrong.
 *
 * @category loading
 * @since 0.1.0
 */
export const load = Effect.fnUntraced(function*(files: NonNullable<ServerConfig["tls"]>) {
  const { cert, key } = yield* readBoth(files)
  yield* attempt({ cert }, invalid("server.tls.cert", files.cert, "holds no certificate in PEM"))
  yield* attempt({ key }, invalid("server.tls.key", files.key, "holds no private key in PEM, or one with a passphrase"))
  yield* attempt({ cert, key }, invalid("server.tls.key", files.key, "is not the key of the certificate"))
  return { cert, key }
})

/**
 * Loads changed files for as long as the scope lives. A key that does not fit its certificate changes nothing.
 *
 * @category loading
 * @since 0.1.0
 */
export const reload = (server: Https.Server, files: NonNullable<ServerConfig["tls"]>, first: Certificate) => {
  let known = first
  const check = Effect.gen(function*() {
    const next = yield* load(files)
    if (next.cert.equals(known.cert) && next.key.equals(known.key)) return
    known = next
    server.setSecureContext(next)
    yield* Effect.logInfo("TLS certificate reloaded")
  }).pipe(
    Effect.catch((error) =>
      Effect.logWarning("TLS certificate could not be reloaded; keeping the old one", error.message)
    )
  )
  return Effect.forkScoped(Effect.repeat(Effect.delay(check, RELOAD_EVERY), Schedule.forever))
}
