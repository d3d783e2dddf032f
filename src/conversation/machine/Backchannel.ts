/**
 * Recognises backchannels: words that only show that the user listens ("mhm", "right"). English. Pure.
 *
 * @since 0.1.0
 */

/**
 * The built-in English backchannels, in lower case and without punctuation.
 *
 * @category constants
 * @since 0.1.0
 */
export const backchannels: ReadonlyArray<string> = (
  "mhm,mm,mmm,mm hm,mm hmm,mhmm,hm,hmm,uh huh,uhhuh,uh hum,ah,aha,ah ha,oh,ooh,wow,yeah,yea,yep,yup,yes,ya,right," +
  "all right,alright,okay,ok,okey,kay,k,sure,sure thing,i see,got it,gotcha,i got it,i got you,i get it,i understand," +
  "understood,makes sense,that makes sense,true,that's true,thats true,exactly,of course,absolutely,definitely,indeed," +
  "really,fair enough,good,cool,nice,great,interesting,no way,i know,for sure,totally,so true,very good,go on," +
  "oh really,oh okay,oh i see,that's right,thats right,sounds good"
).split(",")

/** A longer transcript is not a backchannel. */
const MAX_CHARACTERS = 80

const normalize = (text: string): string =>
  text.toLowerCase().replace(/[‘’`]/gu, "'").replace(/[^\p{L}\p{M}\p{N}']+/gu, " ").trim()

const compile = (phrases: ReadonlyArray<string>): (transcript: string) => boolean => {
  const known = new Set([...backchannels, ...phrases].map(normalize).filter((phrase) => phrase !== ""))
  const longest = Math.max(...[...known].map((phrase) => phrase.split(" ").length))
  return (transcript) => {
    if (transcript.length > MAX_CHARACTERS) return false
    const words = normalize(transcript).split(" ").filter((word) => word !== "")
    // reached[n]: the first n words are a sequence of known phrases
    const reached = [true]
    for (let end = 1; end <= words.length; end++) {
      reached[end] = false
      for (let start = Math.max(0, end - longest); start < end && reached[end] === false; start++) {
        reached[end] = reached[start] === true && known.has(words.slice(start, end).join(" "))
      }
    }
    return words.length > 0 && reached[words.length] === true
  }
}

/** Compiled once per list of phrases: the sessions of a backend share their policy's list. */
const compiled = new WeakMap<ReadonlyArray<string>, (transcript: string) => boolean>()
const none: ReadonlyArray<string> = []

/**
 * Makes a predicate that knows `phrases` besides the built-in ones: whether a transcript consists of one or several
 * backchannels only. An empty transcript does not.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (phrases: ReadonlyArray<string> = none): (transcript: string) => boolean => {
  const key = phrases.length === 0 ? none : phrases
  const predicate = compiled.get(key) ?? compile(phrases)
  compiled.set(key, predicate)
  return predicate
}

/**
 * Whether the transcript consists of built-in backchannels only.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isBackchannel: (transcript: string) => boolean = make()
