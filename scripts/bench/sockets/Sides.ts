/**
 * Starts a side, calls it with users from this process, and ends it; gives what the users heard and what it cost.
 *
 * @since 0.1.0
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { find } from "../../pipecat/Venv.ts"
import { command } from "../peers/Run.ts"
import { call, type Dial, dialOurs, dialPipecat, type Heard, REPLY_MS } from "./Users.ts"

export interface Cost extends Heard {
  readonly users: number
  /** How long it took, with what is not counted. */
  readonly ms: number
  /** Of the side's process, in ms per user and second. */
  readonly cpuMs: number
  readonly rssMb: number
}

const cpuOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")
  return 10 * (Number(stat[11]) + Number(stat[12]))
}
const rssOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/u.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1000

const measure = async (child: ChildProcess, dial: Dial, users: number, seconds: number): Promise<Cost> => {
  const pid = child.pid ?? 0
  const before = cpuOf(pid)
  const from = performance.now()
  try {
    const heard = await call(dial, users, 4, seconds)
    const ms = performance.now() - from
    const cpuMs = (cpuOf(pid) - before) / users / (ms / 1000)
    return { ...heard, users, ms, cpuMs, rssMb: rssOf(pid) }
  } finally {
    child.kill("SIGKILL")
  }
}

/** A server of ours, called by its own protocol or by another. */
export const ours = async (
  users: number,
  seconds: number,
  dialOf: (base: string) => Dial = dialOurs
): Promise<Cost> => {
  const { args, command: first } = command([], join(import.meta.dirname, "Server.ts"))
  const child = spawn(first, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] })
  const base = await new Promise<string>((resolve, reject) => {
    child.once("message", (url) => resolve(String(url)))
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)))
  })
  return measure(child, dialOf(base), users, seconds)
}

const freePort = () =>
  new Promise<number>((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/** Why there is no Pipecat to call. */
export const pipecatMissing = (() => {
  const found = find()
  return "missing" in found ? found.missing : undefined
})()

/** The bot of the tests, with Pipecat's own Silero, turns and WebSocket transport; it hears and thinks nothing. */
export const pipecat = async (users: number, seconds: number): Promise<Cost> => {
  const found = find()
  if ("missing" in found) throw new Error(found.missing)
  const directory = mkdtempSync(join(tmpdir(), "effect-voice-bench-"))
  const pcm = join(directory, "reply.pcm")
  writeFileSync(pcm, Buffer.alloc(48 * REPLY_MS, 4))
  const port = await freePort()
  const child = spawn(
    found.python,
    ["-u", "test/support/pipecat/bot.py", "-t", "websocket", "--host", "127.0.0.1", "--port", String(port)],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        OMP_NUM_THREADS: "1",
        PYTHONDONTWRITEBYTECODE: "1",
        BOT_HEARS: "he was not an ill disposed young man",
        BOT_SAYS: "It is sunny with a light breeze from the west.",
        BOT_PCM: pcm
      }
    }
  )
  try {
    let output = ""
    await new Promise<void>((resolve, reject) => {
      const read = (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-10_000)
        if (output.includes("Uvicorn running")) resolve()
      }
      child.stdout.on("data", read)
      child.stderr.on("data", read)
      child.once("exit", (code) => reject(new Error(`the bot ended with ${code}: ${output.slice(-300)}`)))
    })
    await sleep(500)
    return await measure(child, dialPipecat(`ws://127.0.0.1:${port}/ws-client`), users, seconds)
  } finally {
    child.kill("SIGKILL")
    rmSync(directory, { recursive: true, force: true })
  }
}
