import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TarReader } from "../../src/models/TarReader.ts"
import * as Fake from "./FakeRegistry.ts"

/** Everything an archive holds, whatever the sizes of the chunks it comes in (repeated when there are too few). */
const readAll = (archive: Uint8Array, sizes: ReadonlyArray<number>) => {
  const reader = new TarReader()
  const found: Array<{ path: string; type: string; bytes: Array<number>; ended: boolean }> = []
  for (let at = 0, i = 0; at < archive.length; i++) {
    const size = sizes[i % sizes.length] ?? archive.length
    const events = reader.push(archive.slice(at, at + size))
    at += size
    assert.isNotString(events)
    for (const event of typeof events === "string" ? [] : events) {
      if (event._tag === "Entry") found.push({ path: event.path, type: event.type, bytes: [], ended: false })
      else if (event._tag === "Data") found.at(-1)!.bytes.push(...event.bytes)
      else found.at(-1)!.ended = true
    }
  }
  assert.isTrue(reader.complete)
  return found
}

describe("TarReader", () => {
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
      Effect.sync(() => {
        const entries = lengths.map((length, i) => ({ path: `package/${i}`, content: Fake.noise(length, i + 1) }))
        const found = readAll(Fake.tar(entries), sizes)
        assert.deepEqual(
          found,
          entries.map(({ content, path }) => ({ path, type: "0", bytes: [...content], ended: true }))
        )
      }),
    { arbitrary: { runs: 100 } }
  )

  it.effect.prop(
    "never throws on bytes that are no archive, nor grows",
    [Schema.Uint8ArrayFromBase64],
    ([bytes]) =>
      Effect.sync(() => {
        const reader = new TarReader()
        for (let i = 0; i < 8; i++) reader.push(bytes)
      }),
    { arbitrary: { runs: 200 } }
  )

  it("refuses a wrong checksum, too many entries and too many bytes", () => {
    const two = Fake.tar([
      { path: "a", content: Buffer.alloc(600) },
      { path: "b", content: Buffer.alloc(600) }
    ])
    const flipped = Buffer.from(two)
    flipped[0]! ^= 1
    assert.match(String(new TarReader().push(flipped)), /wrong checksum/)
    assert.match(String(new TarReader({ maxEntries: 1 }).push(two)), /more than 1 entries/)
    assert.match(String(new TarReader({ maxBytes: 1000 }).push(two)), /more than 1000 bytes/)
    assert.isNotString(new TarReader({ maxEntries: 2, maxBytes: 1200 }).push(two))
  })

  it("knows an archive that was cut", () => {
    const archive = Fake.tar([{ path: "a", content: Buffer.alloc(600) }])
    const reader = new TarReader()
    reader.push(archive.subarray(0, 800))
    assert.isFalse(reader.complete)
    reader.push(archive.subarray(800))
    assert.isTrue(reader.complete)
  })
})
