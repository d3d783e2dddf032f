/** A process on a shared archive: `record` keeps a session going until it is killed or told to end, `sweep` sweeps. */
import { Duration, Effect, Schedule } from "effect"
import * as SessionArchiveDirectory from "../../src/store/SessionArchiveDirectory.ts"

const [, , role, path = "", session = ""] = process.argv
const periods = { audio: Duration.seconds(1), transcript: Duration.seconds(1) }

const record = Effect.gen(function*() {
  const archive = yield* SessionArchiveDirectory.make(path)
  yield* archive.begin({ session, userId: "anna", periods })
  yield* archive.write(session, "transcript", "[]")
  let refused = 0
  const ended = new Promise<void>((resolve) => process.once("SIGTERM", () => resolve()))
  yield* archive.append(session, "audio", new Uint8Array(320)).pipe(
    Effect.tap((stored) => Effect.sync(() => void (refused += stored ? 0 : 1))),
    Effect.repeat(Schedule.spaced("20 millis")),
    Effect.raceFirst(Effect.promise(() => ended))
  )
  yield* archive.finish(session, periods)
  process.stdout.write(`refused ${refused}\n`)
})

const sweep = Effect.gen(function*() {
  const archive = yield* SessionArchiveDirectory.make(path)
  yield* archive.sweep.pipe(Effect.repeat(Schedule.spaced("50 millis")))
})

await Effect.runPromise(Effect.scoped(role === "record" ? record : sweep))
process.exit(0)
