/** `serve --workers 2`, as processes: one port, calls at either worker, and what becomes of them when processes die. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { readdirSync, statSync } from "node:fs"
import * as Https from "node:https"
import { join } from "node:path"
import { WebSocket } from "ws"
import type { Caller } from "../../recovery/Caller.ts"
import { findFreePort } from "../../support/FreePort.ts"
import { isRunning, WorkersServer } from "./WorkersServer.ts"

const missing = process.platform === "linux" ? undefined : "only Linux spreads the connections of a port here"
if (missing !== undefined) process.stderr.write(`skipped, workers: ${missing}\n`)

interface Created {
  readonly id: string
  readonly connection_url: string
  readonly token: string
}

const body = JSON.stringify({ user_id: "ada", transport: "websocket" })
const headers = { "content-type": "application/json", connection: "close" }

/** A request over a connection of its own, with a certificate that nobody has signed. */
const ask = (url: string, more: Record<string, string> = {}, sent?: string) =>
  new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const request = Https.request(url, {
      method: sent === undefined ? "GET" : "POST",
      headers: { ...headers, ...more },
      rejectUnauthorized: false,
      agent: false
    }, (response) => {
      let text = ""
      response.on("data", (data: Buffer) => text += data.toString())
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }))
    })
    request.on("error", reject)
    request.end(sent)
  })

/** Whether a WebSocket to a session opens. */
const opens = (url: string, token: string) =>
  new Promise<string>((resolve) => {
    const socket = new WebSocket(url, ["effect-voice.v1", `token.${token}`], { rejectUnauthorized: false })
    socket.once("open", () => {
      resolve("open")
      socket.terminate()
    })
    socket.once("unexpected-response", (_, { statusCode }) => resolve(`refused with ${statusCode}`))
    socket.once("error", (cause) => resolve(cause.message))
  })

/** The directories of its workers. */
const temporary = ({ directory }: WorkersServer) =>
  readdirSync(directory).filter((name) => name.startsWith("effect-voice-workers-"))

const problems = (callers: ReadonlyArray<Caller>) =>
  callers.flatMap(({ name, problems }) => problems.map((each) => `${name}: ${each}`))
const cuts = (callers: ReadonlyArray<Caller>) => callers.map(({ cuts }) => cuts.length)

describe.skipIf(missing !== undefined)("serve --workers 2", () => {
  const server = new WorkersServer({ drain: { mode: "conversation", deadline: "60s" }, max_concurrent_sessions: 50 })
  beforeAll(() => server.start(), 150_000)
  afterAll(() => server.close())

  it("answers at its one port for every session, whoever has it, by HTTP and by WebSocket", async () => {
    const callers = await server.callAtEach(4)
    for (const { id } of callers) {
      const statuses = await Promise.all(
        Array.from({ length: 8 }, async () => (await fetch(`${server.base}/v1/sessions/${id}`, { headers })).status)
      )
      assert.deepStrictEqual(statuses, Array(8).fill(200))
    }
    for (let i = 0; i < 6; i++) {
      const { sessions } = await (await fetch(`${server.base}/v1/sessions`, { headers })).json() as {
        sessions: ReadonlyArray<Created>
      }
      assert.deepStrictEqual(sessions.map(({ id }) => id).toSorted(), callers.map(({ id }) => id).toSorted())
    }
    // a client that knows nothing but the one port
    for (const caller of callers) {
      caller.moveTo(server.base)
      caller.giveUp()
    }
    await server.everybodyTalks(callers)
    assert.deepStrictEqual(problems(callers), [])
    await Promise.all(callers.map((caller) => caller.end()))
  }, 90_000)

  it(
    "lets every spelling of a request reach its session: another protocol offered, an id in percent encoding",
    async () => {
      const offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
      const host = `Host: ${new URL(server.base).host}\r\n`
      for (let i = 0; i < 6; i++) {
        const answer = await server.raw(
          `POST /v1/sessions HTTP/1.1\r\n${host}${offer}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
        )
        const { connection_url: own, id, token }: Created = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4))
        const general = own.replace(new URL(own).host, new URL(server.base).host)
        assert.strictEqual(await opens(general.replace("/ses_", "/%73es_"), token), "open")
        assert.strictEqual(await opens(general, token), "open")
        const listed = await server.raw(`GET /v1/sessions HTTP/1.1\r\n${host}${offer}\r\n`)
        assert.include(listed, id)
        await fetch(`${server.base}/v1/sessions/${id}`, { method: "DELETE", headers })
      }
    },
    60_000
  )

  it("tells all workers of SIGHUP", async () => {
    server.write({ max_concurrent_sessions: 60 })
    server.signal("SIGHUP")
    await server.until(
      "both to have the new config",
      () => server.output.split("config: changed max_concurrent_sessions").length === 3
    )
  }, 30_000)

  it("starts a worker again that was killed: its calls go on, and no other is cut", async () => {
    const [victim, other] = server.workers
    const callers = await server.callAtEach(4)
    const of = (worker: typeof victim) => callers.filter((caller) => server.ownerOf(caller)?.pid === worker?.pid)
    const [hit, spared] = [of(victim), of(other)]
    process.kill(victim?.pid ?? 0, "SIGKILL")
    await server.until("the calls to go on", () => hit.every(({ recoveries }) => recoveries.length === 1))
    await server.until("a new worker", () => server.workers[0]?.pid !== victim?.pid)
    assert.strictEqual(server.workers[0]?.url, victim?.url, "it has kept its port")
    await server.everybodyTalks(callers)
    assert.deepStrictEqual([cuts(hit), cuts(spared)], [hit.map(() => 1), spared.map(() => 0)])
    assert.deepStrictEqual(problems(callers), [])
    await Promise.all(callers.map((caller) => caller.end()))
  }, 150_000)

  it("replaces a worker that hangs within 3 s; its callers come back, though they know no other address", async () => {
    const callers = await server.callAtEach(4, false)
    const [, victim] = server.workers
    const hit = callers.filter((caller) => server.ownerOf(caller)?.pid === victim?.pid)
    process.kill(victim?.pid ?? 0, "SIGSTOP")
    const from = performance.now()
    await server.until("it to be killed", () => !isRunning(victim?.pid ?? 0))
    assert.isBelow(performance.now() - from, 6_000, "3 s, and as much again on a busy machine")
    await server.until("the calls to go on", () => hit.every(({ recoveries }) => recoveries.length === 1))
    await server.until("a new worker", () => server.workers[1]?.pid !== victim?.pid)
    await server.everybodyTalks(callers)
    assert.deepStrictEqual(callers.map(({ cuts }) => cuts.length), callers.map((each) => hit.includes(each) ? 1 : 0))
    assert.deepStrictEqual(problems(callers), [])
    await Promise.all(callers.map((caller) => caller.end()))
  }, 150_000)

  it("drains all at SIGTERM, ends with 0 and leaves nothing behind", async () => {
    const callers = await server.call(2)
    const [own = ""] = temporary(server)
    assert.strictEqual(statSync(join(server.directory, own)).mode & 0o777, 0o700)
    server.signal("SIGTERM")
    await server.until("the drain", () => server.output.includes("draining all workers"))
    await server.everybodyTalks(callers)
    await Promise.all(callers.map((caller) => caller.end()))
    assert.strictEqual(await server.exit, 0)
    assert.deepStrictEqual(cuts(callers), [0, 0])
    for (const { pid } of server.workers) assert.isFalse(isRunning(pid))
    assert.deepStrictEqual(temporary(server), [])
  }, 90_000)
})

describe.skipIf(missing !== undefined)("serve --workers 2, whose parent is killed", () => {
  it("has admitted no more than all may have, and lets its workers finish their calls, and end", async () => {
    const drain = { mode: "conversation", deadline: "60s" }
    const server = new WorkersServer({ drain, cluster: { max_sessions: 6 } })
    try {
      await server.start()
      const callers = await server.call(2)
      const created = await Promise.all(
        Array.from({ length: 20 }, () => fetch(`${server.base}/v1/sessions`, { method: "POST", headers, body }))
      )
      const inside = created.filter(({ status }) => status === 201)
      assert.lengthOf(inside, 4)
      for (const response of inside) {
        const { id } = await response.json() as Created
        await fetch(`${server.base}/v1/sessions/${id}`, { method: "DELETE", headers })
      }
      server.signal("SIGKILL")
      await server.until("both to drain", () => server.output.split("draining; a second").length === 3)
      await server.everybodyTalks(callers)
      await Promise.all(callers.map((caller) => caller.end()))
      await server.until("both to end", () => server.workers.every(({ pid }) => !isRunning(pid)))
      assert.deepStrictEqual(cuts(callers), [0, 0])
      assert.deepStrictEqual(problems(callers), [])
      assert.deepStrictEqual(temporary(server), [])
      assert.notMatch(server.output, /ERR_IPC|at node:|unhandled/iu)
    } finally {
      await server.close()
    }
  }, 180_000)
})

describe.skipIf(missing !== undefined)("serve --workers 2 with TLS, keys and ports for operators", () => {
  it(
    "speaks TLS, believes no client about its address, and shows each worker's metrics to whoever has a key",
    async () => {
      const [key, workerPort, adminPort] = ["k".repeat(24), await findFreePort(), await findFreePort()]
      const server = new WorkersServer({})
      const [keyFile, cert] = [join(server.directory, "key.pem"), join(server.directory, "cert.pem")]
      const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
      const self = ["req", "-x509", ...curve, "-nodes", "-days", "2", "-subj", "/CN=localhost"]
      execFileSync("openssl", [...self, "-keyout", keyFile, "-out", cert], { stdio: "ignore" })
      server.write({
        cluster: {},
        rate_limits: { store: "cluster", create: { address: { limit: 5, window: "5m" } } },
        server: { tls: { cert, key: keyFile }, api_keys: [key], operations: "keys", admin_port: adminPort }
      })
      try {
        await server.start(["--worker-port", String(workerPort)])
        assert.match(server.base, /^https:/)
        assert.deepStrictEqual(server.workers.map(({ url }) => new URL(url).port), [
          String(workerPort),
          String(workerPort + 1)
        ])
        const authorization = `Bearer ${key}`
        const created: Array<Created> = []
        const statuses: Array<number> = []
        for (let i = 0; i < 12; i++) {
          const forwarded = { authorization, "x-forwarded-for": `6.6.6.${i}`, forwarded: `for=6.6.6.${i}` }
          const { status, text } = await ask(`${server.base}/v1/sessions`, forwarded, body)
          statuses.push(status)
          if (status === 201) created.push(JSON.parse(text))
        }
        assert.deepStrictEqual(statuses, [...Array(5).fill(201), ...Array(7).fill(429)])
        for (const { connection_url: own, token } of created) {
          assert.match(own, /^wss:/)
          assert.strictEqual(await opens(own, token), "open")
          assert.strictEqual(await opens(own.replace(new URL(own).host, new URL(server.base).host), token), "open")
        }
        const active: Array<number> = []
        for (const { adminUrl = "", index } of server.workers) {
          assert.strictEqual(new URL(adminUrl).port, String(adminPort + index))
          assert.strictEqual((await ask(`${adminUrl}/metrics`)).status, 401)
          const { text } = await ask(`${adminUrl}/metrics`, { authorization })
          active.push(Number(/^effect_voice_sessions_active\S* (\d+)/m.exec(text)?.[1]))
        }
        assert.strictEqual(active.reduce((sum, each) => sum + each, 0), 5)
        assert.strictEqual((await ask(`${server.base}/metrics`, { authorization })).status, 404)
      } finally {
        await server.close()
      }
    },
    180_000
  )
})
