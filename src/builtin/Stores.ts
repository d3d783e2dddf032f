/**
 * The built-in session stores by name. Each is loaded when a config first names it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import { homedir } from "node:os"
import { isAbsolute, join, resolve } from "node:path"
import type { StoreConfig } from "../backend/config/BackendConfig.ts"
import type { OpenPendingErasures, StoreLoader } from "../backend/sessions/StoreRegistry.ts"
import { describe, InvalidConfig } from "../BackendError.ts"
import { adviceFor, importPackage } from "../ExternalPackage.ts"
import type { Open } from "../session/retention/SessionArchive.ts"

/** Loads a store; the error of a missing package names the package to install. */
const load = <Module>(
  kind: string,
  module: () => Promise<Module>,
  needs?: string
): Effect.Effect<Module, InvalidConfig> =>
  Effect.tryPromise({
    try: module,
    catch: (cause) =>
      new InvalidConfig({
        op: "StoreRegistry.load",
        message: needs === undefined
          ? `cannot load the session store ${kind}: ${describe(cause)}`
          : `store.kind ${kind} needs the package ${needs}: ${adviceFor(needs, cause)}`,
        details: { missing: needs ?? kind },
        cause
      })
  })

// Their packages are imported first, so that one that is missing is found before the store is opened.
const importPostgres = () => importPackage("@effect/sql-pg/PgClient").then(() => import("../store/PostgresStore.ts"))
const importRedis = () => importPackage("redis").then(() => import("../store/RedisStore.ts"))

const urlOf = ({ kind, url }: StoreConfig): Effect.Effect<Redacted.Redacted<string>, InvalidConfig> =>
  url !== undefined ? Effect.succeed(url) : Effect.fail(
    new InvalidConfig({
      op: "StoreRegistry.load",
      message: `store.url: required with kind ${kind}`,
      details: { missing: "store.url" }
    })
  )

/** `$XDG_STATE_HOME`, or the system's equivalent. */
const stateDirectory = (): string => {
  const { LOCALAPPDATA: local, XDG_STATE_HOME: xdg } = process.env
  if (xdg !== undefined && isAbsolute(xdg)) return xdg
  switch (process.platform) {
    case "win32":
      return local ?? join(homedir(), "AppData", "Local")
    case "darwin":
      return join(homedir(), "Library", "Application Support")
    default:
      return join(homedir(), ".local", "state")
  }
}

/**
 * The default file of `sqlite`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const defaultPath = (): string => join(stateDirectory(), "effect-voice", "sessions.db")

/**
 * The directory of the archive of a config with retention.
 *
 * @category accessors
 * @since 0.1.0
 */
export const archiveDirectory = (given?: string | undefined): string =>
  given ?? join(stateDirectory(), "effect-voice", "kept")

/**
 * Opens the archive of a config with retention.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openArchive: typeof Open.Service = (directory) =>
  Effect.flatMap(
    load("retention", () => import("../store/SessionArchiveDirectory.ts")),
    ({ make }) => make(archiveDirectory(directory))
  )

/** Which store it is, whatever user and password it is reached with. */
const placeOf = ({ kind, options, path = defaultPath(), url }: StoreConfig): string => {
  if (!Object.hasOwn(stores, kind)) {
    return `${kind} ${JSON.stringify([path, url && Redacted.value(url), { ...options }])}`
  }
  if (url === undefined || kind === "sqlite") return `${kind} ${resolve(path)}`
  const text = Redacted.value(url)
  if (!URL.canParse(text)) return kind
  const { host, pathname } = new URL(text)
  return `${kind} ${host}${pathname}`
}

/**
 * Opens the notes of sessions that ended while a store was away: a directory for each store in the user's state directory.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openPendingErasures: typeof OpenPendingErasures.Service = (store) =>
  Effect.map(load(store.kind, () => import("../store/PendingErasureFiles.ts")), ({ make }) => {
    const name = createHash("sha256").update(placeOf(store)).digest("hex").slice(0, 16)
    return make(join(stateDirectory(), "effect-voice", "ended", name))
  })

/**
 * Loads the rate limits in Redis, whose client is an optional package.
 *
 * @category constructors
 * @since 0.1.0
 */
export const loadRateLimits = Effect.tryPromise({
  try: () => import("../store/RedisRateLimits.ts"),
  catch: (cause) =>
    new InvalidConfig({
      op: "RateLimits.open",
      message: `rate_limits.store redis needs the package redis: ${adviceFor("redis", cause)}`,
      details: { missing: "redis" },
      cause
    })
})

/**
 * The stores that come with the package.
 *
 * @category tables
 * @since 0.1.0
 */
export const stores: { readonly [kind in "sqlite" | "postgres" | "redis"]: StoreLoader } = {
  sqlite: ({ lease, path = defaultPath() }) =>
    Effect.map(load("sqlite", () => import("../store/SqliteStore.ts")), ({ layer }) => layer({ path, lease })),
  postgres: (config) =>
    Effect.map(
      Effect.all([load("postgres", importPostgres, "@effect/sql-pg"), urlOf(config)]),
      ([{ layer }, url]) => layer({ url, lease: config.lease })
    ),
  redis: (config) =>
    Effect.map(
      Effect.all([load("redis", importRedis, "redis"), urlOf(config)]),
      ([{ layer }, url]) => layer({ url, lease: config.lease })
    )
}
