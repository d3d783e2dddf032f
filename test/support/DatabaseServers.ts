/** Real PostgreSQL and Redis for tests, on free ports of loopback, with their data in temporary directories. */
import { Effect, type Scope } from "effect"
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { freePort } from "./FreePort.ts"

export interface DatabaseServer {
  readonly url: string
  /** Kills the process. */
  readonly kill: Effect.Effect<void>
  /** Restarts it on the same port and data. */
  readonly start: Effect.Effect<void>
}

const find = (name: string, directories: ReadonlyArray<string>): string | undefined =>
  directories.map((directory) => join(directory, name)).find(existsSync)

const path = (process.env["PATH"] ?? "").split(":")
const versions = "/usr/lib/postgresql"
const initdb = find(
  "initdb",
  [...(existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, "bin")) : []), ...path]
)
const redisServer = find("redis-server", path)

/** The client of the PostgreSQL that is started here. */
export const psqlPath = (initdb ?? "").replace(/initdb$/u, "psql")

/** What to install if something is missing. */
export const missingPostgres = initdb === undefined ? "no PostgreSQL found: apt-get install postgresql" : undefined
export const missingRedis = redisServer === undefined ? "no Redis found: apt-get install redis-server" : undefined

const answers = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const socket = connect({ port, host: "127.0.0.1" })
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.succeed(true))
    })
    socket.once("error", () => resume(Effect.succeed(false)))
  })

const ready = (port: number) =>
  answers(port).pipe(
    Effect.flatMap((up) => up ? Effect.void : Effect.fail("not yet" as const)),
    Effect.retry({ times: 200 }),
    Effect.orDie
  )

const serverOf = Effect.fnUntraced(function*(
  directory: string,
  url: (port: number) => string,
  run: (port: number) => ChildProcess,
  up: (port: number) => Effect.Effect<void>
): Effect.fn.Return<DatabaseServer, never, Scope.Scope> {
  const port = yield* freePort
  let child: ChildProcess | undefined
  const start = Effect.suspend(() => {
    child = run(port)
    return up(port)
  })
  const kill = Effect.callback<void>((resume) => {
    const running = child
    if (running === undefined || running.exitCode !== null) return resume(Effect.void)
    running.once("exit", () => resume(Effect.void))
    running.kill("SIGKILL")
  })
  yield* Effect.addFinalizer(() =>
    Effect.andThen(kill, Effect.sync(() => rmSync(directory, { recursive: true, force: true })))
  )
  yield* start
  return { url: url(port), kill, start }
})

const pause = (ms: number) =>
  Effect.callback<void>((resume) => {
    setTimeout(() => resume(Effect.void), ms)
  })

export const postgres: Effect.Effect<DatabaseServer, never, Scope.Scope> = Effect.suspend(() => {
  const directory = mkdtempSync(join(tmpdir(), "effect-voice-postgres-"))
  chmodSync(directory, 0o777)
  const data = join(directory, "data")
  // it refuses to run as root
  const asUser = process.getuid?.() === 0
    ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    : ["env"]
  const [user = "env", ...rest] = asUser
  execFileSync(user, [...rest, initdb ?? "", "-D", data, "-A", "trust", "-U", "voice", "--no-sync"], {
    stdio: "ignore",
    cwd: directory
  })
  const binary = (initdb ?? "").replace(/initdb$/u, "postgres")
  const query = (port: number) =>
    Effect.sync(() => {
      const psql = binary.replace(/postgres$/u, "psql")
      try {
        execFileSync(psql, ["-h", "127.0.0.1", "-p", String(port), "-U", "voice", "-c", "SELECT 1", "postgres"], {
          stdio: "ignore"
        })
        return true
      } catch {
        return false
      }
    })
  return serverOf(
    directory,
    (port) => `postgres://voice@127.0.0.1:${port}/postgres`,
    (port) =>
      spawn(user, [...rest, binary, "-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", directory], {
        stdio: "ignore",
        cwd: directory
      }),
    (port) =>
      Effect.flatMap(query(port), (up) => up ? Effect.void : Effect.andThen(pause(100), Effect.fail("not yet"))).pipe(
        Effect.retry({ times: 100 }),
        Effect.orDie
      )
  )
})

let databases = 0

/** A fresh database on a PostgreSQL that runs, which is ready far sooner than another server. */
export const database = (server: DatabaseServer): Effect.Effect<{ readonly url: string }> =>
  Effect.promise(async () => {
    const name = `voice_${++databases}`
    await promisify(execFile)(psqlPath, ["-d", server.url, "-c", `CREATE DATABASE ${name}`])
    return { url: server.url.replace(/postgres$/u, name) }
  })

export const redis: Effect.Effect<DatabaseServer, never, Scope.Scope> = Effect.suspend(() => {
  const directory = mkdtempSync(join(tmpdir(), "effect-voice-redis-"))
  return serverOf(
    directory,
    (port) => `redis://127.0.0.1:${port}`,
    (port) =>
      spawn(redisServer ?? "", [
        "--port",
        String(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        directory,
        "--save",
        "",
        "--appendonly",
        "yes",
        "--appendfsync",
        "always"
      ], { stdio: "ignore" }),
    (port) => Effect.andThen(pause(200), ready(port))
  )
})

export { pause }
