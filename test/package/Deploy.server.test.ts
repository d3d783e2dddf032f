/**
 * The files of `scripts/deploy` by the tools that read them, and a call through the real nginx. What is not on this machine is
 * skipped, with a line that says what to install.
 *
 * @since 0.1.0
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { spawn, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Https from "node:https"
import * as Os from "node:os"
import * as Path from "node:path"
import { WebSocket } from "ws"
import * as Builtin from "../../src/builtin/index.ts"
import { makeCertificate } from "../support/Certificate.ts"
import { freePort } from "../support/FreePort.ts"
import { serve } from "../telemetry/Served.ts"

const deploy = Path.resolve(import.meta.dirname, "../../scripts/deploy")
const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` }
const has = (name: string, ...args: ReadonlyArray<string>): boolean => spawnSync(name, args, { env }).status === 0
const packages = {
  nginx: { there: has("nginx", "-v"), install: "apt-get install nginx" },
  kubectl: { there: has("kubectl", "version", "--client"), install: "apt-get install kubernetes-client" },
  promtool: { there: has("promtool", "--version"), install: "apt-get install prometheus" },
  "systemd-analyze": { there: has("systemd-analyze", "--version"), install: "apt-get install systemd" }
}
for (const [name, { install, there }] of Object.entries(packages)) {
  if (!there) process.stderr.write(`skipped: no ${name} here (Debian: ${install})\n`)
}

const run = (command: string, ...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(command, args, { encoding: "utf8", env })
  assert.strictEqual(status, 0, stdout + stderr)
  return stdout
}

const temporary = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-deploy-"))),
  (dir) => Effect.sync(() => Fs.rmSync(dir, { recursive: true, force: true }))
)
/** Our nginx.conf on loopback, with both nodes at one address, until the scope closes. */
const nginx = Effect.fnUntraced(function*(node: string) {
  const dir = yield* temporary
  const { cert, key } = yield* makeCertificate
  const [port, plain] = [yield* freePort, yield* freePort]
  const text = Fs.readFileSync(Path.join(deploy, "nginx.conf"), "utf8")
    .replace("/etc/nginx/tls/tls.crt", cert)
    .replace("/etc/nginx/tls/tls.key", key)
    .replaceAll(/voice-\d:8080/g, new URL(node).host)
    .replace("listen 443 ssl", `listen 127.0.0.1:${port} ssl`)
    .replace("listen 80;", `listen 127.0.0.1:${plain};`)
    .replace("/dev/stdout", Path.join(dir, "access.log"))
    .replace("worker_connections 16384", "worker_connections 512")
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${Path.join(dir, name)};`)
  const file = Path.join(dir, "nginx.conf")
  Fs.writeFileSync(file, text.replace("http {", `http {\n${temp.join("\n")}`))
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn("nginx", ["-p", dir, "-c", file, "-g", `daemon off; pid ${Path.join(dir, "pid")};`], {
        env,
        stdio: "ignore"
      })
    ),
    (child) =>
      Effect.callback<void>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGTERM")
      })
  )
  return { url: `https://127.0.0.1:${port}`, port, access: () => Fs.readFileSync(Path.join(dir, "access.log"), "utf8") }
})

/** A request whose certificate is not checked: it is the test's own. */
const ask = (url: string, method = "GET", body?: object) =>
  Effect.callback<{ readonly status: number; readonly text: string }, Error>((resume) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" }
    const request = Https.request(url, { method, headers, rejectUnauthorized: false }, (response) => {
      let text = ""
      response.on("data", (part: Buffer) => text += part.toString())
      response.on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, text })))
    })
    request.on("error", (error) => resume(Effect.fail(error)))
    request.end(body === undefined ? undefined : JSON.stringify(body))
    return Effect.sync(() => request.destroy())
  })

describe("the files of scripts/deploy", () => {
  it.skipIf(!packages.kubectl.there)(
    "are put together by kustomize, with the config in a ConfigMap of its content",
    () => {
      const all = run("kubectl", "kustomize", Path.join(deploy, "kubernetes"))
      assert.strictEqual(all.match(/^kind: Deployment$/gm)?.length, 1)
      const [, name] = /name: (effect-voice-[a-z0-9]{10})\n/.exec(all) ?? []
      assert.isDefined(name)
      assert.match(all, new RegExp(`configMap:\\n\\s+name: ${name}`))
    }
  )

  it.skipIf(!packages.promtool.there)("are read by Prometheus", () =>
    Effect.gen(function*() {
      const dir = yield* temporary
      const file = Path.join(dir, "prometheus.yml")
      const rules = Path.resolve(deploy, "../telemetry/alerts.yml")
      const text = Fs.readFileSync(Path.join(deploy, "prometheus.yml"), "utf8")
      Fs.writeFileSync(file, text.replace("/etc/prometheus/alerts.yml", rules))
      run("promtool", "check", "config", file)
    }).pipe(Effect.scoped, Effect.runPromise))

  it.skipIf(!packages["systemd-analyze"].there)("are read by systemd", () =>
    Effect.gen(function*() {
      const file = Path.join(yield* temporary, "effect-voice.service")
      const text = Fs.readFileSync(Path.join(deploy, "effect-voice.service"), "utf8")
      Fs.writeFileSync(file, text.replace("/usr/bin/node", process.execPath))
      const { stderr, stdout } = spawnSync("systemd-analyze", ["verify", "--man=no", file], { encoding: "utf8", env })
      // of this unit; others of the machine may have their own faults
      const ours = (stdout + stderr).split("\n").filter((line) => line.includes("effect-voice.service"))
      assert.deepStrictEqual(ours, [])
    }).pipe(Effect.scoped, Effect.runPromise))

  it.live.skipIf(!packages.nginx.there)(
    "let a call through nginx, and nothing of what is between nodes",
    () =>
      Effect.gen(function*() {
        const node = yield* serve({ env: {} })
        const proxy = yield* nginx(node)
        yield* Effect.retry(ask(`${proxy.url}/health/live`), { schedule: Schedule.spaced("50 millis"), times: 200 })
        for (const path of ["/internal/rpc", "/node/1/internal/rpc", "/node/2/internal/"]) {
          assert.strictEqual((yield* ask(proxy.url + path, "POST", {})).status, 404, path)
        }
        assert.strictEqual((yield* ask(`${proxy.url}/node/2/health/live`)).status, 200)
        assert.notStrictEqual((yield* ask(`${proxy.url}/node/3/health/live`)).status, 200)
        const created = yield* ask(`${proxy.url}/v1/sessions`, "POST", { user_id: "ada", transport: "websocket" })
        assert.strictEqual(created.status, 201, created.text)
        const { id, token } = JSON.parse(created.text) as { readonly id: string; readonly token: string }
        for (const path of ["", "/node/1"]) {
          const first = yield* Effect.callback<string, Error>((resume) => {
            const socket = new WebSocket(
              `wss://127.0.0.1:${proxy.port}${path}/v1/sessions/${id}/audio?token=${token}`,
              [
                "effect-voice.v1"
              ],
              { rejectUnauthorized: false }
            )
            socket.once("message", (data: Buffer) => resume(Effect.succeed(data.toString())))
            socket.once("error", (error) => resume(Effect.fail(error)))
            return Effect.sync(() => socket.terminate())
          })
          assert.strictEqual(JSON.parse(first).type, "session.started")
        }
        yield* ask(`${proxy.url}/v1/sessions/${id}`, "DELETE")
        assert.include(proxy.access(), "/v1/sessions")
        assert.notInclude(proxy.access(), token)
      }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, Builtin.layer])),
    60_000
  )
})
