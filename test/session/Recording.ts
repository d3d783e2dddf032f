/** Records a user, in a directory, until it is killed. */
import { Duration, Effect, Schedule } from "effect"
import * as Resampler from "../../src/audio/resampling/Resampler.ts"
import * as ArchiveOutage from "../../src/session/retention/ArchiveOutage.ts"
import * as SessionRecorder from "../../src/session/retention/SessionRecorder.ts"
import * as SessionArchiveDirectory from "../../src/store/SessionArchiveDirectory.ts"

const frame = new Int16Array(320).fill(8_000)
const main = Effect.gen(function*() {
  const archive = yield* SessionArchiveDirectory.make(process.argv[2] ?? "")
  const periods = { audio: Duration.hours(1), transcript: Duration.hours(1) }
  const startedAtMs = yield* archive.begin({ session: "ses_crash", userId: "anna", periods })
  const retained = yield* SessionRecorder.make({
    archive,
    periods,
    userId: "anna",
    outage: yield* ArchiveOutage.make(Effect.void),
    startedAtMs,
    id: "ses_crash",
    resamplers: yield* Resampler.load,
    history:
      () => [{ role: "user", turn: 1, kind: "speech", text: "secret words", interrupted: false, atMs: startedAtMs }],
    describe: () => ({})
  })
  yield* Effect.repeat(Effect.sync(() => retained.user?.(frame)), {
    schedule: Schedule.fixed("20 millis")
  })
})
await Effect.runPromise(Effect.scoped(main))
