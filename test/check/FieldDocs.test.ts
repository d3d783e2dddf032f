import { assert, describe, it } from "@effect/vitest"
import { makeDescriber } from "../../scripts/check/FieldDocs.ts"

const sources: Readonly<Record<string, string>> = {
  "src/Outer.ts": `
import { Inner as Section } from "./a/Inner.ts"

/**
 * A thing.
 *
 * - \`section\`: its section, *\\/ and all.
 * - \`sections\`: more
 *   of them. 5.
 * - \`tls.cert\`: a file.
 * - \`maxSize\`, \`minSize\`: how large it is.
 */
export const Outer = Struct({
  section: Section.pipe(withDefault({})),
  sections: Sections,
  tls: Struct({ cert: File }),
  maxSize: Int, minSize: Int
}).pipe(encodeKeys({ maxSize: "max_size" }))
const Sections = Array(Section)
export const Loop = Loop.pipe(Loop)
`,
  "src/a/Inner.ts": "/**\n * - `wait`: how long. 1 s.\n */\nexport const Inner = Struct({ wait: Duration })\n",
  "src/Engine.ts":
    "/**\n * - `url`: where.\n */\nexport const EngineOptions = Struct({ url: Text })\nexport const { layer } = hosted()\n"
}
const describeIn = makeDescriber((file) => sources[file])

/** A map with one piece for each line: its number. */
const mapOf = (text: string): string =>
  JSON.stringify({ version: 3, mappings: text.split("\n").map((_, line) => `L${line}`).join(";") })
const described = (source: string, text: string) => {
  const made = describeIn(source, { text, map: mapOf(text) })
  return {
    ...made,
    lines: made.text.split("\n"),
    mappings: (JSON.parse(made.map) as { mappings: string }).mappings.split(";")
  }
}

describe("FieldDocs", () => {
  it("puts what a schema's list says of a field before it, in both forms and in the sections of others", () => {
    const { lines } = described(
      "src/Outer.ts",
      `/** - \`x\`: of no schema */
export declare const Outer: decodeTo<toType<Struct<{
    readonly section: withDefault<Struct<{
        readonly wait: Duration;
    }>>;
    readonly sections: $Array<Struct<{
        readonly wait: Duration;
    }>>;
    readonly tls: Struct<{
        readonly cert: String;
        readonly key: String;
    }>;
    readonly maxSize: Int;
    /** Told already. */
    readonly minSize: Int;
}>>, Struct<{
    readonly max_size: Int;
    readonly wait: Duration;
}>>;
`
    )
    assert.deepStrictEqual(lines.slice(2), [
      "    /** Its section, *\\/ and all. */",
      "    readonly section: withDefault<Struct<{",
      "        /** How long. 1 s. */",
      "        readonly wait: Duration;",
      "    }>>;",
      "    /** More of them. 5. */",
      "    readonly sections: $Array<Struct<{",
      "        /** How long. 1 s. */",
      "        readonly wait: Duration;",
      "    }>>;",
      "    readonly tls: Struct<{",
      "        /** A file. */",
      "        readonly cert: String;",
      "        readonly key: String;",
      "    }>;",
      "    /** How large it is. */",
      "    readonly maxSize: Int;",
      "    /** Told already. */",
      "    readonly minSize: Int;",
      "}>>, Struct<{",
      "    /** How large it is. */",
      "    readonly max_size: Int;",
      "    readonly wait: Duration;",
      "}>>;",
      ""
    ])
  })

  it("describes interfaces, types, and the options of an engine where its layer has them once more", () => {
    const list = "/**\n * - `a`: the first.\n */\n"
    const interfaces = described(
      "src/None.ts",
      `${list}export interface A {\n    readonly a: string;\n    a2(): void;\n}\n`
    )
    assert.include(interfaces.text, "    /** The first. */\n    readonly a: string;\n    a2")
    const types = described("src/None.ts", `${list}export type A = {\n    readonly a: string;\n};\n`)
    assert.include(types.text, "    /** The first. */\n    readonly a: string;")
    const engine = described(
      "src/Engine.ts",
      "/** - `url`: where. */\nexport declare const layer: (options?: Partial<{\n    readonly url: string;\n}>) => Layer;\n"
    )
    assert.include(engine.text, "    /** Where. */\n    readonly url: string;")
  })

  it("keeps the line of the source for each line of the declarations", () => {
    const text = "/** - `a` */\nexport interface A {\n    readonly b: 1;\n}\n"
    assert.deepStrictEqual(described("src/None.ts", text), {
      text,
      map: mapOf(text),
      lines: text.split("\n"),
      mappings: ["L0", "L1", "L2", "L3", "L4"]
    })
    const { lines, mappings } = described(
      "src/None.ts",
      "/**\n * - `a`: one.\n * - `b`: two.\n */\nexport interface A {\n    readonly a: 1;\n    readonly b: 2;\n}\n"
    )
    assert.deepStrictEqual(mappings, ["L0", "L1", "L2", "L3", "L4", "", "L5", "", "L6", "L7", "L8"])
    assert.deepStrictEqual(lines.slice(5, 9), [
      "    /** One. */",
      "    readonly a: 1;",
      "    /** Two. */",
      "    readonly b: 2;"
    ])
  })
})
