/**
 * Looks up types in the encoded side of a schema by path: what a config file or an environment variable may contain there.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as Json from "./Json.ts"
import * as WrittenText from "./WrittenText.ts"

const step = (ast: SchemaAST.AST, key: string): SchemaAST.AST | undefined => {
  switch (ast._tag) {
    case "Objects":
      return ast.propertySignatures.find((property) => property.name === key)?.type ?? ast.indexSignatures[0]?.type
    case "Arrays":
      return /^\d+$/.test(key) ? ast.elements[Number(key)] ?? ast.rest[0] : undefined
    case "Union":
      for (const member of ast.types) {
        const found = step(member, key)
        if (found !== undefined) return found
      }
      return undefined
    case "Suspend":
      return step(ast.thunk(), key)
    default:
      return undefined
  }
}

/**
 * The encoded type at a path; `undefined` when the schema has no such path.
 *
 * @category accessors
 * @since 0.1.0
 */
export const at = (schema: Schema.Constraint, path: ReadonlyArray<string>): SchemaAST.AST | undefined => {
  let ast: SchemaAST.AST | undefined = SchemaAST.toEncoded(schema.ast)
  for (const key of path) {
    if (ast === undefined) return undefined
    ast = step(ast, key)
  }
  return ast
}

/** The members of a union, or the type itself. */
const members = (ast: SchemaAST.AST): ReadonlyArray<SchemaAST.AST> =>
  ast._tag === "Union" ? ast.types.flatMap(members) : ast._tag === "Suspend" ? members(ast.thunk()) : [ast]

/**
 * Reads the text of an environment variable as the schema's type: numbers, `true`/`false` (or `yes`/`no`, `on`/`off`,
 * `1`/`0`), lists with commas or as JSON, objects as JSON. Other text is returned unchanged, and the schema reports the fault.
 *
 * @category conversions
 * @since 0.1.0
 */
export const coerce = (ast: SchemaAST.AST | undefined, text: string): unknown => {
  if (ast === undefined) return text
  const tags = new Set(members(ast).map((member) => member._tag === "Literal" ? typeof member.literal : member._tag))
  if (tags.has("String") || tags.has("string")) return text
  const isNumeric = tags.has("Number") || tags.has("number")
  if (tags.has("Boolean") || tags.has("boolean")) {
    if (/^(?:true|yes|on)$/i.test(text) || (text === "1" && !isNumeric)) return true
    if (/^(?:false|no|off)$/i.test(text) || (text === "0" && !isNumeric)) return false
  }
  if (isNumeric && text.trim() !== "" && Number.isFinite(Number(text))) {
    return Number(text)
  }
  if (tags.has("Arrays") && !text.trimStart().startsWith("[")) return text.split(",").map((item) => item.trim())
  // what is declared are options whose keys are not known yet
  return tags.has("Arrays") || tags.has("Objects") || tags.has("Declaration") ? Json.parseOrText(text) : text
}

/**
 * Reads all texts within a value as the schema's types, like `coerce`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const coerceAll = (schema: Schema.Constraint, value: unknown): unknown => {
  const read = (ast: SchemaAST.AST | undefined, inner: unknown): unknown => {
    const at = (key: string) => ast === undefined ? undefined : step(ast, key)
    if (typeof inner === "string") return coerce(ast, inner)
    // what no schema describes stays as it is
    if (ast === undefined) return inner
    if (Array.isArray(inner)) return inner.map((item, i) => read(at(String(i)), item))
    return Json.isRecord(inner)
      ? WrittenText.like(
        inner,
        Object.fromEntries(Object.entries(inner).map(([key, item]) => [key, read(at(key), item)]))
      )
      : inner
  }
  return read(SchemaAST.toEncoded(schema.ast), value)
}

/**
 * The keys of the objects that a schema encodes to.
 *
 * @category accessors
 * @since 0.1.0
 */
export const keys = (schema: Schema.Constraint): ReadonlyArray<string> =>
  members(SchemaAST.toEncoded(schema.ast)).flatMap((ast) =>
    ast._tag === "Objects" ? ast.propertySignatures.map(({ name }) => String(name)) : []
  )
