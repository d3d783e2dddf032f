/**
 * `npm run build`: makes dist/, what users install: JavaScript, declarations, source maps, and the files beside them.
 *
 * An editor shows what options do where they are written: their descriptions are put into the declarations, field by field.
 *
 * Nothing is bundled, but that three files of `onnxruntime-web` (14 MB) are copied in: the package has 139 MB, ten times what
 * is used, and is a dependency of the development alone. Browser code is compiled apart, because it sees other globals, into the same dist/: its modules are
 * ES modules that a browser loads as they are.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { dirname, join } from "node:path"
import * as Built from "./Built.ts"
import { makeDescriber } from "./check/FieldDocs.ts"

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

const sources = Built.ofSources(".")
Built.forget(".")
rmSync("dist", { recursive: true, force: true })
compile("tsconfig.build.json")
compile("tsconfig.client.json")

const describe = makeDescriber()
for (const path of readdirSync("dist", { recursive: true, encoding: "utf8" })) {
  if (!path.endsWith(".d.ts")) continue
  const [file, mapFile] = [join("dist", path), join("dist", `${path}.map`)]
  const declarations = { text: readFileSync(file, "utf8"), map: readFileSync(mapFile, "utf8") }
  const source = join("src", path.replace(/\.d\.ts$/, ".ts"))
  // components have no lists of options
  if (!existsSync(source)) continue
  const described = describe(source, declarations)
  if (described.text === declarations.text) continue
  writeFileSync(file, described.text)
  writeFileSync(mapFile, described.map)
}

// Pages, styles, images; and hand-written declarations, which the compiler does not copy.
let copied = 0
for (const path of readdirSync("src", { recursive: true, encoding: "utf8", withFileTypes: true })) {
  if (!path.isFile() || (/\.tsx?$/.test(path.name) && !path.name.endsWith(".d.ts"))) continue
  const from = join(path.parentPath, path.name)
  const to = join("dist", from.slice("src".length + 1))
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
  copied++
}

// what runs ONNX models where `onnxruntime-node` is not installed: version 1.30.0, by SHA-256
const onnxFiles = {
  "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
  "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
  "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
}
for (const [name, sha256] of Object.entries(onnxFiles)) {
  const content = readFileSync(join("node_modules", "onnxruntime-web", "dist", name))
  if (createHash("sha256").update(content).digest("hex") !== sha256) {
    process.stderr.write(`${name} of onnxruntime-web is another file than the one that was tested\n`)
    process.exit(1)
  }
  writeFileSync(join("dist", "engines", "local", "onnx", name), content)
  copied++
}

const bin = join("dist", "cli", "bin.js")
if (existsSync(bin)) chmodSync(bin, 0o755)
Built.keep(".", sources)
process.stdout.write(`dist/ is ready, with ${copied} files copied as they are\n`)
