/**
 * `serve --workers N`: starts N processes of the same command, which share a port, and keeps them running. It serves nothing
 * itself, so that no call ends with it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { BackendConfig } from "../../backend/config/BackendConfig.ts"
import { type BackendError, describe, type InvalidConfig } from "../../BackendError.ts"
import * as Faults from "../../schema/Faults.ts"
import { listenError } from "../../server/Listening.ts"
import { isLoopback, type ServerConfig } from "../../server/ServerConfig.ts"
import * as Supervisor from "./Supervisor.ts"
import { type FromWorker, VARIABLE, type WorkerRole } from "./Worker.ts"

/** How long a worker may take beyond its own drain deadline. */
const PATIENCE = Duration.seconds(15)
const MAX_PORT = 65_535

/**
 * - `listen`: where all of them listen together; its port must not be 0.
 * - `workerPort`: the first of the ports of their own. 0: ones that are free now.
 * - `args`: the arguments of a worker.
 *
 * @category models
 * @since 0.1.0
 */
export interface ParentOptions {
  readonly count: number
  readonly config: BackendConfig
  readonly listen: ServerConfig
  readonly workerPort: number
  readonly args: ReadonlyArray<string>
}

interface PortRange {
  readonly begin: number
  readonly end: number
}

const udpPorts = ({ providerConfig }: BackendConfig): PortRange | undefined => {
  const range = providerConfig["udp_port_range"]
  return typeof range === "object" && range !== null && "begin" in range && "end" in range
    ? { begin: Number(range.begin), end: Number(range.end) }
    : undefined
}

/**
 * Divides a range of ports into parts without a gap, whose sizes differ by at most 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const divide = ({ begin, end }: PortRange, parts: number): ReadonlyArray<PortRange> => {
  const size = end - begin + 1
  const first = (index: number) => begin + Math.floor(index * size / parts)
  return Array.from({ length: parts }, (_, index) => ({ begin: first(index), end: first(index + 1) - 1 }))
}

/**
 * Fails `invalid_config` for settings that several processes cannot share.
 *
 * @category validation
 * @since 0.1.0
 */
export const check = (
  { config, count, listen, workerPort }: Omit<ParentOptions, "args">
): Effect.Effect<void, InvalidConfig> => {
  const faults: Array<Faults.Fault> = []
  const udp = udpPorts(config)
  if (config.store.kind === "memory") {
    faults.push({
      path: "store.kind",
      message: "memory is that of one process: with --workers expected sqlite, postgres or redis"
    })
  }
  if (udp !== undefined && udp.end - udp.begin + 1 < count) {
    faults.push({
      path: "provider_config.udp_port_range",
      message: `expected at least one port for each of ${count} workers`
    })
  }
  const taken = new Map<number, string>([[listen.port, "the shared port"]])
  const take = (path: string, first: number): void => {
    for (let port = first; first !== 0 && port < first + count; port++) {
      const other = taken.get(port)
      if (port > MAX_PORT || other !== undefined) {
        return void faults.push({
          path,
          message: `each of ${count} workers has a port, from ${first} on; ${port} is ${other ?? "no port"}`
        })
      }
      taken.set(port, `one of ${path}`)
    }
  }
  take("--worker-port", workerPort)
  take("server.admin_port", listen.adminPort ?? 0)
  return faults.length === 0
    ? Effect.void
    : Effect.fail(Faults.toError("serve", "the config does not fit --workers", faults))
}

/**
 * Where a worker listens by itself: on loopback, unless processes on other machines have to reach it, as in a cluster.
 *
 * @category accessors
 * @since 0.1.0
 */
export const ownHost = (listen: Pick<ServerConfig, "host">, isCluster: boolean): string =>
  isCluster || isLoopback(listen.host) ? listen.host : "127.0.0.1"

/** Different ports that are free now. */
const freePorts = (count: number, host: string): Effect.Effect<ReadonlyArray<number>, BackendError> =>
  Effect.forEach(Array.from({ length: count }), () =>
    Effect.acquireRelease(
      Effect.callback<Net.Server, BackendError>((resume) => {
        const probe = Net.createServer()
        probe.once("error", (cause) => resume(Effect.fail(listenError({ host, port: 0 })({ cause }))))
        probe.listen({ host, port: 0, exclusive: true }, () => resume(Effect.succeed(probe)))
      }),
      (probe) => Effect.sync(() => void probe.close())
    )).pipe(
      Effect.map((probes) =>
        probes.map((probe) => {
          const address = probe.address()
          return typeof address === "object" && address !== null ? address.port : 0
        })
      ),
      Effect.scoped
    )

const start =
  ({ args, config, count }: ParentOptions, host: string, ports: ReadonlyArray<number>, directory: string) =>
  (index: number, events: Supervisor.WorkerEvents) => {
    const role: WorkerRole = { index, host, ports, directory, args }
    const range = udpPorts(config)
    const udp = range === undefined ? undefined : divide(range, count)[index]
    // The program may have arguments of its own, which those of a worker must not displace.
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      // A signal from the terminal must reach this process only, which forwards it.
      detached: true,
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: {
        ...process.env,
        [VARIABLE]: JSON.stringify(role),
        ...(udp === undefined ? {} : {
          EFFECT_VOICE_PROVIDER_CONFIG__UDP_PORT_RANGE__BEGIN: String(udp.begin),
          EFFECT_VOICE_PROVIDER_CONFIG__UDP_PORT_RANGE__END: String(udp.end)
        })
      }
    })
    child.on("message", (message: FromWorker) => message === "listening" ? events.onListening() : events.onHeartbeat())
    child.on("error", (cause) => {
      if (child.pid === undefined) events.onEnd(`could not be started: ${describe(cause)}`)
    })
    child.on("exit", (code, signal) => events.onEnd(`ended with ${signal ?? code}`))
    return (signal: NodeJS.Signals) => void child.kill(signal)
  }

/** A directory of this user alone, removed when this process exits, however. */
const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => {
    const path = mkdtempSync(join(tmpdir(), "effect-voice-workers-"))
    const remove = () => rmSync(path, { recursive: true, force: true })
    process.on("exit", remove)
    return { path, remove }
  }),
  ({ remove }) =>
    Effect.sync(() => {
      process.off("exit", remove)
      remove()
    })
)

/**
 * Runs the workers as long as the scope lives, and gives what sends a signal to all of them. Closing the scope drains all of
 * them at the same time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: ParentOptions
): Effect.fn.Return<(signal: NodeJS.Signals) => void, BackendError, Scope.Scope> {
  const { config, count, listen, workerPort } = options
  yield* check(options)
  const { path } = yield* temporaryDirectory
  const host = ownHost(listen, config.cluster !== undefined)
  // A worker keeps its port when it is started again: its clients come back there.
  const ports = workerPort === 0
    ? yield* freePorts(count, host)
    : Array.from({ length: count }, (_, index) => workerPort + index)
  return yield* Supervisor.make({
    count,
    start: start(options, host, ports, path),
    drainDeadline: Duration.sum(config.drain.deadline, PATIENCE)
  })
})
