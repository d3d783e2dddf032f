/** The guide's program that reads its config by itself: a file, variables, the environment, and again on SIGHUP. */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { findFreePort } from "../../support/FreePort.ts"

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const config = (sessions: number | string) =>
  `stt_provider: moonshine
tts_provider: flite
vad_provider: energy
turn_detection_provider: silence
pipeline_type: stt_tts
agent: \${AGENT}
max_concurrent_sessions: ${sessions}
server: { port: 1 }
`

describe("a program with ConfigSource", () => {
  it("serves what the file and the environment say, and what they say on SIGHUP", async () => {
    const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-reload-"))
    const file = Path.join(directory, "voice.yaml")
    const port = await findFreePort()
    Fs.writeFileSync(file, config(7))
    const child = spawn(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      "--conditions=@effect-voice/source",
      Path.join("test", "examples", "Reload.ts"),
      file
    ], {
      env: { ...process.env, AGENT: "concierge", EFFECT_VOICE_SERVER__PORT: String(port) },
      stdio: ["ignore", "pipe", "inherit"]
    })
    let out = ""
    child.stdout.on("data", (data: Buffer) => out += data.toString())
    const ended = new Promise((resolve) => child.once("exit", resolve))
    const until = async (pattern: RegExp) => {
      for (let i = 0; i < 1_200 && child.exitCode === null; i++) {
        const found = pattern.exec(out)
        if (found !== null) return found
        await pause(50)
      }
      throw new Error(`${child.exitCode}: ${pattern} is not in ${out}`)
    }
    const reload = (text: string) => {
      out = ""
      Fs.writeFileSync(file, text)
      child.kill("SIGHUP")
    }
    try {
      await until(/agent: concierge/)
      const isReady = () => fetch(`http://127.0.0.1:${port}/health/ready`).then(({ ok }) => ok, () => false)
      while (!await isReady()) await pause(100)
      reload(config("many"))
      await until(/max_concurrent_sessions/)
      reload("agent: [")
      await until(/is not valid YAML/)
      assert.isTrue(await isReady())
      reload(config(8))
      await until(/the config was read again/)
    } finally {
      child.kill("SIGTERM")
      await ended
      Fs.rmSync(directory, { recursive: true, force: true })
    }
  }, 120_000)
})
