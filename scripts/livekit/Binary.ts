/**
 * The real livekit-server for tests and benchmarks: which one, and where it is kept.
 *
 * @since 0.1.0
 */
import { homedir } from "node:os"
import { join } from "node:path"

/**
 * The last version that `go install` takes: later ones replace modules in their go.mod, which it refuses.
 *
 * @since 0.1.0
 */
export const version = "1.13.5"

/**
 * Where `npm run livekit:install` puts it: `$XDG_CACHE_HOME/effect-voice`, else `~/.cache/effect-voice`.
 *
 * @since 0.1.0
 */
export const directory: string = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "effect-voice",
  `livekit-server-${version}`
)

/**
 * @since 0.1.0
 */
export const binary: string = join(directory, "livekit-server")
