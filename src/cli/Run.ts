/**
 * Runs the command line as this process, with its signals and its exit code.
 *
 * @since 0.1.0
 */
import type * as Layer from "effect/Layer"
import type { App } from "./app/App.ts"
import * as Cli from "./Cli.ts"
import * as Output from "./Output.ts"
import { runMain } from "./RunMain.ts"
import * as Worker from "./workers/Worker.ts"

/** A process has one command line: it takes the signals and the exit code. */
let isRunning = false

/**
 * Runs a command line as this process.
 *
 * @category running
 * @since 0.1.0
 */
export const start = (options: Cli.CliOptions): void => {
  if (isRunning) {
    throw new Error(
      "run was called although the command line runs already: in a module for --app, call it only if (import.meta.main)"
    )
  }
  isRunning = true
  Output.surviveClosedPipes()
  // a worker is started as its parent was, whatever arguments of its own the program has
  const args = Worker.role(process.env)?.args ?? options.args
  runMain(Cli.run({ ...options, args }), { serving: args[0] === "serve" })
}

/**
 * The options of `run`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunOptions {
  /** Default: those of the process. */
  readonly args?: ReadonlyArray<string> | undefined
  /** The name of the program in its help. Default: `effect-voice`. */
  readonly name?: string | undefined
  /** What `--version` prints. Default: the version of effect-voice. */
  readonly version?: string | undefined
}

/**
 * Makes this program the command line of an application: `serve`, `talk`, `check`, `providers`, `schema`, `erase` and `models`, as
 * those of `effect-voice` and with the same exit codes and signals. The process exits when the command has ended. `app` is what
 * `defineApp` gives, or a Layer of registries and hooks.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (app: App | Layer.Layer<never, unknown>, options: RunOptions = {}): void =>
  start({
    app,
    args: options.args ?? process.argv.slice(2),
    name: options.name ?? "effect-voice",
    version: options.version
  })
