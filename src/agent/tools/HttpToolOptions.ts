/**
 * The `tools` section of a config: requests over HTTP that the agent `llm` may make.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import { AnyJson } from "../../schema/WrittenText.ts"
import { Headers } from "./McpServerOptions.ts"

const PLACEHOLDER = /\{([A-Za-z_][\w-]{0,63})\*?\}/gu

/**
 * The names of the parameters in a template: `{order}`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const placeholders = (template: string): ReadonlyArray<string> =>
  Array.from(template.matchAll(PLACEHOLDER), ([, name = ""]) => name)

/**
 * Replaces the parameters in a template.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fill = (template: string, valueOf: (name: string) => string): string =>
  template.replace(PLACEHOLDER, (_, name: string) => valueOf(name))

/** All texts in a body. */
const textsIn = (value: unknown): ReadonlyArray<string> =>
  typeof value === "string"
    ? [value]
    : Array.isArray(value)
    ? value.flatMap(textsIn)
    : isRecord(value)
    ? Object.values(value).flatMap(textsIn)
    : []

/**
 * The declared parameters of a schema.
 *
 * @category accessors
 * @since 0.1.0
 */
export const propertiesOf = (parameters: JsonRecord): JsonRecord => {
  const { properties } = parameters
  return isRecord(properties) ? properties : {}
}

/** The scheme, the host and the port of a template; nothing of them comes from a model. */
const ORIGIN = /^https?:\/\/[^\s/?#{}@\\]+(?=[/?]|$)/u

const Parameters = Schema.Record(Schema.String, AnyJson).check(
  Schema.makeFilter((schema: JsonRecord) =>
    schema["type"] === "object" && (schema["properties"] === undefined || isRecord(schema["properties"]))
      ? true
      : "expected the JSON Schema of an object: type: object and properties"
  ),
  Schema.makeFilter((schema: JsonRecord) =>
    JSON.stringify(schema).length <= 16_384 || "expected at most 16,384 characters"
  )
)

/**
 * One request as a tool.
 *
 * - `name`: the name by which the model calls it.
 * - `description`: what it does, and when to call it.
 * - `method`: `GET`, `POST`, `PUT`, `PATCH` or `DELETE`. `GET`.
 * - `url`: the address, with parameters in braces: `https://api.example.com/orders/{order}?fields={fields}`. What the model writes
 *   is encoded; it chooses neither the host nor the path around a parameter. A part of the query whose parameter is left out is
 *   left out. A list is written with commas, and as `tags={tags*}` with a part for each.
 * - `parameters`: the JSON Schema of the input, an object. What it does not declare is not sent. Default: no parameters.
 * - `headers`: headers of the request. Secrets.
 * - `body`: the JSON body, with parameters as texts in braces: `{ order: "{order}" }`. Default: with `POST`, `PUT` and `PATCH` an
 *   object of the parameters that the URL does not have; with `GET` and `DELETE` those are part of the query.
 * - `timeout`: how long it may take. 10 s, [100 ms, 5 min].
 *
 * Redirects are followed within the same origin alone. A result is text or JSON, of which the model reads 32,768 characters.
 *
 * @category models
 * @since 0.1.0
 */
export const HttpToolOptions = Schema.Struct({
  name: Schema.String.check(
    Schema.isPattern(/^[a-zA-Z0-9_-]{1,64}$/u, { expected: "1 to 64 letters, digits, _ and -" })
  ),
  description: Schema.NonEmptyString.check(Schema.isMaxLength(1_024)),
  method: Schema.Literals(["GET", "POST", "PUT", "PATCH", "DELETE"]).pipe(withDefault("GET" as const)),
  url: Schema.String.check(
    Schema.isMaxLength(2_048),
    Schema.makeFilter((text: string) =>
      (ORIGIN.test(text) && !/[\s#]/u.test(text) && URL.canParse(text.replace(PLACEHOLDER, "x"))) ||
      "expected an http:// or https:// URL whose host has no parameter"
    )
  ),
  parameters: Parameters.pipe(withDefault({ type: "object", properties: {}, additionalProperties: false })),
  headers: Headers.pipe(withDefault({})),
  body: Schema.optionalKey(AnyJson),
  timeout: boundedDuration("100 millis", "5 minutes").pipe(withDefault("10s"))
}).check(Schema.makeFilter(({ body, method, parameters, url }) => {
  const declared = propertiesOf(parameters)
  const unknown = (names: ReadonlyArray<string>) => names.find((name) => !Object.hasOwn(declared, name))
  const inUrl = unknown(placeholders(url))
  if (inUrl !== undefined) {
    return { path: ["url"], issue: `the parameter ${inUrl} is not declared in parameters.properties` }
  }
  if (body !== undefined && (method === "GET" || method === "DELETE")) {
    return { path: ["body"], issue: `not available with method ${method}` }
  }
  const inBody = unknown(textsIn(body).flatMap(placeholders))
  return inBody === undefined
    ? undefined
    : { path: ["body"], issue: `the parameter ${inBody} is not declared in parameters.properties` }
}))

/**
 * @category models
 * @since 0.1.0
 */
export type HttpToolOptions = typeof HttpToolOptions.Type

/**
 * The tools of a config. Names are unique.
 *
 * @category schemas
 * @since 0.1.0
 */
export const HttpTools = Schema.Array(HttpToolOptions).check(
  Schema.isMaxLength(128),
  Schema.makeFilter((tools: ReadonlyArray<HttpToolOptions>) => {
    const names = tools.map(({ name }) => name)
    const again = names.findIndex((name, i) => names.indexOf(name) < i)
    return again < 0 ? undefined : { path: [again, "name"], issue: "another tool has this name" }
  })
)
