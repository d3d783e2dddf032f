/** `serve --app` with a canary in each secret: none is in its output, its answers, its traces, its files or a program that it starts. */
import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Os from "node:os"
import * as Path from "node:path"
import { Canaries } from "../support/Canaries.ts"
import { type Created, WireUser } from "../support/WireUser.ts"

const canaries = new Canaries()
const secrets = {
  SIGNING_KEY: canaries.held("session.signing_key"),
  CACHE_PASSWORD: canaries.held("the password in rate_limits.url"),
  TOOLS_KEY: canaries.held("the key of the MCP servers"),
  MODEL_KEY: canaries.held("the key of the model"),
  API_KEY: canaries.held("server.api_keys"),
  OTLP_KEY: canaries.held("the key of the collector"),
  SAID: canaries.said("the agent")
}

/** Repeats the variables that are its own, and nothing else of this process may be there. */
const program = "console.error('its key is ' + process.env.TOKEN); " +
  "if (process.env.API_KEY) console.error('it has all'); setTimeout(() => process.exit(3), 300)"

const configOf = (collector: string): string =>
  JSON.stringify({
    agent: "clumsy",
    llm_provider: "openai-compatible",
    engines: { "openai-compatible": { url: "http://127.0.0.1:9/v1", model: "m", api_key: "${MODEL_KEY}" } },
    session: { signing_key: "${SIGNING_KEY}" },
    rate_limits: { url: "redis://:${CACHE_PASSWORD}@cache.example" },
    mcp: [
      {
        name: "far",
        url: "http://127.0.0.1:9/mcp?token=${TOOLS_KEY}",
        headers: { "x-api-key": "${TOOLS_KEY}" },
        timeout: "1s"
      },
      { name: "near", command: process.execPath, args: ["-e", program], env: { TOKEN: "${TOOLS_KEY}" }, timeout: "1s" }
    ],
    server: {
      port: 0,
      api_keys: ["${API_KEY}"],
      telemetry: {
        otlp_endpoint: collector,
        otlp_headers: { authorization: "Bearer ${OTLP_KEY}" },
        otlp_protocol: "http/json"
      }
    }
  })

const main = Path.join("src", "cli", "main.ts")
const app = Path.join("test", "app", "CanaryApp.ts")
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const until = async <A>(child: ChildProcess, find: () => A | null | undefined | false): Promise<A> => {
  for (let i = 0; i < 1_200 && child.exitCode === null; i++) {
    const found = find()
    if (found !== undefined && found !== null && found !== false) return found
    await pause(50)
  }
  throw new Error(`it has ended, or nothing came: ${child.exitCode}`)
}

const filesIn = (directory: string): ReadonlyArray<string> =>
  Fs.readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) =>
    Path.join(entry.parentPath, entry.name)
  )

describe("an application that is served", () => {
  it("keeps its secrets, and tells its operator why it fails", async () => {
    const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-canary-"))
    const collector = Http.createServer((request, response) => {
      let body = ""
      request.on("data", (data: Buffer) => body += data.toString())
      request.on("end", () => {
        canaries.hear(`${request.url === "/v1/logs" ? "log" : "otlp"}: ${request.url}`, body)
        response.writeHead(200, { "content-type": "application/json" }).end("{}")
      })
    })
    await new Promise<void>((resolve) => void collector.listen(0, "127.0.0.1", resolve))
    const address = collector.address()
    const file = Path.join(directory, "voice.json")
    Fs.writeFileSync(file, configOf(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`))
    const env = { ...process.env, ...secrets, XDG_STATE_HOME: Path.join(directory, "state") }
    const node = ["--disable-warning=ExperimentalWarning", main]
    for (
      const args of [["check", "--app", app, "--config", file], ["providers", "--app", app], ["schema", "--app", app]]
    ) {
      const { status, stderr, stdout } = spawnSync(process.execPath, [...node, ...args], { env, encoding: "utf8" })
      assert.strictEqual(status, 0, stdout + stderr)
      canaries.hear(`cli: ${args[0]}`, stdout + stderr)
    }
    const child = spawn(process.execPath, [...node, "serve", "--app", app, "--config", file], {
      stdio: ["ignore", "pipe", "pipe"],
      env
    })
    let output = ""
    child.stdout.on("data", (data: Buffer) => output += data.toString())
    child.stderr.on("data", (data: Buffer) => output += data.toString())
    try {
      const [, url = ""] = await until(child, () => /listening on (http:[^\s,"]+)/u.exec(output))
      const headers = { authorization: `Bearer ${secrets.API_KEY}`, "content-type": "application/json" }
      const created = await fetch(`${url}/v1/sessions`, {
        method: "POST",
        headers,
        body: JSON.stringify({ user_id: "ada", transport: "websocket" })
      })
      assert.strictEqual(created.status, 201)
      const user = await WireUser.of(await created.json() as Created)
      user.send({ type: "user.text", text: "hello" })
      await until(child, () => user.types.includes("error"))
      canaries.hear("socket", JSON.stringify(user.events))
      for (const path of ["/health/ready", "/metrics", "/v1/providers", "/v1/sessions", "/openapi.json"]) {
        canaries.hear(`http: ${path}`, await (await fetch(`${url}${path}`, { headers })).text())
      }
      for (const file of filesIn(directory).filter((file) => !file.endsWith("voice.json"))) {
        canaries.hear(`file: ${file}`, Fs.readFileSync(file, "latin1"))
      }
      if (process.platform === "linux") {
        canaries.hear("process", Fs.readFileSync(`/proc/${child.pid}/cmdline`, "utf8"))
      }
      user.hangUp()
      child.kill("SIGTERM")
      await new Promise((resolve) => child.once("exit", resolve))
    } finally {
      child.kill("SIGKILL")
      collector.close()
      collector.closeAllConnections()
      Fs.rmSync(directory, { recursive: true, force: true })
    }
    canaries.hear("log: output", output)
    assert.deepStrictEqual(canaries.leaks(), [])
    assert.deepStrictEqual(canaries.untold(), [], output)
    assert.include(output, "its key is <redacted>", "what the program of the MCP server says")
    assert.notInclude(output, "it has all")
    assert.include(output, "connecting with <redacted>")
    for (const outlet of ["cli", "file", "http", "log", "otlp", "socket"]) assert.include(canaries.outlets, outlet)
  }, 120_000)
})
