/**
 * The log lines of `serve`: JSON for programs, text for people.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Logger from "effect/Logger"
import * as Redactable from "effect/Redactable"
import * as References from "effect/References"
import { describe, InvalidConfig } from "../BackendError.ts"
import * as KnownKeys from "../KnownKeys.ts"
import * as TelemetryNames from "../telemetry/TelemetryNames.ts"
import * as ThrownValue from "../ThrownValue.ts"
import * as Output from "./Output.ts"
import { escapeJson, escapeLine } from "./TerminalText.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type Format = "json" | "pretty" | "logfmt"

/** 16 KiB: log collectors truncate longer lines. */
const MAX_TEXT = 16_384

const isFormat = (text: string): text is Format => text === "json" || text === "pretty" || text === "logfmt"

/**
 * The format of log lines: `EFFECT_VOICE_LOG` (`json`, `pretty`, `logfmt`), else `pretty` on a terminal and, in a pipe, `json`
 * with structured logging and `logfmt` without. Fails `invalid_config` for any other value.
 *
 * @category config
 * @since 0.1.0
 */
export const formatOf = (
  env: { readonly [name: string]: string | undefined },
  isTerminal: boolean | undefined,
  structured: boolean
): Effect.Effect<Format, InvalidConfig> => {
  const said = env["EFFECT_VOICE_LOG"]?.trim().toLowerCase() ?? ""
  if (isFormat(said)) return Effect.succeed(said)
  if (said === "") return Effect.succeed(isTerminal === true ? "pretty" : structured ? "json" : "logfmt")
  return Effect.fail(
    new InvalidConfig({
      op: "serve",
      message: "EFFECT_VOICE_LOG: expected json, pretty or logfmt",
      details: { faults: [{ path: "EFFECT_VOICE_LOG", message: "expected json, pretty or logfmt" }] }
    })
  )
}

/** Without the secrets of this process, before it is cut: half of a secret is not found. */
const cut = (text: string): string => text.length > MAX_TEXT ? `${KnownKeys.without(text).slice(0, MAX_TEXT)}…` : text

const textOf = (message: unknown): string =>
  (Array.isArray(message) ? message : [message])
    .map((part) => typeof part === "string" ? part : formatted(part))
    .join(" ")

/** What an application logs may throw when it is read. */
const formatted = (part: unknown): string => {
  try {
    return Formatter.format(Redactable.redact(part))
  } catch {
    return describe(part)
  }
}

/** The fields of a line, in the order in which they are written. */
interface Line {
  readonly time: string
  readonly level: string
  readonly message: string
  readonly [key: string]: unknown
}

const json = (line: Line): string => {
  const text = Formatter.formatJson(line)
  return text.length <= 4 * MAX_TEXT ? text : Formatter.formatJson({ ...line, fields: { truncated: true } })
}

/**
 * The object of a line: `time`, `level` and `message`; `session` and `turn` of lines from within a session; `trace_id` and
 * `span_id` where there is a span; further annotations under `fields`; `error` with the cause.
 *
 * @category formatting
 * @since 0.1.0
 */
export const structured = (options: Logger.Options<unknown>): Line => {
  const { [TelemetryNames.logKeys.session]: session, [TelemetryNames.logKeys.turn]: turn, ...fields } = options.fiber
    .getRef(
      References.CurrentLogAnnotations
    )
  const span = options.fiber.cache.span
  return {
    time: options.date.toISOString(),
    level: options.logLevel.toLowerCase(),
    message: cut(textOf(options.message)),
    ...(session === undefined ? {} : { session }),
    ...(turn === undefined ? {} : { turn }),
    ...(span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId }),
    ...(Object.keys(fields).length === 0 ? {} : { fields }),
    ...(options.cause.reasons.length === 0 ? {} : { error: cut(Cause.pretty(ThrownValue.loggable(options.cause))) })
  }
}

const jsonLogger = Logger.make<unknown, void>((options) => Output.writeErrorJson(json(structured(options))))

const colors: { readonly [level: string]: string } = { warn: "33", error: "31", fatal: "31", debug: "34" }

/**
 * The lines for a person: time, level, fiber and message, and below them, indented, the annotations and the cause. No text
 * begins a line, so none can pass for a log line of its own.
 *
 * @category formatting
 * @since 0.1.0
 */
export const pretty = (options: Logger.Options<unknown>, isColored: boolean): string => {
  const { error, level, message } = structured(options)
  const time = new Date(options.date.getTime() - options.date.getTimezoneOffset() * 60_000).toISOString().slice(11, 23)
  const color = (code: string, text: string) => isColored ? `\u001b[${code}m${text}\u001b[0m` : text
  const head = `[${time}] ${color(colors[level] ?? "32", level.toUpperCase())} (#${options.fiber.id}): `
  const annotations = Object.entries(options.fiber.getRef(References.CurrentLogAnnotations)).map(([key, value]) =>
    `${color("1", `${escapeLine(key)}:`)} ${escapeLine(cut(textOf([value])))}`
  )
  const cause = typeof error === "string" ? error.split("\n").map((line) => escapeLine(line)) : []
  return [head + color("1", escapeLine(message)), ...[...cause, ...annotations].map((line) => `  ${line}`)].join("\n")
}

const prettyLogger = Logger.make<unknown, void>((options) =>
  Output.writeErrorStyled(pretty(options, process.stderr.isTTY))
)

/** Notes are not log lines, but a reader of JSON lines can read nothing else. */
const noteLine = (text: string): string =>
  escapeJson(json({
    time: new Date().toISOString(),
    level: text.startsWith("error:") ? "error" : "info",
    message: cut(text.trimStart())
  }))

const loggerOf = (format: Format): Logger.Logger<unknown, void> => {
  switch (format) {
    case "json":
      return jsonLogger
    case "logfmt":
      return Logger.make<unknown, void>((options) =>
        Output.writeError(
          Logger.formatLogFmt.log({ ...options, cause: ThrownValue.loggable(options.cause) })
        )
      )
    case "pretty":
      return prettyLogger
  }
}

/**
 * Runs an effect with its log lines and its notes in a format.
 *
 * @category combinators
 * @since 0.1.0
 */
export const as = (format: Format) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const logged = Effect.provide(effect, Logger.layer([loggerOf(format)]))
  return format === "json" ? Output.withNotes(noteLine)(logged) : logged
}
