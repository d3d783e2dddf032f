/**
 * The transport of an MCP server over HTTP, on that of `effect/ai/McpClient`, and the stream on which it says that its tools have
 * changed. Redirects are not followed, as the headers may be secrets, and there is no span, as the URL may hold one.
 *
 * @since 0.1.0
 */
import * as McpClient from "effect/ai/McpClient"
import type { McpClientError } from "effect/ai/McpClientError"
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { McpServerOptions } from "../../agent/tools/McpServerOptions.ts"
import { parse } from "../../schema/Json.ts"
import * as SecretValues from "../../SecretValues.ts"
import { untraced } from "../../wire/UntracedHttp.ts"
import * as McpAnswers from "./McpAnswers.ts"
import type { McpListener } from "./McpListener.ts"

/** Of one message of a server. */
const MAX_MESSAGE = ByteSize.mebibytes(4)
/** Of a notification, in characters. */
const MAX_NOTIFICATION = 65_536
/** The pause before a stream of notifications is opened again. */
const LISTEN_AGAIN = Duration.seconds(5)

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
 * Opens the transport in the current scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  server: McpServerOptions,
  protocol: Parameters<typeof McpClient.http>[0]["protocol"],
  { onChange }: Pick<McpListener, "onChange">
): Effect.fn.Return<McpClient.Transport, McpClientError, Scope.Scope | HttpClient.HttpClient> {
  const url = server.url ?? ""
  SecretValues.rememberUrl(url)
  const revision = protocol.protocolVersion
  const isNewest = revision === "2026-07-28"
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
  /** Until 2025-11-25 a stream of its own, in the newest revision the response to a request. */
  const listenRequest = () => {
    const common = { ...headers, "mcp-protocol-version": revision }
    if (!isNewest) {
      return HttpClientRequest.get(url).pipe(HttpClientRequest.setHeaders({
        ...common,
        accept: "text/event-stream",
        ...(session === undefined ? {} : { "mcp-session-id": session })
      }))
    }
    const message = McpAnswers.listenRequest(revision)
    return HttpClientRequest.post(url).pipe(
      HttpClientRequest.setHeaders({
        ...common,
        accept: "application/json, text/event-stream",
        "mcp-method": message.method
      }),
      HttpClientRequest.bodyText(JSON.stringify(message), "application/json")
    )
  }
  const listen = Effect.suspend(() =>
    Effect.flatMap(client.execute(listenRequest()), (response) =>
      // a server that tells nothing by itself refuses
      response.status === 200 && /^text\/event-stream/iu.test(response.headers["content-type"] ?? "")
        ? Effect.as(
          Effect.ignore(eachEvent(response.stream, (data) => {
            if (McpAnswers.isChange(parse(data))) onChange()
          })),
          true
        )
        : Effect.succeed(false)).pipe(
        Effect.scoped,
        Effect.orElseSucceed(() => true),
        Effect.tap((again) => again ? Effect.sleep(LISTEN_AGAIN) : Effect.void)
      )
  )
  const scope = yield* Effect.scope
  const startListening = Effect.asVoid(Effect.forkIn(Effect.repeat(listen, { while: (again) => again }), scope))
  let tells = false
  const fit = McpAnswers.lenient(transport, {
    onVersion: (told) => {
      version = told
    },
    onListens: () => {
      tells = true
    }
  })
  return isNewest
    ? {
      ...fit,
      request: (message, tool) =>
        Effect.tap(
          fit.request(message, tool),
          () => message.method === "server/discover" && tells ? startListening : Effect.void
        )
    }
    : {
      ...fit,
      notify: (message) =>
        message.method === "notifications/initialized"
          ? Effect.tap(transport.notify(message), () => startListening)
          : transport.notify(message)
    }
})
