/**
 * TypeScript's errors, and Effect's own diagnostics of everything that runs in Node, from one reading of the sources:
 * `@effect/tsgo` brings TypeScript's compiler with them in it.
 *
 * @since 0.1.0
 */
import { execFileSync, spawnSync } from "node:child_process"

const tsgo = "node_modules/@effect/tsgo/dist/effect-tsgo.cjs"
const compiler = execFileSync(process.execPath, [tsgo, "get-exe-path"], { encoding: "utf8" }).trim()

const compiled = ["tsconfig.json", "tsconfig.client.json", "tsconfig.browser.json"].map((project) =>
  spawnSync(compiler, ["-p", project, "--pretty", "false"], { stdio: ["ignore", "inherit", "inherit"] }).status
)
process.exitCode = compiled.every((status) => status === 0) ? 0 : 1
