/**
 * Fetches the other side into a cache of its own, the first time: it is no dependency of this package, not even for
 * development.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

/** What is installed. */
export const name = "@livekit/agents"
export const version = "1.9.0"

const cache = () =>
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "effect-voice", "bench", `livekit-agents-${version}`)

/** A module with both packages that are needed, where Node finds them. */
const entry = [`export * as agents from "${name}"`, `export * as rtc from "@livekit/rtc-node"`, ""].join("\n")

/** The path of the module to import, or why there is none. */
export type Installed = { readonly entry: string } | { readonly missing: string }

/** Installs it unless it is there. About 290 MB are fetched once. */
export const install = (): Installed => {
  const directory = cache()
  const ready = join(directory, "entry.mjs")
  if (existsSync(ready)) return { entry: ready }
  const staging = `${directory}.${process.pid}`
  try {
    mkdirSync(staging, { recursive: true })
    writeFileSync(join(staging, "package.json"), JSON.stringify({ private: true, type: "module" }))
    const { error, status, stderr } = spawnSync(
      "npm",
      // no install script is needed: native code comes in packages of its own
      ["install", "--ignore-scripts", "--save-exact", "--no-audit", "--no-fund", `${name}@${version}`],
      { cwd: staging, encoding: "utf8", timeout: 300_000, shell: process.platform === "win32" }
    )
    if (status !== 0) return { missing: error?.message ?? stderr.trim().split("\n").slice(0, 2).join(" ") }
    writeFileSync(join(staging, "entry.mjs"), entry)
    rmSync(directory, { recursive: true, force: true })
    renameSync(staging, directory)
    return { entry: ready }
  } catch (cause) {
    return { missing: String(cause) }
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}
