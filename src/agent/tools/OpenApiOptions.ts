/**
 * The `openapi` section of a config: APIs whose operations the agent `llm` may call.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { Headers, HttpUrl, SourceName } from "./McpServerOptions.ts"

/**
 * One API, described by an OpenAPI document (3.0 or 3.1) in JSON or YAML.
 *
 * - `name`: its name in health, logs and, where two sources have a tool of the same name, in front of the tool's name.
 * - `url`: where the document is. One of `url` and `file` is required.
 * - `file`: the document as a file.
 * - `operations`: the ids (`operationId`) of those that the agent may call. Default: all of them, at most 128.
 * - `baseUrl`: the URL in front of each path; required with `file`. Default: the first of the document's `servers`, which must be of
 *   the origin of `url`, so that a document cannot send the headers elsewhere.
 * - `headers`: headers of each request, that for the document included, such as the key that the API asks for. Secrets.
 * - `timeout`: how long a request may take. 10 s, [100 ms, 5 min].
 *
 * @category models
 * @since 0.1.0
 */
export const OpenApiOptions = Schema.Struct({
  name: SourceName,
  url: Schema.optionalKey(HttpUrl),
  file: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(4_096))),
  operations: Schema.optionalKey(
    Schema.NonEmptyArray(Schema.NonEmptyString.check(Schema.isMaxLength(256))).check(Schema.isMaxLength(128))
  ),
  baseUrl: Schema.optionalKey(HttpUrl),
  headers: Headers.pipe(withDefault({})),
  timeout: boundedDuration("100 millis", "5 minutes").pipe(withDefault("10s"))
}).check(Schema.makeFilter(({ baseUrl, file, url }) => {
  if (url === undefined && file === undefined) return { path: ["url"], issue: "one of url and file is required" }
  if (url !== undefined && file !== undefined) return { path: ["file"], issue: "not available with url" }
  return file !== undefined && baseUrl === undefined ? { path: ["baseUrl"], issue: "required with file" } : undefined
})).pipe(encodeKeys({ baseUrl: "base_url" }))

/**
 * @category models
 * @since 0.1.0
 */
export type OpenApiOptions = typeof OpenApiOptions.Type

/**
 * The APIs of a config. Names are unique.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OpenApis = Schema.Array(OpenApiOptions).check(
  Schema.isMaxLength(32),
  Schema.makeFilter((apis: ReadonlyArray<OpenApiOptions>) => {
    const names = apis.map(({ name }) => name)
    const again = names.findIndex((name, i) => names.indexOf(name) < i)
    return again < 0 ? undefined : { path: [again, "name"], issue: "another API has this name" }
  })
)
