/**
 * The worker's side of `serve --workers`: its role, and what it tells its parent.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { formatUrl, type Listen } from "../../server/Listening.ts"
import type { ServerConfig } from "../../server/ServerConfig.ts"
import type { SharedPort } from "../../server/SharedPort.ts"
import { INTERVAL_MS } from "./Heartbeats.ts"

/**
 * The variable that makes `serve` a worker. The parent sets it; users must not.
 *
 * @category constants
 * @since 0.1.0
 */
export const VARIABLE = "EFFECT_VOICE_WORKER"

/**
 * - `index`: the number of the worker, from 0.
 * - `host`, `ports`: where the workers listen by themselves, besides the port that they share.
 * - `directory`: a directory of all workers, which is removed when they end.
 * - `args`: the arguments of the command line that it runs.
 *
 * @category models
 * @since 0.1.0
 */
export const WorkerRole = Schema.Struct({
  index: Schema.Int,
  host: Schema.String,
  ports: Schema.Array(Schema.Int),
  directory: Schema.String,
  args: Schema.Array(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type WorkerRole = typeof WorkerRole.Type

/**
 * The messages of a worker to its parent.
 *
 * @category models
 * @since 0.1.0
 */
export type FromWorker = "listening" | "heartbeat"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(WorkerRole))

/**
 * The role of this process; `undefined` when it is not a worker.
 *
 * @category accessors
 * @since 0.1.0
 */
export const role = (env: { readonly [name: string]: string | undefined }): WorkerRole | undefined => {
  const text = env[VARIABLE]
  if (text === undefined || process.send === undefined) return undefined
  const decoded = decode(text)
  return decoded._tag === "Some" ? decoded.value : undefined
}

/**
 * Where a worker listens by itself.
 *
 * @category accessors
 * @since 0.1.0
 */
export const ownAddress = ({ host, index, ports }: WorkerRole): Listen => ({
  host,
  port: ports[index] ?? 0,
  setting: "--worker-port"
})

const urlOf = ({ host }: WorkerRole, { tls }: Pick<ServerConfig, "tls">, port: number): string =>
  formatUrl(tls === undefined ? "http" : "https", host, port)

/**
 * The URL of that.
 *
 * @category accessors
 * @since 0.1.0
 */
export const ownUrl = (role: WorkerRole, listen: Pick<ServerConfig, "tls">): string =>
  urlOf(role, listen, ownAddress(role).port)

/**
 * The port that a worker shares with the others: where all of them `listen`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const sharedPort = (role: WorkerRole, listen: Pick<ServerConfig, "host" | "port" | "tls">): SharedPort => ({
  host: listen.host,
  port: listen.port,
  name: String(role.index),
  siblings: role.ports.flatMap((port, index) =>
    index === role.index ? [] : [{ name: String(index), url: urlOf(role, listen, port) }]
  )
})

/** A parent that was killed must not be told anything: without the callback that would be an error that ends the process. */
const tell = (message: FromWorker): void => {
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}

/** Removes the directory of workers that their parent has left, unless another of them still runs. */
const leaveDirectory = ({ directory, index }: WorkerRole): void => {
  rmSync(join(directory, `${index}.pid`), { force: true })
  const others = readdirSync(directory).filter((name) => name.endsWith(".pid"))
  const isRunning = (name: string): boolean => {
    try {
      return process.kill(Number(readFileSync(join(directory, name), "utf8")), 0)
    } catch {
      return false
    }
  }
  if (!others.some(isRunning)) rmSync(directory, { recursive: true, force: true })
}

/**
 * Tells the parent that this process listens, and sends heartbeats until the process ends, through its drain as well. When
 * the parent has ended without a word, this process drains and exits, and the last of them removes what the parent has left.
 *
 * @category running
 * @since 0.1.0
 */
export const report = (role: WorkerRole): Effect.Effect<void> =>
  Effect.sync(() => {
    writeFileSync(join(role.directory, `${role.index}.pid`), String(process.pid))
    const drain = (): void => void process.kill(process.pid, "SIGTERM")
    // A second signal would end the drain at once.
    process.once("SIGTERM", () => process.off("disconnect", drain))
    process.once("disconnect", drain)
    if (!process.connected) drain()
    process.once("exit", () => {
      if (!process.connected && existsSync(role.directory)) leaveDirectory(role)
    })
    tell("listening")
    setInterval(() => tell("heartbeat"), INTERVAL_MS).unref()
  })
