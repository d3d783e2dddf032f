/**
 * Whether a user only shows that they listen ("mhm", "right"), which interrupts nobody. English. Pure.
 *
 * @since 0.1.0
 */

/**
 * The phrases of a listener; in small letters, without punctuation.
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

/** No backchannel is longer, in characters. */
const MAX = 80

const normal = (text: string): string =>
  text.toLowerCase().replace(/[‘’`]/gu, "'").replace(/[^\p{L}\p{M}\p{N}']+/gu, " ").trim()

const compile = (more: ReadonlyArray<string>): (transcript: string) => boolean => {
  const known = new Set([...backchannels, ...more].map(normal).filter((phrase) => phrase !== ""))
  const longest = Math.max(...[...known].map((phrase) => phrase.split(" ").length))
  return (transcript) => {
    if (transcript.length > MAX) return false
    const words = normal(transcript).split(" ").filter((word) => word !== "")
    // which beginnings are made of phrases
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

/** Sessions of one backend share their policy, and so its phrases. */
const compiled = new WeakMap<ReadonlyArray<string>, (transcript: string) => boolean>()
const none: ReadonlyArray<string> = []

/**
 * Makes the test with more phrases: is this transcript made of backchannels only, one or several? Nothing is none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (more: ReadonlyArray<string> = none): (transcript: string) => boolean => {
  const key = more.length === 0 ? none : more
  const made = compiled.get(key) ?? compile(more)
  compiled.set(key, made)
  return made
}

/**
 * Whether the transcript is made of our backchannels only.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isBackchannel: (transcript: string) => boolean = make()
