/**
 * `npm run bench`: measures every budget beside the peers (`budgets.ts`), as one table; `npm run bench -- audio turns` runs
 * those that are named, one after another, with real-time priority where that can be had, and `npm run bench -- peers --rounds 1` hands what follows the names on to them.
 * With `--runtime web` behind the names, `onnxruntime-node` counts as not installed: models run on WebAssembly.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { command } from "./peers/Run.ts"

const directory = join("scripts", "bench")
const all = readdirSync(directory)
  .filter((file) => /^[a-z].*\.ts$/.test(file) && file !== "main.ts")
  .map((file) => file.slice(0, -".ts".length))
const given = process.argv.slice(2)
const names = given.findIndex((argument) => argument.startsWith("-"))
const wanted = names < 0 ? given : given.slice(0, names)
const rest = given.slice(wanted.length)
const isWeb = rest[0] === "--runtime" && rest[1] === "web"
const options = isWeb ? rest.slice(2) : rest
const flags = ["--expose-gc", ...(isWeb ? ["--import", `./${directory}/WithoutNative.mjs`] : [])]
const unknown = wanted.filter((name) => !all.includes(name))

if (unknown.length > 0) {
  process.stderr.write(`No such benchmark: ${unknown.join(", ")}. There are: ${all.join(", ")}\n`)
  process.exit(2)
}
for (const name of wanted.length > 0 ? wanted : ["budgets"]) {
  process.stdout.write(`\n== ${name}\n`)
  const { args, command: first } = command(flags, join(directory, `${name}.ts`), ...options)
  const { status } = spawnSync(first, args, { stdio: ["ignore", "inherit", "inherit"] })
  if (status !== 0) process.exitCode = 1
}
