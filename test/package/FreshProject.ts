/**
 * A project as a reader of the guides makes it: what they say to install, with npm or pnpm, their tsconfig, and every program
 * of `test/examples`.
 */
import { copyFileSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import type { ExampleProject } from "../support/examples/ExampleProject.ts"
import * as InstallLines from "../support/examples/InstallLines.ts"
import * as PackedProject from "./PackedProject.ts"

const { env, root, run } = PackedProject

export type Manager = "npm" | "pnpm"
export type Compiler = "typescript" | "typescript-5"
export type Resolution = "NodeNext" | "bundler"

const PNPM = "pnpm@12.21.0"
export const ESBUILD = "esbuild@0.28.2"
export const FORMER_TYPESCRIPT = "typescript-5@npm:typescript@5.9.3"

/** Programs that use the examples which only export something. */
const programs = join(root, "test", "support", "examples", "programs")

/**
 * What stays out of a bundle: native and WebAssembly packages. A bundle asks the project for them, and in one of pnpm's there is
 * only what the project names itself.
 */
export const unbundled: ReadonlyArray<string> = [
  ...Object.entries(PackedProject.manifest.optionalDependencies).map(([name, release]) => `${name}@${release}`),
  PackedProject.ofDevelopment("@echogarden/speex-resampler-wasm")
]

/** Of packages that the repository itself does without. */
const pinned: { readonly [name: string]: string } = { "@types/express": "@types/express@5.0.6" }

/** The same release for every run, and of effect-voice the one that is packed here. */
const releaseOf = (name: string, tarball: string): string =>
  name === "effect-voice" ? `./${tarball}` : pinned[name] ?? PackedProject.ofDevelopment(name)

/**
 * Adds packages. pnpm makes no package visible that is not asked for (`hoist: false`), neither to the project nor to the
 * packages among each other; it comes by `npx`.
 */
const add = (
  project: string,
  manager: Manager,
  packages: ReadonlyArray<string>,
  flags: ReadonlyArray<string>
): void => {
  if (manager === "npm") {
    run(project, "npm", ["install", ...PackedProject.quiet, "--ignore-scripts", ...flags, ...packages])
  } else {
    writeFileSync(join(project, "pnpm-workspace.yaml"), "hoist: false\nstrictDepBuilds: false\n")
    const pnpm = ["exec", "--yes", "--prefer-offline", `--package=${PNPM}`, "--", "pnpm"]
    run(project, "npm", [...pnpm, "add", "--prefer-offline", ...flags, ...packages])
  }
}

/** Makes a project with all that the guides say to install for the examples. */
export const make = (manager: Manager, more: ReadonlyArray<string> = []): string => {
  const project = PackedProject.makeEmpty()
  const tarball = PackedProject.pack(project)
  const packages = InstallLines.all().map((name) => releaseOf(name, tarball))
  add(project, manager, [...packages, ...more], [])
  mkdirSync(join(project, "test", "fixtures"), { recursive: true })
  copyFileSync(
    join(root, "test", "fixtures", "ill-disposed.wav"),
    join(project, "test", "fixtures", "ill-disposed.wav")
  )
  for (const file of globSync("*.{ts,mjs,py}", { cwd: join(root, "test", "examples") })) {
    copyFileSync(join(root, "test", "examples", file), join(project, file))
  }
  for (const file of globSync("*.ts", { cwd: programs })) {
    const text = readFileSync(join(programs, file), "utf8")
    writeFileSync(join(project, file), text.replaceAll("../../../examples/", "./"))
  }
  return project
}

/** Makes a project with the package and a compiler alone: no optional dependency, no peer but `effect` and React's types. */
export const makeBare = (more: ReadonlyArray<string>): string => {
  const project = PackedProject.makeEmpty()
  const packages = [
    `./${PackedProject.pack(project)}`,
    ...["effect", "@types/node", "@types/react"].map(PackedProject.ofDevelopment)
  ]
  // npm installs peers of `@effect/platform-node`, such as `redis`, by itself
  add(project, "npm", [...packages, ...more], ["--omit=optional", "--legacy-peer-deps"])
  return project
}

/** Every subpath that `exports` gives to users, its patterns filled in from what is installed. */
export const subpathsOf = (project: string): ReadonlyArray<string> => {
  const installed = join(project, "node_modules", "effect-voice")
  return Object.entries(PackedProject.manifest.exports).flatMap(([subpath, target]) => {
    if (typeof target === "string" || !target.default.endsWith(".js")) return []
    if (!subpath.includes("*")) return [subpath.slice(1)]
    const [before = "", after = ""] = target.default.split("*")
    const folder = join(installed, before)
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter((entry) => after === ".js" ? entry.endsWith(".js") : existsSync(join(folder, entry, "index.js")))
      .map((entry) => subpath.slice(1).replace("*", entry.replace(/\.js$/u, "")))
  })
}

/** Writes a module that imports all of the package. */
export const writeSubpaths = (project: string): void => {
  const subpaths = subpathsOf(project)
  const imports = subpaths.map((subpath, index) => `import * as M${index} from "effect-voice${subpath}"\n`)
  const names = subpaths.map((_, index) => `M${index}`)
  writeFileSync(join(project, "subpaths.ts"), `${imports.join("")}export const all = [${names.join(", ")}]\n`)
}

/** The README's, with the strictest checks. */
const compilerOptions = (resolution: Resolution, outDir: string) => ({
  ...InstallLines.tsconfig().compilerOptions,
  ...(resolution === "bundler" ? { module: "ESNext", moduleResolution: "bundler" } : {}),
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: false,
  noEmitOnError: true,
  outDir
})

/** The binary of TypeScript 7 is optional itself: where it was left out, the repository's compiles. */
const compilerOf = (project: string, compiler: Compiler): string => {
  const modules = existsSync(join(project, "node_modules", compiler)) ? project : root
  return join(modules, "node_modules", compiler, "bin", "tsc")
}

/** Compiles all `.ts` of the project into `outDir`, and gives what the compiler says: nothing. */
export const compile = (project: string, compiler: Compiler, resolution: Resolution, outDir: string): string => {
  const config = `tsconfig.${outDir}.json`
  const options = compilerOptions(resolution, outDir)
  writeFileSync(join(project, config), JSON.stringify({ include: ["*.ts"], compilerOptions: options }))
  try {
    return run(project, process.execPath, [compilerOf(project, compiler), "-p", config])
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Bundles the programs that were compiled, each into one file of `outDir`. */
export const bundle = (project: string, built: string, outDir: string): void => {
  // In esbuild's modules, the CommonJS packages among the dependencies need this.
  const banner = "import { createRequire as r } from 'node:module';const require = r(import.meta.url);"
  run(project, join(project, "node_modules", "esbuild", "bin", "esbuild"), [
    ...globSync(`${built}/*.js`, { cwd: project }).filter((file) => basename(file) !== "subpaths.js"),
    "--bundle",
    "--platform=node",
    "--format=esm",
    `--banner:js=${banner}`,
    `--outdir=${outDir}`,
    "--log-level=error"
  ])
}

/** The examples of a project: as they are, or as JavaScript in `outDir`. */
export const examplesOf = (project: string, outDir?: string): ExampleProject => ({
  directory: project,
  env,
  flags: ["--disable-warning=ExperimentalWarning"],
  programOf: (file) =>
    outDir === undefined || !file.endsWith(".ts") ? file : join(outDir, `${basename(file, ".ts")}.js`),
  cli: ["--disable-warning=ExperimentalWarning", join("node_modules", "effect-voice", "dist", "cli", "bin.js")]
})
