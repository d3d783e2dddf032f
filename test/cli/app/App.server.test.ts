/** An application with everything that `serve` does: as a module, as a program of its own, and in several processes. */
import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { type Created, WireUser } from "../../support/WireUser.ts"

const hotel = Path.join("test", "cli", "app", "HotelApp.ts")
const main = Path.join("src", "cli", "main.ts")
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

class Served {
  readonly directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-app-"))
  readonly file = Path.join(this.directory, "voice.yaml")
  readonly child: ChildProcess
  out = ""
  err = ""
  readonly exit: Promise<number | null>

  constructor(args: (file: string) => ReadonlyArray<string>, config: string, env: Record<string, string> = {}) {
    this.write(config)
    this.child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args(this.file)], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, XDG_STATE_HOME: this.directory, ...env }
    })
    this.child.stdout?.on("data", (data: Buffer) => this.out += data.toString())
    this.child.stderr?.on("data", (data: Buffer) => this.err += data.toString())
    this.exit = new Promise((resolve) => this.child.once("exit", resolve))
  }

  write(config: string): void {
    Fs.writeFileSync(this.file, config)
  }

  async until<A>(find: () => A | null | undefined | false): Promise<A> {
    for (let i = 0; i < 1_200 && this.child.exitCode === null; i++) {
      const found = find()
      if (found !== undefined && found !== null && found !== false) return found
      await pause(50)
    }
    throw new Error(`${this.child.exitCode}: ${this.out}\n${this.err}`)
  }

  async listening(): Promise<string> {
    return (await this.until(() => /listening on (http:[^\s,]+)/.exec(this.out)))[1] ?? ""
  }

  async close(): Promise<void> {
    this.child.kill("SIGKILL")
    await this.exit
    Fs.rmSync(this.directory, { recursive: true, force: true })
  }
}

const create = (base: string, token: string, agent?: string) =>
  fetch(`${base}/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ user_id: "ada", transport: "websocket", ...(agent === undefined ? {} : { agent }) })
  })

/** What a guest hears in a session of their own. */
const hear = async (base: string, agent?: string): Promise<string> => {
  const response = await create(base, "guest-ada", agent)
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`)
  const user = await WireUser.of(await response.json() as Created)
  user.send({ type: "user.text", text: "hello" })
  for (let i = 0; i < 1_200 && user.closed === undefined; i++) {
    const answer = user.events.find((event) => event.type === "agent.speech_stopped")
    if (answer !== undefined) {
      user.hangUp()
      return answer.text
    }
    await pause(50)
  }
  throw new Error(JSON.stringify(user.events))
}

const authenticated = "server: { port: 0, authentication: hook }\n"

describe("serve --app", () => {
  it("serves the application's agents, engines and hooks, with a config that is read again on SIGHUP", async () => {
    const served = new Served((file) => [main, "serve", "--app", hotel, "--config", file], authenticated)
    try {
      const base = await served.listening()
      assert.strictEqual((await create(base, "stranger")).status, 401)
      assert.strictEqual(await hear(base), "Room twelve. You said hello")
      assert.strictEqual(await hear(base, "night"), "The night desk.")
      // the API and the console page show what is used
      const { active } = await fetch(`${base}/v1/providers`, { headers: { authorization: "Bearer guest-ada" } })
        .then((response) => response.json()) as { readonly active: unknown }
      assert.include(JSON.stringify(active), "bellboy")
      assert.include(JSON.stringify(active), "concierge")
      // the names of the module are known on a reload as well
      served.write(`${authenticated}agent: night\n`)
      served.child.kill("SIGHUP")
      await served.until(() => /config: changed agent/.test(served.err))
      assert.strictEqual(await hear(base), "The night desk.")
      served.write(`${authenticated}agent: nihgt\n`)
      served.child.kill("SIGHUP")
      await served.until(() => /agent: unknown agent; did you mean `night`\?/.test(served.err))
      // JSON in a pipe, and the session store of serve
      for (const line of served.err.trim().split("\n")) assert.isObject(JSON.parse(line))
      assert.isTrue(Fs.existsSync(Path.join(served.directory, "effect-voice", "sessions.db")))
      served.child.kill("SIGTERM")
      assert.strictEqual(await served.exit, 0, served.err)
      assert.match(served.err, /drained in/)
    } finally {
      await served.close()
    }
  }, 120_000)

  it("gives all spans to the application's tracer, also where telemetry is configured", async () => {
    const spans = Path.join(Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-spans-")), "spans")
    const telemetry = "telemetry: { otlp_endpoint: \"http://127.0.0.1:9\" }"
    const served = new Served(
      (file) => [main, "serve", "--app", hotel, "--config", file],
      `server: { port: 0, authentication: hook, ${telemetry} }\n`,
      { HOTEL_SPANS: spans }
    )
    try {
      assert.strictEqual(await hear(await served.listening()), "Room twelve. You said hello")
      const lines = Fs.readFileSync(spans, "utf8").trim().split("\n").map((line) => line.split(" "))
      assert.includeMembers(lines.map(([, name]) => name), ["http.sessions.create", "voice.session", "voice.turn"])
    } finally {
      await served.close()
      Fs.rmSync(Path.dirname(spans), { recursive: true, force: true })
    }
  }, 120_000)

  for (
    const [how, args] of [
      ["a module", (file: string) => [main, "serve", "--app", hotel, "--config", file, "--workers", "2"]],
      ["a program of its own", (file: string) => [hotel, "serve", "--config", file, "--workers", "2"]]
    ] as const
  ) {
    it(`serves ${how} in several processes`, async () => {
      const served = new Served(args, authenticated)
      try {
        const base = await served.listening()
        assert.strictEqual(await hear(base), "Room twelve. You said hello")
        assert.strictEqual(await hear(base, "night"), "The night desk.")
        assert.match(served.out, process.platform === "linux" ? /with 2 workers/ : /listening/)
        served.child.kill("SIGTERM")
        assert.strictEqual(await served.exit, 0, served.err)
      } finally {
        await served.close()
      }
    }, 120_000)
  }
})
