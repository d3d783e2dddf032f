/**
 * Our session stores by name. Each is loaded when a config first names it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"
import type { StoreLoader } from "../backend/StoreRegistry.ts"
import { describe, InvalidConfig } from "../BackendError.ts"

/** A module that is missing is told by the name of the store. */
const load = <Module>(kind: string, module: () => Promise<Module>): Effect.Effect<Module, InvalidConfig> =>
  Effect.tryPromise({
    try: module,
    catch: (cause) =>
      new InvalidConfig({
        op: "StoreRegistry.load",
        message: `the session store ${kind} could not be loaded: ${describe(cause)}`,
        details: { missing: kind },
        cause
      })
  })

/** `$XDG_STATE_HOME`, or what the system has in its place. */
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
 * The file of `sqlite` where the config names none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const defaultPath = (): string => join(stateDirectory(), "effect-voice", "sessions.db")

/**
 * The stores that come with the package.
 *
 * @category tables
 * @since 0.1.0
 */
export const stores: { readonly [kind in "sqlite"]: StoreLoader } = {
  sqlite: ({ lease, path = defaultPath() }) =>
    Effect.map(load("sqlite", () => import("../store/SqliteStore.ts")), ({ layer }) => layer({ path, lease }))
}
