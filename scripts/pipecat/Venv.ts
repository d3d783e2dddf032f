/**
 * The Python in which the real Pipecat runs, for tests and for trying the bridge: a venv of its own in this package's cache.
 *
 * @since 0.1.0
 */
import { spawnSync, type SpawnSyncReturns } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

/** What is installed, and how its owner calls it; the extras bring the runner and its WebSocket transport. */
export const version = "1.7.0"
const requirement = `pipecat-ai[websocket,runner]==${version}`

const windows = process.platform === "win32"
const directory = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "effect-voice",
  "pipecat",
  version
)
const marker = join(directory, "effect-voice.json")
const pythonIn = (venv: string): string => windows ? join(venv, "Scripts", "python.exe") : join(venv, "bin", "python")

/** What is there: the path of the venv's Python, or a line that says how to get it. */
export const find = (): { readonly python: string } | { readonly missing: string } =>
  existsSync(marker) && readFileSync(marker, "utf8") === requirement
    ? { python: pythonIn(directory) }
    : { missing: `no Pipecat ${version} found: npm run pipecat:install` }

const lastLines = ({ error, stderr, stdout }: SpawnSyncReturns<string>): string =>
  error?.message ?? `${stdout}${stderr}`.trim().split("\n").slice(-3).join(" ")

const run = (command: string, args: ReadonlyArray<string>) =>
  spawnSync(command, args, {
    encoding: "utf8",
    timeout: 900_000,
    env: { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: "1" }
  })

/** The first Python that is new enough and has what makes a venv. */
const findPython = (): string | undefined => {
  const program = "import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, 11) else 1)"
  return [process.env["PYTHON"], "python3", "python3.13", "python3.12", "python3.11", "python"]
    .find((name) => name !== undefined && name !== "" && run(name, ["-c", program]).status === 0)
}

/**
 * Pipecat looks for NLTK's sentences when a bot has said the first one, and would fetch them; without a network, RTVI falls
 * silent. Empty files are a model that knows nothing special.
 */
const withoutDownloads = (venv: string): void => {
  const english = join(venv, "nltk_data", "tokenizers", "punkt_tab", "english")
  mkdirSync(english, { recursive: true })
  for (const name of ["collocations.tab", "sent_starters.txt", "abbrev_types.txt", "ortho_context.tab"]) {
    writeFileSync(join(english, name), "")
  }
}

/** Installs it unless it is there. About 800 MB on disk; returns the Python, or why there is none. */
export const install = (): { readonly python: string } | { readonly missing: string } => {
  const found = find()
  if ("python" in found) return found
  const base = findPython()
  if (base === undefined) {
    return { missing: "no Python 3.11 or later with its venv module found: apt-get install python3 python3-venv" }
  }
  // Whole or not at all: made beside its place, and moved into it. Only scripts in bin name their place, and none is used.
  const staging = `${directory}.${process.pid}`
  try {
    mkdirSync(staging, { recursive: true })
    const made = run(base, ["-m", "venv", staging])
    if (made.status !== 0) return { missing: `the venv could not be made: ${lastLines(made)}` }
    const installed = run(pythonIn(staging), ["-m", "pip", "install", "--quiet", "--no-input", requirement])
    if (installed.status !== 0) return { missing: `${requirement} can't be installed: ${lastLines(installed)}` }
    withoutDownloads(staging)
    writeFileSync(join(staging, "effect-voice.json"), requirement)
    rmSync(directory, { recursive: true, force: true })
    renameSync(staging, directory)
    return { python: pythonIn(directory) }
  } catch (cause) {
    return { missing: String(cause) }
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}
