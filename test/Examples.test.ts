/**
 * What the documentation shows compiles and runs: the README's programs are files of `test/examples`, and the examples
 * in the sources are extracted.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFile, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { promisify } from "node:util"

const run = promisify(execFile)
const node = (file: string) =>
  run(process.execPath, ["--disable-warning=ExperimentalWarning", "--conditions=@effect-voice/source", file], {
    timeout: 250_000
  })

const freePort = () =>
  new Promise<number>((resume) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resume(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

const sources = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))

/** The `ts` blocks of the JSDoc of a source, without the stars. */
const examplesOf = (source: string): ReadonlyArray<string> =>
  Array.from(
    source.matchAll(/^ \* ```ts\n((?: \*.*\n)*?) \* ```$/gmu),
    ([, body = ""]) => body.replaceAll(/^ \* ?/gmu, "")
  )

describe("Examples", () => {
  it("shows in the README the programs that are compiled and run here", () => {
    const readme = readFileSync("README.md", "utf8")
    const shown = Array.from(readme.matchAll(/<!-- (test\/examples\/\w+\.ts) -->\n```ts\n([\s\S]*?)```/gu))
    assert.isAtLeast(shown.length, 2)
    for (const [, file = "", body] of shown) assert.strictEqual(body, readFileSync(file, "utf8"), file)
  })

  it("answers a recording in the README's first program", async () => {
    const { stdout } = await node(join("test", "examples", "Hello.ts"))
    assert.match(stdout, /the agent said: You said: He was not an ill-disposed young man\./u)
  })

  it("tests an agent in the README's last program", async () => {
    await node(join("test", "examples", "TestYourAgent.ts"))
  })

  it("processes the user's audio as the README shows", async () => {
    await node(join("test", "examples", "Processor.ts"))
  })

  it("puts the README's provider through the suite", async () => {
    const { stdout } = await node(join("test", "examples", "Provider.ts"))
    assert.match(stdout, /^conformance: \d{3} held, \d+ later, 0 broken/mu)
  })

  it("lets in whom the README's hook knows", async () => {
    const port = await freePort()
    const child = spawn(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      "--conditions=@effect-voice/source",
      join("test", "examples", "WhoGetsIn.ts")
    ], { env: { ...process.env, PORT: String(port) }, stdio: "ignore" })
    try {
      const ask = (method: string, path: string, token: string, body?: object) =>
        fetch(`http://127.0.0.1:${port}${path}`, {
          method,
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          ...(body === undefined ? {} : { body: JSON.stringify(body) })
        })
      while (child.exitCode === null && !await ask("GET", "/health/live", "").then(() => true, () => false)) {
        await new Promise((resume) => setTimeout(resume, 100))
      }
      const session = { user_id: "ada", transport: "websocket" }
      assert.strictEqual((await ask("POST", "/v1/sessions", "guessed", session)).status, 401)
      const created = await ask("POST", "/v1/sessions", "ada-has-this-token", session)
      assert.strictEqual(created.status, 201)
      const path = created.headers.get("location") ?? ""
      assert.strictEqual((await ask("PATCH", `${path}/metadata`, "ada-has-this-token", {})).status, 403)
      assert.strictEqual((await ask("DELETE", path, "ada-has-this-token")).status, 204)
    } finally {
      child.kill("SIGKILL")
    }
  })

  it("compiles and runs the examples of the sources", async () => {
    const examples = sources.flatMap((file) =>
      examplesOf(readFileSync(join("src", file), "utf8")).map((body) => ({ file, body }))
    )
    assert.isAtLeast(examples.length, 2)
    const readme = readFileSync("README.md", "utf8")
    for (const [, body = ""] of readme.matchAll(/```ts browser\n([\s\S]*?)```/gu)) {
      examples.push({ file: "client/README.ts", body })
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
          include: ["*.ts"],
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
