import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schema, SchemaGetter } from "effect"
import { withDefault } from "../../src/schema/Defaults.ts"
import { boundedDuration } from "../../src/schema/Durations.ts"
import { encodeKeys } from "../../src/schema/EncodedKeys.ts"
import * as Faults from "../../src/schema/Faults.ts"

describe("Faults", () => {
  it.effect("reports where a fault is, but never a value that is in the place of a key", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ server: Schema.Struct({ port: Schema.Finite }) })
      const value = { server: { port: "x", "api_key=s3cret/key": 1, por: 2 }, [`k${"e".repeat(99)}y`]: 3 }
      const error = yield* Effect.flip(Faults.decode(schema, value, { op: "test", what: "not valid" }))
      const text = `${error.message} ${JSON.stringify(error.details)}`
      assert.include(text, "server.port: expected number")
      assert.include(text, "server.por: unknown key `por`; did you mean `port`?")
      assert.include(text, "server.(invalid key): unknown key `(invalid key)`")
      assert.notInclude(text, "s3cret")
      assert.notInclude(text, "eeeee")
    }))

  it.effect("lists at most 100 faults, reading the value a few times only", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ name: Schema.String })
      const value = Object.fromEntries(Array.from({ length: 8_000 }, (_, i) => [`k${i}`, 0]))
      let reads = 0
      const counted = new Proxy(value, {
        ownKeys: (target) => {
          reads++
          return Reflect.ownKeys(target)
        }
      })
      const error = yield* Effect.flip(Faults.decode(schema, counted, { op: "test", what: "not valid" }))
      assert.match(error.message, /^not valid: .*; and 7901 more$/s)
      assert.lengthOf(error.message.split("; "), Faults.MAX_FAULTS + 1)
      assert.isBelow(reads, 10)
    }))

  const Inner = Schema.Struct({
    minSpeech: boundedDuration("1 second", "1 minute").pipe(withDefault("2s")),
    tags: Schema.Array(Schema.NonEmptyString).pipe(withDefault([]))
  }).pipe(encodeKeys({ minSpeech: "min_speech" }))
  const Outer = Schema.Struct({
    firstSpeaker: Schema.Literals(["agent", "user"]),
    turnPolicy: Inner.pipe(withDefault({})),
    period: Schema.Union([Schema.Literal("off"), boundedDuration("1 second", "1 minute")]).pipe(withDefault("off"))
  }).pipe(encodeKeys({ firstSpeaker: "first_speaker", turnPolicy: "turn_policy" }))

  const faultsOf = (schema: Schema.Codec<unknown, unknown>, value: unknown) =>
    Effect.map(
      Effect.flip(Faults.decode(schema, value, { op: "test", what: "not valid" })),
      (error) => Faults.fromError(error, "").map(({ message, path }) => `${path}: ${message}`)
    )

  it.effect("finds the faults of all levels in one decode, by their paths as they were written", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* faultsOf(Outer, {
          firstSpeker: "agent",
          turn_policy: { min_speech: 5, minspeech: 1, tags: ["", "x", 5] },
          period: 5
        }),
        [
          "firstSpeker: unknown key `firstSpeker`; did you mean `first_speaker`?",
          "first_speaker: required",
          "turn_policy.minspeech: unknown key `minspeech`; did you mean `min_speech`?",
          "turn_policy.min_speech: expected a duration such as \"500ms\" or \"1m30s\"",
          "turn_policy.tags.0: expected a value with a length of at least 1",
          "turn_policy.tags.2: expected string",
          "period: expected \"off\" | string"
        ]
      )
    }))

  it.effect("decodes each field once, and its default too", () =>
    Effect.gen(function*() {
      const decoded: Array<string> = []
      const Counted = Schema.String.pipe(Schema.decodeTo(Schema.String, {
        decode: SchemaGetter.transform((text: string) => {
          decoded.push(text)
          return text
        }),
        encode: SchemaGetter.passthrough()
      }))
      const schema = Schema.Struct({
        outerField: Counted,
        inner: Schema.Struct({ someField: Counted, other: Counted.pipe(withDefault("default")) }).pipe(
          encodeKeys({ someField: "some_field" })
        )
      }).pipe(encodeKeys({ outerField: "outer_field" }))
      const value = { outer_field: "outer", inner: { some_field: "some" } }
      const context = { op: "test", what: "not valid" }
      for (let i = 0; i < 2; i++) {
        assert.deepStrictEqual(yield* Faults.decode(schema, value, context), {
          outerField: "outer",
          inner: { someField: "some", other: "default" }
        })
      }
      assert.deepStrictEqual(decoded.toSorted(), ["default", "outer", "outer", "some", "some"])
      decoded.length = 0
      const typed = { outerField: "a", inner: { someField: "b", other: "c" } }
      assert.deepStrictEqual(yield* Faults.check(schema, typed, context), typed)
      assert.deepStrictEqual(decoded, [])
      assert.deepStrictEqual(yield* Schema.encodeEffect(schema)(typed), {
        outer_field: "a",
        inner: { some_field: "b", other: "c" }
      })
    }))

  it.effect("checks a program's value by the paths of its encoded form", () =>
    Effect.gen(function*() {
      const value = {
        firstSpeaker: "agent" as const,
        turnPolicy: { minSpeech: Duration.hours(1), tags: [] },
        period: "off" as const
      }
      const error = yield* Effect.flip(Faults.check(Outer, value, { op: "test", what: "not valid" }))
      assert.deepStrictEqual(error.details, {
        faults: [{ path: "turn_policy.min_speech", message: "expected a duration between 1s and 1m" }]
      })
    }))

  it.effect("gives the written paths of a schema that renames keys by Schema.encodeKeys, too", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ maxSize: Schema.Int.check(Schema.isGreaterThan(0)) }).pipe(
        Schema.encodeKeys({ maxSize: "max_size" })
      )
      assert.deepStrictEqual(yield* faultsOf(schema, { max_size: -1 }), [
        "max_size: expected a value greater than 0"
      ])
      assert.deepStrictEqual(yield* faultsOf(schema, { maxSize: 1 }), [
        "maxSize: unknown key `maxSize`; did you mean `max_size`?",
        "max_size: required"
      ])
    }))
})
