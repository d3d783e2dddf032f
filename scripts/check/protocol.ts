/**
 * Writes the files that are made from the wire protocol's schemas, or with `--check` says whether they are up to date.
 *
 * @since 0.1.0
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import * as WireFiles from "./WireFiles.ts"

for (const { file, text } of WireFiles.make()) {
  if (!process.argv.includes("--check")) writeFileSync(file, text)
  else if (!existsSync(file) || readFileSync(file, "utf8").replaceAll("\r\n", "\n") !== text) {
    process.stdout.write(`${file} is out of date: npm run fix\n`)
    process.exitCode = 1
  }
}
