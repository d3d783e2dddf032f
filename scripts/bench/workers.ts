/**
 * What is lost by being two (B11): CPU time per session and second of one process, then of two workers (`serve --workers 2`)
 * with as many sessions each, the parent included.
 *
 * The callers share the cores with the servers, so that two workers never have two cores for themselves here: not how many
 * sessions they hold is measured, but what a session costs. One process can use one core; two workers, for which a session
 * costs the same, hold twice as many sessions on two. No process is busy for more than a part of its core meanwhile.
 *
 * Usage: `npm run bench -- workers`; behind it `--calls 40` for each process, `--seconds 20`, `--rounds 2`. Linux. On SQLite,
 * with scripted engines. `shared`: the calls come through the shared port, and half of them are passed on.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { WorkersServer } from "../../test/cli/workers/WorkersServer.ts"
import * as Api from "../../test/cluster/Api.ts"
import { LEASE_MS, Nodes } from "../../test/cluster/Nodes.ts"
import * as Kill from "../../test/recovery/Kill.ts"
import * as Callers from "./Callers.ts"
import { median } from "./Statistics.ts"

const { values } = parseArgs({
  options: {
    calls: { type: "string", default: "40" },
    seconds: { type: "string", default: "20" },
    rounds: { type: "string", default: "2" }
  }
})
const seconds = Number(values.seconds)
const lease = `${LEASE_MS}ms`

interface Serving {
  /** Where sessions are created. */
  readonly url: string
  readonly pids: ReadonlyArray<number>
  readonly close: () => Promise<void>
}

const one = async (): Promise<Serving> => {
  const nodes = new Nodes({ store: { kind: "sqlite", lease } }, (directory) => join(directory, "sessions.db"))
  const { pid, url } = await nodes.start("one")
  return { url, pids: [pid], close: () => nodes.close() }
}

const two = async (): Promise<Serving> => {
  const server = new WorkersServer({ max_concurrent_sessions: 1_000 })
  await server.start()
  const workers = server.workers.map(({ pid }) => pid)
  const parent = Number(readFileSync(`/proc/${workers[0]}/stat`, "utf8").replace(/^.*\) /su, "").split(" ")[1])
  return { url: server.base, pids: [...workers, parent], close: () => server.close() }
}

/** CPU ms per session and second. */
const measure = async (
  name: string,
  serve: () => Promise<Serving>,
  { count, shared = false }: { readonly count: number; readonly shared?: boolean }
): Promise<number> => {
  const { close, pids, url } = await serve()
  try {
    // what the start leaves behind is over
    await Kill.pause(8_000)
    const idle = await Callers.cpuOf(pids, 5)
    const owners = new Map<string, number>()
    const callers: Array<Callers.Caller> = []
    for (let i = 0; i < count; i++) {
      const created = await Api.create({ url }, "caller")
      if (created.status !== 201) throw new Error(Api.reasonOf(created))
      const address = new URL(created.url)
      owners.set(address.port, (owners.get(address.port) ?? 0) + 1)
      if (shared) address.port = new URL(url).port
      callers.push(await Callers.connect(address.href, created.token))
    }
    const { cpu, cut, firstMs, heard, ownCpu, sent } = await Callers.talk(callers, pids, seconds)
    const sum = cpu.reduce((total, ms) => total + ms, 0)
    process.stdout.write(
      `${name.padEnd(22)} ${(sum / count).toFixed(2)} ms CPU a session and second ` +
        `(${cpu.map((ms) => ms.toFixed(0)).join(" + ")} ms/s; idle ${
          idle.slice(0, -1).map((ms) => ms.toFixed(0)).join(" + ")
        }; callers ${ownCpu.toFixed(0)}), sessions ${[...owners.values()].join(" + ")}; ` +
        `text → first audio p50 ${firstMs.toFixed(0)} ms; ${sent.toFixed(1)} frames a second sent, ` +
        `${heard.toFixed(1)} heard; ${cut} cut\n`
    )
    return sum / count
  } finally {
    await close()
  }
}

const each = Number(values.calls)
const ratios: Array<number> = []
for (let round = 0; round < Number(values.rounds); round++) {
  const single = await measure("one process", one, { count: each })
  const both = await measure("two workers", two, { count: 2 * each })
  await measure("two workers, shared", two, { count: 2 * each, shared: true })
  ratios.push(2 * single / both)
}
process.stdout.write(
  `sessions of two workers on two cores, against one process on one: ${median(ratios).toFixed(2)} × ` +
    `(${ratios.map((ratio) => ratio.toFixed(2)).join(", ")})\n`
)
