/** A Python program on the real Pipecat, in the venv of `npm run pipecat:install`. */
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as Venv from "../../../scripts/pipecat/Venv.ts"

const found = Venv.find()

/** What to install, when it is not there. */
export const missing = "missing" in found ? found.missing : undefined

export interface Program {
  readonly process: ChildProcess
  /** What it has printed. */
  readonly output: () => string
}

const ended = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })

/** Runs it until the scope ends; it is there when it has printed `ready`. */
export const run = Effect.fnUntraced(function*(
  script: string,
  args: ReadonlyArray<string>,
  options: { readonly ready: RegExp; readonly env?: Record<string, string> | undefined }
) {
  if (!("python" in found)) return yield* Effect.die(new Error(found.missing))
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(found.python, ["-u", script, ...args], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, OMP_NUM_THREADS: "1", PYTHONDONTWRITEBYTECODE: "1", ...options.env }
      })
    ),
    (child) =>
      Effect.sync(() => child.kill("SIGKILL")).pipe(
        Effect.andThen(ended(child)),
        Effect.timeoutOption("5 seconds")
      )
  )
  let output = ""
  const program: Program = { process: child, output: () => output }
  yield* Effect.callback<void>((resume) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString()
      if (options.ready.test(output)) resume(Effect.void)
    }
    child.stdout.on("data", read)
    child.stderr.on("data", read)
    child.once("exit", (code) => resume(Effect.die(new Error(`${script} ended with ${code}: ${output}`))))
  }).pipe(Effect.timeoutOrElse({
    duration: "1 minute",
    orElse: () => Effect.die(new Error(`${script} is not ready: ${output}`))
  }))
  return program
})
