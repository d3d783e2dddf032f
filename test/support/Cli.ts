/** Runs the command line in a process of its own. */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

const main = Path.resolve(import.meta.dirname, "../../src/cli/main.ts")
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("EFFECT_VOICE_") || name === "EFFECT_VOICE_MODELS")
)

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface Options {
  readonly env?: Record<string, string>
  readonly watch?: (out: string, child: ReturnType<typeof spawn>) => void
}

/** Runs the command as a shell would; `watch` sees its output and may signal it. */
export const cli = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Ended> =>
  program(main, args, options)

/** Runs a program that is its own command. */
export const program = (file: string, args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Ended> =>
  Effect.callback<Ended>((resume) => {
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file, ...args], {
      env: { ...env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let out = ""
    let err = ""
    child.stdout.on("data", (data: Buffer) => {
      out += data.toString()
      options.watch?.(out, child)
    })
    child.stderr.on("data", (data: Buffer) => err += data.toString())
    child.on("close", (code) => resume(Effect.succeed({ code, out, err })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** A directory that is removed with its scope. */
export const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-cli-"))),
  (dir) => Effect.sync(() => Fs.rmSync(dir, { recursive: true, force: true }))
)
