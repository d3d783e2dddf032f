/**
 * What it costs to pass a call on to the node that has it: the same calls directly at their owner, then through the other of
 * two real nodes (`Callers.ts`).
 *
 * Usage: `npm run bench -- proxy`; behind it `--calls 60`, `--seconds 20`. Linux. The nodes are on SQLite, and have scripted
 * engines; the callers are in this process.
 *
 * @since 0.1.0
 */
import { join } from "node:path"
import { parseArgs } from "node:util"
import * as Api from "../../test/cluster/Api.ts"
import { LEASE_MS, type Node, Nodes } from "../../test/cluster/Nodes.ts"
import { settled } from "../../test/cluster/World.ts"
import * as Kill from "../../test/recovery/Kill.ts"
import * as Callers from "./Callers.ts"

const { values } = parseArgs({
  options: { calls: { type: "string", default: "60" }, seconds: { type: "string", default: "20" } }
})
const count = Number(values.calls)
const seconds = Number(values.seconds)

const call = async (owner: Node, through: Node): Promise<Callers.Caller> => {
  for (;;) {
    const created = await Api.create(owner, "caller")
    if (created.status !== 201) throw new Error(Api.reasonOf(created))
    // The other node has one place: what is placed there stays, and the rest comes to the owner.
    if (new URL(created.url).port !== String(owner.port)) continue
    return Callers.connect(created.url.replace(`:${owner.port}/`, `:${through.port}/`), created.token)
  }
}

const nodes = new Nodes(
  { store: { kind: "sqlite" }, cluster: { lock_expiration: `${LEASE_MS}ms` } },
  (directory) => join(directory, "sessions.db")
)
try {
  const owner = await nodes.start("owner")
  const other = await nodes.start("other", { config: { max_concurrent_sessions: 1 } })
  const pids = [owner.pid, other.pid]
  await settled(nodes)
  // what the start leaves behind is over
  await Kill.pause(5_000)
  const idle = await Callers.cpuOf(pids, seconds)
  process.stdout.write(`idle: ${idle.slice(0, -1).map((ms) => ms.toFixed(1)).join(" and ")} ms CPU a second\n`)
  for (const [name, through] of [["directly", owner], ["through the other", other]] as const) {
    const callers: Array<Callers.Caller> = []
    for (let i = 0; i < count; i++) callers.push(await call(owner, through))
    const { cpu, cut, firstMs, heard, sent } = await Callers.talk(callers, pids, seconds)
    const [ofOwner, ofOther] = cpu.map((ms, i) => ((ms - (idle[i] ?? 0)) / count).toFixed(2))
    process.stdout.write(
      `${name}: owner ${ofOwner}, other ${ofOther} ms CPU a call and second; ` +
        `text → first audio p50 ${firstMs.toFixed(1)} ms; ` +
        `${sent.toFixed(1)} frames a second sent, ${heard.toFixed(1)} heard; ${cut} of ${count} cut\n`
    )
  }
} finally {
  await nodes.close()
}
