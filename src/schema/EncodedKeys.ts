/**
 * Renames the keys of a struct in its encoded form: `maxRetries` is `max_retries` in a config file.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Struct from "effect/Struct"

type Fielded = Schema.Constraint & { readonly fields: Schema.Struct.Fields }

type Renamed<Fields extends Schema.Struct.Fields, Names> = {
  readonly [Key in keyof Fields as Key extends keyof Names ? Names[Key] extends PropertyKey ? Names[Key] : Key : Key]:
    Fields[Key]
}

/**
 * Renames keys in the encoded form, like `Schema.encodeKeys`, but decodes in a single stage: every field is decoded under
 * its encoded name, and the keys are renamed afterwards. So one decode finds the faults of *all* fields, and each has the
 * path as it was written. (`Schema.encodeKeys` renames first and decodes next, and stops after the first stage with a fault.)
 *
 * @category schemas
 * @since 0.1.0
 */
export const encodeKeys =
  <S extends Fielded, const Names extends { readonly [Key in keyof S["fields"]]?: string }>(names: Names) =>
  (self: S): Schema.decodeTo<Schema.toType<S>, Schema.Struct<Renamed<S["fields"], Names>>> => {
    const decoded: Record<string, string> = {}
    const encoded: Record<string, string> = {}
    const fields: Record<PropertyKey, Schema.Constraint> = {}
    for (const key of Reflect.ownKeys(self.fields)) {
      const field = self.fields[key]
      if (field === undefined) continue
      const name = typeof key === "string" ? names[key] : undefined
      if (typeof key === "string" && name !== undefined) {
        decoded[name] = key
        encoded[key] = name
      }
      fields[name ?? key] = field
    }
    const renamed = SchemaTransformation.transform<object, object>({
      decode: Struct.renameKeys(decoded),
      encode: Struct.renameKeys(encoded)
    })
    // the types say what the loop has done, which the compiler cannot follow
    return Schema.Struct(fields).pipe(Schema.decodeTo(Schema.toType(self), renamed as never)) as never
  }
