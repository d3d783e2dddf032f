/** Programs of the cache's chroot, each with a folder of its own that both sides see. */
import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { directory } from "../../../scripts/asterisk/Chroot.ts"

export { missing } from "../../../scripts/asterisk/Chroot.ts"

/** A folder as this process names it, and as the programs in the chroot do. */
export interface Folder {
  readonly outside: string
  readonly inside: string
}

export interface Program {
  readonly pid: number
  readonly log: () => string
  /** It has ended, with this exit code; null after a signal. */
  readonly ended: Effect.Effect<number | null>
  /** Kills it. */
  readonly kill: Effect.Effect<void>
  /** Ends it, at the latest after two seconds. */
  readonly stop: Effect.Effect<void>
}

const STOP_MS = 2_000

export const pause = (ms: number): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const timer = setTimeout(() => resume(Effect.void), ms)
    return Effect.sync(() => clearTimeout(timer))
  })

/** Waits until something is so, for a minute at most: 8 times longer than any of these programs takes. */
export const until = (
  what: string,
  isSo: () => boolean,
  seen: () => unknown = () => undefined
): Effect.Effect<void> =>
  Effect.suspend(() => isSo() ? Effect.void : Effect.andThen(pause(20), Effect.fail("not yet"))).pipe(
    Effect.retry({ times: 3_000 }),
    Effect.catch(() => Effect.die(new Error(`waited in vain until ${what}: ${String(seen())}`)))
  )

export const folder = (name: string): Effect.Effect<Folder, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      mkdirSync(join(directory, "tmp"), { recursive: true })
      const outside = mkdtempSync(join(directory, "tmp", `${name}-`))
      return { outside, inside: outside.slice(directory.length) }
    }),
    ({ outside }) => Effect.sync(() => rmSync(outside, { recursive: true, force: true }))
  )

/** Starts a program; what it writes goes into `<name>.log` of its folder. */
export const run = (
  name: string,
  args: ReadonlyArray<string>,
  where: Folder
): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync((): Program => {
      const file = join(where.outside, `${name}.log`)
      const output = openSync(file, "a")
      const child = spawn("chroot", [directory, name, ...args], {
        stdio: ["ignore", output, output],
        env: { PATH: "/usr/sbin:/usr/bin", HOME: where.inside, TERM: "dumb" }
      })
      const ended = Effect.callback<number | null>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.succeed(child.exitCode))
        child.once("exit", (code) => resume(Effect.succeed(code)))
      })
      return {
        pid: child.pid ?? 0,
        log: () => readFileSync(file, "utf8"),
        ended,
        kill: Effect.suspend(() => {
          child.kill("SIGKILL")
          return Effect.asVoid(ended)
        }),
        stop: Effect.suspend(() => {
          child.kill("SIGTERM")
          const killed = Effect.andThen(pause(STOP_MS), Effect.sync(() => child.kill("SIGKILL")))
          return Effect.asVoid(Effect.raceFirst(ended, Effect.andThen(killed, ended)))
        })
      }
    }),
    ({ stop }) => stop
  )
