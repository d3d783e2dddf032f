/**
 * A model in a process of its own: starts it, sends it requests, and starts it again when it has ended.
 *
 * The library ends its process on what it does not expect. Here that is an error of the requests in flight, and of nothing else.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { type BackendError, InvalidConfig, PipelineError } from "../../../BackendError.ts"
import { deadline } from "../../../Deadline.ts"
import { packageFile } from "../../../ExternalPackage.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"
import * as OptionalPackage from "../../local/OptionalPackage.ts"
import type { Load, Loaded, Outcome, Reply, Request } from "./ChildProtocol.ts"

const file = packageFile(import.meta.url, "./SherpaChild.js", "engines/sherpa/process/SherpaChild.js")

/** Large models on slow disks; the usual ones take 1 to 3 s. */
const LOAD_WITHIN = Duration.minutes(2)
/** A process that has ended is started again at most this often. */
const RESTART_MS = 5_000
/** What is kept of the library's messages. */
const MAX_LOG = 8_192

/** What the process may know of this one's environment: no key is among it. */
const inherited = [
  "PATH",
  "LD_LIBRARY_PATH",
  "DYLD_LIBRARY_PATH",
  "HOME",
  "TMPDIR",
  "TEMP",
  "SystemRoot",
  "UV_THREADPOOL_SIZE"
]

/**
 * Takes the replies to one request, or the error of a process that has ended.
 *
 * @category models
 * @since 0.1.0
 */
export type Listener = (reply: Reply | PipelineError) => void

/**
 * A request that is open, by the process that it was sent to. `send` to a process that has ended does nothing: the listener has
 * had its error.
 *
 * @category models
 * @since 0.1.0
 */
export interface Channel {
  readonly id: number
  readonly send: (request: Request) => void
  readonly close: () => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SherpaProcess {
  readonly loaded: Loaded
  /** Opens a channel to the process, which is started first if it has ended. Requests carry the channel's id. */
  readonly open: (listener: Listener) => Effect.Effect<Channel, BackendError>
}

interface Running {
  readonly child: ChildProcess
  readonly listeners: Map<number, Listener>
  readonly loaded: Loaded
  readonly startedMs: number
  alive: boolean
}

const lastLine = (log: string): string => log.trim().split("\n").at(-1)?.trim().slice(0, 300) ?? ""

const refused = (op: string, engine: string, load: Load, message: string): InvalidConfig =>
  new InvalidConfig({
    op,
    message: `engines.${engine}.${load.task}.model: ${message}`,
    details: { engine, reason: "model", model: load.request.folder }
  })

const crashed = (engine: string, log: string): PipelineError =>
  new PipelineError({
    op: "Sherpa.process",
    message: `the process of ${engine} has ended${log === "" ? "" : `: ${lastLine(log)}`}`,
    details: { engine, reason: "process_ended" },
    retryable: true
  })

const start = (engine: string, load: Load, startedMs: number): Effect.Effect<Running, BackendError> =>
  Effect.callback<Running, BackendError>((resume) => {
    const op = "EngineRegistry.layer"
    const env = Object.fromEntries(
      inherited.flatMap((name) => process.env[name] === undefined ? [] : [[name, process.env[name]]])
    )
    const child = fork(fileURLToPath(file), [], {
      serialization: "advanced",
      execArgv: [],
      env,
      stdio: ["ignore", "ignore", "pipe", "ipc"]
    })
    let running: Running | undefined
    let log = ""
    child.stderr?.on("data", (chunk: Buffer) => {
      log = (log + chunk.toString("utf8")).slice(-MAX_LOG)
    })
    child.stderr?.on("error", () => {})
    child.on("error", (cause) => {
      if (running === undefined) {
        resume(Effect.fail(refused(op, engine, load, `its process cannot be started: ${cause.message}`)))
      }
    })
    // its messages are complete by then
    child.on("close", (code, signal) => {
      if (running === undefined) {
        const why = lastLine(log) || (signal ?? `exit code ${code}`)
        return resume(Effect.fail(refused(op, engine, load, `the library ends its process on this model: ${why}`)))
      }
      running.alive = false
      const error = crashed(engine, log)
      const listeners = [...running.listeners.values()]
      running.listeners.clear()
      for (const listener of listeners) listener(error)
    })
    child.on("message", (message: Outcome | Reply) => {
      switch (message.type) {
        case "ready": {
          running = { child, listeners: new Map(), loaded: message.loaded, startedMs, alive: true }
          // a program may end while a model is loaded
          child.unref()
          child.channel?.unref()
          return resume(Effect.succeed(running))
        }
        case "refused":
          child.kill("SIGKILL")
          return resume(Effect.fail(refused(op, engine, load, message.message)))
        case "missing":
          child.kill("SIGKILL")
          return resume(Effect.fail(OptionalPackage.missing({
            engine,
            packageName: load.packageName,
            native: true,
            cause: new Error(message.message)
          })))
        default:
          running?.listeners.get(message.id)?.(message)
      }
    })
    child.send(load, () => {})
    return Effect.sync(() => void child.kill("SIGKILL"))
  }).pipe(
    deadline("EngineRegistry.layer", `loading the model of ${engine}`, LOAD_WITHIN)
  )

/**
 * Starts the process and loads the model. Fails `invalid_config` for a model that is not whole, is of another kind, or that the
 * library ends its process on. The process ends with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  engine: string,
  load: Load
): Effect.fn.Return<SherpaProcess, BackendError, Scope.Scope> {
  let nextId = 1
  let closed = false
  const lock = Semaphore.makeUnsafe(1)
  const starting = Effect.flatMap(MonotonicTime.currentMs, (nowMs) => start(engine, load, nowMs))
  let running = yield* Effect.acquireRelease(Effect.interruptible(starting), () =>
    Effect.sync(() => {
      closed = true
      running.child.kill("SIGKILL")
    }))

  const living = Effect.gen(function*() {
    if (running.alive || closed) return running
    const nowMs = yield* MonotonicTime.currentMs
    if (nowMs - running.startedMs < RESTART_MS) return yield* crashed(engine, "")
    const again = yield* starting
    if (closed) again.child.kill("SIGKILL")
    return running = again
  }).pipe(Semaphore.withPermit(lock))

  const channel = (to: Running, listener: Listener): Channel => {
    const id = nextId++
    if (!to.alive) listener(crashed(engine, ""))
    else to.listeners.set(id, listener)
    return {
      id,
      send: (request) => {
        if (to.alive && to.child.connected) to.child.send(request, () => {})
      },
      close: () => {
        to.listeners.delete(id)
      }
    }
  }

  return {
    loaded: running.loaded,
    open: (listener) => Effect.map(running.alive ? Effect.succeed(running) : living, (to) => channel(to, listener))
  }
})
