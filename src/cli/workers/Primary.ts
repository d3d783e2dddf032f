/**
 * `serve --workers N`: one process that listens, and N that serve. A session lives in one worker; a worker that dies is
 * restarted, and its sessions are restored from the store.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import type * as Net from "node:net"
import type { BackendConfig } from "../../backend/config/BackendConfig.ts"
import { type BackendError, ConnectionFailed, describe, InvalidConfig } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import type { ServerConfig } from "../../server/ServerConfig.ts"
import * as Output from "../Output.ts"
import * as Front from "./Front.ts"
import { SessionPlacement } from "./SessionPlacement.ts"
import { type FromWorker, type HandOver, VARIABLE, type WorkerRole } from "./Worker.ts"

/** Loading models takes seconds, and much longer on a busy machine. */
const START_TIMEOUT = "2 minutes"
/** How long a worker may take beyond its own drain deadline. */
const PATIENCE = Duration.seconds(15)

const op = "serve"

/**
 * Splits a whole number into parts that add up to it and differ by at most 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const shares = (whole: number, parts: number): ReadonlyArray<number> =>
  Array.from({ length: parts }, (_, index) => Math.floor(whole / parts) + (index < whole % parts ? 1 : 0))

/** A worker's share of the UDP port range, as environment variables. */
const ports = (config: BackendConfig, index: number, count: number): { readonly [name: string]: string } => {
  const range = config.providerConfig["udp_port_range"]
  if (typeof range !== "object" || range === null || !("begin" in range) || !("end" in range)) return {}
  const begin = Number(range.begin)
  const sizes = shares(Number(range.end) - begin + 1, count)
  const from = begin + sizes.slice(0, index).reduce((sum, size) => sum + size, 0)
  return {
    EFFECT_VOICE_PROVIDER_CONFIG__UDP_PORT_RANGE__BEGIN: String(from),
    EFFECT_VOICE_PROVIDER_CONFIG__UDP_PORT_RANGE__END: String(from + (sizes[index] ?? 1) - 1)
  }
}

interface Worker {
  readonly index: number
  child: ChildProcess | undefined
  port: number | undefined
  /** The number that it last reported, and those created since; `coming` are being created. */
  sessions: number
  coming: number
  /** Sockets that are being handed over. They are closed here if the worker dies before it has them. */
  readonly handing: Map<number, Net.Socket>
}

/**
 * The options of `serve --workers`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PrimaryOptions {
  readonly count: number
  readonly config: BackendConfig
  readonly listen: ServerConfig
  readonly file: string | undefined
}

/** Fails `invalid_config` for settings that several processes cannot share. */
const check = ({ config, count, listen }: PrimaryOptions): Effect.Effect<void, InvalidConfig> => {
  const refuse = (message: string, path: string) =>
    Effect.fail(new InvalidConfig({ op, message, details: { faults: [{ path, message }] } }))
  if (listen.tls !== undefined) {
    return refuse("with --workers the port speaks plain HTTP: put TLS in front of it", "server.tls")
  }
  if (config.maxConcurrentSessions < count) {
    return refuse(`expected at least a session for each of ${count} workers`, "max_concurrent_sessions")
  }
  return Effect.void
}

/** Sends a worker SIGTERM and waits for its exit; kills it when that takes too long. */
const end = (worker: Worker, within: Duration.Duration) =>
  Effect.suspend(() => {
    const { child } = worker
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return Effect.void
    const ended = Effect.callback<void>((resume) => {
      child.once("exit", () => resume(Effect.void))
      child.kill("SIGTERM")
    })
    return Effect.andThen(finalizeWithin(within)(ended), Effect.sync(() => void child.kill("SIGKILL")))
  })

/**
 * Runs the workers and their shared port as long as the scope lives; closing it drains all of them in parallel.
 *
 * @category running
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: PrimaryOptions
): Effect.fn.Return<
  { readonly url: string; readonly forward: (signal: NodeJS.Signals) => void },
  BackendError,
  Scope.Scope
> {
  yield* check(options)
  const { config, count, file, listen } = options
  const places = new SessionPlacement()
  const workers = Array.from(
    { length: count },
    (_, index): Worker => ({ index, child: undefined, port: undefined, sessions: 0, coming: 0, handing: new Map() })
  )
  const maxima = shares(config.maxConcurrentSessions, count)
  const deadline = Duration.sum(config.drain.deadline, PATIENCE)

  let handed = 0
  /** Closes this process's handle of a socket: the worker has its own, or the hand-over has failed. */
  const taken = (worker: Worker, id: number): void => {
    worker.handing.get(id)?.destroy()
    worker.handing.delete(id)
  }

  // no worker may outlive this process, however it exits
  const killAll = (): void => {
    for (const { child } of workers) child?.kill("SIGKILL")
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("exit", killAll)),
    () => Effect.sync(() => process.off("exit", killAll))
  )

  /** Starts a worker; the result completes when the worker has exited. */
  const start = (worker: Worker) =>
    Effect.gen(function*() {
      const listening = yield* Deferred.make<number, ConnectionFailed>()
      const ended = yield* Deferred.make<string>()
      const role: WorkerRole = { index: worker.index, host: listen.host }
      const child = spawn(
        process.execPath,
        [
          ...process.execArgv,
          process.argv[1] ?? "",
          "serve",
          "--host",
          "127.0.0.1",
          "--port",
          "0",
          ...(file === undefined ? [] : ["--config", file])
        ],
        {
          // a signal from the terminal must reach the primary only, which forwards it
          detached: true,
          stdio: ["ignore", "inherit", "inherit", "ipc"],
          env: {
            ...process.env,
            [VARIABLE]: JSON.stringify(role),
            EFFECT_VOICE_MAX_CONCURRENT_SESSIONS: String(maxima[worker.index]),
            EFFECT_VOICE_SERVER__TRUSTED_PROXIES: JSON.stringify(["127.0.0.1", ...listen.trustedProxies]),
            ...ports(config, worker.index, count)
          }
        }
      )
      worker.child = child
      const over = (why: string): void => {
        worker.port = undefined
        worker.sessions = 0
        for (const id of worker.handing.keys()) taken(worker, id)
        places.lost(worker.index)
        Deferred.doneUnsafe(ended, Effect.succeed(why))
        Deferred.doneUnsafe(
          listening,
          Effect.fail(new ConnectionFailed({ op, message: `worker ${worker.index} ${why} before it listened` }))
        )
      }
      child.on("message", (message: FromWorker) => {
        if (message._tag === "Listening") Deferred.doneUnsafe(listening, Effect.succeed(message.port))
        else if (message._tag === "Sessions") worker.sessions = message.count
        else taken(worker, message.id)
      })
      child.on("error", (cause) => over(`could not be started: ${describe(cause)}`))
      child.on("exit", (code, signal) => over(`ended with ${signal ?? code}`))
      worker.port = yield* Deferred.await(listening).pipe(
        Effect.timeoutOrElse({
          duration: START_TIMEOUT,
          orElse: () =>
            Effect.fail(
              new ConnectionFailed({ op, message: `worker ${worker.index} did not listen within ${START_TIMEOUT}` })
            )
        }),
        Effect.onError(() => Effect.sync(() => void child.kill("SIGKILL")))
      )
      return ended
    })

  // added before the port and the supervisors, so that it runs after they have stopped
  yield* Effect.addFinalizer(() =>
    Effect.forEach(workers, (worker) => end(worker, deadline), { concurrency: "unbounded", discard: true })
  )
  const first = yield* Effect.forEach(workers, start, { concurrency: "unbounded" })
  yield* Effect.forEach(first, (started, index) => {
    const worker = workers[index]
    return worker === undefined ? Effect.void : Effect.gen(function*() {
      let ended = started
      while (true) {
        const why = yield* Deferred.await(ended)
        yield* Effect.logWarning(`worker ${index} ${why}; restarting it`)
        ended = yield* start(worker).pipe(
          Effect.tapError(({ message }) => Effect.logWarning(message)),
          Effect.retry(Schedule.min([Schedule.exponential("500 millis"), Schedule.spaced("10 seconds")]))
        )
      }
    }).pipe(Effect.forkScoped)
  }, { discard: true })

  const views = (): ReadonlyArray<Front.FrontWorker> =>
    workers.map((worker) => ({
      index: worker.index,
      up: worker.port !== undefined,
      port: worker.port ?? 0,
      sessions: worker.sessions + worker.coming,
      onCreate: () => {
        worker.coming++
        let over = false
        return (made) => {
          if (over) return
          over = true
          worker.coming--
          if (made) worker.sessions++
        }
      },
      handOver: (socket, head) => {
        if (worker.child?.connected !== true) return void socket.destroy()
        const id = ++handed
        worker.handing.set(id, socket)
        // if the client disconnects first, the worker never receives the socket and never confirms it
        socket.once("close", () => worker.handing.delete(id))
        const message: HandOver = { _tag: "HandOver", id, head: head.toString("base64") }
        // this handle stays open until the worker has its own
        worker.child.send(message, socket, { keepOpen: true }, (error) => {
          if (error !== null) taken(worker, id)
        })
      }
    }))
  const front = Front.make({ workers: views, places, maxConnections: listen.maxConnections })
  const address = yield* Effect.acquireRelease(
    Effect.callback<Net.AddressInfo | string | null, BackendError>((resume) => {
      front.once("error", (cause) =>
        resume(
          Effect.fail(
            new ConnectionFailed({
              op,
              message: `cannot listen on ${listen.host}:${listen.port}: ${describe(cause)}`,
              details: { host: listen.host, port: listen.port },
              cause
            })
          )
        ))
      front.listen({ host: listen.host, port: listen.port }, () => resume(Effect.succeed(front.address())))
    }),
    // open connections are served until the drain ends
    () => Effect.sync(() => void front.close())
  )
  const port = typeof address === "object" && address !== null ? address.port : listen.port
  const url = `http://${listen.host.includes(":") ? `[${listen.host}]` : listen.host}:${port}`
  yield* Output.line(`effect-voice is listening on ${url}, with ${count} workers`)
  return {
    url,
    forward: (signal) => {
      for (const { child } of workers) child?.kill(signal)
    }
  }
})
