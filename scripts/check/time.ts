/**
 * Checks that durations do not come from the wall clock; prints `file:line: what is wrong`.
 *
 * @since 0.1.0
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { allowed, check } from "./WallClock.ts"

const files = ["src", "scripts"]
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => join(folder, path).replaceAll("\\", "/"))
  )
  // the rule itself has the patterns in it
  .filter((file) => /\.(?:ts|mjs)$/.test(file) && file !== "scripts/check/WallClock.ts")
  .sort()

const findings = files.flatMap((file) => check(file, readFileSync(file, "utf8")))
const gone = Object.keys(allowed).filter((file) => !files.includes(file))
for (const { file, line, message } of findings) process.stdout.write(`${file}:${line}: ${message}\n`)
for (const file of gone) process.stdout.write(`${file}:1: is gone: delete it from scripts/check/WallClock.ts\n`)
process.stdout.write(
  `${files.length} files, ${Object.keys(allowed).length} may read the wall clock, ${
    findings.length + gone.length
  } against the rule\n`
)
process.exitCode = findings.length + gone.length === 0 ? 0 : 1
