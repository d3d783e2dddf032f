/**
 * The rules of imports, on small sources.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { areaOf, check, floors, importsOf } from "../../scripts/check/ImportFloors.ts"

const declared = new Set(["effect", "ws"])
const messages = (file: string, source: string) =>
  check(file, source, declared).map(({ line, message }) => [line, message])
const passes = (file: string, source: string) => assert.deepStrictEqual(messages(file, source), [])
const fails = (file: string, source: string, line: number, part: string) => {
  const found = check(file, source, declared)
  assert.strictEqual(found.length, 1, `${file}: ${source}`)
  assert.strictEqual(found[0]?.line, line)
  assert.include(found[0]?.message, part)
}

describe("ImportFloors", () => {
  it("finds every form of import, and none in comments and templates", () => {
    const source = [
      "/**",
      " * import { no } from \"no/comment\"",
      " */",
      "import * as Effect from \"effect/Effect\" // import \"no/line\"",
      "import {",
      "  type A,",
      "  b",
      "} from './b.ts'",
      "import type { C } from \"./c.ts\"",
      "export * from \"./d.ts\"",
      "export type { E } from \"./e.ts\"",
      "import \"./f.ts\"",
      "const g = () => import(\"./g.ts\")",
      "type H = typeof import(\"./h.ts\")",
      "const text = `",
      "import { no } from \"no/template\"",
      "`",
      "const url = \"http://x\"; import(\"./i.ts\")",
      "export const from = \"no/const\""
    ].join("\n")
    assert.deepStrictEqual(
      importsOf(source).map(({ dynamic, line, specifier, typeOnly }) => [line, specifier, typeOnly, dynamic]),
      [
        [4, "effect/Effect", false, false],
        [5, "./b.ts", false, false],
        [9, "./c.ts", true, false],
        [10, "./d.ts", false, false],
        [11, "./e.ts", true, false],
        [12, "./f.ts", false, false],
        [13, "./g.ts", false, true],
        [14, "./h.ts", true, true],
        [18, "./i.ts", false, true]
      ]
    )
  })

  it("knows the area of a file", () => {
    assert.strictEqual(areaOf("src/BackendError.ts"), "ground")
    assert.strictEqual(areaOf("src/index.ts"), "index")
    assert.strictEqual(areaOf("src/engines/silero/Silero.ts"), "engines")
    assert.strictEqual(areaOf("src/server/console/console.ts"), "console")
    assert.strictEqual(areaOf("src/client/react/CallButton.tsx"), "react")
    assert.strictEqual(areaOf("test/a.ts"), undefined)
  })

  it("lets imports go down and not up, types included", () => {
    passes("src/session/A.ts", "import { B } from \"../speech/B.ts\"\nimport { C } from \"../BackendError.ts\"")
    fails("src/speech/A.ts", "\nimport { B } from \"../session/B.ts\"", 2, "speech must not import session")
    fails("src/session/A.ts", "import type { B } from \"../backend/B.ts\"", 1, "session must not import backend")
    fails("src/backend/A.ts", "const a = import(\"../builtin/index.ts\")", 1, "backend must not import builtin")
    fails("src/session/A.ts", "import { B } from \"../index.ts\"", 1, "the index is for users")
    fails("src/session/A.ts", "import { B } from \"../../test/B.ts\"", 1, "outside of src")
    fails("src/fresh/A.ts", "", 1, "has no floor")
  })

  it("keeps engines and providers apart", () => {
    passes("src/engines/silero/A.ts", "import { B } from \"./B.ts\"\nimport { C } from \"../../wire/C.ts\"")
    passes("src/engines/silero/A.ts", "import { B } from \"../local/B.ts\"")
    passes("src/engines/deepgram/A.ts", "import { B } from \"../hosted/stt/B.ts\"")
    passes("src/providers/local/A.ts", "import { B } from \"../Shared.ts\"")
    fails("src/engines/silero/A.ts", "import { B } from \"../flite/B.ts\"", 1, "they do not know each other")
    fails("src/providers/local/A.ts", "import { B } from \"../livekit/B.ts\"", 1, "they do not know each other")
    fails("src/engines/hosted/stt/A.ts", "import { B } from \"../../flite/B.ts\"", 1, "they do not know each other")
    fails("src/providers/local/A.ts", "import { B } from \"../../engines/flite/B.ts\"", 1, "must not import engines")
  })

  it("refuses a file directly in engines/: it would belong to no engine", () => {
    fails("src/engines/Shared.ts", "import { B } from \"../wire/B.ts\"", 1, "belongs to no engine")
    fails("src/engines/silero/A.ts", "import { B } from \"../Shared.ts\"", 1, "they do not know each other")
  })

  it("keeps vendors out of the core and undeclared packages out of everything", () => {
    fails("src/backend/A.ts", "import * as B from \"@effect/platform-node/NodeServices\"", 1, "vendor's package")
    passes("src/server/A.ts", "import { WebSocketServer } from \"ws\"")
    fails("src/server/A.ts", "import { B } from \"left-pad/x\"", 1, "does not declare")
    fails("src/client/A.ts", "import * as B from \"effect/Effect\"", 1, "client must not import a package")
    passes("src/client/react/A.tsx", "import { useState } from \"react\"\nimport { B } from \"../B.ts\"")
    fails("src/client/react/A.tsx", "import { createPortal } from \"react-dom\"", 1, "other than react")
    fails("src/client/react/A.tsx", "import \"node:fs\"", 1, "it runs anywhere")
    fails("src/client/A.ts", "import { B } from \"./react/B.tsx\"", 1, "client must not import react")
    fails("src/client/A.ts", "import { useState } from \"react\"", 1, "client must not import a package")
    fails("src/server/A.ts", "import { B } from \"effect-voice\"", 1, "its own package by name")
  })

  it("keeps the pure floors pure and the barrel of effect out", () => {
    passes(
      "src/conversation/A.ts",
      "import * as Schema from \"effect/Schema\"\nimport type * as Effect from \"effect/Effect\""
    )
    fails("src/conversation/A.ts", "import * as Effect from \"effect/Effect\"", 1, "conversation is pure")
    fails("src/audio/A.ts", "import { readFileSync } from \"node:fs\"", 1, "runs anywhere")
    fails("src/session/A.ts", "import { Effect } from \"effect\"", 1, "barrel of effect")
  })

  it("has floors without cycles", () => {
    const visit = (area: string, path: ReadonlyArray<string>): void => {
      assert.notInclude(path, area)
      for (const below of floors[area]?.on ?? []) visit(below, [...path, area])
    }
    for (const area of Object.keys(floors)) visit(area, [])
  })
})
