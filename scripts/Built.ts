/**
 * Whether `dist/` is what the sources make: `scripts/build.ts` notes of what it has made which, and the tests that pack it
 * build it again when either has changed since.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const note = join("node_modules", ".cache", "effect-voice", "built")

/** Names, sizes and times of files, and of all files in directories. */
export const fingerprint = (root: string, entries: ReadonlyArray<string>): string => {
  const hash = createHash("sha256")
  for (const entry of entries) {
    const path = join(root, entry)
    const files = statSync(path).isDirectory() ? readdirSync(path, { recursive: true, encoding: "utf8" }) : [""]
    for (const file of files.toSorted()) {
      const { mtimeMs, size } = statSync(join(path, file))
      hash.update(`${file} ${size} ${mtimeMs}\n`)
    }
  }
  return hash.digest("hex").slice(0, 24)
}

/** Of all that `dist/` is made of. */
export const ofSources = (root: string): string =>
  fingerprint(root, ["package-lock.json", "package.json", "scripts", "src", "tsconfig.build.json", "tsconfig.json"])

/** Forgets what was noted: `dist/` is about to change. */
export const forget = (root: string): void => rmSync(join(root, note), { force: true })

/** Notes that `dist/` was made of sources with this fingerprint, taken before they were read. */
export const keep = (root: string, sources: string): void => {
  mkdirSync(dirname(join(root, note)), { recursive: true })
  writeFileSync(join(root, note), `${sources} ${fingerprint(root, ["dist"])}`)
}

/** Whether neither the sources nor `dist/` have changed since it was made of them. */
export const isCurrent = (root: string): boolean => {
  try {
    return readFileSync(join(root, note), "utf8") === `${ofSources(root)} ${fingerprint(root, ["dist"])}`
  } catch {
    return false // not noted, or without `dist/`
  }
}
