/**
 * Checks that the imports of `src` point one way; prints `file:line: what is wrong`.
 *
 * @since 0.1.0
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { check } from "./ImportFloors.ts"

const manifest = JSON.parse(readFileSync("package.json", "utf8"))
const declared = new Set(
  ["dependencies", "optionalDependencies", "peerDependencies"].flatMap((kind) => Object.keys(manifest[kind] ?? {}))
)
const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => join("src", path).replaceAll("\\", "/"))
  .sort()

const findings = files.flatMap((file) => check(file, readFileSync(file, "utf8"), declared))
for (const { file, line, message } of findings) process.stdout.write(`${file}:${line}: ${message}\n`)
process.stdout.write(`${files.length} files, ${findings.length} imports against the rules\n`)
process.exitCode = findings.length === 0 ? 0 : 1
