/**
 * Reads a config file: YAML or JSON, by its extension, else by its content.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Yaml from "effect/encoding/Yaml"
import * as FileSystem from "effect/FileSystem"
import { createReadStream } from "node:fs"
import { describe, InvalidConfig } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import * as ConfigSize from "./ConfigSize.ts"

/**
 * The largest config file that is read: 1 MiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_FILE_BYTES = 1_048_576

const invalid = (message: string, file: string, reason: "syntax" | "too_large" | "unreadable" | "encoding") =>
  new InvalidConfig({ op: "ConfigSource.load", message, details: { file, reason } })

/** The line of a syntax error; the parser does not always report one. Bisects for the first prefix that is not merely cut off. */
const brokenLine = (text: string): number => {
  const lines = text.split("\n")
  const broken = (count: number): boolean => {
    const prefix = lines.slice(0, count).join("\n")
    try {
      JSON.parse(prefix)
      return false
    } catch (cause) {
      if (count === lines.length) return true
      const position = /at position (\d+)/.exec(describe(cause))?.[1]
      const early = position !== undefined && Number(position) >= prefix.trimEnd().length
      return !early && !/end of JSON|unterminated/i.test(describe(cause))
    }
  }
  let low = 1
  let high = lines.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (broken(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** The parser's message without what it quotes of the document; keys may stay. */
const syntaxError = (cause: unknown, text: string, json: boolean): string =>
  json
    ? `not valid JSON at line ${brokenLine(text)}`
    : `not valid YAML: ${describe(cause).replace(/ '\*[^']*'/, "").replace(/'([^']{64})[^']*'/, "'$1…'")}`

const parse = Effect.fnUntraced(function*(file: string, text: string) {
  const tooLarge = (fault: string) => invalid(`the config ${file} is too large: ${fault}`, file, "too_large")
  const json = /\.json$/i.test(file) || (!/\.ya?ml$/i.test(file) && text.trimStart().startsWith("{"))
  const ofText = json ? undefined : ConfigSize.faultOfText(text)
  if (ofText !== undefined) return yield* tooLarge(ofText)
  const raw = yield* Effect.try({
    try: (): unknown => json ? JSON.parse(text) : Yaml.parse(text),
    // the cause is left out: it quotes the document
    catch: (cause) =>
      cause instanceof RangeError
        ? tooLarge(`it is nested deeper than ${ConfigSize.MAX_DEPTH} levels`)
        : invalid(`the config ${file} is ${syntaxError(cause, text, json)}`, file, "syntax")
  })
  const fault = ConfigSize.faultOf(raw)
  return fault === undefined ? raw : yield* tooLarge(fault)
})

/** How long a pipe may take to be read. */
const PIPE_DEADLINE = "10 seconds"

/** A pipe or a device has no size: it is read to its end, or to a byte more than is allowed. */
const readPipe = (file: string) =>
  Effect.tryPromise({
    try: async (signal) => {
      const chunks: Array<Buffer> = []
      let bytes = 0
      for await (const chunk of createReadStream(file, { signal })) {
        chunks.push(chunk)
        bytes += chunk.length
        if (bytes > MAX_FILE_BYTES) break
      }
      return Buffer.concat(chunks)
    },
    catch: (cause) => invalid(`cannot read the config ${file}: ${describe(cause)}`, file, "unreadable")
  }).pipe(
    deadline("ConfigSource.load", `reading the config ${file}`, PIPE_DEADLINE),
    Effect.catchTag("Timeout", (error) => Effect.fail(invalid(error.message, file, "unreadable")))
  )

const readBytes = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* Effect.option(fs.stat(file))
  if (info._tag === "Some") {
    const { size, type } = info.value
    if (type !== "File" && type !== "Directory") return yield* readPipe(file)
    if (type === "File" && size > MAX_FILE_BYTES) return new Uint8Array(MAX_FILE_BYTES + 1)
  }
  return yield* fs.readFile(file).pipe(
    Effect.mapError((error) => {
      const reason = error.reason._tag
      const why = reason === "NotFound"
        ? "no such file"
        : reason === "PermissionDenied"
        ? "permission denied"
        : reason === "BadResource" || /EISDIR/.test(error.message)
        ? "it is not a file"
        : describe(error)
      return invalid(`cannot read the config ${file}: ${why}`, file, "unreadable")
    })
  )
})

/** The text of a file in UTF-8, with or without a mark at its beginning. */
const decodeText = (file: string, bytes: Uint8Array): Effect.Effect<string, InvalidConfig> => {
  const wrong = (why: string) =>
    Effect.fail(invalid(`the config ${file} is ${why}: save it as UTF-8`, file, "encoding"))
  // a file without a mark has a zero in each of its first letters
  const [first = 1, second = 1] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || first === 0 || second === 0) {
    return wrong("encoded in UTF-16")
  }
  try {
    return Effect.succeed(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch {
    const whole = new TextDecoder().decode(bytes)
    const line = whole.slice(0, whole.indexOf("\ufffd")).split("\n").length
    return wrong(`not encoded in UTF-8 at line ${line}, but in something like Latin-1`)
  }
}

/**
 * Reads a file of keys and values; an empty one is an empty config. Fails `invalid_config` with `details.reason`: `unreadable`,
 * `too_large` (the file, or what `ConfigSize` limits), `encoding` (it is not UTF-8) or `syntax`.
 *
 * @category loading
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function*(
  file: string
): Effect.fn.Return<JsonRecord, InvalidConfig, FileSystem.FileSystem> {
  const bytes = yield* readBytes(file)
  if (bytes.length > MAX_FILE_BYTES) return yield* invalid(`the config ${file} is larger than 1 MiB`, file, "too_large")
  const raw = yield* parse(file, yield* decodeText(file, bytes))
  if (raw === null || raw === undefined) return {}
  if (!isRecord(raw)) return yield* invalid(`the config ${file} is not a mapping of keys to values`, file, "syntax")
  // an editor of JSON finds the schema by `$schema`
  const { $schema, ...config } = raw
  return typeof $schema === "string" ? config : raw
})
