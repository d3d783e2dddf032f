/**
 * Checks that the imports of `src` point one way and that no file imports another in a circle; prints
 * `file:line: what is wrong`, and each circle as `a → b → a`.
 *
 * @since 0.1.0
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { circles, graphOf } from "./ImportCircles.ts"
import { check } from "./ImportFloors.ts"

const manifest = JSON.parse(readFileSync("package.json", "utf8"))
const declared = new Set(
  ["dependencies", "optionalDependencies", "peerDependencies"].flatMap((kind) => Object.keys(manifest[kind] ?? {}))
)
const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => join("src", path).replaceAll("\\", "/"))
  .sort()

const sources = new Map(files.map((file) => [file, readFileSync(file, "utf8")]))

const findings = Array.from(sources, ([file, source]) => check(file, source, declared)).flat()
for (const { file, line, message } of findings) process.stdout.write(`${file}:${line}: ${message}\n`)

const found = circles(graphOf(sources))
for (const circle of found) process.stdout.write(`circle: ${circle.join(" → ")}\n`)

process.stdout.write(
  `${files.length} files, ${findings.length} imports against the rules, ${found.length} circles between files\n`
)
process.exitCode = findings.length + found.length === 0 ? 0 : 1
