/**
 * The tags of speech engines in a text: which are kept for the voice, and how they pass unharmed through the transforms of
 * spoken text. Pure.
 *
 * A tag that is kept is encoded: each of its UTF-16 units becomes one character of a private plane of Unicode, which no
 * transform changes and no sentence ends in. It is decoded when the sentence is complete.
 *
 * @since 0.1.0
 */

/** Plane 15, for private use. */
const BASE = 0xf0000
const encodedRun = /[\u{F0000}-\u{FFFFF}]+/gu
const encodedAny = /[\uDB80-\uDBBF]/

/**
 * The encoded form of a text.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (text: string): string => {
  let out = ""
  for (let i = 0; i < text.length; i++) out += String.fromCodePoint(BASE + Math.min(text.charCodeAt(i), 0xfffd))
  return out
}

/**
 * Decodes what was encoded within a text.
 *
 * @category encoding
 * @since 0.1.0
 */
export const decode = (text: string): string =>
  encodedAny.test(text)
    ? text.replace(encodedRun, (run) => {
      let out = ""
      for (const char of run) out += String.fromCharCode((char.codePointAt(0) ?? BASE) - BASE)
      return out
    })
    : text

/**
 * A text without the characters that stand for encoded ones, which an agent has no reason to write.
 *
 * @category conversions
 * @since 0.1.0
 */
export const withoutEncoded = (text: string): string => encodedAny.test(text) ? text.replace(encodedRun, "") : text

/**
 * Which tags are kept.
 *
 * - `element`: whether elements of this name are.
 * - `cue`: whether this cue in brackets is: its text without the brackets.
 * - `none`: nothing is kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface TagSet {
  readonly element: (name: string) => boolean
  readonly cue: (text: string) => boolean
  readonly none: boolean
}

/**
 * Keeps no tag.
 *
 * @category constants
 * @since 0.1.0
 */
export const noTags: TagSet = { element: () => false, cue: () => false, none: true }

/** Any text in brackets that is no citation, no check box and no long passage. */
const anyCue = /^\p{L}[\p{L}\p{N} ,.'’:-]{0,60}$/u

/**
 * The set of tags by their names: `break`, `<break>`, `[laughs]`, `*` (any element), `[*]` (any cue).
 *
 * @category constructors
 * @since 0.1.0
 */
export const tagSet = (names: ReadonlyArray<string>): TagSet => {
  if (names.length === 0) return noTags
  const elements = new Set<string>()
  const cues = new Set<string>()
  for (const name of names) {
    const lower = name.toLowerCase().trim()
    if (lower.startsWith("[")) cues.add(lower.slice(1, -1).trim())
    else elements.add(lower.replace(/^<\/?|\/?>$/gu, ""))
  }
  return {
    element: (name) => elements.has("*") || elements.has(name.toLowerCase()),
    cue: (text) => cues.has(text.toLowerCase().trim()) || (cues.has("*") && anyCue.test(text)),
    none: false
  }
}

/**
 * Elements whose content the voice reads in its own way, so that nothing in it is converted.
 *
 * @category constants
 * @since 0.1.0
 */
export const verbatim: ReadonlySet<string> = new Set(["spell", "say-as", "phoneme", "sub"])

/**
 * Elements that are sent in one piece with their content.
 *
 * @category constants
 * @since 0.1.0
 */
export const enclosing: ReadonlySet<string> = new Set([...verbatim, "emphasis", "prosody", "lang"])

/** Sounds and manners of speaking that models write as stage directions. */
const cueWords = new Set(
  ("laugh laughs laughing laughter chuckle chuckles chuckling giggle giggles giggling sigh sighs sighing gasp gasps gasping " +
    "cough coughs coughing sniff sniffs sniffle sniffles sniffling groan groans groaning yawn yawns yawning gulp gulps " +
    "snort snorts snorting exhale exhales inhale inhales breathes whisper whispers whispering whispered shouts shouting " +
    "sob sobs sobbing cry cries crying hum hums humming whistles whistling clears throat clearing pause pauses beat " +
    "smiles smiling grins grinning winks winking nods nodding shrugs shrugging applause clapping claps excited excitedly " +
    "sarcastic sarcastically curious curiously happily sadly softly gently quietly loudly cheerfully warmly wheezing " +
    "screams screaming sings singing stutters mumbles mutters swallows tuts scoffs snickers cackles moans panting " +
    "mischievously nervously playfully hesitates " +
    "lacht lachend seufzt seufzend kichert hustet räuspert flüstert flüsternd gähnt lächelt zwinkert schnieft " +
    "rit rires soupire soupir tousse chuchote sourit bâille " +
    "ríe risas suspira tose susurra sonríe bosteza carraspea " +
    "ride risate sospira tossisce sussurra sorride sbadiglia " +
    "ri risos suspira sussurra sorri boceja tosse " +
    "lacht zucht hoest fluistert glimlacht gaapt giechelt").split(" ")
)
const cueFillers = new Set(
  "a an the softly loudly quietly nervously gently harder short long brief briefly slightly awkwardly starts lightly deeply deep his her their and to with heavy small sich tief leise laut kurz un une"
    .split(" ")
)

/** What somebody does: more words may follow, "laughs softly, then nods". */
const actions = new Set(
  ("laughs chuckles giggles sighs gasps coughs sniffs groans yawns gulps snorts exhales inhales sobs clears nods shrugs smiles " +
    "grins winks scoffs snickers cackles hesitates").split(" ")
)
/** Manners of speaking that are written in square brackets only. */
const manners = new Set(
  ("happy sad angry calm surprised serious cheerful amused confused annoyed thoughtful concerned sympathetic neutral friendly " +
    "enthusiastic worried relieved dramatic dramatically energetic tired").split(" ")
)

/**
 * Whether a word in square brackets says how to speak: "[happy]".
 *
 * @category guards
 * @since 0.1.0
 */
export const isManner = (text: string): boolean => manners.has(text.trim())

/**
 * The words with which a stage direction may begin, as a regular expression.
 *
 * @category constants
 * @since 0.1.0
 */
export const cueStarts = [...cueWords, ...cueFillers].join("|")

/**
 * Whether a stage direction may begin with this word.
 *
 * @category guards
 * @since 0.1.0
 */
export const mayBeginCue = (word: string): boolean => {
  const lower = word.toLowerCase()
  return cueWords.has(lower) || cueFillers.has(lower)
}

/**
 * Whether a short text is a stage direction: "laughs", "sighs softly", "laughs, then nods".
 *
 * @category guards
 * @since 0.1.0
 */
export const isCue = (text: string): boolean => {
  const words = text.trim().toLowerCase().split(/[\s,]+/u)
  if (words.length > 1 && words.length <= 8 && actions.has(words[0] ?? "") && text === text.toLowerCase()) return true
  return words.length <= 4 && words.some((word) => cueWords.has(word)) &&
    words.every((word) => cueWords.has(word) || cueFillers.has(word))
}
