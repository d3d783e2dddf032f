/**
 * The `mcp` section of a config: servers of the Model Context Protocol whose tools the agent `llm` may call.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { secret } from "../../schema/Secret.ts"

/**
 * The name of a source of tools: 1 to 32 letters, digits, `_` and `-`, a letter first.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SourceName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z][\w-]{0,31}$/u, { expected: "1 to 32 letters, digits, _ and -, a letter first" })
)

/**
 * An address for HTTP.
 *
 * @category schemas
 * @since 0.1.0
 */
export const HttpUrl = Schema.String.check(
  Schema.isPattern(/^https?:\/\/[^\s]+$/u, { expected: "an http:// or https:// URL" }),
  Schema.isMaxLength(2_048)
)

/**
 * The headers of each request; their values are secrets.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Headers = Schema.Record(
  Schema.String.check(Schema.isPattern(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/u, { expected: "the name of a header" })),
  secret({ min: 1, max: 8_192, header: true, named: true })
)

/**
 * One server. Its tools are listed before the first call, again when the server says that they have changed, and once a minute.
 *
 * - `name`: its name in health, logs and, where two servers have a tool of the same name, in front of the tool's name.
 * - `url`: the endpoint of a server that is reached over HTTP (Streamable HTTP). Redirects are not followed.
 * - `command`: the program of a server that is started here and speaks over its standard input and output. One of `url` and
 *   `command` is required.
 * - `args`: the arguments of the program.
 * - `env`: variables of the program, secrets. Of this process it gets `PATH`, `HOME`, `USER`, `LOGNAME`, `SHELL`, `TERM`, `LANG`,
 *   `TMPDIR` and on Windows those of the system, and no others.
 * - `headers`: headers of each request to `url`, such as `authorization: Bearer ${TOKEN}`. Secrets.
 * - `tools`: the names of the tools that the agent may call. Default: all of them, at most 128.
 * - `timeout`: how long a call, a connect and a listing may take. 10 s, [100 ms, 5 min].
 * - `callContext`: whether calls tell the server who calls, in `_meta`: the ids of the session, the user and the tenant, and the
 *   turn. false: the server learns what the model writes and nothing else.
 *
 * @category models
 * @since 0.1.0
 */
export const McpServerOptions = Schema.Struct({
  name: SourceName,
  url: Schema.optionalKey(HttpUrl),
  command: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(4_096))),
  args: Schema.Array(Schema.String.check(Schema.isMaxLength(8_192))).check(Schema.isMaxLength(256)).pipe(
    withDefault([])
  ),
  env: Schema.Record(
    Schema.String.check(Schema.isPattern(/^[A-Za-z_]\w{0,127}$/u, { expected: "the name of a variable" })),
    secret({ max: 32_768, named: true })
  ).pipe(withDefault({})),
  headers: Headers.pipe(withDefault({})),
  tools: Schema.optionalKey(
    Schema.NonEmptyArray(Schema.NonEmptyString.check(Schema.isMaxLength(256))).check(Schema.isMaxLength(128))
  ),
  timeout: boundedDuration("100 millis", "5 minutes").pipe(withDefault("10s")),
  callContext: Schema.Boolean.pipe(withDefault(false))
}).check(Schema.makeFilter(({ args, command, env, headers, url }) => {
  if (url === undefined && command === undefined) return { path: ["url"], issue: "one of url and command is required" }
  if (url !== undefined && command !== undefined) {
    return { path: ["command"], issue: "not available with url: the server is reached over HTTP" }
  }
  if (command !== undefined && Object.keys(headers).length > 0) {
    return { path: ["headers"], issue: "not available with command: there is no HTTP" }
  }
  if (url !== undefined && args.length > 0) return { path: ["args"], issue: "not available with url" }
  return url !== undefined && Object.keys(env).length > 0
    ? { path: ["env"], issue: "not available with url" }
    : undefined
})).pipe(encodeKeys({ callContext: "call_context" }))

/**
 * @category models
 * @since 0.1.0
 */
export type McpServerOptions = typeof McpServerOptions.Type

/**
 * The servers of a config. Names are unique.
 *
 * @category schemas
 * @since 0.1.0
 */
export const McpServers = Schema.Array(McpServerOptions).check(
  Schema.isMaxLength(32),
  Schema.makeFilter((servers: ReadonlyArray<McpServerOptions>) => {
    const names = servers.map(({ name }) => name)
    const again = names.findIndex((name, i) => names.indexOf(name) < i)
    return again < 0 ? undefined : { path: [again, "name"], issue: "another server has this name" }
  })
)
