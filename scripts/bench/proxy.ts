/**
 * What it costs to pass a call on to the node that has it: the same calls directly at their owner, then through the other of
 * two real nodes. Each call sends 50 frames a second and hears 50, more or less, from a voice that speaks all the time.
 *
 * Usage: `npm run bench -- proxy`; behind it `--calls 60`, `--seconds 20`. Linux. The nodes are on SQLite, and have scripted
 * engines; the callers are in this process.
 *
 * @since 0.1.0
 */
import { join } from "node:path"
import { parseArgs } from "node:util"
import { WebSocket } from "ws"
import * as Api from "../../test/cluster/Api.ts"
import { cpuMs } from "../../test/cluster/Cost.ts"
import { LEASE_MS, type Node, Nodes } from "../../test/cluster/Nodes.ts"
import { settled } from "../../test/cluster/World.ts"
import * as Kill from "../../test/recovery/Kill.ts"

const { values } = parseArgs({
  options: { calls: { type: "string", default: "60" }, seconds: { type: "string", default: "20" } }
})
const count = Number(values.calls)
const seconds = Number(values.seconds)

const FRAME = Buffer.alloc(640)
const FRAME_MS = 20
/** Enough text for as long as is measured: the scripted voice takes 50 ms for a character. */
const TEXT = "one two three four five six seven "

interface Caller {
  readonly socket: WebSocket
  sent: number
  heard: number
  /** From each text to the first audio after it, in ms. */
  readonly first: Array<number>
  askedAt: number | undefined
  /** The agent has begun to speak since: what is heard before is of its last reply. */
  begun: boolean
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const call = async (owner: Node, through: Node): Promise<Caller> => {
  for (;;) {
    const created = await Api.create(owner, "caller")
    if (created.status !== 201) throw new Error(Api.reasonOf(created))
    // The other node has one place: what is placed there stays, and the rest comes to the owner.
    if (new URL(created.url).port !== String(owner.port)) continue
    const url = created.url.replace(`:${owner.port}/`, `:${through.port}/`)
    const socket = new WebSocket(url, ["effect-voice.v1", `token.${created.token}`])
    const caller: Caller = { socket, sent: 0, heard: 0, first: [], askedAt: undefined, begun: false }
    socket.on("message", (data: Buffer, isBinary) => {
      if (!isBinary) return void (caller.begun ||= data.includes("agent.speech_started"))
      caller.heard += data.length / 2 / 24_000
      if (caller.askedAt === undefined || !caller.begun) return
      caller.first.push(performance.now() - caller.askedAt)
      caller.askedAt = undefined
    })
    await new Promise((resolve, reject) => {
      socket.once("open", resolve)
      socket.once("error", reject)
    })
    return caller
  }
}

const ask = (caller: Caller): void => {
  caller.askedAt = performance.now()
  caller.begun = false
  caller.socket.send(JSON.stringify({ type: "user.text", text: TEXT.repeat(2) }))
}

/** CPU ms of each node in a second. */
const cpuOf = async (nodes: ReadonlyArray<Node>): Promise<ReadonlyArray<number>> => {
  const before = nodes.map(cpuMs)
  const from = performance.now()
  await Kill.pause(1_000 * seconds)
  const tookS = (performance.now() - from) / 1_000
  return nodes.map((node, i) => (cpuMs(node) - (before[i] ?? 0)) / tookS)
}

const nodes = new Nodes(
  { store: { kind: "sqlite" }, cluster: { lock_expiration: `${LEASE_MS}ms` } },
  (directory) => join(directory, "sessions.db")
)
try {
  const owner = await nodes.start("owner")
  const other = await nodes.start("other", { config: { max_concurrent_sessions: 1 } })
  await settled(nodes)
  // what the start leaves behind is over
  await Kill.pause(5_000)
  const idle = await cpuOf([owner, other])
  process.stdout.write(`idle: ${idle.map((ms) => ms.toFixed(1)).join(" and ")} ms CPU a second\n`)
  for (const [name, through] of [["directly", owner], ["through the other", other]] as const) {
    const callers: Array<Caller> = []
    for (let i = 0; i < count; i++) callers.push(await call(owner, through))
    const microphone = setInterval(() => {
      for (const caller of callers) {
        if (caller.socket.readyState !== WebSocket.OPEN) continue
        caller.socket.send(FRAME)
        caller.sent++
      }
    }, FRAME_MS)
    // one text after another, so that the agent speaks nearly all the time
    const texts = setInterval(() => callers.forEach(ask), 2_500)
    callers.forEach(ask)
    await Kill.pause(5_000)
    const [sent, heard] = [callers.map((each) => each.sent), callers.map((each) => each.heard)]
    for (const each of callers) each.first.length = 0
    const cpu = await cpuOf([owner, other])
    const per = (values: ReadonlyArray<number>, before: ReadonlyArray<number>) =>
      values.reduce((sum, value, i) => sum + value - (before[i] ?? 0), 0) / count / seconds
    const [ofOwner, ofOther] = cpu.map((ms, i) => ((ms - (idle[i] ?? 0)) / count).toFixed(2))
    process.stdout.write(
      `${name}: owner ${ofOwner}, other ${ofOther} ms CPU a call and second; ` +
        `text → first audio p50 ${median(callers.flatMap(({ first }) => first)).toFixed(1)} ms; ` +
        `${per(callers.map((each) => each.sent), sent).toFixed(1)} frames a second sent, ` +
        `${(50 * per(callers.map((each) => each.heard), heard)).toFixed(1)} heard; ` +
        `${callers.filter(({ socket }) => socket.readyState !== WebSocket.OPEN).length} of ${count} cut\n`
    )
    clearInterval(microphone)
    clearInterval(texts)
    for (const { socket } of callers) {
      socket.send(JSON.stringify({ type: "session.end" }))
      socket.close()
    }
    await Kill.pause(2_000)
  }
} finally {
  await nodes.close()
}
