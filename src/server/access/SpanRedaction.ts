/**
 * Keeps a session's token out of the spans of the HTTP request that brought it.
 *
 * Effect's HTTP server writes the URL and the headers to its span when the request ends, with the redacted names of the
 * fiber that began it. A route cannot change those names, and the application's server does not know ours; nor does what
 * its middleware writes to spans of its own. So attributes, events and failures are filtered at the spans themselves.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Headers from "effect/http/Headers"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as UrlParams from "effect/http/UrlParams"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { bearerOf } from "./Principal.ts"

/** Where a token can be: `?token=`, and the subprotocols of a WebSocket handshake. */
const PARAM = "token"
const HEADER = "sec-websocket-protocol"
const HEADER_ATTRIBUTE = `http.request.header.${HEADER}`
const REDACTED = "<redacted>"

/** A token is longer. What a stranger sends in place of one must not make gaps in spans. */
const MIN_LENGTH = 16

/** Spans between the server's and the route, and of a span that outlives its request, so many of the newest tokens. */
const MAX_DEPTH = 32
const MAX_TOKENS = 16
/** An attribute that is deeper is left out as a whole. */
const MAX_VALUE_DEPTH = 3

/** What a span must not show, as it stands in the request. */
const tokensOf = ({ headers, url }: HttpServerRequest.HttpServerRequest): ReadonlyArray<string> => {
  const [, query = ""] = /^[^?#]*\?([^#]*)/.exec(url) ?? []
  const written = /(?:^|&)token=([^&]*)/.exec(query)?.[1]
  const offered = Array.from(
    (headers[HEADER] ?? "").matchAll(/(?:^|,)\s*(?:token|openai-insecure-api-key)\.([^,\s]+)/g),
    ([, token]) => token
  )
  return [written, new URLSearchParams(query).get(PARAM), ...offered, bearerOf(headers)]
    .filter((token): token is string => typeof token === "string" && token.length >= MIN_LENGTH)
}

const isPlain = (value: object): value is { readonly [key: string]: unknown } => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Whether a token is in it, or it cannot be known. */
const hasToken = (tokens: ReadonlyArray<string>, value: object): boolean => {
  try {
    const text = JSON.stringify(value, (_, each) => typeof each === "bigint" ? String(each) : each) ?? ""
    return tokens.some((token) => text.includes(token))
  } catch {
    return tokens.length > 0
  }
}

/** The same value where no token is in it. */
const without = (tokens: ReadonlyArray<string>, value: unknown, depth = 0): unknown => {
  if (typeof value === "string") return tokens.reduce((text, token) => text.replaceAll(token, "REDACTED"), value)
  if (typeof value !== "object" || value === null || !hasToken(tokens, value)) return value
  if (depth < MAX_VALUE_DEPTH && Array.isArray(value)) return value.map((each) => without(tokens, each, depth + 1))
  return depth < MAX_VALUE_DEPTH && isPlain(value)
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, without(tokens, each, depth + 1)]))
    : REDACTED
}

const redacted = (tokens: ReadonlyArray<string>, key: string, value: unknown): unknown => {
  if (key === HEADER_ATTRIBUTE) return REDACTED
  if (typeof value !== "string") return without(tokens, value)
  const named = key === "url.full"
    ? UrlParams.redactUrl(value, [PARAM])
    : key === "url.query"
    ? UrlParams.redactUrl(`?${value}`, [PARAM]).slice(1)
    : value
  return without(tokens, named)
}

const cleanRecord = (tokens: ReadonlyArray<string>, record: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, without(tokens, value)]))

const cleanError = (tokens: ReadonlyArray<string>, { message, name, stack }: Error): Error =>
  Object.assign(new Error(String(without(tokens, message))), {
    name,
    ...(stack === undefined ? {} : { stack: String(without(tokens, stack)) })
  })

/** A failure tells the names of the spans that it came through. */
const cleanExit = (tokens: ReadonlyArray<string>, exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> => {
  if (Exit.isSuccess(exit)) return exit
  const errors = Cause.prettyErrors(exit.cause, { includeCauseInStack: true })
  const hasOne = tokens.some((token) => errors.some(({ message, stack = "" }) => `${message} ${stack}`.includes(token)))
  if (!hasOne) return exit
  const [first] = errors
  return Cause.hasInterruptsOnly(exit.cause) || first === undefined
    ? Exit.interrupt()
    : Exit.fail(cleanError(tokens, first))
}

/** The tokens that a span leaves out, of the spans that are filtered. */
const filtered = new WeakMap<Tracer.Span, Array<string>>()

const filter = (span: Tracer.Span, tokens: ReadonlyArray<string>): void => {
  const known = filtered.get(span)
  if (known !== undefined) {
    known.push(...tokens)
    known.splice(0, Math.max(0, known.length - MAX_TOKENS))
  } else {
    const all = [...tokens]
    filtered.set(span, all)
    const attribute = span.attribute.bind(span)
    const event = span.event.bind(span)
    const end = span.end.bind(span)
    span.end = (at, exit) => end(at, cleanExit(all, exit))
    span.attribute = (key, value) => attribute(key, redacted(all, key, value))
    span.event = (name, startTime, attributes) =>
      event(String(without(all, name)), startTime, attributes && cleanRecord(all, attributes))
  }
  for (const [key, value] of Array.from(span.attributes)) {
    const clean = redacted(tokens, key, value)
    if (clean !== value) span.attribute(key, clean)
  }
  // What a tracer keeps elsewhere than in these fields stays as it is.
  const events: unknown = Reflect.get(span, "events")
  if (Array.isArray(events)) {
    for (const [index, each] of events.entries()) {
      if (!Array.isArray(each)) continue
      const [name, startTime, attributes] = each
      events[index] = [without(tokens, name), startTime, without(tokens, attributes)]
    }
  }
  const name = without(tokens, span.name)
  if (name !== span.name) Reflect.set(span, "name", name)
}

/** The spans of a request: the server's, and those of an application's middleware between it and the route. */
const spansOf = (context: Context.Context<never>): ReadonlyArray<Tracer.Span> => {
  const spans: Array<Tracer.Span> = []
  let span = Context.getOrUndefined(context, Tracer.ParentSpan)
  while (span?._tag === "Span" && spans.length < MAX_DEPTH) {
    spans.push(span)
    if (span.kind === "server") break
    span = Option.getOrUndefined(span.parent)
  }
  return spans
}

/**
 * Takes the token out of what the spans of this request have, and filters what is written to them from now on.
 *
 * @category tracing
 * @since 0.1.0
 */
export const redactToken = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<void> =>
  Effect.contextWith((context: Context.Context<never>) => {
    if (
      request.headers[HEADER] !== undefined || request.headers["authorization"] !== undefined ||
      request.url.includes("?")
    ) {
      const tokens = tokensOf(request)
      for (const span of spansOf(context)) filter(span, tokens)
    }
    return Effect.void
  })

/**
 * Runs a server with the token among the names that its spans and errors redact.
 *
 * @category tracing
 * @since 0.1.0
 */
export const withRedactedNames = <A, E, R>(server: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  server.pipe(
    Effect.updateService(UrlParams.CurrentRedactedNames, (names) => [...names, PARAM]),
    Effect.updateService(Headers.CurrentRedactedNames, (names) => [...names, HEADER])
  )
