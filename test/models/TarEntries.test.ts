import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TarEntries from "../../src/models/TarEntries.ts"
import * as Fake from "./FakeRegistry.ts"

/** The chunks of an archive that is cut at these sizes, again and again. */
const cut = (archive: Uint8Array, sizes: ReadonlyArray<number>) => {
  const chunks: Array<Uint8Array> = []
  for (let at = 0; at < archive.length; at += chunks.at(-1)!.length) {
    chunks.push(archive.subarray(at, at + sizes[chunks.length % sizes.length]!))
  }
  return Stream.fromIterable(chunks)
}

const readAll = (archive: Stream.Stream<Uint8Array>, limits?: Partial<TarEntries.TarLimits>) =>
  TarEntries.decode(archive, { ...TarEntries.defaultLimits, ...limits }).pipe(
    Stream.mapEffect(({ body, header }) =>
      Effect.map(Stream.runCollect(body), (parts) => ({
        path: header.path,
        type: header.type,
        bytes: Buffer.concat(parts).toString("hex")
      }))
    ),
    Stream.runCollect
  )

describe("TarEntries", () => {
  it.effect.prop(
    "finds the same entries however the archive is cut",
    [
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1600 }))).check(
        Schema.isMinLength(1),
        Schema.isMaxLength(4)
      ),
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 700 }))).check(
        Schema.isMinLength(1),
        Schema.isMaxLength(5)
      )
    ],
    ([lengths, sizes]) =>
      Effect.gen(function*() {
        const entries = lengths.map((length, i) => ({ path: `package/${i}`, content: Fake.noise(length, i + 1) }))
        assert.deepEqual(
          yield* readAll(cut(Fake.tar(entries), sizes)),
          entries.map(({ content, path }) => ({ path, type: "File", bytes: content.toString("hex") }))
        )
      }),
    { arbitrary: { runs: 100 } }
  )

  it.effect.prop(
    "fails with a typed error on bytes that are not an archive",
    [Schema.Uint8ArrayFromBase64],
    ([bytes]) =>
      Effect.gen(function*() {
        const result = yield* Effect.result(readAll(Stream.make(bytes)))
        assert.isTrue(result._tag === "Failure" || result.success.length === 0)
      }),
    { arbitrary: { runs: 200 } }
  )

  it.effect("refuses a wrong checksum, a cut archive, too many entries and too many bytes", () =>
    Effect.gen(function*() {
      const two = Fake.tar([
        { path: "a", content: Buffer.alloc(600) },
        { path: "b", content: Buffer.alloc(600) }
      ])
      const flipped = Buffer.from(two)
      flipped[0]! ^= 1
      const failure = (archive: Uint8Array, limits?: Partial<TarEntries.TarLimits>) =>
        Effect.map(Effect.flip(readAll(cut(archive, [512]), limits)), ({ message }) => message)
      assert.match(yield* failure(flipped), /checksum/)
      const truncated = yield* Effect.flip(readAll(cut(two.subarray(0, 800), [512])))
      assert.isTrue(truncated._tag === "TarError" && truncated.kind === "Truncated")
      assert.match(yield* failure(two, { maxEntries: 1 }), /more than 1 entries/)
      assert.match(yield* failure(two, { maxBytes: 1_000 }), /more than 1000 bytes/)
      assert.match(yield* failure(two.subarray(0, 512), { maxBytes: 512 }), /more than 512 bytes/)
      assert.lengthOf(yield* readAll(cut(two, [512]), { maxEntries: 2, maxBytes: two.length }), 2)
    }))

  it.effect("refuses endless headers that belong to no entry", () =>
    Effect.gen(function*() {
      const record = `30 comment=${"x".repeat(18)}\n`
      const one = Fake.tar([{ path: "pax", content: Buffer.from(record), type: "g" }]).subarray(0, 1_024)
      const endless = Stream.forever(Stream.make(new Uint8Array(one)))
      assert.match((yield* Effect.flip(readAll(endless))).message, /bytes of headers between two entries/)
    }))
})
