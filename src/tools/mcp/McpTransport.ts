/**
 * The transports of MCP servers, on those of `effect/ai/McpClient`, with what they leave out: servers that answer with an
 * earlier revision of the protocol, whose tools are the same; lists in which a tool is malformed; the server's word that its list
 * has changed, and that it has ended.
 *
 * @since 0.1.0
 */
import * as McpClient from "effect/ai/McpClient"
import type { McpClientError } from "effect/ai/McpClientError"
import * as McpProtocol from "effect/ai/McpProtocol"
import type * as McpSchema from "effect/ai/McpSchema"
import * as ByteSize from "effect/ByteSize"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { McpServerOptions } from "../../agent/tools/McpServerOptions.ts"
import { isRecord, type JsonRecord, parse } from "../../schema/Json.ts"
import * as SecretValues from "../../SecretValues.ts"
import { untraced } from "../../wire/UntracedHttp.ts"
import * as McpResult from "./McpResult.ts"

/** Of one message of a server. */
const MAX_MESSAGE = ByteSize.mebibytes(4)
/** Of a notification, in characters. */
const MAX_NOTIFICATION = 65_536
/** How much of what a program writes to its standard error is kept, in characters. */
const MAX_STDERR = 2_048
/** How long a program has to end before it is killed. */
const KILL_AFTER = Duration.seconds(1)
/** The pause before a stream of notifications is opened again. */
const LISTEN_AGAIN = Duration.seconds(5)

const LIST_CHANGED = "notifications/tools/list_changed"

/** Revisions whose tools are listed and called as in 2025-11-25. */
const EARLIER = new Set(["2024-11-05", "2025-03-26", "2025-06-18"])

/**
 * The revisions in the order in which they are tried.
 *
 * @category constants
 * @since 0.1.0
 */
export const protocols = [McpProtocol.v2025_11_25, McpProtocol.v2026_07_28] as const

/**
 * What a call tells the server besides its input.
 *
 * @category references
 * @since 0.1.0
 */
export const CallMeta = Context.Reference<JsonRecord | undefined>("effect-voice/tools/mcp/CallMeta", {
  defaultValue: () => undefined
})

/**
 * What the transport tells of its server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listener {
  /** The list of tools has changed, as far as the server says. */
  readonly onChange: () => void
  /** The program has ended; the last of what it wrote to its standard error, if anything. */
  readonly onEnd: (stderr: string) => void
}

type Transport = McpClient.Transport

type Made = Effect.Effect<
  Transport,
  McpClientError,
  Scope.Scope | HttpClient.HttpClient | ChildProcessSpawner.ChildProcessSpawner
>

/** The server's answers, made fit for the client. */
const lenient = (transport: Transport, onVersion: (version: string) => void): Transport => {
  const fitted = (method: string, result: unknown): unknown => {
    if (!isRecord(result)) return result
    switch (method) {
      case "initialize": {
        const version = result["protocolVersion"]
        if (typeof version !== "string" || !EARLIER.has(version)) return result
        onVersion(version)
        return { ...result, protocolVersion: transport.protocol.protocolVersion }
      }
      case "tools/list":
        return McpResult.page(result)
      case "tools/call": {
        const { _meta, structuredContent: _structured, ...rest } = result
        return {
          ...rest,
          content: [{ type: "text", text: McpResult.text(result) }],
          isError: result["isError"] === true
        }
      }
      default:
        return result
    }
  }
  const withMeta = (message: McpSchema.JsonRpcRequest) =>
    message.method !== "tools/call" ? Effect.succeed(message) : Effect.map(CallMeta, (meta) => {
      if (meta === undefined) return message
      const params = isRecord(message.params) ? message.params : {}
      return {
        ...message,
        params: { ...params, _meta: { ...(isRecord(params["_meta"]) ? params["_meta"] : {}), ...meta } }
      }
    })
  return {
    ...transport,
    request: (message, tool) =>
      Effect.map(
        Effect.flatMap(withMeta(message), (told) => transport.request(told, tool)),
        (response) =>
          "result" in response ? { ...response, result: fitted(message.method, response.result) as never } : response
      )
  }
}

const isChange = (message: unknown): boolean => isRecord(message) && message["method"] === LIST_CHANGED

/** Passes the data of the events of a body on, each of a bounded size. */
const eachEvent = (body: Stream.Stream<Uint8Array, unknown>, onData: (data: string) => void) => {
  const parser = Sse.makeParser((event) => {
    if (event._tag === "Event") onData(event.data)
  }, { maxEventSize: MAX_NOTIFICATION })
  return body.pipe(
    Stream.decodeText(),
    Stream.takeWhile((chunk) => parser.feed(chunk) === undefined),
    Stream.runDrain
  )
}

/**
 * The transport of a server over HTTP. Redirects are not followed, as the headers may be secrets, and there is no span, as the
 * URL may hold one.
 */
const http = (
  server: McpServerOptions,
  protocol: (typeof protocols)[number],
  { onChange }: Listener
): Effect.Effect<Transport, McpClientError, Scope.Scope | HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const url = server.url ?? ""
    SecretValues.rememberUrl(url)
    const headers = Record.map(server.headers, (value, name) => {
      const text = Redacted.value(value).trim()
      SecretValues.remember(name, text)
      return text
    })
    let version: string | undefined
    let session: string | undefined
    const client = (yield* HttpClient.HttpClient).pipe(
      HttpClient.mapRequest((request) =>
        version === undefined ? request : HttpClientRequest.setHeader(request, "mcp-protocol-version", version)
      ),
      HttpClient.transformResponse((response) =>
        response.pipe(
          untraced,
          Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
          Effect.tap(({ headers }) =>
            Effect.sync(() => {
              session = headers["mcp-session-id"] ?? session
            })
          )
        )
      )
    )
    const transport = yield* McpClient.http({ url, protocol, headers, maxMessageBytes: MAX_MESSAGE }).pipe(
      Effect.provideService(HttpClient.HttpClient, client)
    )
    if (protocol.protocolVersion === "2026-07-28") return lenient(transport, () => {})
    const listen = Effect.suspend(() => {
      const request = HttpClientRequest.get(url).pipe(
        HttpClientRequest.setHeaders({
          ...headers,
          accept: "text/event-stream",
          "mcp-protocol-version": protocol.protocolVersion,
          ...(session === undefined ? {} : { "mcp-session-id": session })
        })
      )
      return Effect.flatMap(client.execute(request), (response) =>
        // a server that tells nothing by itself refuses
        response.status === 200 && /^text\/event-stream/iu.test(response.headers["content-type"] ?? "")
          ? Effect.as(
            Effect.ignore(eachEvent(response.stream, (data) => {
              if (isChange(parse(data))) onChange()
            })),
            true
          )
          : Effect.succeed(false)).pipe(
          Effect.scoped,
          Effect.orElseSucceed(() => true),
          Effect.tap((again) => again ? Effect.sleep(LISTEN_AGAIN) : Effect.void)
        )
    })
    const scope = yield* Effect.scope
    const startListening = Effect.forkIn(Effect.repeat(listen, { while: (again) => again }), scope)
    return {
      ...lenient(transport, (told) => {
        version = told
      }),
      notify: (message) =>
        message.method === "notifications/initialized"
          ? Effect.asVoid(Effect.tap(transport.notify(message), () => startListening))
          : transport.notify(message)
    }
  })

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

/** The transport of a server that is a program. It ends with the scope, within a second. */
const stdio = Effect.fnUntraced(function*(
  server: McpServerOptions,
  protocol: (typeof protocols)[number],
  { onChange, onEnd }: Listener
) {
  let stderr = ""
  let before = ""
  let handle: ChildProcessSpawner.ChildProcessHandle | undefined
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const watched = ChildProcessSpawner.make((command) =>
    Effect.map(spawner.spawn(command), (own) => {
      handle = own
      return ChildProcessSpawner.makeHandle({
        ...own,
        stdout: Stream.tap(own.stdout, (bytes) =>
          Effect.sync(() => {
            // a result with these words is one listing too many
            const text = before + Buffer.from(bytes).toString("latin1")
            if (text.includes(LIST_CHANGED)) onChange()
            before = text.slice(1 - LIST_CHANGED.length)
          })),
        stderr: Stream.tap(own.stderr, (bytes) =>
          Effect.sync(() => {
            stderr = (stderr + Buffer.from(bytes).toString("utf8")).slice(-MAX_STDERR)
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
      Effect.andThen(Effect.sync(() => onEnd(stderr))),
      Effect.forkScoped
    )
    // it runs before the transport's own, which waits longer
    yield* Effect.addFinalizer(() => Effect.ignore(started.kill({ killSignal: "SIGTERM", forceKillAfter: KILL_AFTER })))
  }
  return lenient(transport, () => {})
})

/**
 * Opens the transport of a server in the current scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: McpServerOptions, protocol: (typeof protocols)[number], listener: Listener): Made =>
  server.url === undefined ? stdio(server, protocol, listener) : http(server, protocol, listener)
