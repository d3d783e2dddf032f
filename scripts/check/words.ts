/**
 * Checks that no name or phrase comes back that was replaced by the field's word; prints `file:line: what is wrong`.
 *
 * @since 0.1.0
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { check } from "./Vocabulary.ts"

// The list itself and its test hold the words that they look for.
const own = new Set(["scripts/check/Vocabulary.ts", "test/check/Vocabulary.test.ts"])

const files = ["src", "test", "scripts"]
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => join(folder, path).replaceAll("\\", "/"))
  )
  .concat("README.md")
  .filter((file) => /\.(?:ts|mjs|md|ya?ml)$/.test(file) && !file.includes("/fixtures/") && !own.has(file))
  .sort()

const findings = files.flatMap((file) => check(file, readFileSync(file, "utf8")))
for (const { file, line, message } of findings) process.stdout.write(`${file}:${line}: ${message}\n`)
process.stdout.write(`${files.length} files, ${findings.length} words that were replaced\n`)
process.exitCode = findings.length === 0 ? 0 : 1
