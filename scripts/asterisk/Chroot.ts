/**
 * The real Asterisk, baresip and sipp for tests: where they are kept, and whether they can be run here.
 *
 * @since 0.1.0
 */
import { existsSync, readFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

/**
 * Debian's packages: the telephone exchange, a load generator for SIP, and a telephone.
 *
 * @since 0.1.0
 */
export const packages: ReadonlyArray<string> = ["asterisk", "sip-tester", "baresip-core"]

/**
 * Where `npm run asterisk:install` puts them, the root of a chroot: `$XDG_CACHE_HOME/effect-voice`, else `~/.cache/effect-voice`.
 * Remove the folder to get newer ones.
 *
 * @since 0.1.0
 */
export const directory: string = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "effect-voice",
  "asterisk"
)

/**
 * The file that says which versions there are, a package a line. It is written last.
 *
 * @since 0.1.0
 */
export const versionFile = "VERSION"

/** Only root may enter a chroot. */
export const isRoot: boolean = process.getuid?.() === 0

/**
 * The versions that are installed, else undefined.
 *
 * @since 0.1.0
 */
export const installed = (): string | undefined => {
  const file = join(directory, versionFile)
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined
}

/**
 * What to do, when they cannot be run.
 *
 * @since 0.1.0
 */
export const missing: string | undefined = !isRoot
  ? "Asterisk runs in a chroot, which needs root"
  : installed() === undefined
  ? "no Asterisk found: npm run asterisk:install (needs root, apt-get and a mirror with Debian sid)"
  : undefined
