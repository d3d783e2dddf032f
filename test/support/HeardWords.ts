/**
 * The words of a text as they are compared with what a recogniser heard: what is only another way to write the same is the same
 * word. "$12.50" is "twelve dollars and fifty cents", "4821" is "four eight two one", "9:30" is "nine thirty", "Dr." is "doctor".
 */
import { english } from "../../src/text/language/English.ts"
import { expandNumbers } from "../../src/text/language/ExpandNumbers.ts"
import * as SpokenText from "../../src/text/SpokenText.ts"

const units = [
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
  "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
]
const tens = [
  "twenty thirty forty fifty sixty seventy eighty ninety",
  "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth"
]
const scales = new Map([["thousand", 1e3], ["million", 1e6], ["billion", 1e9]])

const values = new Map([
  ...units.flatMap((row) => row.split(" ").map((word, i) => [word, i] as const)),
  ...tens.flatMap((row) => row.split(" ").map((word, i) => [word, 20 + 10 * i] as const))
])

const spellings = new Map(Object.entries({
  dr: "doctor",
  mr: "mister",
  mrs: "missus",
  ok: "okay",
  centre: "center",
  cancelled: "canceled",
  colour: "color",
  percent: "per cent"
}))

/** Reads the longest cardinal or ordinal that begins at a word; `undefined` where there is none. */
const numberAt = (words: ReadonlyArray<string>, at: number): readonly [value: number, end: number] | undefined => {
  let end = at
  let total = 0
  let group: number | undefined
  const below100 = () => {
    const value = values.get(words[end] ?? "")
    if (value === undefined) return undefined
    end++
    const unit = values.get(words[end] ?? "")
    if (value < 20 || unit === undefined || unit === 0 || unit > 9) return value
    end++
    return value + unit
  }
  while (true) {
    const and = end > at && words[end] === "and" && (group ?? 0) % 100 === 0 && total + (group ?? 0) > 0
    if (and) end++
    const next = group === undefined || group % 100 === 0 && group > 0 ? below100() : undefined
    if (next === undefined) {
      if (and) end--
      break
    }
    group = (group ?? 0) + next
    if (words[end] === "hundred" && group < 100) {
      group *= 100
      end++
    }
    const scale = scales.get(words[end] ?? "")
    if (scale !== undefined) {
      total += group * scale
      group = undefined
      end++
    }
  }
  return end === at ? undefined : [total + (group ?? 0), end]
}

/**
 * The words of a text; a number is one word, its digits in a row, however it was said.
 *
 * Two texts are said alike when their words are equal; `edits` counts the others.
 */
export const heardWords = (text: string): ReadonlyArray<string> => {
  const spoken = SpokenText.transform(SpokenText.spoken(), text.replace(/(\d)[.](\d\d)(?= ?[ap]\.?m)/giu, "$1:$2"))
  const words = expandNumbers(spoken, english).text
    .toLowerCase()
    .replace(/\b([ap])\.m\b\.?/gu, "$1m")
    .replace(/['’]/gu, "")
    .replace(/\bgood-bye\b/gu, "goodbye")
    .replace(/[^a-z]+/gu, " ")
    .trim()
    .split(" ")
    .flatMap((word) => (spellings.get(word) ?? word).split(" "))
    .filter((word) => word !== "")
  const out: Array<string> = []
  let digits = ""
  const flush = () => {
    if (digits !== "") out.push(digits)
    digits = ""
  }
  for (let at = 0; at < words.length;) {
    const found = numberAt(words, at)
    if (found !== undefined) {
      digits += String(found[0])
      at = found[1]
      continue
    }
    if (digits !== "" && words[at] === "oh") digits += "0"
    else {
      flush()
      out.push(words[at]!)
    }
    at++
  }
  flush()
  return out
}
