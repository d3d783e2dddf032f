import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { Readable } from "node:stream"
import * as Zlib from "node:zlib"
import { unpack } from "../../src/models/ModelArchive.ts"
import { defaultLimits } from "../../src/models/TarEntries.ts"
import * as Fake from "./FakeRegistry.ts"

const MiB = 1_048_576

describe("ModelArchive", () => {
  it.live("stops at a decompression bomb before it fills the disk or the memory", () =>
    Effect.gen(function*() {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-bomb-"))),
        (made) => Effect.sync(() => Fs.rmSync(made, { recursive: true, force: true }))
      )
      // A gzip file may have several members: 64 MiB of zeros, many times, behind the header of an entry that is not needed.
      const header = Fake.tar([{ path: "package/bomb.bin", content: new Uint8Array() }]).subarray(0, 512)
      header.write("17777777777\0", 124)
      header.write("        ", 148)
      header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0")}\0 `, 148)
      const member = Zlib.gzipSync(Buffer.alloc(64 * MiB))
      const packed = Buffer.concat([Zlib.gzipSync(header), ...Array.from({ length: 12 }, () => member)])
      assert.isAbove(12 * 64 * MiB, defaultLimits.maxBytes)
      const [source] = Fake.modelOf(packed).sources
      const before = process.memoryUsage().rss
      let peak = before
      let read = 0
      const failure = yield* Effect.flip(
        unpack(
          Readable.from((function*() {
            for (let at = 0; at < packed.length; at += 65_536) yield packed.subarray(at, at + 65_536)
          })()),
          source!,
          directory,
          (count) => {
            read += count
            peak = Math.max(peak, process.memoryUsage().rss)
          }
        )
      )
      assert.match(failure.message, /unpacks to more than/)
      assert.isBelow(read, packed.length)
      assert.isBelow(peak - before, 256 * MiB)
      assert.deepStrictEqual(Fs.readdirSync(directory), [])
    }))
})
