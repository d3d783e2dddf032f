/**
 * Drives the sessions of one side in real time, and measures.
 *
 * One timer feeds all sessions, each its frame at its own moment within the 20 ms; when it is late it catches up, and
 * what is late is measured from when it was due, too.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { slope } from "../Statistics.ts"
import { type Driven, FRAME_MS, INPUT_RATE, type Load, Meter, type Peer, Sink } from "./Load.ts"

/** What a run gives; times in ms. */
export interface Measured {
  readonly load: Load
  readonly turns: { readonly total: number; readonly unanswered: number }
  /** From the push of the first silent frame to the first frame at the sink. */
  readonly turnMs: ReadonlyArray<number>
  /** The same from when that push was due. */
  readonly turnDueMs: ReadonlyArray<number>
  readonly barges: { readonly total: number; readonly missed: number }
  /** From the push of the first frame of speech to the last that the sink did for the reply: being emptied, being stopped, or taking a frame. */
  readonly cutMs: ReadonlyArray<number>
  /** The same from the detector's event. */
  readonly decidedMs: ReadonlyArray<number>
  /** What of the reply the user heard after beginning to speak. */
  readonly heardMs: ReadonlyArray<number>
  /** CPU of the process, the driver and the fakes included, in ms per session and second. */
  readonly cpuMs: number
  /** CPU that everything else on the machine used, in % of one core; where the system tells. */
  readonly othersPercent: number | undefined
  /** Heap and external memory of an idle session, after garbage collection, in KB. */
  readonly idleKb: number
  /** What heap and external memory grew by, per session and minute, in KB; with `memoryEvery`. */
  readonly growthKb: number | undefined
  /** Of the process at the end of the window, in MB. */
  readonly rssMb: number
  /** How many were let in of those that came meanwhile, and the codes with which others were refused. */
  readonly arrivals: { readonly admitted: number; readonly refused: Readonly<Record<string, number>> }
  readonly openMs: number
  readonly closeMs: ReadonlyArray<number>
}

/** So many sessions are closed at once at the end, while the others go on. */
const MAX_CLOSED = 10

/** Heap and external memory after garbage collection. */
const memoryKb = () => {
  for (let i = 0; i < 2; i++) globalThis.gc?.()
  const { external, heapUsed } = process.memoryUsage()
  return (heapUsed + external) / 1024
}

/** CPU time of the whole machine in ms. */
const machineMs = (): number | undefined => {
  if (process.platform !== "linux") return undefined
  const [user, nice, system, , , irq, softIrq] = readFileSync("/proc/stat", "utf8").split("\n")[0]!.trim().split(/\s+/)
    .slice(1).map(Number)
  return 10 * (user! + nice! + system! + irq! + softIrq!)
}

const loud = new Int16Array(INPUT_RATE * FRAME_MS / 1000).fill(8_000)

/** A transport, too, makes each frame anew. */
const frame = (speech: boolean) => speech ? loud.slice() : new Int16Array(loud.length)

interface Fed {
  readonly driven: Driven
  at: number
}

const step = ({ cycle, speech }: Load, fed: Fed, due: number): void => {
  const { push, sink, tick } = fed.driven
  const at = fed.at++ % cycle
  // the sink plays first: what it plays after the push below is heard after it
  tick()
  if (at === 0) sink.meter.speechBegins(sink.isAudible)
  if (at === speech && fed.at > speech) sink.meter.speechEnds(due)
  push(frame(at < speech))
}

const drive = (load: Load, sessions: ReadonlyArray<Fed>) => {
  const began = performance.now() + FRAME_MS
  let given = 0
  let timer: NodeJS.Timeout
  const run = () => {
    const now = performance.now()
    while (true) {
      const due = began + given * FRAME_MS / sessions.length
      if (due > now) break
      step(load, sessions[given++ % sessions.length]!, due)
    }
    timer = setTimeout(run, 1)
  }
  run()
  return () => clearTimeout(timer)
}

/** Serves one more session from now on, by a timer of its own: they come one after the other. */
const driveOne = (load: Load, fed: Fed) => {
  const began = performance.now()
  let given = 0
  const timer = setInterval(() => {
    const now = performance.now()
    for (let due = began + given * FRAME_MS; due <= now; due = began + given * FRAME_MS) {
      given++
      step(load, fed, due)
    }
  }, FRAME_MS)
  return () => clearInterval(timer)
}

const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error ? String(error.code) : String(error)

/** Has sessions come while others are served, whether they are let in or not. */
const flood = (load: Load, peer: Peer, sessions: Array<Fed>) => {
  const refused: Record<string, number> = {}
  const stops: Array<() => void> = []
  const { perSecond, upTo } = load.arrivals ?? { perSecond: 1, upTo: 0 }
  const began = performance.now()
  let came = 0
  let admitted = 0
  let over = false
  const come = async () => {
    try {
      const fed = { driven: await peer.open(new Sink(new Meter())), at: Math.floor(came * 37 % load.cycle) }
      if (over) return
      sessions.push(fed)
      stops.push(driveOne(load, fed))
      admitted++
    } catch (error) {
      const code = codeOf(error)
      refused[code] = (refused[code] ?? 0) + 1
    }
  }
  const timer = setInterval(() => {
    const due = Math.min(upTo, (performance.now() - began) / 1000 * perSecond)
    while (came < due) {
      came++
      void come()
    }
  }, 10)
  return {
    result: () => ({ admitted, refused }),
    stop: () => {
      over = true
      clearInterval(timer)
      for (const stop of stops) stop()
    }
  }
}

/** Looks at the memory now and then; gives its growth in KB per session and minute. */
const watchMemory = (load: Load) => {
  if (load.memoryEvery === undefined) return () => undefined
  const seen: Array<readonly [minutes: number, kb: number]> = []
  const look = () => seen.push([performance.now() / 60_000, memoryKb()])
  look()
  const timer = setInterval(look, load.memoryEvery * 1000)
  return () => {
    clearInterval(timer)
    return slope(seen) / load.sessions
  }
}

const window = async (load: Load, sessions: ReadonlyArray<Fed>) => {
  await sleep(load.warmSeconds * 1000)
  for (const { driven } of sessions) driven.sink.meter.reset()
  const grown = watchMemory(load)
  const machine = machineMs()
  const cpu = process.cpuUsage()
  const began = performance.now()
  await sleep(load.seconds * 1000)
  const used = process.cpuUsage(cpu)
  const tookMs = performance.now() - began
  const cpuMs = (used.user + used.system) / 1000
  const machineAfter = machineMs()
  return {
    until: performance.now(),
    growthKb: grown(),
    cpuMs: cpuMs / sessions.length / (tookMs / 1000),
    othersPercent: machine === undefined || machineAfter === undefined
      ? undefined
      : Math.max(0, 100 * (machineAfter - machine - cpuMs) / tookMs)
  }
}

/** Runs the load on one side. */
export const run = async (load: Load, peer: Peer): Promise<Measured> => {
  // what is made at the first use is not a session's
  await (await peer.open(new Sink(new Meter()))).close()
  const before = memoryKb()
  const opening = performance.now()
  const sessions: Array<Fed> = []
  for (let i = 0; i < load.sessions; i++) {
    const driven = await peer.open(new Sink(new Meter()))
    sessions.push({ driven, at: Math.floor(i * load.cycle / load.sessions) })
  }
  const openMs = (performance.now() - opening) / load.sessions
  await sleep(500)
  const idleKb = (memoryKb() - before) / load.sessions

  const stop = load.seconds > 0 ? drive(load, sessions) : () => {}
  const flooding = flood(load, peer, sessions)
  const { cpuMs, growthKb, othersPercent, until } = load.seconds > 0
    ? await window(load, sessions)
    : { cpuMs: 0, growthKb: undefined, othersPercent: undefined, until: 0 }
  const rssMb = process.memoryUsage().rss / 1e6
  // what began in the window may end
  if (load.seconds > 0) await sleep(300)
  const inWindow = (each: { readonly pushed: number }) => each.pushed < until
  const turns = sessions.flatMap(({ driven }) => driven.sink.meter.turns).filter(inWindow)
  const barges = sessions.flatMap(({ driven }) => driven.sink.meter.barges).filter(inWindow)
  const answered = turns.flatMap(({ due, first, pushed }) => first === undefined ? [] : [{ due, first, pushed }])
  const cut = barges.flatMap(({ cut, decided, heardMs, last, pushed }) =>
    cut === undefined ? [] : [{ at: Math.max(cut, last ?? 0), decided: decided ?? pushed, heardMs, pushed }]
  )

  const closeMs = await Promise.all(
    sessions.slice(0, MAX_CLOSED).map(async ({ driven }) => {
      const from = performance.now()
      await driven.close()
      return performance.now() - from
    })
  )
  stop()
  flooding.stop()
  return {
    load,
    growthKb,
    rssMb,
    arrivals: flooding.result(),
    turns: { total: turns.length, unanswered: turns.length - answered.length },
    turnMs: answered.map(({ first, pushed }) => first - pushed),
    turnDueMs: answered.map(({ due, first }) => first - due),
    barges: { total: barges.length, missed: barges.length - cut.length },
    cutMs: cut.map(({ at, pushed }) => at - pushed),
    decidedMs: cut.map(({ at, decided }) => at - decided),
    heardMs: cut.map(({ heardMs }) => heardMs),
    cpuMs,
    othersPercent,
    idleKb,
    openMs,
    closeMs
  }
}
