import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Built from "../../scripts/Built.ts"

const sources = [
  "package-lock.json",
  "package.json",
  "scripts/build.ts",
  "src/index.ts",
  "tsconfig.build.json",
  "tsconfig.json"
]

describe("Built", () => {
  let root = ""
  const write = (file: string, text: string) => writeFileSync(join(root, file), text)

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "effect-voice-built-"))
    for (const folder of ["dist", "scripts", "src"]) mkdirSync(join(root, folder))
    for (const file of [...sources, "dist/index.js"]) write(file, "text")
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  it("is current when it was noted, and nothing has changed since", () => {
    assert.isFalse(Built.isCurrent(root))
    Built.keep(root, Built.ofSources(root))
    assert.isTrue(Built.isCurrent(root))
    Built.forget(root)
    assert.isFalse(Built.isCurrent(root))
  })

  for (const file of [...sources, "src/another.ts", "dist/index.js", "dist/another.js"]) {
    it(`is not when this has changed: ${file}`, () => {
      Built.keep(root, Built.ofSources(root))
      write(file, "another text")
      assert.isFalse(Built.isCurrent(root))
    })
  }

  it("is not when the sources have changed while it was made, or without it", () => {
    const before = Built.ofSources(root)
    write("src/index.ts", "another text")
    Built.keep(root, before)
    assert.isFalse(Built.isCurrent(root))
    Built.keep(root, Built.ofSources(root))
    rmSync(join(root, "dist"), { recursive: true })
    assert.isFalse(Built.isCurrent(root))
  })
})
