/**
 * What a LiveKit room costs the process that has its agent: CPU and memory at 1, 4 and 8 rooms in which both sides talk all
 * the time, with engines that cost nothing; the users are in this process, and livekit-server in one of its own.
 *
 * Usage: `npm run livekit:install`, then `npm run bench -- livekit`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { cpus, loadavg } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import * as TestTone from "../../src/testing/conformance/TestTone.ts"
import * as LiveKitServer from "../../test/support/LiveKitServer.ts"
import * as LiveKitUser from "../../test/support/LiveKitUser.ts"

const ROOMS = [1, 4, 8]
const MEASURE_MS = 20_000
const EXTRAPOLATED = 20

/** CPU of a process since its start, in ms. */
const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ")
  return 10 * (Number(fields[11]) + Number(fields[12]))
}

const ask = (child: ChildProcess) => {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const next = async () => JSON.parse((await lines.next()).value ?? "null")
  return {
    ready: next(),
    send: (line: string) => {
      child.stdin?.write(`${line}\n`)
      return next()
    }
  }
}

const measure = Effect.fnUntraced(function*(rooms: number) {
  const server = yield* LiveKitServer.make()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [
        "--disable-warning=ExperimentalWarning",
        join("scripts", "bench", "livekit", "Agents.ts"),
        server.url,
        server.apiKey,
        server.apiSecret
      ], { stdio: ["pipe", "pipe", "ignore"] })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  const agents = ask(child)
  yield* Effect.promise(() => agents.ready)
  const opened: ReadonlyArray<{ readonly token: string }> = yield* Effect.promise(() => agents.send(`open ${rooms}`))
  let frames = 0
  const users = yield* Effect.forEach(opened, ({ token }) =>
    LiveKitUser.join(server.url, token, {
      onFrame: (pcm) => {
        if (pcm.some((sample) => Math.abs(sample) > 500)) frames++
      }
    }), { concurrency: 4 })
  yield* Effect.promise(async () => {
    for (const user of users) {
      await user.until("the session", () => user.of("session.started")[0])
      // below the speech level of the scripted detector, so that nothing is interrupted
      void user.speak(TestTone.ms(MEASURE_MS + 10_000, 16_000).map((sample) => sample / 8))
      await user.type("talk")
    }
    await sleep(3_000)
    await agents.send("cpu")
  })
  const before = { frames, server: cpuMs(server.pid()) }
  yield* Effect.promise(() => sleep(MEASURE_MS))
  const { percent, rssMb }: { readonly percent: number; readonly rssMb: number } = yield* Effect.promise(() =>
    agents.send("cpu")
  )
  return {
    rooms,
    percent,
    rssMb,
    serverPercent: (cpuMs(server.pid()) - before.server) / (MEASURE_MS / 100),
    heard: (frames - before.frames) / rooms / (MEASURE_MS / 20)
  }
}, Effect.scoped)

if (LiveKitServer.missing !== undefined) {
  process.stdout.write(`skipped: ${LiveKitServer.missing}\n`)
} else {
  process.stdout.write(`load before: ${loadavg()[0]!.toFixed(2)} on ${cpus().length} cores\n`)
  process.stdout.write(
    "rooms | agents' process, % of a core | a room | livekit-server | MB | of the agent's frames heard\n"
  )
  const measured: Array<Effect.Success<ReturnType<typeof measure>>> = []
  for (const rooms of ROOMS) {
    const each = await Effect.runPromise(measure(rooms))
    measured.push(each)
    process.stdout.write(
      `${rooms} | ${each.percent.toFixed(1)} | ${(each.percent / rooms).toFixed(1)} | ${
        each.serverPercent.toFixed(1)
      } | ${each.rssMb.toFixed(0)} | ${(100 * each.heard).toFixed(0)} %\n`
    )
  }
  const [first, last] = [measured[0]!, measured.at(-1)!]
  const slope = (last.percent - first.percent) / (last.rooms - first.rooms)
  process.stdout.write(
    `extrapolated, not measured: ${EXTRAPOLATED} rooms ${
      (last.percent + slope * (EXTRAPOLATED - last.rooms)).toFixed(0)
    } % ` +
      `of a core (${slope.toFixed(1)} % more for each room)\n`
  )
}
