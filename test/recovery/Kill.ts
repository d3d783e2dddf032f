/** Kills a server at random moments of live conversations, starts it again, and lets the callers say what they lost. */
import { type ChildProcess, spawn } from "node:child_process"
import { findFreePort } from "../support/FreePort.ts"
import { Caller } from "./Caller.ts"

export interface KillReport {
  readonly kills: number
  readonly callers: number
  readonly turns: number
  readonly safe: number
  readonly recoveries: ReadonlyArray<number>
  readonly lostMs: number
  readonly problems: ReadonlyArray<string>
}

export const start = (port: number, store: readonly [kind: string, where: string]): Promise<ChildProcess> =>
  new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ["test/recovery/CallServer.ts", String(port), ...store],
      { stdio: ["ignore", "pipe", "inherit"] }
    )
    child.once("exit", (code) => reject(new Error(`the server ended with ${code} before it was ready`)))
    child.stdout.on("data", (data: Buffer) => data.includes("ready") ? resolve(child) : undefined)
  })

export const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => child.once("exit", () => resolve()))

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** `random`: a number from 0 to 1, so that a run can be repeated. */
export const run = async (options: {
  readonly kills: number
  readonly callers: number
  readonly store: readonly [kind: string, where: string]
  readonly random: () => number
}): Promise<KillReport> => {
  const port = await findFreePort()
  let server = await start(port, options.store)
  const callers = Array.from(
    { length: options.callers },
    (_, i) => new Caller(`caller-${i}`, `http://127.0.0.1:${port}`)
  )
  try {
    for (const caller of callers) {
      await caller.create()
      caller.say()
    }
    for (let kill = 0; kill < options.kills; kill++) {
      await pause(300 + options.random() * 4_000)
      const gone = ended(server)
      server.kill("SIGKILL")
      await gone
      server = await start(port, options.store)
      // everybody is back before the next blow
      for (let i = 0; i < 200 && callers.some((caller) => caller.recoveries.length <= kill); i++) await pause(50)
    }
    await pause(3_000)
    const listed = await (await fetch(`http://127.0.0.1:${port}/v1/sessions`)).json() as {
      sessions: ReadonlyArray<{ id: string }>
    }
    const problems = callers.flatMap((caller) => [
      ...caller.problems.map((problem) => `${caller.name}: ${problem}`),
      ...(caller.recoveries.length === options.kills
        ? []
        : [`${caller.name}: came back ${caller.recoveries.length} times of ${options.kills}`])
    ])
    if (listed.sessions.length !== options.callers) problems.push(`${listed.sessions.length} sessions are listed`)
    await Promise.all(callers.map((caller) => caller.end()))
    return {
      kills: options.kills,
      callers: options.callers,
      turns: callers.reduce((sum, caller) => sum + caller.turns, 0),
      safe: callers.reduce((sum, caller) => sum + caller.safe.length, 0),
      recoveries: callers.flatMap((caller) => caller.recoveries).sort((a, b) => a - b),
      lostMs: Math.max(...callers.map((caller) => caller.lostMs)),
      problems
    }
  } finally {
    const gone = ended(server)
    server.kill("SIGTERM")
    await gone
  }
}

export const inWords = ({ callers, kills, lostMs, recoveries, safe, turns }: KillReport): string => {
  const at = (share: number) => Math.round(recoveries[Math.floor(share * (recoveries.length - 1))] ?? Number.NaN)
  return `${kills} kills of ${callers} conversations each: ${turns} turns, ${safe} acknowledged utterances; back after ` +
    `p50 ${at(0.5)} ms, max ${at(1)} ms (start of the process included); at most ${lostMs} ms of a reply lost`
}
