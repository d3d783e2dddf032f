/** `serve --workers 2`, as processes: one port, sessions that stay where they are, and what becomes of a worker that dies. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { WebSocket } from "ws"
import { whenThereIsRoom } from "../../support/Room.ts"

interface Created {
  readonly id: string
  readonly connection_url: string
  readonly token: string
}

interface Event {
  readonly type: string
  readonly text?: string
  readonly resumed?: boolean
}

const directory = mkdtempSync(join(tmpdir(), "effect-voice-workers-"))
let primary: ChildProcess
let base = ""
let output = ""
let exit: Promise<number | null>

const until = async <A>(what: string, look: () => Promise<A | undefined> | A | undefined): Promise<A> => {
  const deadline = performance.now() + 110_000
  while (performance.now() < deadline) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return assert.fail(`${what}, not within 110 s: ${output.slice(-2_000)}`)
}

const create = async (): Promise<{ readonly status: number; readonly body: Created & { readonly code?: string } }> => {
  const response = await whenThereIsRoom(() =>
    fetch(`${base}/v1/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user_id: "ada", transport: "websocket" })
    })
  )
  return { status: response.status, body: JSON.parse(await response.text()) }
}

const json = async (path: string) => {
  const response = await fetch(`${base}${path}`)
  return { status: response.status, body: JSON.parse(await response.text()) }
}

/** A user on a WebSocket, and what is told to them. */
const connect = ({ connection_url: url, token }: Created) =>
  new Promise<{ readonly socket: WebSocket; readonly events: Array<Event>; readonly audio: () => number }>(
    (resolve, reject) => {
      const socket = new WebSocket(url, ["effect-voice.v1", `token.${token}`], { handshakeTimeout: 3_000 })
      const events: Array<Event> = []
      let audio = 0
      socket.on("message", (data, binary) => {
        if (binary) audio++
        else events.push(JSON.parse(String(data)))
      })
      socket.once("open", () => resolve({ socket, events, audio: () => audio }))
      socket.once("error", reject)
      socket.once("unexpected-response", (_, { statusCode }) => reject(new Error(`refused with ${statusCode}`)))
    }
  )

const asks = async (user: Awaited<ReturnType<typeof connect>>, text: string, answer: RegExp): Promise<void> => {
  user.socket.send(JSON.stringify({ type: "user.text", text }))
  await until(
    `an answer to ${text}`,
    () => user.events.find((event) => event.type === "agent.transcript" && answer.test(event.text ?? ""))
  )
  await until("the voice", () => user.audio() > 0 ? true : undefined)
}

/** The processes of the workers, by the sessions that each says it has. */
const children = (): ReadonlyArray<number> =>
  readdirSync("/proc").filter((name) => /^\d+$/u.test(name)).flatMap((name) => {
    try {
      const parent = Number(readFileSync(`/proc/${name}/stat`, "utf8").split(") ")[1]!.split(" ")[1])
      return parent === primary.pid ? [Number(name)] : []
    } catch {
      return []
    }
  })

const activeOf = async (): Promise<ReadonlyArray<number>> => {
  const text = await (await fetch(`${base}/metrics`)).text()
  return Array.from(text.matchAll(/^effect_voice_sessions_active\{[^}]*worker="\d"\} (\d+)/gmu), ([, n]) => Number(n))
}

const missing = process.platform === "linux" ? undefined : "it looks at /proc: run it on Linux"
if (missing !== undefined) process.stderr.write(`skipped, workers: ${missing}\n`)

describe.skipIf(missing !== undefined)("serve --workers 2", () => {
  beforeAll(async () => {
    const config = join(directory, "voice.json")
    writeFileSync(
      config,
      JSON.stringify({
        store: { kind: "sqlite", path: join(directory, "sessions.db") },
        max_concurrent_sessions: 9,
        // a slow machine must neither refuse sessions nor count as degraded
        latency_target: "5s",
        overload: { max_lag: "10s", max_backlog: "30s" }
      })
    )
    primary = spawn(
      process.execPath,
      [
        "--disable-warning=ExperimentalWarning",
        "src/cli/main.ts",
        "serve",
        "--config",
        config,
        "--port",
        "0",
        "--workers",
        "2"
      ],
      { stdio: ["ignore", "pipe", "pipe"] }
    )
    exit = new Promise((resolve) => primary.once("exit", resolve))
    const read = (chunk: Buffer) => {
      output += chunk.toString()
    }
    primary.stdout?.on("data", read)
    primary.stderr?.on("data", read)
    base = await until("listening", () => /listening on (http:\/\/[\d.]+:\d+), with 2 workers/u.exec(output)?.[1])
  }, 120_000)
  afterAll(() => {
    primary.kill("SIGKILL")
    rmSync(directory, { recursive: true, force: true })
  })

  it("spreads sessions, and each is reached through the one port, by HTTP and by WebSocket", async () => {
    const made = [await create(), await create(), await create(), await create()]
    assert.deepEqual(made.map(({ status }) => status), [201, 201, 201, 201])
    assert.deepEqual(await activeOf(), [2, 2])
    for (const { body } of made) {
      assert.isTrue(body.connection_url.startsWith(base.replace("http", "ws")))
      assert.strictEqual((await json(`/v1/sessions/${body.id}`)).body.id, body.id)
    }
    const listed: ReadonlyArray<{ readonly id: string }> = (await json("/v1/sessions")).body.sessions
    assert.deepEqual(listed.map(({ id }) => id).toSorted(), made.map(({ body }) => body.id).toSorted())
    const users = await Promise.all(made.map(({ body }) => connect(body)))
    await Promise.all(users.map((user) => asks(user, "What is two plus three?", /\b5\b|five/iu)))
    for (const user of users) user.socket.send("{\"type\":\"session.end\"}")
    await until("all ended", async () => (await activeOf()).every((count) => count === 0) ? true : undefined)
    assert.strictEqual((await json("/v1/sessions/no-such-session")).status, 404)
  }, 90_000)

  it("lets in no more than all together may have, however many come at once", async () => {
    const made = await Promise.all(Array.from({ length: 40 }, create))
    const inside = made.filter(({ status }) => status === 201)
    assert.isAtMost(inside.length, 9)
    assert.isAbove(inside.length, 6)
    assert.deepEqual(
      new Set(made.filter(({ status }) => status !== 201).map(({ body }) => body.code)),
      new Set(["session_limit_exceeded"])
    )
    await Promise.all(inside.map(({ body }) => fetch(`${base}/v1/sessions/${body.id}`, { method: "DELETE" })))
    assert.deepEqual(await activeOf(), [0, 0])
  }, 60_000)

  it("starts a worker again that was killed; its calls go on, and the other's never stopped", async () => {
    // workers tell every second how many they have
    const made = await until("a session in each worker", async () => {
      const pair = [(await create()).body, (await create()).body] as const
      if ((await activeOf()).every((count) => count === 1)) return pair
      for (const { id } of pair) await fetch(`${base}/v1/sessions/${id}`, { method: "DELETE" })
      return undefined
    })
    const users = await Promise.all(made.map(connect))
    await Promise.all(users.map((user) => asks(user, "What is two plus three?", /\b5\b|five/iu)))
    const closed = users.map(({ socket }) => new Promise<number>((resolve) => socket.once("close", resolve)))
    const [victim = 0] = children()
    process.kill(victim, "SIGKILL")
    const hit = await Promise.race(closed.map((each, index) => each.then(() => index)))
    const other = 1 - hit
    await asks(users[other]!, "What is four plus four?", /\b8\b|eight/iu)
    const back = await until("the way back", () => connect(made[hit]!).catch(() => undefined))
    await until(
      "a resumed session",
      () => back.events.find(({ resumed, type }) => type === "session.started" && resumed)
    )
    await asks(back, "What is ten plus two?", /\b12\b|twelve/iu)
    const { history }: { readonly history: ReadonlyArray<{ readonly role: string; readonly text: string }> } =
      (await json(`/v1/sessions/${made[hit]!.id}/history`)).body
    assert.include(history.map(({ text }) => text), "What is two plus three?")
    // a machine this busy may count as degraded for its event loop's lag: what matters is that both workers answer
    await until("two workers", async () => {
      const { parts }: { readonly parts: ReadonlyArray<{ readonly name: string }> } = (await json("/health/ready")).body
      return [0, 1].every((worker) => parts.some(({ name }) => name.startsWith(`worker_${worker}:`))) ? true : undefined
    })
    assert.lengthOf(children(), 2)
    for (const { socket } of [back, users[other]!]) socket.send("{\"type\":\"session.end\"}")
  }, 120_000)

  it("answers what is no request, and is not held up by who sends nothing", async () => {
    const { connect: dial } = await import("node:net")
    const silent = Array.from({ length: 50 }, () => dial(Number(new URL(base).port), "127.0.0.1"))
    const bad = await new Promise<string>((resolve) => {
      const socket = dial(Number(new URL(base).port), "127.0.0.1", () => socket.write("NONSENSE\r\n\r\n"))
      let text = ""
      socket.on("data", (chunk) => {
        text += chunk.toString()
      })
      socket.once("close", () => resolve(text))
    })
    assert.match(bad, /^HTTP\/1\.1 400/u)
    assert.strictEqual((await json("/health/ready")).status, 200)
    for (const socket of silent) socket.destroy()
  }, 30_000)

  it("drains all of them at SIGTERM, and ends with 0", async () => {
    const user = await connect((await create()).body)
    await asks(user, "What is two plus three?", /\b5\b|five/iu)
    const workers = children()
    primary.kill("SIGTERM")
    assert.strictEqual(await exit, 0)
    assert.isTrue(user.events.some(({ type }) => type === "session.ended"))
    for (const pid of workers) assert.throws(() => process.kill(pid, 0))
  }, 60_000)
})
