/** The model's files in the repository are the pinned ones, and nothing else is read. */
import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { readPinned } from "../../../src/engines/local/ModelFile.ts"
import { files, licences } from "../../../src/engines/smart-turn/ModelFiles.ts"

const directory = fileURLToPath(new URL("../../../src/engines/smart-turn/model", import.meta.url))

describe("The model's files", () => {
  it("are all pinned, but for our own notice", () => {
    assert.deepEqual(
      readdirSync(directory).toSorted(),
      [...Object.keys(files), ...Object.keys(licences), "NOTICE"].toSorted()
    )
    for (const [name, pin] of Object.entries({ ...files, ...licences })) {
      assert.lengthOf(readPinned(join(directory, name), pin), pin.bytes)
    }
  })

  it("are refused when they are others", () => {
    const other = mkdtempSync(join(tmpdir(), "effect-voice-model-"))
    try {
      writeFileSync(join(other, "LICENSE"), "BSD")
      assert.throws(() => readPinned(join(other, "LICENSE"), licences.LICENSE), /is not the expected file: 3 bytes/u)
      assert.throws(() => readPinned(join(other, "absent"), licences.LICENSE), /ENOENT/u)
    } finally {
      rmSync(other, { recursive: true })
    }
  })
})
