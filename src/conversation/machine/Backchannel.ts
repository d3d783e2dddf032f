/**
 * Recognises backchannels: words that only show that the user listens ("mhm", "right"), in the session's language. Pure.
 *
 * @since 0.1.0
 */
import { byLanguage, common } from "./BackchannelPhrases.ts"

/**
 * The backchannels of a session.
 *
 * @category models
 * @since 0.1.0
 */
export interface Backchannels {
  /** Whether a transcript consists of one or several backchannels only. An empty one does not. */
  readonly isBackchannel: (transcript: string) => boolean
  /** Whether a transcript is not one yet, and more words may make it one: "sounds" of "sounds good". */
  readonly mayBecomeBackchannel: (transcript: string) => boolean
}

/** A longer transcript is not a backchannel. */
const MAX_CHARACTERS = 80

const normalize = (text: string): string =>
  text.toLowerCase().normalize("NFC").replace(/[‘’`]/gu, "'").replace(/[^\p{L}\p{M}\p{N}']+/gu, " ").trim()

const compile = (known: ReadonlySet<string>): Backchannels => {
  const beginnings = new Set(
    [...known].flatMap((phrase) => {
      const words = phrase.split(" ")
      return words.slice(1).map((_, index) => words.slice(0, index + 1).join(" "))
    })
  )
  const longest = Math.max(...[...known].map((phrase) => phrase.split(" ").length))
  const match = (transcript: string): "whole" | "beginning" | "other" => {
    if (transcript.length > MAX_CHARACTERS) return "other"
    const words = normalize(transcript).split(" ").filter((word) => word !== "")
    if (words.length === 0) return "other"
    // reached[n]: the first n words are a sequence of known phrases
    const reached = [true]
    const ends = (end: number, phrases: ReadonlySet<string>) => {
      for (let start = Math.max(0, end - longest); start < end; start++) {
        if (reached[start] === true && phrases.has(words.slice(start, end).join(" "))) return true
      }
      return false
    }
    for (let end = 1; end <= words.length; end++) reached[end] = ends(end, known)
    if (reached[words.length] === true) return "whole"
    return ends(words.length, beginnings) ? "beginning" : "other"
  }
  return {
    isBackchannel: (transcript) => match(transcript) === "whole",
    mayBecomeBackchannel: (transcript) => match(transcript) === "beginning"
  }
}

const ofAll: ReadonlyArray<string> = [...common, ...Object.values(byLanguage).flat()]
const ofLanguage: ReadonlyMap<string, ReadonlyArray<string>> = new Map(
  Object.entries(byLanguage).map(([tag, phrases]) => [tag, [...common, ...phrases]])
)

/** An unknown language may be any of them; one without a list of its own has the sounds that are common. */
const builtIn = (language: string | undefined): ReadonlyArray<string> =>
  language === undefined ? ofAll : ofLanguage.get(language.toLowerCase().split("-")[0] ?? "") ?? common

/** Compiled once per list of phrases and built-in list: the sessions of a backend share their policy's list. */
const compiled = new WeakMap<ReadonlyArray<string>, Map<ReadonlyArray<string>, Backchannels>>()
const none: ReadonlyArray<string> = []

/**
 * Makes the backchannels of a language (BCP 47), and further phrases. Built in are those of English, German, French,
 * Spanish, Italian, Portuguese and Dutch. Without a language, those of all; of any other, sounds ("mhm") and "okay".
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (phrases: ReadonlyArray<string> = none, language?: string): Backchannels => {
  const key = phrases.length === 0 ? none : phrases
  const byList = compiled.get(key) ?? new Map<ReadonlyArray<string>, Backchannels>()
  compiled.set(key, byList)
  const known = builtIn(language)
  const former = byList.get(known)
  if (former !== undefined) return former
  const made = compile(new Set([...known, ...phrases].map(normalize).filter((phrase) => phrase !== "")))
  byList.set(known, made)
  return made
}
