/** Real node processes of `effect-voice serve` on one store, with scripted engines, that a test kills, freezes and restarts. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Kill from "../recovery/Kill.ts"
import { findFreePort } from "../support/FreePort.ts"
import { scripted } from "./ScriptedConfig.ts"

/** How long a process may take to listen: its start is the most expensive part of a test on a slow machine. */
const START_MS = 120_000

export const LEASE_MS = 5_000

type Json = { readonly [key: string]: unknown }

/** How one process is to differ from the others. */
export interface NodeOptions {
  /** Fields of the config, in place of the cluster's; sections are merged. */
  readonly config?: Json
  /** A module beside this file that is loaded before the command line. */
  readonly preload?: string
  /** Whether its config names its own address for media. Default: true. */
  readonly direct?: boolean
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const merged = (a: Json, b: Json): Json =>
  Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => {
      const [left, right] = [a[key], b[key]]
      const isSection = typeof left === "object" && typeof right === "object" && left !== null && right !== null
      return [key, isSection && !Array.isArray(right) ? merged(left as Json, right as Json) : b[key] ?? left]
    })
  )

/** Waits for something that other processes bring about. */
export const until = async <A>(
  what: string,
  find: () => A | undefined | false | Promise<A | undefined | false>,
  withinMs = 120_000
): Promise<A> => {
  const givesUpAt = performance.now() + withinMs
  for (;;) {
    const found = await find()
    if (found !== undefined && found !== false) return found
    if (performance.now() > givesUpAt) throw new Error(`waited ${Math.round(withinMs / 1000)} s for ${what}`)
    await Kill.pause(20)
  }
}

export class Node {
  readonly name: string
  readonly port: number
  readonly url: string
  readonly #child: ChildProcess
  /** What it has written, of both outputs. */
  output = ""
  /** Whether a load balancer would send it requests: not before it listens. */
  isReachable = false
  readonly ended: Promise<Ended>
  hasEnded = false

  constructor(name: string, port: number, child: ChildProcess) {
    this.name = name
    this.port = port
    this.url = `http://127.0.0.1:${port}`
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (data: Buffer) => this.output += data.toString())
    }
    this.ended = new Promise((resolve) =>
      child.once("exit", (code, signal) => {
        this.hasEnded = true
        this.isReachable = false
        resolve({ code, signal })
      })
    )
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async kill(): Promise<void> {
    this.isReachable = false
    this.#child.kill("SIGKILL")
    await this.ended
  }

  freeze(): void {
    this.isReachable = false
    this.#child.kill("SIGSTOP")
  }

  thaw(): void {
    this.#child.kill("SIGCONT")
    this.isReachable = true
  }

  /** Begins its drain. */
  terminate(): void {
    this.isReachable = false
    this.#child.kill("SIGTERM")
  }

  async health(): Promise<{ readonly status: number; readonly body: Json }> {
    const response = await fetch(`${this.url}/health/ready`)
    return { status: response.status, body: await response.json() as Json }
  }
}

/** What all nodes of a test have in common. */
export interface ClusterOptions {
  readonly store: Json
  /** The section `cluster`, or `undefined` for processes that share nothing but the store. */
  readonly cluster?: Json | undefined
  readonly config?: Json
  /** Whether every process counts as running on a machine of its own. Default: false. */
  readonly machines?: boolean
}

export class Nodes {
  readonly directory = mkdtempSync(join(tmpdir(), "effect-voice-cluster-"))
  readonly #options: ClusterOptions
  readonly #started: Array<Node> = []
  #turn = 0
  isClosed = false

  /** `file`: that of SQLite, in the directory of the test. */
  constructor(options: ClusterOptions, file?: (directory: string) => string) {
    this.#options = file === undefined
      ? options
      : { ...options, store: { ...options.store, path: file(this.directory) } }
  }

  get all(): ReadonlyArray<Node> {
    return this.#started
  }

  /** Those that have not ended. */
  get running(): ReadonlyArray<Node> {
    return this.#started.filter((node) => !node.hasEnded)
  }

  get reachable(): ReadonlyArray<Node> {
    return this.#started.filter((node) => node.isReachable)
  }

  /** The next of those that a load balancer would choose from. */
  next(): Node {
    const nodes = this.reachable
    const node = nodes[this.#turn++ % nodes.length]
    if (node === undefined) throw new Error("no node is reachable")
    return node
  }

  /** The node at which a URL points. */
  at(url: string): Node | undefined {
    const { port } = new URL(url)
    return this.#started.findLast((node) => String(node.port) === port)
  }

  #config(port: number, { config = {}, direct = true }: NodeOptions): Json {
    const { cluster, config: shared = {}, store } = this.#options
    const base: Json = {
      ...scripted,
      max_concurrent_sessions: 1_000,
      // a call goes on for as long as its user wants
      drain: { mode: "conversation", deadline: "10m" },
      store: { lease: `${LEASE_MS}ms`, ...store },
      server: { host: "127.0.0.1", port },
      ...(cluster === undefined ? {} : {
        cluster: { ...(direct ? { node_url: `http://127.0.0.1:${port}` } : {}), ...cluster }
      })
    }
    return merged(merged(base, shared), config)
  }

  /** Starts a process; it is listening when the promise resolves. */
  async start(name: string, options: NodeOptions = {}): Promise<Node> {
    const port = await findFreePort()
    const home = join(this.directory, name)
    mkdirSync(home, { recursive: true })
    const file = join(home, "voice.json")
    writeFileSync(file, JSON.stringify(this.#config(port, options)))
    const preloads = [
      "ScriptedParts.ts",
      ...(this.#options.machines === true ? ["OwnMachine.ts"] : []),
      ...(options.preload === undefined ? [] : [options.preload])
    ]
    const flags = [
      "--conditions=@effect-voice/source",
      "--disable-warning=ExperimentalWarning",
      ...preloads.map((name) => `--import=./test/cluster/${name}`)
    ]
    const child = spawn(process.execPath, [...flags, "src/cli/main.ts", "serve", "--config", file], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, XDG_STATE_HOME: home, EFFECT_VOICE_LOG: "logfmt" }
    })
    const node = new Node(name, port, child)
    this.#started.push(node)
    await until(
      `${name} to listen`,
      () => {
        if (node.hasEnded) throw new Error(`${name} ended before it listened: ${node.output}`)
        return node.output.includes("is listening on")
      },
      START_MS
    )
    node.isReachable = true
    return node
  }

  startAll(count: number, options?: NodeOptions): Promise<ReadonlyArray<Node>> {
    return Promise.all(Array.from({ length: count }, (_, i) => this.start(`n${i + 1}`, options)))
  }

  /** Ends all processes and removes their files. */
  async close(): Promise<void> {
    this.isClosed = true
    for (const node of this.running) {
      node.thaw()
      await node.kill()
    }
    rmSync(this.directory, { recursive: true, force: true })
  }
}
