/**
 * Reads the messages before the audio of a carrier's media stream.
 *
 * Everything in them comes from outside: texts are bounded, and what is wrong is said without quoting them.
 *
 * @since 0.1.0
 */
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import type { MediaFormat, MediaOpening, MediaStart } from "../MediaProtocol.ts"
import type { MediaStreamDialect } from "./MediaStreamDialect.ts"

const MAX_ID_LENGTH = 256
const MAX_PARAMETERS = 64
const MAX_PARAMETER_LENGTH = 1_024

const G711_RATE = 8_000

const invalid = (reason: string): MediaOpening => ({ _tag: "Invalid", reason })

/**
 * A whole number that is written as a number or as digits.
 *
 * @category decoding
 * @since 0.1.0
 */
export const wholeNumber = (value: unknown): number | undefined => {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  return typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : undefined
}

/** A text of a bounded length, which ids and numbers of telephones may also be as a number. */
const textOf = (value: unknown): string | undefined => {
  const text = typeof value === "number" ? String(value) : value
  return typeof text === "string" && text !== "" && text.length <= MAX_ID_LENGTH ? text : undefined
}

const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean"

/** `a=1;b=2` or `a=1,b=2`. */
const pairsOf = (text: string): ReadonlyArray<readonly [string, string]> =>
  text.slice(0, MAX_PARAMETERS * MAX_PARAMETER_LENGTH).split(/[;,]/).flatMap((pair) => {
    const at = pair.indexOf("=")
    return at < 1 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()]]
  })

const parametersOf = (value: unknown): MediaStart["parameters"] => {
  const pairs = typeof value === "string" ? pairsOf(value) : isRecord(value) ? Object.entries(value) : []
  return Object.fromEntries(
    pairs.slice(0, MAX_PARAMETERS).flatMap(([name, given]) => {
      if (!isScalar(given)) return []
      const text = String(given)
      return name.length + text.length <= MAX_PARAMETER_LENGTH ? [[name, text]] : []
    })
  )
}

const formatOf = (dialect: MediaStreamDialect, value: unknown): MediaFormat | string => {
  const format = isRecord(value) ? value : {}
  const { channels, encoding: named } = format
  if (channels !== undefined && wholeNumber(channels) !== 1) return "audio of more than one channel"
  const [name = "", ...rest] = (typeof named === "string" ? named : "").toLowerCase().split(";")
  const known = Object.hasOwn(dialect.encodings, name.trim()) ? dialect.encodings[name.trim()] : undefined
  const encoding = named === undefined || named === null ? dialect.fallback.encoding : known
  if (encoding === undefined) return "an encoding that is not supported"
  const told = format[dialect.start.sampleRate] ?? /rate=(\d{4,5})/.exec(rest.join(";"))?.[1]
  const sampleRate = told === undefined ? dialect.fallback.sampleRate : wholeNumber(told)
  const isTaken = encoding === "l16"
    ? sampleRate !== undefined && dialect.sampleRates.includes(sampleRate)
    : sampleRate === G711_RATE
  if (sampleRate === undefined || !isTaken) return "a sample rate that is not supported"
  return encoding === "l16"
    ? { encoding, sampleRate, littleEndian: dialect.littleEndian ?? true }
    : { encoding, sampleRate }
}

const started = (dialect: MediaStreamDialect, message: JsonRecord, output: MediaFormat | undefined): MediaOpening => {
  const start = isRecord(message["start"]) ? message["start"] : {}
  const valueOf = (key: string | undefined): unknown => key === undefined ? undefined : start[key] ?? message[key]
  const { account, callId, from, mediaFormat, parameters, to } = dialect.start
  const call = textOf(valueOf(callId))
  const stream = textOf(valueOf(dialect.streamId))
  if (call === undefined) return invalid(`"start" without ${callId}`)
  if (stream === undefined) return invalid(`"start" without ${dialect.streamId}`)
  const input = formatOf(dialect, valueOf(mediaFormat))
  if (typeof input === "string") return invalid(`"start" with ${input}`)
  return {
    _tag: "Started",
    start: {
      streamId: stream,
      callId: call,
      account: textOf(valueOf(account)),
      from: textOf(valueOf(from)),
      to: textOf(valueOf(to)),
      input,
      output: output ?? input,
      parameters: parametersOf(valueOf(parameters))
    }
  }
}

/**
 * Reads a message; `undefined` is none that could be read. What is neither the start nor the end has no meaning yet.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (
  dialect: MediaStreamDialect,
  message: JsonRecord | undefined,
  output: MediaFormat | undefined
): MediaOpening => {
  if (message === undefined) return invalid("not a JSON object")
  switch (message["event"]) {
    case "start":
      return started(dialect, message, output)
    case "stop":
      return invalid("the stream stopped before it started")
    default:
      return typeof message["event"] === "string" ? { _tag: "More" } : invalid("a message without an event")
  }
}
