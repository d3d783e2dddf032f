import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it, onTestFinished } from "vitest"
import * as ModelFiles from "../../../src/engines/hibari/ModelFiles.ts"
import { readPinned } from "../../../src/engines/local/ModelFile.ts"

const directory = fileURLToPath(new URL("../../../src/engines/hibari/model", import.meta.url))

describe("ModelFiles", () => {
  it("pins every file that is there", () => {
    const names = [...Object.keys(ModelFiles.files), ...Object.keys(ModelFiles.licences), "README.md"]
    expect(readdirSync(directory).toSorted()).toEqual(names.toSorted())
    for (const name of Object.keys(ModelFiles.files)) ModelFiles.read(directory, name as ModelFiles.FileName)
    for (const [name, pin] of Object.entries(ModelFiles.licences)) readPinned(join(directory, name), pin)
  })

  it("refuses a file that is not the pinned one", () => {
    const other = mkdtempSync(join(tmpdir(), "hibari-"))
    onTestFinished(() => rmSync(other, { recursive: true }))
    writeFileSync(join(other, "vocab.json"), "{}")
    expect(() => ModelFiles.read(other, "vocab.json")).toThrow(/vocab\.json is not the expected file: 2 bytes/)
    expect(() => ModelFiles.read(other, "oov.json")).toThrow(/ENOENT/)
  })
})
