/**
 * What a call on the telephone costs (B12): CPU time of the serving process per session and second, with engines that take no
 * time and without VAD, beside users of the native WebSocket, and what of it the sockets alone take: the messages of the same calls,
 * with nobody behind them. The callers are in this process, each server in one of its own.
 *
 * Usage: `npm run bench -- phone`; behind it `--sessions 100,250`, `--seconds 20`, `--rounds 2`, `--profile DIRECTORY` (CPU
 * profiles of the servers). Linux.
 *
 * @since 0.1.0
 */
import { spawn } from "node:child_process"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { cpuMs } from "../../test/cluster/Cost.ts"
import { command } from "./peers/Run.ts"
import * as Callers from "./phone/Callers.ts"
import { median, quantile } from "./Statistics.ts"

const { values } = parseArgs({
  options: {
    sessions: { type: "string", default: "100,250" },
    seconds: { type: "string", default: "20" },
    rounds: { type: "string", default: "2" },
    profile: { type: "string" }
  }
})
const seconds = Number(values.seconds)
const WARM_SECONDS = 10
const BUDGET_MS = 0.8

const sides = {
  phone: { program: "Server.ts", dial: ({ phone }: Addresses) => Callers.phone(phone) },
  native: { program: "Server.ts", dial: ({ native }: Addresses) => Callers.native(native) },
  sockets: { program: "Nothing.ts", dial: ({ phone }: Addresses) => Callers.phone(phone) }
}
type Side = keyof typeof sides

interface Addresses {
  readonly native: string
  readonly phone: string
}

/** CPU ms of the server per session and second. */
const measure = async (side: Side, sessions: number): Promise<number> => {
  const profiling = values.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${values.profile}`]
  const { args, command: first } = command(profiling, join(import.meta.dirname, "phone", sides[side].program))
  const child = spawn(first, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] })
  const ended = new Promise((resolve) => child.once("exit", resolve))
  const addresses = await new Promise<Addresses>((resolve, reject) => {
    child.once("message", (message) => resolve(message as Addresses))
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)))
  })
  const pid = child.pid ?? 0
  const used: Array<number> = []
  const at: Array<number> = []
  const own: Array<number> = []
  const { answerMs, framesPerSecond, turns } = await Callers.call(
    sides[side].dial(addresses),
    sessions,
    WARM_SECONDS,
    seconds,
    () => {
      used.push(cpuMs({ pid }))
      own.push(cpuMs({ pid: process.pid }))
      at.push(performance.now())
    }
  )
  const per = (cpu: ReadonlyArray<number>) => 1_000 * (cpu[1]! - cpu[0]!) / (at[1]! - at[0]!)
  const cost = per(used) / sessions
  process.stdout.write(
    `${side.padEnd(7)} ${String(sessions).padStart(4)} sessions: ${cost.toFixed(3)} ms CPU a session and second ` +
      `(callers ${(per(own) / sessions).toFixed(2)}); ${framesPerSecond.toFixed(1)} frames a second heard; ` +
      `first silence → first audio p50 ${median(answerMs).toFixed(1)}, p95 ${
        quantile(answerMs, 0.95).toFixed(1)
      } ms, ` +
      `${turns - answerMs.length} of ${turns} unanswered\n`
  )
  child.disconnect()
  await ended
  return cost
}

const costs = new Map<string, Array<number>>()
const counts = values.sessions.split(",").map(Number)
for (let round = 0; round < Number(values.rounds); round++) {
  for (const sessions of counts) {
    for (const side of ["phone", "native", "sockets"] as const) {
      const cost = await measure(side, sessions)
      costs.set(`${side} ${sessions}`, [...costs.get(`${side} ${sessions}`) ?? [], cost])
    }
  }
}
const of = (side: Side) => (sessions: number): number => median(costs.get(`${side} ${sessions}`) ?? [])
const listed = (cost: (sessions: number) => number): string =>
  counts.map((sessions) => `${cost(sessions).toFixed(2)} at ${sessions}`).join(", ")
const isHeld = counts.every((sessions) => of("phone")(sessions) <= BUDGET_MS)
process.stdout.write(
  `B12, a call on the telephone: ${listed(of("phone"))} ms (budget ${BUDGET_MS} ms: ${
    isHeld ? "held" : "NOT held"
  }), ` +
    `without the sockets ${listed((sessions) => of("phone")(sessions) - of("sockets")(sessions))} ms; ` +
    `native ${listed(of("native"))} ms; the sockets alone ${listed(of("sockets"))} ms\n`
)
