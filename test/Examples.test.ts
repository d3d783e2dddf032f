/**
 * What the documentation shows compiles and runs: the programs of the README and of the guides are files of
 * `test/examples`, configs are checked, and the examples in the sources are extracted.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { generateKeyPairSync } from "node:crypto"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { promisify } from "node:util"
import * as ConfigSource from "../src/backend/config/ConfigSource.ts"
import * as Builtin from "../src/builtin/index.ts"
import * as ServerConfig from "../src/server/ServerConfig.ts"
import guideApp from "./examples/Voice.ts"
import * as ExampleProject from "./support/examples/ExampleProject.ts"
import * as ExampleRuns from "./support/examples/ExampleRuns.ts"
import * as InstallLines from "./support/examples/InstallLines.ts"

const run = promisify(execFile)
const node = (file: string) =>
  run(process.execPath, ["--disable-warning=ExperimentalWarning", "--conditions=@effect-voice/source", file], {
    timeout: 250_000
  })

const sources = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))

/** Every README of the repository. */
const guides = ["README.md"].concat(
  ["src", "scripts"].flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((file) => basename(file) === "README.md")
      .map((file) => join(root, file))
  )
).map((file) => ({ file, text: readFileSync(file, "utf8") }))

/** The `ts` blocks of the JSDoc of a source, without the stars. */
const examplesOf = (source: string): ReadonlyArray<string> =>
  Array.from(
    source.matchAll(/^ \* ```ts\n((?: \*.*\n)*?) \* ```$/gmu),
    ([, body = ""]) => body.replaceAll(/^ \* ?/gmu, "")
  )

describe("Examples", () => {
  it("shows in the guides the programs that are compiled and run here, and every one of them", () => {
    const shown = guides.flatMap(({ file: guide, text }) =>
      Array.from(
        text.matchAll(/<!-- (test\/examples\/[\w./]+) -->\n```\w+\n([\s\S]*?)```/gu),
        ([, file = "", body = ""]) => ({ body, file, guide })
      )
    )
    for (const { body, file, guide } of shown) {
      assert.strictEqual(body, readFileSync(file, "utf8"), `${file} in ${guide}`)
    }
    assert.includeMembers(
      shown.map(({ file }) => file),
      ["test/examples", "test/examples/pages"].flatMap((folder) =>
        readdirSync(folder).filter((file) => /\.\w+$/u.test(file)).map((file) => `${folder}/${file}`)
      )
    )
  })

  it("says in the guides to install what their programs import", () => {
    assert.deepStrictEqual(InstallLines.missing(), [])
  })

  it("links in the guides to files that exist", () => {
    for (const { file, text } of guides) {
      for (const [, target = ""] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/gu)) {
        assert.isTrue(existsSync(join(dirname(file), target)), `${file} links to ${target}`)
      }
    }
  })

  it("keeps the README short enough to read at once", () => {
    assert.isAtMost(readFileSync("README.md", "utf8").split("\n").length, 250)
  })

  it("shows configs that are valid", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 })
    const keys: { readonly [name: string]: string } = {
      VONAGE_PRIVATE_KEY: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      TELNYX_PUBLIC_KEY: Buffer.alloc(32, 1).toString("base64")
    }
    const directory = mkdtempSync(join(tmpdir(), "effect-voice-guides-"))
    const base = { provider: "local", pipeline_type: "stt_tts", stt_provider: "moonshine", tts_provider: "flite" }
    try {
      for (const { file: guide, text } of guides) {
        if (guide.startsWith("scripts")) continue // configs of other programs
        for (const [, block = ""] of text.matchAll(/```yaml\n([\s\S]*?)```/gu)) {
          const missing = Object.entries(base).filter(([key]) => !new RegExp(`^${key}:`, "mu").test(block))
          const file = join(directory, "voice.yaml")
          writeFileSync(file, missing.map(([key, value]) => `${key}: ${value}\n`).join("") + block)
          const variables = Array.from(
            block.matchAll(/\$\{(\w+)\}/gu),
            ([, name = ""]) => [name, keys[name] ?? `redis://${name}`.padEnd(40, "k")]
          )
          await ConfigSource.load({ file, env: Object.fromEntries(variables), section: ServerConfig.section }).pipe(
            Effect.mapError((error) => new Error(`${guide}:\n${block}\n${error.message}`)),
            Effect.provide([Builtin.layerWith(guideApp.parts), NodeServices.layer]),
            Effect.runPromise
          )
        }
      }
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  // the others run in a fresh project: FreshProject.server.test.ts
  for (const { run, title } of ExampleRuns.short) {
    it.concurrent(title, () => run(ExampleProject.sources).pipe(Effect.scoped, Effect.runPromise), 250_000)
  }

  it.concurrent("compiles and runs the examples of the sources", async () => {
    const examples = sources.flatMap((file) =>
      examplesOf(readFileSync(join("src", file), "utf8")).map((body) => ({ file, body }))
    )
    assert.isAtLeast(examples.length, 2)
    for (const { text } of guides) {
      for (const [, body = ""] of text.matchAll(/```ts browser\n([\s\S]*?)```/gu)) {
        examples.push({ file: "client/README.ts", body })
      }
    }
    // inside the package, so that it can import itself by name
    const directory = mkdtempSync(join("test", "examples", "generated-"))
    try {
      const files = examples.map(({ body, file }, index) => {
        const path = join(directory, `${file.replaceAll(/\W+/gu, "-")}-${index}.ts`)
        writeFileSync(path, body)
        return { path, browser: file.startsWith("client") }
      })
      writeFileSync(
        join(directory, "tsconfig.json"),
        JSON.stringify({
          extends: "../../../tsconfig.browser.json",
          include: ["*.ts", "../../../src/**/*.d.ts"],
          exclude: [],
          compilerOptions: { noUnusedLocals: false }
        })
      )
      const compiled = await run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", directory], {
        timeout: 250_000
      }).catch((error: { readonly stdout?: string }) => ({ stdout: error.stdout ?? String(error) }))
      assert.strictEqual(compiled.stdout, "")
      // a browser runs the others: the page is made of that client
      for (const { browser, path } of files) if (!browser) await node(path)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
