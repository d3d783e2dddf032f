/**
 * `npm run build`: makes dist/, what users install: JavaScript, declarations, source maps, and the files beside them.
 *
 * Nothing is bundled. Browser code is compiled apart, because it sees other globals, into the same dist/: its modules are
 * ES modules that a browser loads as they are.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"

const output = ["--noEmit", "false", "--rootDir", "src", "--outDir", "dist"]
const maps = ["--declaration", "--declarationMap", "--sourceMap"]

const compile = (project: string): void => {
  const { status } = spawnSync(
    process.execPath,
    ["node_modules/typescript/bin/tsc", "-p", project, ...output, ...maps],
    { stdio: ["ignore", "inherit", "inherit"] }
  )
  if (status !== 0) {
    process.stderr.write(`${project} does not compile\n`)
    process.exit(1)
  }
}

rmSync("dist", { recursive: true, force: true })
compile("tsconfig.build.json")
compile("tsconfig.client.json")

// Pages, styles, images; and hand-written declarations, which the compiler does not copy.
let copied = 0
for (const path of readdirSync("src", { recursive: true, encoding: "utf8", withFileTypes: true })) {
  if (!path.isFile() || (path.name.endsWith(".ts") && !path.name.endsWith(".d.ts"))) continue
  const from = join(path.parentPath, path.name)
  const to = join("dist", from.slice("src".length + 1))
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
  copied++
}

const bin = join("dist", "cli", "bin.js")
if (existsSync(bin)) chmodSync(bin, 0o755)
process.stdout.write(`dist/ is ready, with ${copied} files copied as they are\n`)
