/**
 * The package as a user gets it: packed, installed into an empty project, imported, type-checked and served from there.
 *
 * It installs from the registry (or npm's cache), so it takes tens of seconds.
 *
 * @since 0.1.0
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import ts from "typescript-6"
import { isFull, some } from "../support/Full.ts"
import * as FreshProject from "./FreshProject.ts"
import * as PackedProject from "./PackedProject.ts"
import * as Production from "./Production.ts"

const { env, root, run } = PackedProject

const { ESBUILD, FORMER_TYPESCRIPT } = FreshProject

/** What may be missing from an installation, though here it is there. */
const optional = ["node-datachannel", "@evan/opus", "@echogarden", "sherpa-onnx-node", "redis", "@redis"]

/** Takes packages away for as long as the work lasts. */
const without = <A>(project: string, names: ReadonlyArray<string>, work: () => A): A => {
  const modules = join(project, "node_modules")
  const hidden = mkdtempSync(join(project, "hidden-"))
  const moved = names.filter((name) => existsSync(join(modules, name))).map((name, at) => {
    const [from, to] = [join(modules, name), join(hidden, String(at))]
    renameSync(from, to)
    return { from, to }
  })
  try {
    return work()
  } finally {
    for (const { from, to } of moved) renameSync(to, from)
  }
}

/** Waits for an answer of the server; the process's end ends the waiting. */
const untilAnswers = async (child: ChildProcess, url: Promise<string>): Promise<Response> => {
  const gone = once(child, "exit").then(([code]) => {
    throw new Error(`the server ended with ${code} before it answered`)
  })
  return Promise.race([url.then((base) => fetch(new URL("/health/live", base))), gone])
}

let project = ""

beforeAll(() => {
  project = PackedProject.make([])
}, 300_000)

afterAll(() => {
  if (project !== "") rmSync(project, { recursive: true, force: true })
})

// before the tools of the tests are in it
Production.tests(() => project)

describe("the packed package", () => {
  let subpaths: ReadonlyArray<string> = []

  beforeAll(() => {
    const packages = ["typescript", "@types/node", "@types/react"].map(PackedProject.ofDevelopment)
    PackedProject.addTools(project, [...packages, ESBUILD, ...(isFull ? [FORMER_TYPESCRIPT] : [])])
    subpaths = FreshProject.subpathsOf(project)
  }, 300_000)

  it("holds no tests, no tools and no stray files", () => {
    const entries = readdirSync(join(project, "node_modules", "effect-voice"))
    assert.includeMembers(entries, [
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "THIRD-PARTY-LICENCES.md",
      "dist",
      "package.json"
    ])
    for (const absent of ["test", "node_modules", ".ci"]) assert.notInclude(entries, absent)
    // of the scripts only what users run, the bridge to Pipecat, and what they hand to Grafana, Prometheus and Docker
    const scripts = readdirSync(join(project, "node_modules", "effect-voice", "scripts"), { recursive: true }).map(
      String
    )
    assert.includeMembers(scripts, [join("deploy", "README.md"), join("deploy", "compose.yaml")])
    assert.notInclude(scripts, join("deploy", "secrets"))
    assert.sameMembers(scripts.filter((path) => !path.startsWith("deploy")), [
      "pipecat",
      join("pipecat", "README.md"),
      join("pipecat", "bridge.py"),
      "telemetry",
      join("telemetry", "README.md"),
      join("telemetry", "alerts.yml"),
      join("telemetry", "grafana-dashboard.json")
    ])
  })

  it("has the schema of configs where editors look for it, and prints it", () => {
    const file = join(project, "node_modules", "effect-voice", "dist", "builtin", "config.schema.json")
    const schema = readFileSync(file, "utf8")
    assert.strictEqual(schema, readFileSync(join(root, "src", "builtin", "config.schema.json"), "utf8"))
    writeFileSync(
      join(project, "schema.mjs"),
      "import schema from \"effect-voice/config.schema.json\" with { type: \"json\" }\nprocess.stdout.write(schema.title)\n"
    )
    assert.strictEqual(run(project, process.execPath, ["schema.mjs"]), "effect-voice config")
    assert.strictEqual(run(project, join(project, "node_modules", ".bin", "effect-voice"), ["schema"]), schema)
  }, 60_000)

  it("imports by every subpath under Node", () => {
    assert.includeMembers([...subpaths], ["", "/client", "/testing", "/builtin", "/server", "/providers/local"])
    // what stores and models are made of is nothing that an editor offers
    assert.sameMembers(subpaths.filter((subpath) => /^\/(?:models|store)\//.test(subpath)), [
      "/models/ModelStore",
      "/store/MemoryStore",
      "/store/PendingErasureFiles",
      "/store/PostgresStore",
      "/store/RedisRateLimits",
      "/store/RedisStore",
      "/store/SessionArchiveDirectory",
      "/store/SqliteStore"
    ])
    // The browser client needs no browser to be loaded, only to be used.
    const lines = subpaths.map((subpath) => `await load(${JSON.stringify(`effect-voice${subpath}`)})`)
    writeFileSync(
      join(project, "imports.mjs"),
      `const failed = []
const load = (name) => import(name).then(
  (module) => { if (Object.keys(module).length === 0) failed.push(name + ": exports nothing") },
  (error) => { failed.push(name + ": " + error.message) }
)
${lines.join("\n")}
process.stdout.write(failed.join("\\n"))
`
    )
    // what needs an optional peer that is not installed says which
    const found = run(project, process.execPath, ["--disable-warning=ExperimentalWarning", "imports.mjs"])
    const failed = found.split("\n").filter((line) =>
      !/^effect-voice\/(?:react|store\/(?:PostgresStore|Redis\w+)): Cannot find package '(?:react|@effect\/sql-pg|redis)'/
        .test(line)
    )
    assert.deepStrictEqual(failed.filter((line) => line !== ""), [])
  }, 60_000)

  it("says what an option does where it is written", () => {
    writeFileSync(
      join(project, "hover.ts"),
      `import type { BackendConfig, VoiceBackend } from "effect-voice"
import type * as Deepgram from "effect-voice/engines/deepgram"
import type * as Moonshine from "effect-voice/engines/moonshine"
import type * as Server from "effect-voice/server"
type Given<F> = F extends (options: infer A) => unknown ? A & {} : never
declare const backend: Given<typeof VoiceBackend.layerSttTts>["config"] & {}
declare const file: BackendConfig.BackendConfigEncoded
declare const server: Given<typeof Server.layer>
declare const routes: Given<typeof Server.routes>
declare const moonshine: Given<typeof Moonshine.layer>
declare const deepgram: Given<typeof Deepgram.layerSpeechToText>
export const read = [
  backend.maxConcurrentSessions, backend.timeout, backend.history!.maxTokens, file.latency_target, file.session!.resume_window,
  server.publicUrl, routes.prefix, moonshine.maxParallel, deepgram.smartFormat
]
`
    )
    const file = join(project, "hover.ts")
    const { options } = ts.parseJsonConfigFileContent(
      { compilerOptions: { module: "nodenext", target: "es2024", strict: true, types: ["node"], noEmit: true } },
      ts.sys,
      project
    )
    const program = ts.createProgram([file], options)
    assert.deepStrictEqual(ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText), [])
    const checker = program.getTypeChecker()
    const texts: Array<string> = []
    const visit = (node: ts.Node): void => {
      if (ts.isArrayLiteralExpression(node)) {
        for (const each of node.elements) {
          const symbol = ts.isPropertyAccessExpression(each) ? checker.getSymbolAtLocation(each.name) : undefined
          texts.push(ts.displayPartsToString(symbol?.getDocumentationComment(checker)))
        }
      }
      ts.forEachChild(node, visit)
    }
    visit(program.getSourceFile(file) ?? assert.fail())
    assert.lengthOf(texts, 9)
    for (
      const [at, words] of Object.entries(["how many", "time limit", "tokens", "last word", "", "proxy", "", "", ""])
    ) {
      assert.match(texts[Number(at)] ?? "", /^[A-Z].{15,}/su, `field ${at}`)
      assert.include(texts[Number(at)]?.toLowerCase(), words)
    }
  }, 60_000)

  const compilers = [
    ["typescript", "ESNext", "bundler"],
    ["typescript", "NodeNext", "NodeNext"],
    ["typescript-5", "NodeNext", "NodeNext"],
    ["typescript-5", "ESNext", "bundler"]
  ] as const
  // with TypeScript 7 and NodeNext, `FreshProject.server.test.ts` compiles the same subpaths in CI
  for (const [compiler, module, moduleResolution] of some(compilers, 1)) {
    it(
      `type-checks by every subpath with ${compiler} and ${moduleResolution}, declarations too, without anything optional`,
      () => {
        const names = subpaths.map((subpath, index) => `import * as M${index} from "effect-voice${subpath}"`)
        const uses = subpaths.map((_, index) => `M${index}`)
        writeFileSync(join(project, "types.ts"), `${names.join("\n")}\nexport const all = [${uses.join(", ")}]\n`)
        writeFileSync(
          join(project, "tsconfig.json"),
          JSON.stringify({
            include: ["types.ts"],
            compilerOptions: {
              target: "ES2024",
              lib: ["ES2024", "ESNext.Disposable", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
              module,
              moduleResolution,
              strict: true,
              exactOptionalPropertyTypes: true,
              noEmit: true,
              skipLibCheck: false,
              types: ["node"]
            }
          })
        )
        const tsc = join(project, "node_modules", compiler, "bin", "tsc")
        let output = ""
        try {
          output = without(project, optional, () => run(project, process.execPath, [tsc, "-p", "tsconfig.json"]))
        } catch (error) {
          output = String(error)
        }
        assert.strictEqual(output, "")
      },
      120_000
    )
  }

  for (const format of some(["cjs", "esm"], 1)) {
    it(`bundles builtin for Node with esbuild as ${format}; the bundle runs, and finds workers and addons`, () => {
      const program = `import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BackendConfig, VoiceBackend } from "effect-voice"
import * as Builtin from "effect-voice/builtin"

const config = { provider: "local", pipeline_type: "stt_tts", stt_provider: "deepgram", tts_provider: "flite",
  engines: { deepgram: { api_key: "a-key-of-the-tests" } } }
const backend = Layer.unwrap(Effect.map(BackendConfig.decode(config), VoiceBackend.layerConfig)).pipe(
  Layer.provide(Builtin.layer)
)
Effect.runPromise(
  Effect.flatMap(VoiceBackend, (backend) => backend.healthCheck).pipe(Effect.provide(backend), Effect.scoped)
).then((health) => process.stdout.write(JSON.stringify(health)))
`
      writeFileSync(join(project, "program.mjs"), program)
      const esbuild = join(project, "node_modules", "esbuild", "bin", "esbuild")
      const outfile = `bundled.${format === "cjs" ? "cjs" : "mjs"}`
      // In esbuild's modules, the CommonJS packages among the dependencies need this.
      const banner = "import { createRequire as r } from 'node:module';const require = r(import.meta.url);"
      run(project, esbuild, [
        "program.mjs",
        "--bundle",
        "--platform=node",
        `--format=${format}`,
        ...(format === "esm" ? [`--banner:js=${banner}`] : []),
        `--outfile=${outfile}`,
        "--log-level=error"
      ])
      // the last line: on a busy machine one before it may say that it is
      const printed = run(project, process.execPath, ["--disable-warning=ExperimentalWarning", outfile])
      const health = printed.trim().split("\n").at(-1) ?? ""
      assert.deepInclude(JSON.parse(health), { status: "healthy" })
      assert.include(health, "flite")
    }, 120_000)
  }

  it("serves by its command, answers, and ends with 0 on SIGTERM", async () => {
    const bin = join(project, "node_modules", ".bin", "effect-voice")
    const child = spawn(bin, ["serve", "--port", "0"], { cwd: project, env, stdio: ["ignore", "pipe", "pipe"] })
    try {
      let output = ""
      const url = new Promise<string>((resolve) => {
        const read = (chunk: Buffer) => {
          output += chunk.toString("utf8")
          const found = /https?:\/\/[^\s"'/]+:[1-9]\d*/.exec(output)
          if (found !== null) resolve(found[0])
        }
        child.stdout.on("data", read)
        child.stderr.on("data", read)
      })
      const response = await untilAnswers(child, url)
      assert.strictEqual(response.status, 200)
      child.kill("SIGTERM")
      const [code, signal] = await once(child, "exit")
      assert.deepStrictEqual([code, signal], [0, null], output)
    } finally {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
    }
  }, 60_000)
})
