/**
 * The reference values of the voice's text (`test/fixtures/hibari`), and its tables.
 *
 * What this library reads otherwise, because the reference is wrong there, is in the files with `-repaired` in their names.
 */
import { assert } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as ModelFiles from "../../../../src/engines/hibari/ModelFiles.ts"
import * as TextTables from "../../../../src/engines/hibari/text/TextTables.ts"
import * as UnknownWords from "../../../../src/engines/hibari/text/UnknownWords.ts"
import * as OnnxRuntime from "../../../../src/engines/local/OnnxRuntime.ts"

const fixture = (name: string) => readFileSync(new URL(`../../../fixtures/hibari/${name}`, import.meta.url), "utf8")
const linesOf = (name: string) => fixture(name).trimEnd().split("\n")

const escapes: { readonly [letter: string]: string } = { n: "\n", t: "\t", r: "\r", "\\": "\\" }

/** The rows of a table with their fields. */
export const rows = (name: string): ReadonlyArray<ReadonlyArray<string>> =>
  linesOf(name).map((line) =>
    line.split("\t").map((field) =>
      field.replace(
        /\\(?:u([0-9a-fA-F]{4})|(.))/gu,
        (_, code, letter) =>
          code === undefined ? escapes[letter] ?? letter : String.fromCharCode(Number.parseInt(code, 16))
      )
    )
  )

/** The values of a file of JSON lines. */
export const json = <A>(name: string): ReadonlyArray<A> => linesOf(name).map((line) => JSON.parse(line) as A)

/** Asserts that a function gives each value, the repaired one where there is one; all repaired ones are other than the reference's. */
export const assertEqual = async <A>(
  goldens: ReadonlyArray<readonly [input: string, value: A]>,
  repaired: ReadonlyArray<readonly [input: string, value: A]>,
  read: (input: string) => A | Promise<A>
): Promise<void> => {
  const repairs = new Map(repaired)
  const wrong: Array<{ readonly input: string; readonly expected: A; readonly actual: A }> = []
  for (const [input, value] of goldens) {
    const expected = repairs.get(input) ?? value
    const actual = await read(input)
    if (JSON.stringify(actual) !== JSON.stringify(expected)) wrong.push({ input, expected, actual })
  }
  assert.deepStrictEqual(wrong, [])
  const reference = new Map(goldens)
  for (const [input, value] of repaired) assert.notDeepEqual(reference.get(input), value, input)
}

const once = <A>(make: () => A): () => A => {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}

const model = fileURLToPath(new URL("../../../../src/engines/hibari/model", import.meta.url))
export const file = (name: ModelFiles.FileName) => ModelFiles.read(model, name)

export const shared = once(() => TextTables.loadShared(file))
export const american = once(() => TextTables.loadAccent(file, "american"))
export const british = once(() => TextTables.loadAccent(file, "british"))

const letters = async (name: ModelFiles.FileName, { letters: tables }: TextTables.AccentTables) => {
  const runtime = await OnnxRuntime.load(["onnxruntime-web"])
  const session = await runtime.createSession(file(name))
  return UnknownWords.ask(tables, async (chars) => {
    const { ids } = await session.run({ chars: runtime.int64(chars, [1, chars.length]) })
    return ids?.data as BigInt64Array
  })
}

export const americanLetters = once(() => letters("oov.onnx", american()))
export const britishLetters = once(() => letters("oov_gb.onnx", british()))

/** What text is made of that is made to break things: signs, numbers, scripts and code, to be joined in any order. */
export const hostileParts = Schema.Array(
  Schema.Literals([
    " ",
    "  ",
    "\n",
    "	",
    "\0",
    "﻿",
    "​",
    "",
    "\u2028",
    "😀",
    "👨‍👩‍👧",
    "\ud800",
    "\udc00",
    "é",
    "é",
    "ß",
    "İ",
    "ǆ",
    "東京",
    "こんにちは",
    "שלום",
    "مرحبا",
    "٣",
    "½",
    "²",
    "Ⅷ",
    "①",
    "__proto__",
    "constructor",
    "the",
    "to",
    "I",
    "A",
    "XIV",
    "King ",
    "No.",
    "Dr.",
    "a.m.",
    "don't",
    "USB",
    "getElementById",
    "(",
    ")",
    "[",
    "]",
    "](",
    "[x](/y/)",
    "<",
    ">",
    "\"",
    "'",
    "’",
    "“",
    "”",
    "-",
    "—",
    "--",
    "...",
    ".",
    ",",
    ":",
    ";",
    "!",
    "?",
    "/",
    "\\",
    "|",
    "$",
    "£5",
    "€1.50",
    "$3.2 billion",
    "¢",
    "%",
    "&",
    "+",
    "=",
    "~",
    "#",
    "°C",
    "5 km",
    "1,000",
    "3.14",
    "9:30",
    "12/25/24",
    "2023-01-05",
    "555-0142",
    "3-7",
    "1/2",
    "0",
    "007",
    "1".repeat(40),
    ",000",
    "a".repeat(40),
    "$1".repeat(9)
  ])
)
