/** The reader of wheels, against archives made here byte by byte. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { deflateRawSync } from "node:zlib"
import * as ZipEntries from "../../scripts/models/ZipEntries.ts"

interface File {
  readonly name: string
  readonly content: Buffer
  readonly deflated: boolean
}

const header = (length: number, fields: ReadonlyArray<readonly [at: number, bytes: 2 | 4, value: number]>): Buffer => {
  const buffer = Buffer.alloc(length)
  for (const [at, bytes, value] of fields) buffer.writeUIntLE(value, at, bytes)
  return buffer
}

const archiveOf = (files: ReadonlyArray<File>, comment = ""): Buffer => {
  const parts: Array<Buffer> = []
  const directory: Array<Buffer> = []
  let at = 0
  for (const { content, deflated, name } of files) {
    const data = deflated ? deflateRawSync(content) : content
    const bytes = Buffer.from(name)
    const method = deflated ? 8 : 0
    // a local header may have other extra fields than the directory
    const local = [header(30, [[0, 4, 0x04034b50], [8, 2, method], [26, 2, bytes.length], [28, 2, 5]]), bytes]
    directory.push(
      header(46, [
        [0, 4, 0x02014b50],
        [10, 2, method],
        [20, 4, data.length],
        [24, 4, content.length],
        [28, 2, bytes.length],
        [30, 2, 3],
        [42, 4, at]
      ]),
      bytes,
      Buffer.alloc(3)
    )
    parts.push(...local, Buffer.alloc(5), data)
    at += 30 + bytes.length + 5 + data.length
  }
  const end = header(22, [[0, 4, 0x06054b50], [10, 2, files.length], [16, 4, at], [20, 2, comment.length]])
  return Buffer.concat([...parts, ...directory, end, Buffer.from(comment)])
}

describe("ZipEntries", () => {
  it.effect.prop(
    "gives the files that were put in, stored or deflated, and only those that are asked for",
    [Schema.Array(Schema.Struct({ text: Schema.String, deflated: Schema.Boolean })), Schema.String],
    ([contents, comment]) =>
      Effect.sync(() => {
        const files = contents.map(({ deflated, text }, i) => ({
          name: `a/${i}.txt`,
          content: Buffer.from(text),
          deflated
        }))
        const archive = archiveOf(files, comment.replaceAll(/[^a-z]/gu, "").slice(0, 50))
        const wanted = files.filter((_, i) => i % 2 === 0)
        const found = ZipEntries.read(archive, wanted.map(({ name }) => name))
        assert.deepEqual(
          [...found].map(([name, content]) => [name, content.toString("hex")]),
          wanted.map(({ content, name }) => [name, content.toString("hex")])
        )
      })
  )

  it("refuses what is no archive, is cut off, lacks a file, or says a file is smaller than it is", () => {
    const archive = archiveOf([{ name: "one", content: Buffer.from("1".repeat(1_000)), deflated: true }])
    assert.throws(() => ZipEntries.read(Buffer.from("hello"), ["one"]), /it has no directory/u)
    assert.throws(() => ZipEntries.read(archive, ["two"]), /the archive has no two/u)
    assert.throws(() => ZipEntries.read(archive.subarray(20), ["one"]))
    const lying = Buffer.from(archive)
    lying.writeUInt32LE(10, lying.length - 22 - 3 - 3 - 46 + 24)
    assert.throws(() => ZipEntries.read(lying, ["one"]), RangeError)
  })
})
