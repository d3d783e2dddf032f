/** `serve` with the embedded voice, while the machine's wall clock is stepped in the middle of an answer. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { WebSocket } from "ws"
import { create, type Created } from "../support/WireUser.ts"

const STEPS_MS = [-1_000, 1_000, -20_000, 20_000, -3_600_000, 3_600_000, 3_600_000]
const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-clock-"))
let server: ChildProcess
let base = ""
let output = ""

const until = async <A>(what: string, look: () => A | undefined): Promise<A> => {
  const deadline = performance.now() + 60_000
  while (performance.now() < deadline) {
    const found = look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return assert.fail(`${what}, not within 60 s: ${output.slice(-2_000)}`)
}

interface Event {
  readonly type: string
  readonly at_ms: number
  readonly resumed?: boolean
  readonly reason?: string
}

class User {
  readonly events: Array<Event> = []
  closed: number | undefined
  bytes = 0
  readonly #socket: WebSocket
  readonly #microphone: NodeJS.Timeout

  constructor({ connection_url: url, token }: Created) {
    this.#socket = new WebSocket(url, ["effect-voice.v1", `token.${token}`])
    this.#socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) this.bytes += data.length
      else this.events.push(JSON.parse(data.toString()))
    })
    this.#socket.on("close", (code) => {
      this.closed = code
    })
    this.#microphone = setInterval(() => {
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(Buffer.alloc(640))
    }, 20)
  }

  async waitFor(type: string, from = 0): Promise<Event> {
    return until(
      `${type} of ${JSON.stringify(this.events)}`,
      () => this.events.slice(from).find((e) => e.type === type)
    )
  }

  /** Types a turn, and waits until the agent speaks. */
  async ask(text: string): Promise<void> {
    const from = this.events.length
    this.#socket.send(JSON.stringify({ type: "user.text", text }))
    await this.waitFor("agent.speech_started", from)
  }

  /** How long the next second of audio takes to arrive, in ms. */
  async listen(): Promise<number> {
    const from = performance.now()
    const enough = this.bytes + 48_000
    await until("a second of audio", () => this.bytes >= enough ? true : undefined)
    return performance.now() - from
  }

  hangUp(): void {
    clearInterval(this.#microphone)
    this.#socket.terminate()
  }
}

const created = async (name: string): Promise<Created> => {
  const response = await create(base, name)
  assert.strictEqual(response.status, 201)
  return await response.json() as Created
}

beforeAll(async () => {
  const config = Path.join(directory, "voice.yaml")
  Fs.writeFileSync(
    config,
    `conversation: { greeting: "" }\nstore: { kind: sqlite, path: "${Path.join(directory, "sessions.db")}" }\n` +
      "server: { port: 0 }\n"
  )
  server = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      "--import",
      "./test/support/step-clock.mjs",
      "src/cli/main.ts",
      "serve",
      "--config",
      config
    ],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, STEPS_MS: STEPS_MS.join(",") } }
  )
  for (const stream of [server.stdout, server.stderr]) stream?.on("data", (data: Buffer) => output += data.toString())
  base = await until("the address", () => /listening on (http:\S+)/.exec(output)?.[1])
})

afterAll(async () => {
  const exited = new Promise((resolve) => server.once("exit", resolve))
  server.kill("SIGTERM")
  await exited
  Fs.rmSync(directory, { recursive: true, force: true })
})

describe("serve while the wall clock is stepped", () => {
  it("goes on speaking, ends no call, and takes the user back with the token from before", async () => {
    const call = await created("ada")
    const user = new User(call)
    await user.waitFor("session.started")
    await user.ask("count to one hundred")
    for (const byMs of STEPS_MS) {
      const undisturbed = await user.listen()
      output = ""
      server.kill("SIGUSR2")
      await until("the step", () => output.includes(`stepped by ${byMs} ms`) ? true : undefined)
      const stepped = await user.listen()
      assert.isBelow(stepped, 4 * undisturbed + 1_000, `a second of audio after a step of ${byMs} ms`)
    }
    assert.isUndefined(user.closed, JSON.stringify(user.events.at(-1)))
    const times = user.events.map((event) => event.at_ms)
    assert.deepStrictEqual(times, [...times].sort((one, other) => one - other))
    assert.isBelow(times.at(-1)! - times[0]!, 3_000_000)

    // the clock stays an hour ahead: the token has expired by it, but not by the time that has passed
    const from = user.events.length
    await user.ask("hello")
    await user.waitFor("agent.speech_stopped", from)
    user.hangUp()
    const back = new User(call)
    assert.isTrue((await back.waitFor("session.started")).resumed)
    await back.ask("hello again")
    const another = new User(await created("bob"))
    await another.waitFor("session.started")
    await another.ask("what can you do")
    assert.strictEqual((await fetch(`${base}/health/ready`)).status, 200)
    for (const each of [back, another]) {
      assert.isUndefined(each.closed)
      each.hangUp()
    }
    assert.notMatch(output, /ERROR|unhealthy|overloaded|abandoned/)
  })
})
