/**
 * Writes src/builtin/config.schema.json, or with `--check` says whether it is up to date; fails on a field that nothing
 * describes.
 *
 * @since 0.1.0
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { builtin } from "./BuiltinSchema.ts"

const file = "src/builtin/config.schema.json"
const { schema, undescribed } = await builtin()
const text = `${JSON.stringify(schema, undefined, 2)}\n`

for (const { field, where } of undescribed) {
  process.stdout.write(`${field} has no description: add "- \`${field}\`: …" to the JSDoc of its schema in ${where}\n`)
  process.exitCode = 1
}

if (!process.argv.includes("--check")) {
  writeFileSync(file, text)
} else if (!existsSync(file) || readFileSync(file, "utf8").replaceAll("\r\n", "\n") !== text) {
  process.stdout.write(`${file} is out of date: npm run fix\n`)
  process.exitCode = 1
}
process.stdout.write(`${text.length} characters\n`)
