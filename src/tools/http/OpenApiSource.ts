/**
 * The operations of an API as tools. The document is read at the start; one that cannot be read costs its tools alone, and is tried
 * again with growing pauses.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs/promises"
import type { OpenApiOptions } from "../../agent/tools/OpenApiOptions.ts"
import type { RemoteTool, ToolSource } from "../../agent/tools/RemoteTool.ts"
import { ConnectionFailed } from "../../BackendError.ts"
import * as RetryPolicy from "../../RetryPolicy.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import * as YamlDocument from "../../schema/YamlDocument.ts"
import * as SecretValues from "../../SecretValues.ts"
import { untraced } from "../../wire/UntracedHttp.ts"
import * as HttpToolCall from "./HttpToolCall.ts"
import * as OpenApiOperations from "./OpenApiOperations.ts"

/** Of a document, in bytes. */
const MAX_DOCUMENT = 8_388_608
const MAX_TOOLS = 128

const failed = (name: string, why: string) =>
  new ConnectionFailed({
    op: "OpenApi.load",
    message: `the API ${name} cannot be used: ${why}`,
    details: { part: `openapi:${name}` }
  })

const textOf = Effect.fnUntraced(function*(
  api: OpenApiOptions,
  client: HttpClient.HttpClient
): Effect.fn.Return<string | undefined, ConnectionFailed> {
  const { file, name, url } = api
  if (url === undefined) {
    return yield* Effect.tryPromise({
      try: async () => {
        const { size } = await Fs.stat(file ?? "")
        return size > MAX_DOCUMENT ? undefined : await Fs.readFile(file ?? "", "utf8")
      },
      catch: () => failed(name, `cannot read ${file}`)
    })
  }
  SecretValues.rememberUrl(url)
  const request = HttpClientRequest.get(url).pipe(
    HttpClientRequest.setHeaders(Object.fromEntries(
      Object.entries(api.headers).map(([key, value]) => {
        const text = Redacted.value(value).trim()
        SecretValues.remember(key, text)
        return [key, text]
      })
    ))
  )
  let size = 0
  return yield* client.execute(request).pipe(
    Effect.flatMap((response): Effect.Effect<string | undefined, HttpClientError | ConnectionFailed> =>
      response.status === 200
        ? response.stream.pipe(
          Stream.takeWhile((bytes) => (size += bytes.length) <= MAX_DOCUMENT),
          Stream.decodeText(),
          Stream.mkString,
          Effect.map((text) => size > MAX_DOCUMENT ? undefined : text)
        )
        : Effect.fail(failed(name, `its document was answered with status ${response.status}`))
    ),
    untraced,
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
    // without the words of the client, which may have the URL
    Effect.mapError((error) =>
      error instanceof ConnectionFailed ? error : failed(name, "its document cannot be reached")
    ),
    Effect.timeoutOrElse({
      duration: api.timeout,
      orElse: () => Effect.fail(failed(name, `its document took longer than ${Duration.format(api.timeout)}`))
    })
  )
})

/** The URL in front of the paths: the config's, or one of the document's own origin. */
const baseOf = ({ baseUrl, url = "" }: OpenApiOptions, { servers }: JsonRecord): string | undefined => {
  if (baseUrl !== undefined) return baseUrl
  const told = Array.isArray(servers) && servers.length > 0 ? OpenApiOperations.serverOf(servers) : "/"
  if (told === undefined || !URL.canParse(told, url)) return undefined
  const { href, origin } = new URL(told, url)
  return origin === new URL(url).origin ? href : undefined
}

/**
 * Reads the document in the current scope, and waits for the first attempt.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  api: OpenApiOptions,
  client: HttpClient.HttpClient
): Effect.fn.Return<ToolSource, never, Scope.Scope> {
  const { name } = api
  let tools: ReadonlyArray<RemoteTool> = []
  let fault: string | undefined = "its document is being read"
  const tried = yield* Deferred.make<void>()

  const load = Effect.gen(function*() {
    const text: string | undefined = yield* textOf(api, client)
    if (text === undefined) return yield* failed(name, `its document has more than ${MAX_DOCUMENT} bytes`)
    const read = YamlDocument.parse(text)
    if (Result.isFailure(read)) return yield* failed(name, `its document ${read.failure}`)
    const document = read.success
    if (!isRecord(document) || !isRecord(document["paths"])) {
      return yield* failed(name, "its document is no OpenAPI document in JSON or YAML")
    }
    const base = baseOf(api, document)
    if (base === undefined) return yield* failed(name, "its document names a server of another origin: set base_url")
    const made = OpenApiOperations.make(document, { ...api, base })
    const used = made.tools.slice(0, MAX_TOOLS)
    tools = used.map((tool) => HttpToolCall.make(tool, client))
    fault = undefined
    if (made.missing.length > 0) {
      yield* Effect.logWarning(`the API ${name} has no operation ${made.missing.join(", ")}`)
    }
    if (made.skipped.length > 0) {
      yield* Effect.logInfo(`operations of the API ${name} that are no tools: ${made.skipped.slice(0, 20).join(", ")}`)
    }
    if (used.length < made.tools.length) {
      yield* Effect.logWarning(
        `the API ${name} has ${made.tools.length} operations, of which the first ${MAX_TOOLS} are used: name those that are needed`
      )
    }
  })

  yield* load.pipe(
    Effect.tapError((error) =>
      Effect.suspend(() => {
        const isNew = fault !== error.message
        fault = error.message
        return isNew ? Effect.logWarning(`${error.message}; the agent goes on without its tools`) : Effect.void
      })
    ),
    Effect.ensuring(Deferred.succeed(tried, undefined)),
    Effect.retry(RetryPolicy.schedule({ delay: Duration.seconds(1) })),
    Effect.ignore,
    Effect.forkScoped
  )
  yield* Deferred.await(tried)

  return {
    name,
    tools: () => tools,
    timeout: api.timeout,
    health: {
      name: `openapi:${name}`,
      what: `the API ${name}`,
      failed: "degraded",
      isLogged: true,
      probe: Effect.suspend(() =>
        fault === undefined ? Effect.void : Effect.fail(new ConnectionFailed({ op: "OpenApi.load", message: fault }))
      )
    }
  }
})
