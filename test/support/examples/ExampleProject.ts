/** Where programs of `test/examples` run: on the sources, or in a project in which the packed package is installed. */
import { Effect, type Scope } from "effect"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { promisify } from "node:util"
import { findFreePort } from "../FreePort.ts"

export interface ExampleProject {
  /** Where they run; it has `test/fixtures`. */
  readonly directory: string
  readonly env: NodeJS.ProcessEnv
  /** Of Node, for the examples. */
  readonly flags: ReadonlyArray<string>
  /** Where the program of a file of `test/examples` is. */
  readonly programOf: (file: string) => string
  /** The command `effect-voice`: Node's arguments. */
  readonly cli: ReadonlyArray<string>
}

const onSources = ["--disable-warning=ExperimentalWarning", "--conditions=@effect-voice/source"]

/** The repository itself. */
export const sources: ExampleProject = {
  directory: process.cwd(),
  env: process.env,
  flags: onSources,
  programOf: (file) => join("test", "examples", file),
  cli: [...onSources, join("src", "cli", "main.ts")]
}

export interface Printed {
  readonly stdout: string
  readonly stderr: string
}

const RUN_MS = 250_000

/** Runs a command in the project to its end; dies when it ends with another code than 0. */
export const execute = (
  { directory, env }: ExampleProject,
  command: string,
  args: ReadonlyArray<string>,
  more: NodeJS.ProcessEnv = {}
): Effect.Effect<Printed> =>
  Effect.promise(() =>
    promisify(execFile)(command, args, { cwd: directory, timeout: RUN_MS, env: { ...env, ...more } })
  )

/** Runs an example to its end; dies when it ends with another code than 0. */
export const run = (
  project: ExampleProject,
  file: string,
  { args = [], env = {} }: { readonly args?: ReadonlyArray<string>; readonly env?: NodeJS.ProcessEnv } = {}
): Effect.Effect<Printed> =>
  execute(project, process.execPath, [...project.flags, project.programOf(file), ...args], env)

/** Runs the command to its end. */
export const cli = (project: ExampleProject, args: ReadonlyArray<string>): Effect.Effect<Printed> =>
  execute(project, process.execPath, [...project.cli, ...args])

/** A process that listens. */
export interface Listening {
  readonly url: string
  readonly port: number
  readonly signal: (name: NodeJS.Signals) => Effect.Effect<void>
  /** Sends SIGTERM and gives the exit code. */
  readonly stop: Effect.Effect<number | null>
}

const untilAnswers = async (child: ChildProcess, url: string, output: () => string): Promise<void> => {
  while (!await fetch(url).then(() => true, () => false)) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`it ended with ${child.exitCode ?? child.signalCode}: ${output()}`)
    }
    await new Promise((resume) => setTimeout(resume, 100))
  }
}

const listen = Effect.fnUntraced(function*(
  { directory, env }: ExampleProject,
  args: (port: number) => ReadonlyArray<string>,
  more: NodeJS.ProcessEnv,
  path: string
): Effect.fn.Return<Listening, never, Scope.Scope> {
  const port = yield* Effect.promise(findFreePort)
  let output = ""
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, args(port), {
        cwd: directory,
        env: { ...env, PORT: String(port), ...more },
        stdio: ["ignore", "pipe", "pipe"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text: Buffer) => {
      output = (output + text.toString()).slice(-10_000)
    })
  }
  const url = `http://127.0.0.1:${port}`
  yield* Effect.promise(() => untilAnswers(child, `${url}${path}`, () => output))
  return {
    url,
    port,
    signal: (name) => Effect.sync(() => void child.kill(name)),
    stop: Effect.promise(async () => {
      const ended = once(child, "exit")
      child.kill("SIGTERM")
      const [code] = await ended
      return code
    })
  }
})

/** Starts an example that takes its port from `PORT`, until the scope closes; ready when it answers at the path. */
export const serve = (
  project: ExampleProject,
  file: string,
  { args = [], env = {}, path = "/health/live" }: {
    readonly args?: ReadonlyArray<string>
    readonly env?: NodeJS.ProcessEnv
    readonly path?: string
  } = {}
): Effect.Effect<Listening, never, Scope.Scope> =>
  listen(project, () => [...project.flags, project.programOf(file), ...args], env, path)

/** Starts `effect-voice serve`. */
export const serveCli = (
  project: ExampleProject,
  args: ReadonlyArray<string>
): Effect.Effect<Listening, never, Scope.Scope> =>
  listen(project, (port) => [...project.cli, "serve", "--port", String(port), ...args], {}, "/health/live")

/** Talks to a server with a recording, by the command. */
export const talk = (project: ExampleProject, { port }: Listening): Effect.Effect<Printed> =>
  cli(project, [
    "talk",
    "--json",
    "--input",
    join("test", "fixtures", "ill-disposed.wav"),
    "--url",
    `ws://127.0.0.1:${port}`
  ])

/** Asks for a session once. */
export const askForSession = (url: string): Effect.Effect<Response> =>
  Effect.promise(() =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user_id: "ada", transport: "websocket" })
    })
  )

/** Creates a session, as a client does: a server on a busy machine has much to do at first, and says when to ask again. */
export const createSession = (url: string): Effect.Effect<Response> =>
  askForSession(url).pipe(
    Effect.tap(({ status }) => status === 503 ? Effect.sleep("500 millis") : Effect.void),
    Effect.repeat({ while: ({ status }) => status === 503 })
  )
