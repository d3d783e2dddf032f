/**
 * Starts a script of this repository on Node 24 or later, from any Node since 18: `node scripts/launch.mjs <script> [args…]`.
 *
 * The running Node is used when it is new enough, else the one that the dev dependency `node` brought. The child gets
 * every signal exactly once (it has a process group of its own, so that a terminal's Ctrl-C, which also reaches npm and
 * this process, arrives only through here), and its exit code or signal becomes ours.
 */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { constants } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const needed = 24
const windows = process.platform === "win32"

const findNode = () => {
  if (Number.parseInt(process.versions.node, 10) >= needed) return process.execPath
  const local = join(root, "node_modules", "node", "bin", windows ? "node.exe" : "node")
  return existsSync(local) ? local : undefined
}

const node = findNode()
const [script, ...args] = process.argv.slice(2)

if (script === undefined) {
  process.stderr.write("Usage: node scripts/launch.mjs <script> [args…]\n")
  process.exit(2)
}

if (node === undefined) {
  const installed = existsSync(join(root, "node_modules", "node", "package.json"))
  process.stderr.write(
    installed
      ? `effect-voice needs Node ${needed} or later; this is Node ${process.versions.node}.\n`
        + `The dev dependency "node" brings one, but its install script did not run (were install scripts switched off?).\n`
        + `Run this once, here in ${root}:\n\n  npm rebuild node --ignore-scripts=false\n\n`
        + `or install Node ${needed} yourself.\n`
      : `effect-voice needs Node ${needed} or later; this is Node ${process.versions.node}.\n`
        + `Install the dependencies, which bring one:\n\n  npm ci\n\n`
        + `or install Node ${needed} yourself.\n`
  )
  process.exit(1)
}

// npm passes a terminal's Ctrl-C on although the terminal sent it here as well: the same signal within this time is one.
const sameSignalMs = 300

// Node keeps what it has compiled, also for the processes that the script starts: the next start takes half the CPU time.
const compiled = join(root, "node_modules", ".cache", "effect-voice", "compiled")

// One heap of glibc's for all threads: with one for each, as by default, a server with the embedded engines has 100 MB more.
const arenas = process.platform === "linux" ? { MALLOC_ARENA_MAX: "1" } : {}

const child = spawn(node, ["--disable-warning=ExperimentalWarning", script, ...args], {
  stdio: "inherit",
  detached: !windows,
  env: { NODE_COMPILE_CACHE: compiled, ...arenas, ...process.env }
})

/** @type {Map<string, number>} */
const lastSent = new Map()
const signals = windows ? [] : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"]
/** @param {NodeJS.Signals} signal */
const handOn = (signal) => {
  const now = performance.now()
  const last = lastSent.get(signal)
  if (last !== undefined && now - last < sameSignalMs) return
  lastSent.set(signal, now)
  child.kill(signal)
}
for (const signal of signals) process.on(signal, () => handOn(signal))

// npm hands SIGTERM to the shell between it and us. Some shells (dash) die of it without a word to their children: under
// npm, a parent that is gone is that signal.
if (!windows && process.env.npm_lifecycle_event !== undefined) {
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    if (!lastSent.has("SIGTERM") && !lastSent.has("SIGINT")) handOn("SIGTERM")
  }, 200)
}

// On Windows the console hands Ctrl-C to the child itself; we only have to outlive it.
if (windows) process.on("SIGINT", () => {})

child.on("error", (error) => {
  process.stderr.write(`Could not start ${node}: ${error.message}\n`)
  process.exit(1)
})

child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code ?? 1)
  process.exit(128 + (constants.signals[signal] ?? 0))
})
