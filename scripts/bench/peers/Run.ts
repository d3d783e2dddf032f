/**
 * Runs a load in a process of its own, with real-time priority where that can be had (as root on Linux).
 *
 * @since 0.1.0
 */
import { spawn, spawnSync } from "node:child_process"
import { join } from "node:path"
import type { Measured } from "./Driver.ts"
import type { Installed } from "./Install.ts"
import type { Load } from "./Load.ts"

export const priority = process.getuid?.() === 0 && spawnSync("chrt", ["-r", "5", "true"]).status === 0
  ? ["chrt", "-r", "5"]
  : []

/**
 * The command line of a script of this directory's siblings, with the priority of a measurement and the flags of Node in
 * `EFFECT_VOICE_BENCH_FLAGS`.
 */
export const command = (flags: ReadonlyArray<string>, script: string, ...args: ReadonlyArray<string>) => {
  const [first = "", ...rest] = [
    ...priority,
    process.execPath,
    "--disable-warning=ExperimentalWarning",
    ...(process.env["EFFECT_VOICE_BENCH_FLAGS"]?.split(" ") ?? []),
    ...flags,
    script,
    ...args
  ]
  return { command: first, args: rest }
}

/** One run; fails when the process gives no figures in time. `profile`: a directory for its CPU profile. */
export const run = (load: Load, installed: Installed, profile?: string): Promise<Measured> =>
  new Promise((resolve, reject) => {
    const profiling = profile === undefined
      ? []
      : ["--cpu-prof", "--cpu-prof-interval=200", `--cpu-prof-dir=${profile}`]
    const { args, command: first } = command(
      ["--expose-gc", ...profiling],
      join(import.meta.dirname, "child.ts"),
      JSON.stringify(load)
    )
    const child = spawn(first, args, {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      timeout: 60_000 + 1000 * (load.warmSeconds + load.seconds),
      env: { ...process.env, ...("entry" in installed ? { EFFECT_VOICE_BENCH_PEER: installed.entry } : {}) }
    })
    let measured: Measured | undefined
    child.on("message", (message: Measured) => {
      measured = message
    })
    child.on("error", reject)
    child.on("exit", (code, signal) => {
      if (measured === undefined) reject(new Error(`${load.peer} ended with ${signal ?? code} and no figures`))
      else resolve(measured)
    })
  })
