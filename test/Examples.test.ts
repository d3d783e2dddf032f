/**
 * What the documentation shows compiles and runs: the programs of the README and of the guides are files of
 * `test/examples`, configs are checked, and the examples in the sources are extracted.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile, spawn } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer as createHttpServer } from "node:http"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { promisify } from "node:util"
import * as ConfigSource from "../src/backend/config/ConfigSource.ts"
import * as Builtin from "../src/builtin/index.ts"
import * as ServerConfig from "../src/server/ServerConfig.ts"
import guideApp from "./examples/Voice.ts"
import * as FakeChat from "./support/FakeChat.ts"
import * as FakeMcp from "./support/FakeMcp.ts"
import * as FakeModelApi from "./support/FakeModelApi.ts"
import { findFreePort } from "./support/FreePort.ts"

const run = promisify(execFile)
const node = (file: string, env: { readonly [name: string]: string } = {}) =>
  run(process.execPath, ["--disable-warning=ExperimentalWarning", "--conditions=@effect-voice/source", file], {
    timeout: 250_000,
    env: { ...process.env, ...env }
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

/** Creates a session, as a client does: a server on a busy machine has much to do at first, and says when to ask again. */
const createSession = async (url: string): Promise<Response> => {
  for (;;) {
    const created = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user_id: "ada", transport: "websocket" })
    })
    if (created.status !== 503) return created
    await new Promise((resume) => setTimeout(resume, 500))
  }
}

describe("Examples", () => {
  it("shows in the guides the programs that are compiled and run here, and every one of them", () => {
    const shown = guides.flatMap(({ file: guide, text }) =>
      Array.from(
        text.matchAll(/<!-- (test\/examples\/[\w.]+) -->\n```\w+\n([\s\S]*?)```/gu),
        ([, file = "", body = ""]) => ({ body, file, guide })
      )
    )
    for (const { body, file, guide } of shown) {
      assert.strictEqual(body, readFileSync(file, "utf8"), `${file} in ${guide}`)
    }
    assert.includeMembers(
      shown.map(({ file }) => file),
      readdirSync(join("test", "examples")).filter((file) => /\.\w+$/u.test(file)).map((file) =>
        `test/examples/${file}`
      )
    )
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
            ([, name = ""]) => [name, `redis://${name}`.padEnd(40, "k")]
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

  it.concurrent("answers a recording with a backend made from names", async () => {
    const { stdout } = await node(join("test", "examples", "Hello.ts"))
    assert.match(stdout, /the agent said: You said: He was not an ill-disposed young man\./u)
  })

  it.concurrent("answers with a language model that makes an appointment for the user", () =>
    Effect.gen(function*() {
      const calling = (id: string, name: string, input: object): FakeChat.ChatAnswer => ({
        pieces: [{ call: { index: 0, id, name, input: JSON.stringify(input) } }]
      })
      const model = yield* FakeChat.make([
        calling("call_1", "free_slots", { day: "Monday" }),
        calling("call_2", "book", { day: "Monday", time: "half past ten" }),
        FakeChat.text("I booked half past ten for you.")
      ])
      const port = yield* Effect.promise(findFreePort)
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          spawn(process.execPath, [
            "--disable-warning=ExperimentalWarning",
            "--conditions=@effect-voice/source",
            join("test", "examples", "Assistant.ts")
          ], { env: { ...process.env, MODEL_URL: model.url, PORT: String(port) }, stdio: "ignore" })
        ),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      const url = `http://127.0.0.1:${port}`
      yield* Effect.promise(async () => {
        while (child.exitCode === null && !await fetch(`${url}/health/live`).then(() => true, () => false)) {
          await new Promise((resume) => setTimeout(resume, 100))
        }
      })
      const { stdout } = yield* Effect.promise(() =>
        run(process.execPath, [
          "--disable-warning=ExperimentalWarning",
          "--conditions=@effect-voice/source",
          join("src", "cli", "main.ts"),
          "talk",
          "--json",
          "--input",
          join("test", "fixtures", "ill-disposed.wav"),
          "--url",
          `ws://127.0.0.1:${port}`
        ], { timeout: 120_000 })
      )
      assert.include(stdout, "I booked half past ten for you.")
      const prompt = JSON.stringify(model.requests.at(-1)?.body.messages)
      for (const words of ["You speak to talk.", "three o'clock", "Monday at half past ten is booked for talk"]) {
        assert.include(prompt, words)
      }
    }).pipe(Effect.scoped, Effect.runPromise), 180_000)

  it.concurrent("answers with Claude and with Gemini", () =>
    Effect.gen(function*() {
      const claude = yield* FakeModelApi.anthropic([{
        events: FakeModelApi.message([{ text: ["She wrote the ", "first program."] }], "end_turn")
      }])
      const gemini = yield* FakeModelApi.google([{ events: FakeModelApi.candidates([[{ text: "A mathematician." }]]) }])
      const said = yield* Effect.promise(() =>
        Promise.all([
          node(join("test", "examples", "Claude.ts"), {
            ANTHROPIC_API_KEY: "sk-ant-fake-key",
            ANTHROPIC_URL: claude.url
          }),
          node(join("test", "examples", "Gemini.ts"), {
            GEMINI_API_KEY: "AIza-fake-key",
            GEMINI_URL: `${gemini.url}/v1beta`
          })
        ])
      )
      assert.match(said[0].stdout, /the agent said: She wrote the first program\./u)
      assert.match(said[1].stdout, /the model said: A mathematician\./u)
    }).pipe(Effect.scoped, Effect.runPromise))

  it.concurrent("answers with the tools of an MCP server", () =>
    Effect.gen(function*() {
      const orders = yield* FakeMcp.make([{ ...FakeMcp.echo, name: "find_order" }], {
        on: ({ method }) =>
          method === "tools/call"
            ? { result: { content: [{ type: "text", text: "It arrives on Monday." }] } }
            : undefined
      })
      const model = yield* FakeChat.make([
        { pieces: [{ call: { index: 0, id: "call_1", name: "find_order", input: "{\"text\":\"mine\"}" } }] },
        FakeChat.text("It arrives on Monday.")
      ])
      const { stdout } = yield* Effect.promise(() =>
        node(join("test", "examples", "McpTools.ts"), {
          MODEL_URL: model.url,
          ORDERS_URL: orders.url,
          ORDERS_TOKEN: "token-of-orders"
        })
      )
      assert.match(stdout, /the agent said: It arrives on Monday\./u)
      assert.strictEqual(orders.requests.at(-1)?.headers.authorization, "Bearer token-of-orders")
      assert.include(JSON.stringify(model.requests[1]?.body.messages), "It arrives on Monday.")
    }).pipe(Effect.scoped, Effect.runPromise))

  it("tests an agent in virtual time", async () => {
    await node(join("test", "examples", "TestYourAgent.ts"))
  })

  it("tests an agent before a loudspeaker", async () => {
    await node(join("test", "examples", "Loudspeaker.ts"))
  })

  for (const example of ["Engine", "Recogniser", "Detectors", "Store"]) {
    it.concurrent(`passes the suite of its kind as the guides show: ${example}`, async () => {
      const { stdout } = await node(join("test", "examples", `${example}.ts`))
      assert.match(stdout, /conformance: \d+ passed, 0 failed/u)
    })
  }

  it("processes the user's audio", async () => {
    await node(join("test", "examples", "Processor.ts"))
  })

  it.concurrent("runs the conformance suite on the provider of the guide", async () => {
    const { stdout } = await node(join("test", "examples", "Provider.ts"))
    assert.match(stdout, /^conformance: \d{3} passed, 0 failed, \d+ verified elsewhere/mu)
  })

  it.concurrent("runs the application of the guide, by --app and as a program", async () => {
    const flags = ["--disable-warning=ExperimentalWarning", "--conditions=@effect-voice/source"]
    const example = join("test", "examples", "Voice.ts")
    const input = join("test", "fixtures", "ill-disposed.wav")
    const { stderr, stdout } = await run(process.execPath, [
      ...flags,
      join("src", "cli", "main.ts"),
      "talk",
      "--app",
      example,
      "--input",
      input
    ], { timeout: 120_000 })
    // on a busy machine the recording may be heard in two turns
    assert.match(stdout, /^agent {2}Yours is room twelve\. You said: \w/mu, stdout)
    assert.match(stderr, /agent: concierge/u)
    const checked = await run(process.execPath, [...flags, example, "check"], { timeout: 60_000 })
    assert.match(checked.stdout, /^OK[^]*agent: concierge/u)
  }, 180_000)

  it.concurrent("lets in the users that the guide's hook accepts", async () => {
    const port = await findFreePort()
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

  for (const file of ["Mount.ts", "Express.ts", "Fastify.ts"]) {
    it.concurrent(`answers calls on the port of the application of ${file}, until it is stopped`, async () => {
      const port = await findFreePort()
      const child = spawn(process.execPath, [
        "--disable-warning=ExperimentalWarning",
        "--conditions=@effect-voice/source",
        join("test", "examples", file)
      ], { env: { ...process.env, PORT: String(port) }, stdio: "ignore" })
      const url = `http://127.0.0.1:${port}`
      try {
        while (child.exitCode === null && !await fetch(url).then(() => true, () => false)) {
          await new Promise((resume) => setTimeout(resume, 100))
        }
        assert.strictEqual(await fetch(url).then((response) => response.text()), "my application")
        if (file === "Mount.ts") {
          assert.include(await fetch(`${url}/hours`).then((response) => response.text()), "from noon to ten")
        }
        assert.strictEqual((await fetch(`${url}/voice/v1/providers`)).status, 200)
        const created = await createSession(`${url}/voice/v1/sessions`)
        assert.strictEqual(created.status, 201)
        assert.match(await created.text(), /"ws:[^"]+\/voice\/v1\/sessions\//u)
        const exited = new Promise((resume) => child.once("exit", (code) => resume(code)))
        child.kill("SIGTERM")
        assert.strictEqual(await exited, file === "Mount.ts" ? 130 : 0)
      } finally {
        child.kill("SIGKILL")
      }
    }, 180_000)
  }

  it.concurrent("asks LiveKit for an agent as the provider's guide shows", async () => {
    const asked: Array<{ readonly path: string | undefined; readonly body: unknown }> = []
    const server = createHttpServer((request, response) => {
      let body = ""
      request.on("data", (data: Buffer) => {
        body += data.toString()
      }).on("end", () => {
        asked.push({ path: request.url, body: JSON.parse(body) })
        response.setHeader("content-type", "application/json").end("{\"id\":\"AD_1\"}")
      })
    })
    const url = await new Promise<string>((resume) =>
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`)
      })
    )
    try {
      const { stdout } = await run(process.execPath, [join("test", "examples", "Dispatch.ts")], {
        env: { ...process.env, LIVEKIT_URL: url, LIVEKIT_API_KEY: "key", LIVEKIT_API_SECRET: "secret" },
        timeout: 60_000
      })
      assert.deepStrictEqual(asked, [{
        path: "/twirp/livekit.AgentDispatchService/CreateDispatch",
        body: { agentName: "support", room: "desk-7", metadata: "{\"order\":7}" }
      }])
      const [first, jwt = ""] = stdout.split("\n")
      assert.strictEqual(first, "dispatched AD_1")
      const claims = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString())
      assert.strictEqual(claims.video.room, "desk-8")
      assert.deepInclude(claims.roomConfig.agents[0], { agentName: "support", metadata: "{\"order\":7}" })
    } finally {
      server.close()
    }
  }, 60_000)

  it.concurrent("makes one backend of two processes as the cluster's guide shows", async () => {
    const directory = mkdtempSync(join(tmpdir(), "effect-voice-nodes-"))
    const ports = [await findFreePort(), await findFreePort()]
    const nodes = ports.map((port) =>
      spawn(process.execPath, [
        "--disable-warning=ExperimentalWarning",
        "--conditions=@effect-voice/source",
        join("test", "examples", "Cluster.ts")
      ], { env: { ...process.env, PORT: String(port), SESSIONS: join(directory, "sessions.db") }, stdio: "ignore" })
    )
    const count = async (port: number | undefined): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/sessions`).then((response) => response.json(), () => ({}))
      return typeof answer === "object" && answer !== null && "sessions" in answer && Array.isArray(answer.sessions)
        ? answer.sessions.length
        : -1
    }
    const untilSeen = async (port: number | undefined, sessions: number) => {
      while (nodes.every(({ exitCode }) => exitCode === null) && await count(port) !== sessions) {
        await new Promise((resume) => setTimeout(resume, 100))
      }
    }
    try {
      for (const port of ports) await untilSeen(port, 0)
      assert.strictEqual((await createSession(`http://127.0.0.1:${ports[0]}/v1/sessions`)).status, 201)
      for (const port of ports) await untilSeen(port, 1)
      assert.deepStrictEqual(await Promise.all(ports.map(count)), [1, 1])
    } finally {
      for (const each of nodes) each.kill("SIGKILL")
      rmSync(directory, { recursive: true, force: true })
    }
  }, 120_000)

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
