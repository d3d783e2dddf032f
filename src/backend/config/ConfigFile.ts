/**
 * Reads a config file: YAML or JSON, by its extension, else by its content.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Yaml from "effect/encoding/Yaml"
import * as FileSystem from "effect/FileSystem"
import { describe, InvalidConfig } from "../../BackendError.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"

/**
 * The largest config file that is read: 1 MiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_FILE_BYTES = 1_048_576

const invalid = (message: string, file: string, reason: "syntax" | "too_large" | "unreadable") =>
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
    : `not valid YAML: ${describe(cause).replace(/ '\*[^']*'/, "")}`

const parse = (file: string, text: string): Effect.Effect<unknown, InvalidConfig> => {
  const json = /\.json$/i.test(file) || (!/\.ya?ml$/i.test(file) && text.trimStart().startsWith("{"))
  return Effect.try({
    try: (): unknown => json ? JSON.parse(text) : Yaml.parse(text),
    // the cause is left out: it quotes the document
    catch: (cause) => invalid(`the config ${file} is ${syntaxError(cause, text, json)}`, file, "syntax")
  })
}

/**
 * Reads a file of keys and values; an empty one is an empty config. Fails `invalid_config` with `details.reason`: `unreadable`,
 * `too_large` or `syntax`.
 *
 * @category loading
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function*(
  file: string
): Effect.fn.Return<JsonRecord, InvalidConfig, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* fs.readFile(file).pipe(
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
  if (bytes.length > MAX_FILE_BYTES) return yield* invalid(`the config ${file} is larger than 1 MiB`, file, "too_large")
  const raw = yield* parse(file, new TextDecoder().decode(bytes))
  if (raw === null || raw === undefined) return {}
  if (!isRecord(raw)) return yield* invalid(`the config ${file} is not a mapping of keys to values`, file, "syntax")
  // an editor of JSON finds the schema by `$schema`
  const { $schema, ...config } = raw
  return typeof $schema === "string" ? config : raw
})
