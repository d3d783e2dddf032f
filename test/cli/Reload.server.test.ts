import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { create, WireUser } from "../support/WireUser.ts"

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe("effect-voice serve on SIGHUP", () => {
  it("reloads its config, reports what changed or every fault, and keeps running sessions", async () => {
    const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-reload-"))
    const file = Path.join(directory, "voice.yaml")
    const write = (lines: string) =>
      Fs.writeFileSync(
        file,
        `${lines}\nstore: { kind: sqlite, path: "${Path.join(directory, "sessions.db")}" }\nserver: { port: 0 }\n`
      )
    write("max_concurrent_sessions: 5\nconversation: { greeting: \"\" }")
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", "src/cli/main.ts", "serve", "--config", file],
      { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, EFFECT_VOICE_LOG: "pretty" } }
    )
    let out = ""
    let err = ""
    child.stdout.on("data", (data: Buffer) => out += data.toString())
    child.stderr.on("data", (data: Buffer) => err += data.toString())
    const exited = new Promise<number | null>((resolve) => child.once("exit", resolve))
    const until = async (text: () => string, pattern: RegExp) => {
      for (let i = 0; i < 600; i++) {
        const found = pattern.exec(text())
        if (found !== null) return found
        if (child.exitCode !== null) break
        await pause(50)
      }
      throw new Error(`no ${pattern} in: ${text()} (${child.exitCode}) ${err}`)
    }
    const hangUp = async (expected: RegExp) => {
      err = ""
      child.kill("SIGHUP")
      await until(() => err, expected)
    }
    try {
      const [, base = ""] = await until(() => out, /listening on (http:\S+)/)
      const user = await WireUser.call(base, "caller")
      const answers = async (count: number) => {
        user.send({ type: "user.text", text: "hello" })
        while (user.types.filter((type) => type === "agent.speech_stopped").length < count) await pause(20)
      }
      await answers(1)

      await hangUp(/^config: no changes$/m)
      write("max_concurrent_sessions: 1\nconversation: { greeting: \"\", goodbye: \"s3cret\" }")
      await hangUp(/^config: changed conversation\.goodbye, max_concurrent_sessions; running sessions keep theirs$/m)
      assert.notInclude(err, "s3cret")
      assert.strictEqual((await create(base, "another")).status, 503)
      await answers(2)

      write("max_concurrent_sessions: 0\nengines: { flite: { voise: s3cret } }\nagent: \"${S3CRET_UNSET}\"")
      await hangUp(/^config: unchanged$/m)
      assert.match(err, /^ {2}max_concurrent_sessions: /m)
      assert.match(err, /^ {2}engines\.flite\.voise: unknown key `voise`; did you mean `voice`\?$/m)
      assert.match(err, /^ {2}agent: the environment variable S3CRET_UNSET is not set$/m)
      assert.notInclude(err, "s3cret")

      write("max_concurrent_sessions: 9\nturn_detection_provider: text")
      await hangUp(/^config: unchanged$/m)
      assert.match(err, /^ {2}turn_detection_provider: cannot change while running$/m)
      assert.strictEqual((await create(base, "another")).status, 503, "all or nothing")

      write("max_concurrent_sessions: 9")
      Fs.writeFileSync(file, Fs.readFileSync(file, "utf8").replace("port: 0", "port: 0, trusted_proxies: [10.0.0.1]"))
      await hangUp(/^ {2}server: refusing to serve with server\.trusted_proxies [^]*^config: unchanged$/m)
      assert.strictEqual((await create(base, "another")).status, 503, "all or nothing")

      Fs.writeFileSync(file, "max_concurrent_sessions: [")
      await hangUp(/not valid YAML[^]*config: unchanged/)
      const levels = Array.from({ length: 10 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]\n`)
      Fs.writeFileSync(file, `a0: &a0 [x]\n${levels.join("")}`)
      await hangUp(/more than 50,000 values[^]*config: unchanged/)
      write("max_concurrent_sessions: 2")
      Fs.appendFileSync(file, "")
      Fs.writeFileSync(file, Fs.readFileSync(file, "utf8").replace("port: 0", "port: 1"))
      await hangUp(/^config: restart to apply server\.port$/m)
      assert.strictEqual((await create(base, "another")).status, 201)

      await answers(3)
      assert.notInclude(user.types, "session.ended")
      child.kill("SIGTERM")
      assert.strictEqual(await exited, 0, err)
      assert.match(err, /2 of 2 sessions completed/)
    } finally {
      child.kill("SIGKILL")
      await exited
      Fs.rmSync(directory, { recursive: true, force: true })
    }
  }, 120_000)
})
