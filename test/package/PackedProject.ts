/**
 * An empty project with the packed package in it, as a user has it. It installs from the registry, or npm's cache.
 */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Built from "../../scripts/Built.ts"

export const root = fileURLToPath(new URL("../..", import.meta.url))

export const manifest: {
  readonly exports: { readonly [subpath: string]: string | { readonly default: string } }
  readonly dependencies: { readonly [name: string]: string }
  readonly optionalDependencies: { readonly [name: string]: string }
  readonly devDependencies: { readonly [name: string]: string }
} = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

// npm's shell finds the Node that runs this test before any other.
export const env: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
  NODE_ENV: "test"
}
delete env["NODE_OPTIONS"]

/** Runs a command to its end and returns what it printed; throws with that when it fails. */
export const run = (directory: string, command: string, args: ReadonlyArray<string>): string => {
  try {
    return execFileSync(command, args, { cwd: directory, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
  } catch (error) {
    const { stderr, stdout } = error as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`${command} ${args.join(" ")}: ${stdout ?? ""}${stderr ?? ""}`, { cause: error })
  }
}

/** A package that the repository uses, in the same release. */
export const ofDevelopment = (name: string): string =>
  `${name}@${manifest.devDependencies[name] ?? manifest.dependencies[name]}`

/** Of this working tree. */
const own = createHash("sha256").update(root).digest("hex").slice(0, 12)

const LOCK_POLL_MS = 100
const LOCK_STALE_MS = 300_000

const modifiedMs = (path: string): number => {
  try {
    return statSync(path).mtimeMs
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** `dist` is one folder: who builds and packs it waits for others who do. */
const exclusively = <A>(work: () => A): A => {
  const lock = join(tmpdir(), `effect-voice-pack-${own}.lock`)
  for (;;) {
    try {
      mkdirSync(lock)
      break
    } catch {
      if (Date.now() - modifiedMs(lock) > LOCK_STALE_MS) rmSync(lock, { recursive: true, force: true })
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL_MS)
    }
  }
  try {
    return work()
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

/** npm installs from its cache what it has, and says little. */
export const quiet = ["--prefer-offline", "--no-audit", "--no-fund"]

/** Makes a project without any package. */
export const makeEmpty = (): string => {
  const project = mkdtempSync(join(tmpdir(), "effect-voice-pack-"))
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "scratch", private: true, type: "module" }))
  return project
}

/** What the package is made of. */
const parts = ["package.json", "README.md", "LICENSE", "THIRD-PARTY-LICENCES.md", "scripts", "src"]

/**
 * Builds, unless `npm run build` has made the same, and packs, unless the same was packed before; copies it into the project,
 * and returns the file's name.
 */
export const pack = (project: string): string => {
  const cache = join(root, "node_modules", ".cache", "effect-voice", `packed-${own}`)
  const name = "effect-voice.tgz"
  exclusively(() => {
    const folder = join(cache, Built.fingerprint(root, parts))
    if (!existsSync(join(folder, name))) {
      rmSync(cache, { recursive: true, force: true })
      mkdirSync(folder, { recursive: true })
      if (!Built.isCurrent(root)) run(root, process.execPath, ["scripts/build.ts"])
      run(root, "npm", ["pack", "--ignore-scripts", "--pack-destination", folder])
      renameSync(join(folder, readdirSync(folder)[0] ?? ""), join(folder, name))
    }
    copyFileSync(join(folder, name), join(project, name))
  })
  return name
}

/** Makes a project in which the package is installed with all that it needs, and with these packages. Returns its folder. */
export const make = (packages: ReadonlyArray<string>): string => {
  const project = makeEmpty()
  const tarball = pack(project)
  run(project, "npm", ["install", ...quiet, `./${tarball}`, ofDevelopment("effect")])
  if (packages.length > 0) addTools(project, packages)
  return project
}

/** Adds tools to a project: a strict npm would ask for leave for their scripts. */
export const addTools = (project: string, packages: ReadonlyArray<string>): void => {
  run(project, "npm", ["install", ...quiet, "--ignore-scripts", ...packages])
}

/** Adds the package to a project without anything that it depends on, as is enough for its browser client. */
export const addClient = (project: string, packages: ReadonlyArray<string>): void => {
  run(project, "npm", ["install", ...quiet, "--ignore-scripts", ...packages])
  const folder = join(project, "node_modules", "effect-voice")
  mkdirSync(folder)
  run(project, "tar", ["-xzf", pack(project), "-C", folder, "--strip-components", "1"])
}
