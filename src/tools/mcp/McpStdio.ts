/**
 * The transport of an MCP server that is a program, on that of `effect/ai/McpClient`: its environment, its end, and what of its
 * output is no message.
 *
 * @since 0.1.0
 */
import * as McpClient from "effect/ai/McpClient"
import type { McpClientError } from "effect/ai/McpClientError"
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { McpServerOptions } from "../../agent/tools/McpServerOptions.ts"
import * as SecretValues from "../../SecretValues.ts"
import * as McpAnswers from "./McpAnswers.ts"
import { McpLines } from "./McpLines.ts"
import type { McpListener } from "./McpListener.ts"

/** Characters of one message of a server; a longer one fails its call. */
const MAX_LINE = 4_194_304
/** The client's own limit, in bytes, which no line that it is given reaches. */
const MAX_MESSAGE = ByteSize.mebibytes(16)
/** A line that goes on after so many characters has no end. */
const MAX_PENDING = 67_108_864
/** How much of what a program writes to its standard error is kept, in characters. */
const MAX_STDERR = 2_048
/** How long a program has to end before it is killed. */
const KILL_AFTER = Duration.seconds(1)

const inherited = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "TERM",
  "LANG",
  "TMPDIR",
  "APPDATA",
  "COMSPEC",
  "HOMEDRIVE",
  "HOMEPATH",
  "LOCALAPPDATA",
  "PATHEXT",
  "PROCESSOR_ARCHITECTURE",
  "PROGRAMFILES",
  "SYSTEMDRIVE",
  "SYSTEMROOT",
  "TEMP",
  "TMP",
  "USERNAME",
  "USERPROFILE",
  "WINDIR"
])

/** Nothing of the application's own variables, which may be secrets, reaches a program of somebody else. */
const environmentOf = ({ env }: McpServerOptions): { readonly [name: string]: string | undefined } => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => inherited.has(name.toUpperCase()))),
  ...Record.map(env, (value, name) => {
    const text = Redacted.value(value)
    SecretValues.remember(name, text)
    return text
  })
})

/** Its output, of which the client is given the messages alone; without end it ends. */
const messagesOf = <E>(stdout: Stream.Stream<Uint8Array, E>, { onChange, onGarbage }: McpListener) => {
  const encoder = new TextEncoder()
  const lines = new McpLines({
    maxLine: MAX_LINE,
    onGarbage,
    onMessage: (message) => {
      if (McpAnswers.isChange(message)) onChange()
    }
  })
  return stdout.pipe(
    Stream.map((bytes) => encoder.encode(lines.push(bytes))),
    Stream.takeWhile(() => lines.pending < MAX_PENDING),
    Stream.filter((bytes) => bytes.length > 0)
  )
}

/**
 * Starts the program in the current scope, and ends it with the scope, within a second.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  server: McpServerOptions,
  protocol: Parameters<typeof McpClient.stdio>[0]["protocol"],
  listener: McpListener
): Effect.fn.Return<McpClient.Transport, McpClientError, Scope.Scope | ChildProcessSpawner.ChildProcessSpawner> {
  let stderr = ""
  let handle: ChildProcessSpawner.ChildProcessHandle | undefined
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const watched = ChildProcessSpawner.make((command) =>
    Effect.map(spawner.spawn(command), (own) => {
      handle = own
      return ChildProcessSpawner.makeHandle({
        ...own,
        stdout: messagesOf(own.stdout, listener),
        stderr: Stream.tap(own.stderr, (bytes) =>
          Effect.sync(() => {
            stderr = (stderr + Buffer.from(bytes.subarray(-MAX_STDERR)).toString("utf8")).slice(-MAX_STDERR)
          }))
      })
    })
  )
  const transport = yield* McpClient.stdio({
    command: ChildProcess.make(server.command ?? "", server.args, { env: environmentOf(server), extendEnv: false }),
    protocol,
    maxMessageBytes: MAX_MESSAGE
  }).pipe(Effect.provideService(ChildProcessSpawner.ChildProcessSpawner, watched))
  const started = handle
  if (started !== undefined) {
    yield* Effect.exit(started.exitCode).pipe(
      Effect.andThen(Effect.sync(() => listener.onEnd(stderr))),
      Effect.forkScoped
    )
    // it runs before the transport's own, which waits longer
    yield* Effect.addFinalizer(() => Effect.ignore(started.kill({ killSignal: "SIGTERM", forceKillAfter: KILL_AFTER })))
  }
  let tells = false
  const fit = McpAnswers.lenient(transport, {
    onListens: () => {
      tells = true
    }
  })
  const scope = yield* Effect.scope
  const startListening = Effect.suspend(() => transport.request(McpAnswers.listenRequest(protocol.protocolVersion)))
    .pipe(Effect.ignore, Effect.forkIn(scope), Effect.asVoid)
  return {
    ...fit,
    request: (message, tool) =>
      Effect.tap(
        fit.request(message, tool),
        () => message.method === "server/discover" && tells ? startListening : Effect.void
      )
  }
})
