import { assert, it } from "@effect/vitest"
import { expandNumbers } from "../../../src/text/language/ExpandNumbers.ts"
import { forTag } from "../../../src/text/language/Languages.ts"

/** What is written, and what a newsreader says. */
export type Rows = ReadonlyArray<readonly [written: string, said: string]>

/** Holds each row of a table to the language of a tag. */
export const golden = (tag: string, what: string, rows: Rows): void =>
  it(`${tag}: ${what}`, () => {
    const language = forTag(tag)
    assert.isDefined(language)
    if (language === undefined) return
    const said: Rows = rows.map(([written]) => [written, expandNumbers(written, language).text])
    assert.deepStrictEqual(said, rows)
  })
