/**
 * `npm run check`: every check that needs no test run. Later checks run even if earlier ones fail.
 *
 * `npm run check -- types imports` runs only those.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"

/** Every check: its name, what it answers for, and the scripts it runs on this Node. */
const checks: ReadonlyArray<{ name: string; about: string; commands: ReadonlyArray<ReadonlyArray<string>> }> = [
  { name: "types", about: "TypeScript and Effect's own diagnostics", commands: [["scripts/check/types.ts"]] },
  { name: "lint", about: "oxlint", commands: [["node_modules/oxlint/bin/oxlint"]] },
  { name: "format", about: "dprint", commands: [["node_modules/dprint/bin.cjs", "check"]] },
  {
    name: "imports",
    about: "imports point one way (the floors of src), none in a circle",
    commands: [["scripts/check/imports.ts"]]
  },
  { name: "words", about: "no private word comes back", commands: [["scripts/check/words.ts"]] },
  { name: "time", about: "no duration from the wall clock", commands: [["scripts/check/time.ts"]] },
  { name: "licences", about: "third-party licences", commands: [["scripts/check/licences.ts", "--check"]] },
  {
    name: "schema",
    about: "the JSON Schema of configs is current",
    commands: [["scripts/check/schema.ts", "--check"]]
  },
  {
    name: "protocol",
    about: "what is made from the wire protocol's schemas is current",
    commands: [["scripts/check/protocol.ts", "--check"]]
  }
]

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !checks.some((check) => check.name === name))
if (unknown.length > 0) {
  process.stderr.write(
    `No such check: ${unknown.join(", ")}. There are: ${checks.map(({ name }) => name).join(", ")}\n`
  )
  process.exit(2)
}

const results: Array<{ name: string; about: string; ok: boolean; seconds: number }> = []
for (const { about, commands, name } of checks) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  process.stdout.write(`\n== ${name}: ${about}\n`)
  const started = process.hrtime.bigint()
  let ok = true
  for (const command of commands) {
    const { error, status } = spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", ...command], {
      stdio: ["ignore", "inherit", "inherit"]
    })
    if (error !== undefined) process.stderr.write(`${error.message}\n`)
    if (status !== 0) ok = false
  }
  results.push({ name, about, ok, seconds: Number(process.hrtime.bigint() - started) / 1e9 })
}

process.stdout.write("\n")
for (const { about, name, ok, seconds } of results) {
  process.stdout.write(`${ok ? "ok  " : "FAIL"} ${name.padEnd(9)} ${seconds.toFixed(1).padStart(5)} s  ${about}\n`)
}
const failed = results.filter(({ ok }) => !ok)
process.stdout.write(
  failed.length === 0 ? "\nAll checks passed.\n" : `\n${failed.length} of ${results.length} checks failed.\n`
)
process.exitCode = failed.length === 0 ? 0 : 1
