/** The service of `PhoneService.ts` in a process of its own, to be killed. */
import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { until } from "../../support/asterisk/ChrootProgram.ts"
import type { PhoneServiceOptions } from "./PhoneService.ts"

export interface KilledService {
  /** What its sessions said, until now. */
  readonly events: () => ReadonlyArray<{ readonly type: string; readonly session: string }>
  readonly kill: Effect.Effect<void>
}

export const start = Effect.fnUntraced(function*(
  options: PhoneServiceOptions
): Effect.fn.Return<KilledService, never, Scope.Scope> {
  let output = ""
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [
        "--conditions=@effect-voice/source",
        "test/providers/telephony/PhoneService.ts",
        JSON.stringify(options)
      ], {
        stdio: ["ignore", "pipe", "inherit"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  child.stdout.on("data", (data: Buffer) => {
    output += data.toString()
  })
  yield* until("the service is ready", () => /^ready$/mu.test(output), () => output)
  return {
    events: () => output.split("\n").filter((line) => line.startsWith("{\"")).map((line) => JSON.parse(line)),
    kill: Effect.callback<void>((resume) => {
      child.once("exit", () => resume(Effect.void))
      child.kill("SIGKILL")
    })
  }
})
