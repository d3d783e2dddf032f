/**
 * Decides whether a dictated number, address, spelling or date is complete. Pure.
 *
 * @since 0.1.0
 */
import * as English from "./English.ts"

const units = "zero one two three four five six seven eight nine".split(" ")
const teens = new Set("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(" "))
const tens = new Set("twenty thirty forty fifty sixty seventy eighty ninety".split(" "))
const digitWords = new Set([...units, "oh", "nought"])
/** After these words "one" is not a digit. */
const notOne = new Set(
  "have that this the which another no any got new old a first second last only every right wrong other good".split(" ")
)

/**
 * Counts the digits that the words stand for: "five five five" 3, "double two" 2, "twenty one" 2, "555" 3.
 *
 * @category conversions
 * @since 0.1.0
 */
export const countDigits = (words: ReadonlyArray<string>): number => {
  let count = 0
  let repeat = 1
  for (const [i, word] of words.entries()) {
    const before = words[i - 1] ?? ""
    if (/^[\d-]+$/u.test(word)) count += word.replaceAll("-", "").length * repeat
    else if (digitWords.has(word)) {
      if (word === "one" && notOne.has(before)) continue
      // "twenty one" has two digits, which "twenty" has counted
      if (!(tens.has(before) && word !== "oh" && word !== "zero")) count += repeat
    } else if (tens.has(word) || teens.has(word)) count += 2
    else if (word === "hundred") count += 2
    repeat = word === "double" ? 2 : word === "triple" ? 3 : 1
  }
  return count
}

/** The possible numbers of digits that the agent asked for; `[]` for any number; `undefined` when it asked for none. */
const requestedDigits = (agentSaid: string, phone: ReadonlyArray<number>): ReadonlyArray<number> | undefined => {
  const counted = /\b(?:(\d{1,2})|(three|four|five|six|seven|eight|nine|ten))[\s-]digits?\b/u.exec(agentSaid) ??
    /\blast (?:(4)|(four))\b/u.exec(agentSaid)
  if (counted !== null) {
    return [counted[1] === undefined ? [...units, "ten"].indexOf(counted[2] ?? "") : Number(counted[1])]
  }
  if (/\b(?:cvv|cvc|security code)\b/u.test(agentSaid)) return [3, 4]
  if (/\bsocial security\b/u.test(agentSaid)) return [9]
  if (/\b(?:credit|debit|bank|payment|card number)\b.*\b(?:card|number)\b|\bcard number\b/u.test(agentSaid)) {
    return [15, 16]
  }
  if (/\b(?:phone|telephone|mobile|cell|contact number|callback number|call you back)\b/u.test(agentSaid)) return phone
  if (/\bzip\b/u.test(agentSaid)) return [5, 9]
  if (/\bpin\b/u.test(agentSaid)) return [4, 6]
  return /\b(?:account|order|reference|confirmation|tracking|booking|policy|customer|member|serial|id|code) (?:number|code|id)\b|\bdigits\b/u
      .test(agentSaid)
    ? []
    : undefined
}

const number = (words: ReadonlyArray<string>, agentSaid: string, phone: ReadonlyArray<number>): number | undefined => {
  const lengths = requestedDigits(agentSaid, phone)
  const count = countDigits(words)
  if (count > 0 && lengths !== undefined) {
    if (lengths.length === 0) return 0.4
    if (lengths.includes(count)) return count === Math.min(...lengths) && lengths.length > 1 && count < 10 ? 0.6 : 0.95
    return count < Math.max(...lengths) ? 0.08 : 0.9
  }
  // "my account number is four four"
  const verb = words.findLastIndex((word, i) =>
    word === "is" && /^(?:number|address|code|card|phone|account|zip|pin|id)$/u.test(words[i - 1] ?? "")
  )
  if (verb !== -1 && countDigits(words.slice(-1)) > 0) {
    const digits = countDigits(words.slice(verb + 1))
    return phone.includes(digits) || digits > 11 ? 0.85 : 0.3
  }
  // single digits that the agent did not ask for
  let run = 0
  while (run < words.length && digitWords.has(words[words.length - 1 - run] ?? "")) run++
  if (run < 3) return undefined
  return phone.includes(run) || words.slice(-3).join(" ") === "nine one one" ? 0.85 : 0.3
}

const notAddress =
  /^(?:no|yes|yeah|i|why|what|who|how|can|could|do|sure|okay|ok|just|let|you|don't|sorry|is|that's|none)$/u

const mail = (words: ReadonlyArray<string>, agentSaid: string): number | undefined => {
  const isAsked = /\be-?mail\b/u.test(agentSaid) && agentSaid.includes("?") || /\be-?mail address\b/u.test(agentSaid)
  const at = words.findLastIndex((word) => word === "at" || word.includes("@"))
  const host = words.some((word) => English.mailHosts.has(word.replace(/^.*@/u, "").replace(/\..*$/u, "")))
  const signed = words.some((word) => /\w@/u.test(word)) || (at > 0 && host)
  if (!signed && (!isAsked || notAddress.test(words[0] ?? ""))) return undefined
  const last = words.at(-1) ?? ""
  const before = words.at(-2) ?? ""
  if (/\.[a-z]{2,}$/u.test(last) && (at !== -1 || signed)) return 0.95
  if (before === "dot" && English.topLevel.has(last) && at !== -1) return last === "co" ? 0.5 : 0.95
  // the address was complete before, and the sentence goes on
  if (signed && /(?:\.| dot )(?:com|org|net|edu|io|dev|uk|de)\b/u.test(words.slice(0, -1).join(" "))) return undefined
  return 0.1
}

const known = new Set(["a m", "p m", "u s", "u k", "t v", "o k", "i d"])

const spelling = (words: ReadonlyArray<string>, agentSaid: string): number | undefined => {
  let run = 0
  while (run < words.length && /^(?:\p{L}|\p{L}(?:-\p{L})+)$/u.test(words[words.length - 1 - run] ?? "")) run++
  if (run === 0 || (run <= 3 && known.has(words.slice(-2).join(" ")))) return undefined
  const letters = words.slice(words.length - run).join("").replaceAll("-", "").length
  if (/\bspell/u.test(agentSaid)) return letters < 3 ? 0.1 : 0.35
  return letters >= 2 ? 0.3 : undefined
}

const date = (words: ReadonlyArray<string>, agentSaid: string): number | undefined => {
  const birth = /\b(?:date of birth|birth ?date|birthday|born)\b/u.test(agentSaid)
  if (!birth && !/\b(?:what|which) (?:date|day)\b|\bthe date\b|\bexpir/u.test(agentSaid)) return undefined
  const text = words.join(" ")
  const month = words.findLastIndex((word) => English.months.has(word))
  if (month === -1) return undefined
  const rest = words.slice(month + 1)
  if (birth) {
    const year =
      /\b(?:19|20)\d\d$|\b(?:nineteen|twenty) (?:oh |\w+ty ?|\w+teen|ten|eleven|twelve)(?:\w+)?$|\btwo thousand\b/u
    return year.test(text) ? 0.95 : 0.25
  }
  return rest.length > 0 || /\d|\b\w+(?:th|st|nd|rd)\b/u.test(words.slice(0, month).join(" ")) ? undefined : 0.35
}

/**
 * Returns the probability that a dictation is complete; `undefined` when nothing is dictated.
 *
 * @category predicates
 * @since 0.1.0
 */
export const dictation = (
  words: ReadonlyArray<string>,
  agentSaid: string,
  phone: ReadonlyArray<number>
): number | undefined =>
  mail(words, agentSaid) ?? date(words, agentSaid) ?? number(words, agentSaid, phone) ?? spelling(words, agentSaid) ??
    // "twenty" may become "twenty five"; but "seven thirty" is a time
    (tens.has(words.at(-1) ?? "") && !digitWords.has(words.at(-2) ?? "") && !teens.has(words.at(-2) ?? "") &&
        !/\bhow old|how many\b/u.test(agentSaid)
      ? 0.35
      : undefined)
