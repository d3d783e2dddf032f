/**
 * Writes THIRD-PARTY-LICENCES.md, or with `--check` says whether it is up to date; fails on a licence that is not allowed.
 *
 * @since 0.1.0
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dependenciesOf, isAllowed, render } from "./ThirdParty.ts"

const file = "THIRD-PARTY-LICENCES.md"
const dependencies = dependenciesOf(JSON.parse(readFileSync("package-lock.json", "utf8")))
const text = render(dependencies)

for (const { license, name, version } of dependencies.filter((dependency) => !isAllowed(dependency))) {
  process.stdout.write(`${name} ${version}: ${license} is not an allowed licence (scripts/check/ThirdParty.ts)\n`)
  process.exitCode = 1
}

if (!process.argv.includes("--check")) {
  writeFileSync(file, text)
} else if (!existsSync(file) || readFileSync(file, "utf8").replaceAll("\r\n", "\n") !== text) {
  process.stdout.write(`${file} is out of date: npm run fix\n`)
  process.exitCode = 1
}
process.stdout.write(`${dependencies.length} packages\n`)
