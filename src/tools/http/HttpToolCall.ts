/**
 * Runs the request of a tool, and makes of its response a text for the model.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { ToolError } from "../../agent/ToolError.ts"
import type { HttpToolOptions } from "../../agent/tools/HttpToolOptions.ts"
import type { RemoteTool } from "../../agent/tools/RemoteTool.ts"
import * as KnownKeys from "../../KnownKeys.ts"
import * as SecretValues from "../../SecretValues.ts"
import { untraced } from "../../wire/UntracedHttp.ts"
import * as HttpToolRequest from "./HttpToolRequest.ts"

/** Bytes of a response that are read, and characters that the model is told. */
const MAX_RESPONSE = 262_144
const MAX_RESULT = 32_768
const MAX_WORDS = 500
const MAX_REDIRECTS = 3

const isText = (type: string): boolean =>
  type === "" ||
  /^(?:text\/(?!event-stream)|application\/(?:[\w.+-]*json|xml|[\w.+-]+\+xml|x-www-form-urlencoded))/iu.test(type)

const clean = (text: string, max: number): string => {
  const without = KnownKeys.without(text)
  return without.length > max ? `${without.slice(0, max)}…` : without
}

const bodyOf = (response: HttpClientResponse.HttpClientResponse) => {
  let size = 0
  return response.stream.pipe(
    Stream.map((bytes) => {
      const room = MAX_RESPONSE - size
      size += bytes.length
      return bytes.length > room ? bytes.subarray(0, Math.max(0, room)) : bytes
    }),
    Stream.takeUntil(() => size >= MAX_RESPONSE),
    Stream.decodeText(),
    Stream.mkString
  )
}

/** A response without a body, as after a change, is no failure. */
const isEmpty = ({ reason }: HttpClientError): boolean => reason._tag === "EmptyBodyError"

const textOf = Effect.fnUntraced(function*(response: HttpClientResponse.HttpClientResponse) {
  const { headers, status } = response
  const type = headers["content-type"] ?? ""
  const isFailure = status >= 400
  const text = isText(type)
    ? (yield* Effect.catchIf(bodyOf(response), isEmpty, () => Effect.succeed(""))).trim()
    : `[${type.split(";", 1)[0]?.trim().slice(0, 64) ?? ""}${
      headers["content-length"] === undefined ? "" : `, ${headers["content-length"].slice(0, 16)} bytes`
    }]`
  if (isFailure) {
    const why = clean(text.replace(/\s+/gu, " "), MAX_WORDS)
    return yield* new ToolError({ message: `status ${status}${why === "" ? "" : `: ${why}`}` })
  }
  return text === "" ? `done (status ${status})` : clean(text, MAX_RESULT)
})

/**
 * Makes the tool of a definition. The headers are remembered as secrets: no result and no error has them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (tool: HttpToolOptions, client: HttpClient.HttpClient): RemoteTool => {
  SecretValues.rememberUrl(tool.url)
  const headers = Object.fromEntries(
    Object.entries(tool.headers).map(([name, value]) => {
      const text = Redacted.value(value).trim()
      SecretValues.remember(name, text)
      return [name, text]
    })
  )
  const ask = (url: string, body: string | undefined) => {
    const request = HttpClientRequest.make(tool.method)(url).pipe(
      HttpClientRequest.setHeaders({ accept: "application/json, text/*;q=0.9", ...headers }),
      (request) => body === undefined ? request : HttpClientRequest.bodyText(request, body, "application/json")
    )
    return client.execute(request)
  }
  /** To where a response sends, within the same origin: the headers are for nobody else. */
  const redirected = ({ headers, status }: HttpClientResponse.HttpClientResponse, from: string): string | undefined => {
    const { location } = headers
    if (status < 300 || status > 399 || location === undefined || !URL.canParse(location, from)) return undefined
    const to = new URL(location, from)
    return to.origin === new URL(from).origin ? to.href : undefined
  }
  const request = Effect.fnUntraced(function*(first: HttpToolRequest.HttpToolRequest) {
    let url = first.url
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = yield* ask(url, first.body)
      if (response.status < 300 || response.status > 399) return yield* textOf(response)
      const to = tool.method === "GET" ? redirected(response, url) : undefined
      if (to === undefined) break
      url = to
    }
    return yield* new ToolError({ message: "it was redirected to another address, which is not followed" })
  })
  return {
    name: tool.name,
    description: tool.description,
    parameters: tool.parameters,
    call: (input) =>
      Effect.flatMap(
        Effect.mapError(Effect.fromResult(HttpToolRequest.make(tool, input)), (message) => new ToolError({ message })),
        request
      ).pipe(
        Effect.scoped,
        untraced,
        Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
        // without the words of the client, which may have the URL
        Effect.mapError((error) =>
          error instanceof ToolError ? error : new ToolError({ message: "its server could not be reached" })
        ),
        Effect.timeoutOrElse({
          duration: tool.timeout,
          orElse: () =>
            Effect.fail(
              new ToolError({
                message: `it did not answer within ${
                  Duration.format(tool.timeout)
                }; it may or may not have taken effect`
              })
            )
        })
      )
  }
}
