/**
 * Callers at real servers over WebSocket: each sends 50 frames a second and hears 50, more or less, from a voice that speaks
 * nearly all the time. They are in this process; what the servers use is read from the system.
 *
 * @since 0.1.0
 */
import { WebSocket } from "ws"
import { cpuMs } from "../../test/cluster/Cost.ts"
import * as Kill from "../../test/recovery/Kill.ts"
import { median } from "./Statistics.ts"

const FRAME = Buffer.alloc(640)
const FRAME_MS = 20
/** Enough text for as long as there is until the next: the scripted voice takes 50 ms for a character. */
const TEXT = "one two three four five six seven ".repeat(2)
const TEXT_MS = 2_500
/** Until everybody talks. */
const SETTLE_MS = 5_000
const HEARD_RATE = 24_000

export interface Caller {
  readonly socket: WebSocket
  sent: number
  /** In seconds. */
  heard: number
  /** From each text to the first audio after it, in ms. */
  readonly first: Array<number>
  askedAt: number | undefined
  /** The agent has begun to speak since: what is heard before is of its last reply. */
  begun: boolean
}

/** What is measured of callers who talk. */
export interface Talk {
  /** CPU ms a second of each process. */
  readonly cpu: ReadonlyArray<number>
  /** CPU ms a second of this process, which has the callers. */
  readonly ownCpu: number
  /** Frames a second and caller. */
  readonly sent: number
  readonly heard: number
  readonly firstMs: number
  readonly cut: number
}

export const connect = async (url: string, token: string): Promise<Caller> => {
  const socket = new WebSocket(url, ["effect-voice.v1", `token.${token}`])
  const caller: Caller = { socket, sent: 0, heard: 0, first: [], askedAt: undefined, begun: false }
  socket.on("message", (data: Buffer, isBinary) => {
    if (!isBinary) return void (caller.begun ||= data.includes("agent.speech_started"))
    caller.heard += data.length / 2 / HEARD_RATE
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

const ask = (caller: Caller): void => {
  caller.askedAt = performance.now()
  caller.begun = false
  caller.socket.send(JSON.stringify({ type: "user.text", text: TEXT }))
}

const used = (pid: number): number => {
  try {
    return cpuMs({ pid })
  } catch (cause) {
    // a worker of which nothing was heard for 3 s is replaced
    throw new Error(`process ${pid} has ended meanwhile: this machine is too busy to measure anything`, { cause })
  }
}

/** CPU ms of each process in a second, over some seconds; last, of this one. */
export const cpuOf = async (pids: ReadonlyArray<number>, seconds: number): Promise<ReadonlyArray<number>> => {
  const all = [...pids, process.pid]
  const before = all.map(used)
  const from = performance.now()
  await Kill.pause(1_000 * seconds)
  const tookS = (performance.now() - from) / 1_000
  return all.map((pid, i) => (used(pid) - (before[i] ?? 0)) / tookS)
}

/** Everybody talks for some seconds, and hangs up. */
export const talk = async (
  callers: ReadonlyArray<Caller>,
  pids: ReadonlyArray<number>,
  seconds: number
): Promise<Talk> => {
  const microphone = setInterval(() => {
    for (const caller of callers) {
      if (caller.socket.readyState !== WebSocket.OPEN) continue
      caller.socket.send(FRAME)
      caller.sent++
    }
  }, FRAME_MS)
  const texts = setInterval(() => callers.forEach(ask), TEXT_MS)
  callers.forEach(ask)
  await Kill.pause(SETTLE_MS)
  const [sent, heard] = [callers.map((each) => each.sent), callers.map((each) => each.heard)]
  for (const each of callers) each.first.length = 0
  const all = await cpuOf(pids, seconds)
  const per = (values: ReadonlyArray<number>, before: ReadonlyArray<number>) =>
    values.reduce((sum, value, i) => sum + value - (before[i] ?? 0), 0) / callers.length / seconds
  const talk: Talk = {
    cpu: all.slice(0, -1),
    ownCpu: all.at(-1) ?? Number.NaN,
    sent: per(callers.map((each) => each.sent), sent),
    heard: 1_000 / FRAME_MS * per(callers.map((each) => each.heard), heard),
    firstMs: median(callers.flatMap(({ first }) => first)),
    cut: callers.filter(({ socket }) => socket.readyState !== WebSocket.OPEN).length
  }
  clearInterval(microphone)
  clearInterval(texts)
  for (const { socket } of callers) {
    socket.send(JSON.stringify({ type: "session.end" }))
    socket.close()
  }
  await Kill.pause(2_000)
  return talk
}
