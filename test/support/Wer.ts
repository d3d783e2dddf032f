/**
 * Word error rate, as the project measures it: lower case, no punctuation, digits and "mr" written out.
 */

const units = [
  "zero",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
  "eleven",
  "twelve",
  "thirteen",
  "fourteen",
  "fifteen",
  "sixteen",
  "seventeen",
  "eighteen",
  "nineteen"
]
const tens = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]

const number = (value: number): string => {
  if (value < 20) return units[value]!
  if (value < 100) return `${tens[Math.floor(value / 10)]!}${value % 10 === 0 ? "" : ` ${units[value % 10]!}`}`
  if (value < 1000) {
    return `${units[Math.floor(value / 100)]!} hundred${value % 100 === 0 ? "" : ` ${number(value % 100)}`}`
  }
  return [...String(value)].map((digit) => units[Number(digit)]!).join(" ")
}

/** The words of a text. */
export const words = (text: string): ReadonlyArray<string> =>
  text
    .toLowerCase()
    .replace(/\bmr\b\.?/g, "mister")
    .replace(/\bmrs\b\.?/g, "missus")
    .replace(/\d+/g, (digits) => ` ${number(Number(digits))} `)
    .replace(/['’]/g, "")
    .replace(/[^a-z]+/g, " ")
    .trim()
    .split(" ")
    .filter((word) => word !== "")

/** The least number of words to insert, delete or replace. */
export const edits = (reference: ReadonlyArray<string>, heard: ReadonlyArray<string>): number => {
  let row = Array.from({ length: heard.length + 1 }, (_, i) => i)
  for (let i = 1; i <= reference.length; i++) {
    const next = [i]
    for (let j = 1; j <= heard.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (reference[i - 1] === heard[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[heard.length]!
}

/** Total edits by total words of the references. */
export const wer = (pairs: ReadonlyArray<readonly [reference: string, heard: string]>): number => {
  let wrong = 0
  let total = 0
  for (const [reference, heard] of pairs) {
    wrong += edits(words(reference), words(heard))
    total += words(reference).length
  }
  return wrong / Math.max(1, total)
}
