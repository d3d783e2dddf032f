/** Circles between files: planted ones are found whatever the form of the import, and src has none. */
import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { circles, graphOf } from "../../scripts/check/ImportCircles.ts"

const found = (sources: Readonly<Record<string, string>>) =>
  circles(graphOf(new Map(Object.entries(sources)))).map((circle) => circle.join(" → "))

describe("ImportCircles", () => {
  it("finds a circle of two files, of three, and a file that imports itself", () => {
    assert.deepStrictEqual(
      found({
        "src/x/a.ts": "import { b } from \"./b.ts\"",
        "src/x/b.ts": "import { a } from \"./a.ts\"",
        "src/y/c.ts": "import { d } from \"./d.ts\"",
        "src/y/d.ts": "export * from \"../z/e.ts\"",
        "src/z/e.ts": "import \"../y/c.ts\"",
        "src/z/f.ts": "import * as Self from \"./f.ts\""
      }),
      [
        "src/x/a.ts → src/x/b.ts → src/x/a.ts",
        "src/y/c.ts → src/y/d.ts → src/z/e.ts → src/y/c.ts",
        "src/z/f.ts → src/z/f.ts"
      ]
    )
  })

  it("counts imports of types and dynamic imports", () => {
    assert.deepStrictEqual(
      found({
        "src/a.ts": "import type { B } from \"./b.ts\"",
        "src/b.ts": "export interface B { readonly a: typeof import(\"./a.ts\") }",
        "src/c.ts": "const d = () => import(\"./d.ts\")",
        "src/d.ts": "import { c } from \"./c.ts\""
      }),
      ["src/a.ts → src/b.ts → src/a.ts", "src/c.ts → src/d.ts → src/c.ts"]
    )
  })

  it("reports files that are tied by several circles once, by the shortest", () => {
    assert.deepStrictEqual(
      found({
        "src/a.ts": "import \"./b.ts\"\nimport \"./c.ts\"",
        "src/b.ts": "import \"./c.ts\"",
        "src/c.ts": "import \"./a.ts\""
      }),
      ["src/a.ts → src/c.ts → src/a.ts"]
    )
  })

  it("is silent about two ways to one file, comments and packages", () => {
    assert.deepStrictEqual(
      found({
        "src/a.ts": "import \"./b.ts\"\nimport \"./c.ts\"\nimport * as Effect from \"effect/Effect\"",
        "src/b.ts": "import \"./d.ts\"",
        "src/c.ts": "import \"./d.ts\"",
        "src/d.ts": "// import \"./a.ts\"\nimport \"../test/e.ts\""
      }),
      []
    )
  })

  it("finds none in src", () => {
    const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"))
    const sources = new Map(
      files.map((path) => [`src/${path.replaceAll("\\", "/")}`, readFileSync(`src/${path}`, "utf8")])
    )
    const graph = graphOf(sources)
    assert.isAbove(Array.from(graph.values()).flat().length, sources.size, "imports were read")
    assert.deepStrictEqual(circles(graph), [])
  })
})
