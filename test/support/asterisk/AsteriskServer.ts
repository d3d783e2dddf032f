/** The real Asterisk for tests: on free ports of loopback, in the cache's chroot, with configuration and state of its own. */
import { Effect, Scope } from "effect"
import { execFile } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { directory } from "../../../scripts/asterisk/Chroot.ts"
import { freePort } from "../FreePort.ts"
import { type AsteriskConfigOptions, files } from "./AsteriskConfig.ts"
import { type Folder, folder, type Program, run, until } from "./ChrootProgram.ts"
import { freeUdpPort } from "./UdpPort.ts"

export { missing } from "./ChrootProgram.ts"

export interface AsteriskServerOptions extends Pick<AsteriskConfigOptions, "controlFormat" | "webSocket"> {
  /** `extensions.conf`; calls of telephones come into the context `voice`. */
  readonly dialplan: string
}

export interface AsteriskServer {
  readonly sipPort: number
  /** The address that a telephone dials for an extension of context `voice`. */
  readonly uri: (extension: string) => string
  /** The base URL of ARI, whose user is `voice`. */
  readonly ariUrl: string
  readonly ariUser: string
  readonly ariPassword: string
  readonly folder: Folder
  readonly pid: () => number
  readonly log: () => string
  /** Runs a command of its console, and gives what it prints. */
  readonly command: (line: string) => Effect.Effect<string>
  /** How many channels there are. */
  readonly channels: Effect.Effect<number>
  /** Writes another `extensions.conf` and loads it. */
  readonly setDialplan: (dialplan: string) => Effect.Effect<void>
  /** Kills it. */
  readonly kill: Effect.Effect<void>
  /** Starts it again on its ports. */
  readonly start: Effect.Effect<void>
}

const COMMAND_MS = 20_000
const PASSWORD = "secret-of-the-test"

export const make = Effect.fnUntraced(function*(
  options: AsteriskServerOptions
): Effect.fn.Return<AsteriskServer, never, Scope.Scope> {
  const where = yield* folder("asterisk")
  const scope = yield* Effect.scope
  const sipPort = yield* freeUdpPort
  const httpPort = yield* freePort
  const config = join(where.inside, "etc", "asterisk.conf")
  for (const each of ["etc", "lib", "log", "run", "spool"]) mkdirSync(join(where.outside, each))
  const write = (dialplan: string) => {
    const settings = { ...options, dialplan, folder: where.inside, sipPort, httpPort, password: PASSWORD }
    for (const [name, text] of Object.entries(files(settings))) writeFileSync(join(where.outside, "etc", name), text)
  }
  write(options.dialplan)
  const command = (line: string) =>
    Effect.callback<string>((resume) => {
      const child = execFile(
        "chroot",
        [directory, "asterisk", "-C", config, "-rx", line],
        { timeout: COMMAND_MS, env: { PATH: "/usr/sbin:/usr/bin", TERM: "dumb" } },
        (_, stdout) => resume(Effect.succeed(stdout))
      )
      return Effect.sync(() => child.kill("SIGKILL"))
    })
  let program: Program | undefined
  let starts = 0
  const readyLines = () => program?.log().split("Asterisk Ready.").length ?? 1
  const start = Effect.gen(function*() {
    program = yield* Scope.provide(run("asterisk", ["-f", "-n", "-C", config], where), scope)
    starts += 1
    yield* until("Asterisk is ready", () => readyLines() > starts)
  })
  yield* start
  return {
    sipPort,
    uri: (extension) => `sip:${extension}@127.0.0.1:${sipPort}`,
    ariUrl: `http://127.0.0.1:${httpPort}/ari`,
    ariUser: "voice",
    ariPassword: PASSWORD,
    folder: where,
    pid: () => program?.pid ?? 0,
    log: () => program?.log() ?? "",
    command,
    channels: Effect.map(
      command("core show channels count"),
      (text) => Number(/(\d+) active channel/u.exec(text)?.[1])
    ),
    setDialplan: (dialplan) =>
      Effect.andThen(Effect.sync(() => write(dialplan)), Effect.asVoid(command("dialplan reload"))),
    kill: Effect.suspend(() => program?.kill ?? Effect.void),
    start
  }
})
