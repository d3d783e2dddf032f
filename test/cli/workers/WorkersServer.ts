/** `serve --workers` as real processes with scripted engines, whose workers a test kills and freezes. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { until } from "../../cluster/Nodes.ts"
import { scripted } from "../../cluster/ScriptedConfig.ts"
import { Caller } from "../../recovery/Caller.ts"

type Json = { readonly [key: string]: unknown }

export interface Worker {
  readonly index: number
  readonly pid: number
  /** Its own address. */
  readonly url: string
  readonly adminUrl: string | undefined
}

export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // a child that nobody waits for has ended as well
    return !/^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return false
  }
}

export class WorkersServer {
  readonly directory = mkdtempSync(join(tmpdir(), "effect-voice-several-"))
  readonly file = join(this.directory, "voice.json")
  readonly #config: Json
  #child: ChildProcess | undefined
  output = ""
  exit: Promise<number | null> = Promise.resolve(null)

  constructor(config: Json) {
    this.#config = config
    this.write({})
  }

  /** Starts it; all workers listen when the promise resolves. */
  async start(args: ReadonlyArray<string> = [], count = 2): Promise<void> {
    const child = spawn(process.execPath, [
      "--conditions=@effect-voice/source",
      "--disable-warning=ExperimentalWarning",
      "--import=./test/cluster/ScriptedParts.ts",
      "src/cli/main.ts",
      "serve",
      "--config",
      this.file,
      "--port",
      "0",
      "--workers",
      String(count),
      ...args
    ], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, XDG_STATE_HOME: this.directory, TMPDIR: this.directory, EFFECT_VOICE_LOG: "logfmt" }
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (data: Buffer) => this.output += data.toString())
    }
    this.exit = new Promise((resolve) => child.once("exit", resolve))
    await this.until("all workers to listen", () => {
      if (child.exitCode !== null) throw new Error("it ended before it listened")
      return this.base !== ""
    })
  }

  /** Writes the config anew, with changes. */
  write(changes: Json): void {
    const config = {
      ...scripted,
      store: { kind: "sqlite", path: join(this.directory, "sessions.db") },
      ...this.#config,
      ...changes
    }
    writeFileSync(this.file, JSON.stringify(config))
  }

  get base(): string {
    return /listening on (https?:\S+), with \d+ workers/.exec(this.output)?.[1] ?? ""
  }

  /** The workers that were started last. */
  get workers(): ReadonlyArray<Worker> {
    const latest = new Map<number, Worker>()
    const pattern = /worker (\d+), process (\d+), is at (https?:[^\s,]+)(?:, what is for operators at (\S+))?/g
    for (const [, index, pid, url = "", adminUrl] of this.output.matchAll(pattern)) {
      latest.set(Number(index), { index: Number(index), pid: Number(pid), url, adminUrl })
    }
    return Array.from(latest.values()).sort((a, b) => a.index - b.index)
  }

  until<A>(what: string, find: () => A | undefined | false | Promise<A | undefined | false>, withinMs?: number) {
    return until(what, find, withinMs).catch((cause: Error) => {
      throw new Error(`${cause.message}: ${this.output.slice(-4_000)}`)
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /**
   * Calls that have each heard an answer, at whichever worker has them. When their line breaks they call the shared port, or
   * else the address that they were given.
   */
  async call(count: number, atSharedPort = true): Promise<ReadonlyArray<Caller>> {
    const callers: Array<Caller> = []
    for (let i = 0; i < count; i++) {
      const caller = new Caller(`caller-${i}`, this.base, {
        later: [502, 503],
        ...(atSharedPort ? { next: () => this.base } : {})
      })
      await caller.create()
      caller.say()
      callers.push(caller)
    }
    await this.until("every caller's first words to be safe", () => callers.every(({ safe }) => safe.length > 0))
    return callers
  }

  ownerOf({ createdAt }: Caller): Worker | undefined {
    return this.workers.find(({ url }) => new URL(url).host === new URL(createdAt).host)
  }

  /** Every caller has another turn. */
  async everybodyTalks(callers: ReadonlyArray<Caller>): Promise<void> {
    const before = new Map(callers.map((caller) => [caller, caller.turns]))
    await this.until(
      "everybody to be answered",
      () => callers.every((caller) => caller.isConnected && caller.turns > (before.get(caller) ?? 0))
    )
  }

  /** The same, until each worker has at least one of them; at least `count`, and three times as many at most. */
  async callAtEach(count: number, atSharedPort = true): Promise<ReadonlyArray<Caller>> {
    const callers = [...await this.call(count, atSharedPort)]
    const idle = () =>
      this.workers.filter((worker) => !callers.some((caller) => this.ownerOf(caller)?.pid === worker.pid))
    // a session is placed where there is less to do, which sessions of before may still count for
    while (callers.length < 3 * count && idle().length > 0) callers.push(...await this.call(1, atSharedPort))
    if (idle().length > 0) throw new Error(`of ${callers.length} calls, worker ${idle()[0]?.index} has none`)
    return callers
  }

  /** Sends bytes as they are to the shared port, and gives the first answer, which says how long it is. */
  raw(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = ""
      const socket = connect(Number(new URL(this.base).port), "127.0.0.1", () => socket.write(text))
      socket.on("data", (data: Buffer) => {
        answer += data.toString("latin1")
        const [, head = "", length] = /^(.*?content-length: *(\d+)\r\n.*?\r\n\r\n)/is.exec(answer) ?? []
        if (length !== undefined && answer.length >= head.length + Number(length)) socket.destroy()
      })
      socket.setTimeout(20_000, () => socket.destroy(new Error(`no whole answer: ${answer}`)))
      socket.on("error", reject)
      socket.on("close", () => resolve(answer))
    })
  }

  /** Ends all processes and removes their files. */
  async close(): Promise<void> {
    for (const { pid } of this.workers) if (isRunning(pid)) process.kill(pid, "SIGKILL")
    this.signal("SIGKILL")
    await this.exit
    for (const { pid } of this.workers) if (isRunning(pid)) process.kill(pid, "SIGKILL")
    rmSync(this.directory, { recursive: true, force: true })
  }
}
