/**
 * The default agent: it gives a sensible answer to anything, without a language model.
 *
 * It greets with what one can try, says who it is, tells the time and the date, counts, spells, calculates, reads back a
 * number that is dictated, repeats on request, and otherwise says what it understood. `answer` is pure; the agent gives it the clock and speaks sentence by sentence.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Agent from "../agent/Agent.ts"
import * as DictatedDigits from "./DictatedDigits.ts"
import * as SpokenNumber from "./SpokenNumber.ts"

/**
 * Its name in the registry.
 *
 * @category constants
 * @since 0.1.0
 */
export const name = "builtin"

/**
 * Its first words: what one can try that shows how it listens. Some 7 s of speech.
 *
 * @category constants
 * @since 0.1.0
 */
export const greeting =
  "Hello! Ask me the time. Pause in the middle of a sentence, and I wait for the rest. Or say: count to twenty, and interrupt me."

/**
 * The highest number it counts to; at one number a second a longer count would take too long.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_COUNT = 100

/**
 * What an answer depends on, besides the words.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnswerContext {
  /** The time where the user is. */
  readonly now: DateTime.Zoned
  /** What the user said in the turn before, if there was one. */
  readonly before?: string | undefined
  /** What the agent said last. */
  readonly said?: string | undefined
}

/** What recognisers write around a wish, in front and behind. */
const politeness = new RegExp(
  "^(?:(?:hey|hi|hello|ok|okay|well|so|um|uh|er|and|now|then|please|yes|yeah|no|alright|all right|computer|agent)\\s+)*" +
    "(?:(?:could|can|would|will) you(?: please| kindly)?\\s+|i(?: would|'d)? (?:like|want) you to\\s+|let us\\s+)?" +
    "(?:(?:please|just|now|also)\\s+)*"
)

const contractions: ReadonlyArray<readonly [RegExp, string]> = [
  [/\b(what|who|how|where|that|it|here)s\b/g, "$1 is"],
  [/\b(what|who|how|where|that|it|here)'s\b/g, "$1 is"],
  [/\bi'd\b/g, "i would"],
  [/\bi'm\b/g, "i am"],
  [/\b(you|we|they)'re\b/g, "$1 are"],
  [/\blet's\b/g, "let us"],
  [/\bdon't\b/g, "do not"]
]

/** Lower case, one space, apostrophes straight, no punctuation but what numbers need. */
const normalize = (text: string): string => {
  let plain = text.toLowerCase().replace(/[’`´]/g, "'").replace(/[-–—]+(?=[a-z])/g, " ").replace(
    /(\d),(?=\d{3}\b)/g,
    "$1"
  )
  for (const [pattern, full] of contractions) plain = plain.replace(pattern, full)
  return plain
    .replace(/[^\p{L}\p{N}'.+*/×÷=-]+/gu, " ")
    .replace(/\.(?!\d)/g, " ")
    .replace(/\s+/g, " ")
    .trim()
}

const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December"
]

const timeOf = (now: DateTime.Zoned): string => {
  const { hour, minute } = DateTime.toParts(now)
  const clock = `${hour % 12 === 0 ? 12 : hour % 12}:${String(minute).padStart(2, "0")}`
  return `It is ${clock} ${hour < 12 ? "AM" : "PM"}.`
}

const dateOf = (now: DateTime.Zoned): string => {
  const { day, month, weekDay, year } = DateTime.toParts(now)
  return `Today is ${weekdays[weekDay]}, ${months[month - 1]} ${day}, ${year}.`
}

const capitalize = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1)

const count = (from: number, to: number): ReadonlyArray<string> => {
  const step = from <= to ? 1 : -1
  return Array.from(
    { length: Math.abs(to - from) + 1 },
    (_, i) => `${capitalize(SpokenNumber.toWords(from + i * step))}.`
  )
}

const number = "((?:minus |negative |-)?[a-z0-9. ]+?)"
const operators: ReadonlyArray<readonly [RegExp, string, (a: number, b: number) => number]> = [
  [new RegExp(`^${number} ?(?:plus|and|\\+) ?${number}$`), "plus", (a, b) => a + b],
  [new RegExp(`^${number} ?(?:minus|take away|less|-) ?${number}$`), "minus", (a, b) => a - b],
  [new RegExp(`^${number} ?(?:times|multiplied by|x|\\*|×) ?${number}$`), "times", (a, b) => a * b],
  [new RegExp(`^${number} ?(?:divided by|over|/|÷) ?${number}$`), "divided by", (a, b) => a / b]
]

const calculate = (text: string): string | undefined => {
  const sum = text.replace(/^(?:what is|what are|how much is|how much are|calculate|compute)\s+/, "").replace(
    /\s*=$/,
    ""
  )
  for (const [pattern, word, apply] of operators) {
    const match = pattern.exec(sum)
    if (match === null) continue
    const a = SpokenNumber.parse(match[1]!)
    const b = SpokenNumber.parse(match[2]!)
    if (a === undefined || b === undefined) continue
    const result = apply(a, b)
    if (!Number.isFinite(result)) return "I can't divide by zero, and nobody else can either."
    const rounded = Math.round(result * 1000) / 1000
    return `${a} ${word} ${b} is ${rounded < 0 ? `minus ${-rounded}` : rounded}.`
  }
  return undefined
}

type Rule = readonly [RegExp, (match: RegExpExecArray, context: AnswerContext) => ReadonlyArray<string> | undefined]

const help = [
  "I can tell you the time and the date, count to any number up to one hundred, spell a word, and do sums.",
  "I write down a number that you dictate, however slowly.",
  "Say \"repeat after me\" to hear your own words, or just talk, and I will tell you what I heard.",
  "You can interrupt me at any time."
]

const rules: ReadonlyArray<Rule> = [
  [
    /^(?:stop|stop it|stop that|quiet|be quiet|silence|enough|that is enough|shut up|cancel|pause|wait|hold on)\b/,
    () => [
      "Okay."
    ]
  ],
  [
    /\b(?:good ?bye|bye|bye bye|see you|good night|talk to you later|hang up)\b/,
    () => ["Goodbye. It was nice talking to you."]
  ],
  [/\bcount\b.*?\bfrom ([a-z0-9 ]+?) (?:down |up )?to ([a-z0-9 ]+)$/, (match) => counting(match[1]!, match[2]!)],
  [/\bcount\b.*?\bdown from ([a-z0-9 ]+)$/, (match) => counting(match[1]!, "one")],
  [/\bcount\b.*?\bto ([a-z0-9 -]+?)(?: for me| please| slowly| now)*$/, (match) => counting("one", match[1]!)],
  [/^(?:start )?count(?:ing)?(?: for me| please| slowly| up)*$/, () => counting("one", "twenty")],
  [
    /^(?:how do (?:you|i) spell|how is|spell out|spell)(?: the)?(?: word| name)? ([\p{L}' -]{1,64}?)(?: spelled| for me| please)*$/u,
    (
      match
    ) => {
      const letters = Array.from(match[1]!.replace(/[^\p{L}]/gu, ""))
      return letters.length === 0 || match[0].startsWith("how is") && !match[0].endsWith("spelled")
        ? undefined
        : [`${letters.map((letter) => letter.toUpperCase()).join(", ")}.`]
    }
  ],
  [
    /\b(?:what|which) (?:day|date|year|month)\b|\btoday's date\b|\bwhat is (?:the |today's )?(?:current )?date\b|\b(?:tell|give) me the date\b|\bday is it\b/,
    (
      match,
      { now }
    ) => /\btime\b/.test(match.input) ? [timeOf(now), dateOf(now)] : [dateOf(now)]
  ],
  [
    /\bwhat time\b|\bwhat is the (?:current )?time\b|\b(?:tell|give) me the time\b|\bhave you got the time\b|\bdo you (?:have|know) the time\b|\bwhat is the date and time\b|\btime is it\b/,
    (
      match,
      { now }
    ) => /\bdate\b|\bday\b/.test(match.input) ? [timeOf(now), dateOf(now)] : [timeOf(now)]
  ],
  [
    /\bwhat did i (?:just )?say\b|\bwhat (?:have|did) you hear\b|\brepeat what i (?:just )?said\b/,
    (_, { before }) => before === undefined ? ["You have not said anything yet."] : [`You said: ${sentence(before)}`]
  ],
  [/^(?:repeat that|say (?:that|it) again|what did you (?:just )?say|come again|repeat|again|pardon|sorry what)$/, (
    _,
    { said }
  ) => said === undefined ? ["I have not said anything yet."] : [said]],
  [
    /\b(?:repeat after me|say after me)\b[\s.]*(.*)$/,
    (match) => match[1] === "" ? ["Okay. Say something, and I will repeat it."] : [sentence(match[1]!)]
  ],
  [/^(?:repeat|say) (?:the words? |the sentence )?(.+)$/, (match) => [sentence(match[1]!)]],
  [/\bhow are you\b|\bhow do you do\b|\bhow is it going\b|\bhow have you been\b|\bhow are things\b/, () => [
    "I am doing very well, thank you.",
    "How are you?"
  ]],
  [
    /\b(?:who|what) are you\b|\bwhat is your name\b|\bintroduce yourself\b|\btell me about yourself\b|\bwho am i (?:talking|speaking) (?:to|with)\b|\bare you (?:a robot|human|a person|a computer|an ai)\b|\bdo you have a name\b/,
    () => [
      "I am the built-in agent of Effect Voice.",
      "I am a small program without a language model, but I listen and I answer."
    ]
  ],
  [
    /\bwhat can you do\b|\bwhat can i (?:say|ask)\b|\bwhat do you do\b|^help\b|\bhelp me\b|\bi need help\b|\bhow does this work\b/,
    () => help
  ],
  [/\S/, ({ input }) => dictated(input)],
  [/^(?:my name is|i am called|call me) ([\p{L}' -]{1,48})$/u, (match) => [
    `Nice to meet you, ${match[1]!.split(" ").map(capitalize).join(" ")}.`
  ]],
  [/\bthank(?:s| you)\b/, () => ["You're welcome."]],
  [
    /\b(?:tell me a joke|a joke)\b/,
    () => ["Why did the microphone break up with the speaker?", "It felt that nobody listened."]
  ],
  [/\bcan you hear me\b|\bdo you hear me\b|\bare you (?:still )?there\b|\bis anybody there\b|^test(?:ing)?\b/, () => [
    "Yes, I hear you."
  ]]
]

const greetings =
  /^(?:(?:well|oh|um|uh|ah|so)\s+)*(?:hello|hi|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day))(?: (?:there|again|you|everyone|computer|agent|hello|hi|world|my friend))*$/

/** The user's own words as one sentence: a capital in front, a full stop behind. */
const sentence = (text: string): string => {
  const trimmed = text.trim().replace(/[\s.,;:!?]+$/, "").replace(/^i\b/, "I")
  return `${capitalize(trimmed)}${/\?\s*$/.test(text) ? "?" : "."}`
}

const counting = (first: string, last: string): ReadonlyArray<string> | undefined => {
  const from = SpokenNumber.parse(first)
  const to = SpokenNumber.parse(last)
  if (from === undefined || to === undefined) return undefined
  const wrong = [from, to].some((value) => !Number.isInteger(value) || value < 0 || value > MAX_COUNT)
  return wrong ? [`I only count whole numbers up to ${SpokenNumber.toWords(MAX_COUNT)}.`] : count(from, to)
}

/** Digits are read back, unless they end a sum. */
const dictated = (text: string): ReadonlyArray<string> | undefined => {
  const digits = DictatedDigits.atEnd(text)
  if (digits === undefined || calculate(text) !== undefined) return undefined
  return [`I noted ${SpokenNumber.toWords(digits.length)} digits: ${DictatedDigits.toWords(digits)}.`]
}

const find = (text: string, context: AnswerContext): ReadonlyArray<string> | undefined => {
  for (const [pattern, respond] of rules) {
    const match = pattern.exec(text)
    const found = match === null ? undefined : respond(match, context)
    if (found !== undefined) return found
  }
  const sum = calculate(text)
  return sum === undefined ? undefined : [sum]
}

/**
 * The answer to a transcript, sentence by sentence; never empty. Case, punctuation and politeness do not matter; a transcript
 * that no rule matches is repeated.
 *
 * @category answering
 * @since 0.1.0
 */
export const answer = (transcript: string, context: AnswerContext): ReadonlyArray<string> => {
  const text = normalize(transcript)
  if (text === "") return ["I did not catch that.", "Could you say it again?"]
  if (greetings.test(text)) return ["Hello!", "I am the built-in agent.", "Ask me for help to hear what I can do."]
  const wish = text.replace(politeness, "")
  return (wish === "" ? undefined : find(wish, context)) ?? find(text, context) ??
    [`I heard you say: ${sentence(transcript)}`]
}

/** The user's zone, if their metadata name one that exists; else the server's. */
const zoneOf = (metadata: { readonly [key: string]: unknown }): DateTime.TimeZone => {
  const named = metadata["time_zone"] ?? metadata["timezone"]
  const zone = typeof named === "string" && named.length <= 64 ? DateTime.zoneFromString(named) : Option.none()
  return Option.getOrElse(zone, () => DateTime.zoneMakeLocal())
}

/**
 * The built-in agent. It reads the user's time zone from the session's metadata (`time_zone`, an IANA name) and speaks
 * a sentence at a time, so that an interruption cuts between numbers when it counts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const agent: Agent.Agent = Agent.fromStream(
  (transcript, input) =>
    Stream.unwrap(Effect.map(DateTime.now, (now) => {
      const last = (role: "user" | "agent") =>
        input.history.findLast((item) => item.role === role && item.text !== "")?.text
      const sentences = answer(transcript, {
        now: DateTime.setZone(now, zoneOf(input.metadata)),
        before: last("user"),
        said: last("agent")
      })
      return Stream.fromIterable(sentences.map((text, i) => i === 0 ? text : ` ${text}`)).pipe(Stream.rechunk(1))
    })),
  { name, greeting }
)
