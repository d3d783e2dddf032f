/**
 * Estimates the probability that a user's turn is complete, from the words alone. Pure. English in detail; in German, French,
 * Spanish, Italian, Portuguese and Dutch by the words that cannot end a turn; in other languages by the configured phrases.
 *
 * Recognisers end any fragment with a full stop, so final punctuation is ignored, except for a comma, a colon, a dash or an
 * ellipsis.
 *
 * @since 0.1.0
 */
import type { TurnDetectorInput } from "../../../speech/TurnDetector.ts"
import { dictation } from "./Dictation.ts"
import * as English from "./English.ts"
import * as Languages from "./Languages.ts"

/**
 * Additions to the built-in phrases.
 *
 * @category models
 * @since 0.1.0
 */
export interface EndOfTurnOptions {
  /** Filler phrases, of at most four words. */
  readonly fillers?: ReadonlyArray<string> | undefined
  /** Phrases that cannot end a turn. */
  readonly unfinished?: ReadonlyArray<string> | undefined
  /** Phrases that end a turn; they precede the other lists. */
  readonly complete?: ReadonlyArray<string> | undefined
  /** Possible lengths of a telephone number. Default 7, 10 and 11. */
  readonly phoneDigits?: ReadonlyArray<number> | undefined
}

/**
 * Whether the words of a language are known: English where none is named.
 *
 * @category guards
 * @since 0.1.0
 */
export const knows = (language = "en"): boolean => {
  const primary = language.toLowerCase().split("-")[0] ?? ""
  return primary === "en" || Object.hasOwn(Languages.byLanguage, primary)
}

/** In characters: only the end of a text is read. */
const MAX_LENGTH = 400
const MAX_PHRASE = 4
/** Of the phrases with which a speaker hands over, and of those that are configured as complete. */
const CLOSING = 0.98

const normalize = (text: string): string => text.slice(-MAX_LENGTH).toLowerCase().replace(/[‘’`]/gu, "'")

/** The words of a normalised text: "john@x.com", "don't" and "555-1234" are one word each. */
const wordsOf = (text: string): ReadonlyArray<string> =>
  text.match(/[\p{L}\p{M}\p{N}]+(?:(?:['@.+_-]|@)[\p{L}\p{M}\p{N}]+)*@?/gu) ?? []

const phrases = (list: ReadonlyArray<string>, more: ReadonlyArray<string> = []): ReadonlySet<string> =>
  new Set([...list, ...more.map((phrase) => wordsOf(normalize(phrase)).join(" "))])

/** The length in words of the longest phrase of the set that the words end with; 0 for none. */
const tail = (words: ReadonlyArray<string>, set: ReadonlySet<string>): number => {
  for (let length = Math.min(MAX_PHRASE, words.length); length > 0; length--) {
    if (set.has(words.slice(-length).join(" "))) return length
  }
  return 0
}

const last = (words: ReadonlyArray<string>): string => words.at(-1) ?? ""

/** Whether a final preposition belongs to a question: "what are you looking for", "who am I talking to". */
const isStranded = (words: ReadonlyArray<string>): boolean => {
  const pattern = last(words) === "to"
    ? /^(?:who|whom|who's)$/u
    : /^(?:what|who|whom|which|where|what's|who's|where's)$/u
  const asked = words.findLastIndex((word) => pattern.test(word))
  if (asked === -1 || words.length <= asked + 2) return false
  return words[asked]?.endsWith("'s") === true ||
    words.slice(asked + 1, Math.min(asked + 4, words.length - 1)).some((word) =>
      English.auxiliaries.has(word) || English.contractions.has(word)
    )
}

/** For a final auxiliary: "yes I do", "what is it" and "I know who they are" are complete; "because I have" is not. */
const auxiliary = (words: ReadonlyArray<string>, agentAsked: boolean): number => {
  const before = words.at(-2) ?? ""
  const first = words[0] ?? ""
  const asked = words.slice(0, -1).findIndex((word) => English.questions.has(word) && word !== "when")
  if (asked !== -1) {
    if (English.pronouns.has(before)) return 0.75
    // "I know where the key is", "what do you two have"; but "what time is"
    const inverted = English.auxiliaries.has(words[asked + 1] ?? "") && words.length >= asked + 4
    // "what I want is" is incomplete too
    if (inverted || (asked > 0 && !English.pronouns.has(words[asked + 1] ?? "") && words.length > asked + 2)) return 0.7
  }
  // "may" as a month
  if (last(words) === "may" && /^(?:of|in|this|next|\d+(?:st|nd|rd|th)|\w+th|first|second|third)$/u.test(before)) {
    return 0.88
  }
  // "nine am"
  if (last(words) === "am" && before !== "i") return 0.9
  const subject = /^(?:already|just|never|always|really|still|usually|also)$/u.test(before)
    ? words.at(-3) ?? ""
    : before
  if (!English.pronouns.has(subject)) return 0.12
  if (words.some((word) => English.answers.has(word))) return 0.85
  return agentAsked && words.length <= 3 && English.pronouns.has(first) ? 0.8 : 0.25
}

/**
 * Creates the estimator: it returns the probability, 0 to 1, that the turn of a transcript is complete; 0.5 for a transcript
 * without words. It never throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: EndOfTurnOptions = {}
): (input: TurnDetectorInput) => number => {
  const others = new Map<string, (words: ReadonlyArray<string>) => number>()
  const fillers = phrases(English.fillers, options.fillers)
  const unfinished = phrases(English.unfinished, options.unfinished)
  const complete = phrases(English.complete, options.complete)
  const closings = phrases(English.closings, options.complete)
  const phone = options.phoneDigits ?? [7, 10, 11]

  const byWords = (words: ReadonlyArray<string>, agent: string): number => {
    const end = last(words)
    const before = words.at(-2) ?? ""
    const agentAsked = /\?[\s"')]*$/u.test(agent)
    const dictated = dictation(words, agent, phone)
    if (dictated !== undefined) return dictated

    const done = tail(words, complete)
    const filler = tail(words, fillers)
    const open = tail(words, unfinished)
    const closing = tail(words, closings)
    if (closing > 0 && closing >= Math.max(done, filler, open)) return CLOSING
    if (done > 0 && done >= Math.max(filler, open)) {
      // "what" and "when" are questions on their own, but not at the end of a sentence
      if (done === 1 && English.questions.has(end) && words.length > 2) return 0.45
      // "maybe" is an answer on its own, but not at the end of a sentence
      if (done === 1 && /^(?:maybe|probably|perhaps|next)$/u.test(end) && words.length > 2) return 0.35
      if (done === 1 && end === "really" && before.endsWith("n't")) return 0.3
      return 0.95
    }
    const asks = words.slice(0, 3).some((word) => English.questions.has(word))
    if (filler > 0 && filler >= open) {
      // "what is it like?"
      return end === "like" && asks ? 0.8 : 0.08
    }
    if (/^(?:well|anyway|actually)$/u.test(end) && (words.length === 1 || English.answers.has(before))) return 0.1
    if (open > 0) {
      if (open === 1 && English.stranded.has(end)) {
        if (isStranded(words)) return 0.75
        // "turn the lights on"
        if (/^(?:on|in)$/u.test(end) && /\b(?:turn|switch|put|plug|log|let) (?:\S+ ){1,4}\S+$/u.test(words.join(" "))) {
          return 0.75
        }
        if (
          end === "to" && agentAsked &&
          /(?:love|(?:don't|do not) (?:want|need|have)|yes i (?:want|would like)) to$/u.test(
            words.join(" ")
          )
        ) return 0.7
      }
      // "that's all I need", "if you want"
      if (
        /^(?:want|need|said|think)$/u.test(end) && /^(?:all|what|everything|whatever|thing)$/u.test(words.at(-3) ?? "")
      ) {
        return 0.9
      }
      return 0.1
    }
    // "but it"; "and you?" is a question
    if (English.pronouns.has(end) && /^(?:and|but|because|if|that|when|while)$/u.test(before) && end !== "you") {
      return 0.12
    }
    if (English.auxiliaries.has(end)) return auxiliary(words, agentAsked)
    if (end.endsWith("n't")) return English.pronouns.has(before) ? 0.75 : 0.3
    if (English.contractions.has(end)) return 0.08
    // "should I", "so do I"; but "my wife and I"
    if (English.subjects.has(end)) return English.auxiliaries.has(before) ? 0.7 : 0.12
    if (/^(?:that|his|though|then|over|her)$/u.test(end)) return /^(?:say|said|think|know)$/u.test(before) ? 0.4 : 0.75
    if (/^(?:first|second|third|next)$/u.test(end) && words.length <= 2 && before !== "the") return 0.2
    if (end === "first" && !/^(?:me|you|it|us|them|him|her|go|come|comes|the|at|person)$/u.test(before)) return 0.4
    if (asks) return 0.92
    return words.length > 2 ? 0.88 : words.length === 2 ? 0.82 : agentAsked ? 0.85 : 0.7
  }

  /** Of another language: only the words that it cannot end with are known. */
  const estimatorOf = (tag: string): (words: ReadonlyArray<string>) => number => {
    const known = Object.hasOwn(Languages.byLanguage, tag) ? Languages.byLanguage[tag] : undefined
    const fillers = phrases(known?.fillers ?? [], options.fillers)
    const unfinished = phrases(known?.unfinished ?? [], options.unfinished)
    const complete = phrases([], options.complete)
    return (words) => {
      if (tail(words, complete) > 0) return CLOSING
      if (tail(words, fillers) > 0) return 0.08
      if (tail(words, unfinished) > 0) return 0.1
      return words.length > 2 ? 0.88 : 0.8
    }
  }
  const byLanguage = (language: string): (words: ReadonlyArray<string>) => number => {
    const primary = language.toLowerCase().split("-")[0] ?? ""
    // an unknown language has no list, whatever its name
    const tag = Object.hasOwn(Languages.byLanguage, primary) ? primary : ""
    const estimator = others.get(tag) ?? estimatorOf(tag)
    others.set(tag, estimator)
    return estimator
  }

  return ({ agentSaid, language = "en", transcript }) => {
    const text = normalize(transcript)
    const words = wordsOf(text)
    if (words.length === 0) return 0.5
    const estimate = /^en(?:-|$)/iu.test(language) ? byWords(words, normalize(agentSaid)) : byLanguage(language)(words)
    // punctuation in the middle of a sentence
    return /(?:[,:;–—-]|…|\.\.)[\s"')]*$/u.test(text) ? Math.min(estimate, 0.3) : estimate
  }
}
