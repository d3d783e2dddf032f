/**
 * Phoneme signs, and how the stress of a word is changed.
 *
 * @since 0.1.0
 */

/** The mark before a vowel with the main stress. */
export const PRIMARY = "ˈ"
/** The mark before a vowel with secondary stress. */
export const SECONDARY = "ˌ"
/** The signs that make a pause. */
export const PAUSES = ";:,.!?—…"

const VOWELS = new Set("AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻ")
const CONSONANTS = new Set("bdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθ")
const pauses = new Set(PAUSES)
/** Diphthongs and affricates, which take twice as long. */
const LONG = new Set("AIOQWYʤʧ")

/**
 * Whether phonemes begin with a vowel: by the first sign that says so; `"pause"` for the start of a pause, `undefined` when
 * there is no such sign.
 *
 * @category accessors
 * @since 0.1.0
 */
export const beginsWith = (phonemes: string): "vowel" | "consonant" | "pause" | undefined => {
  for (const sign of phonemes) {
    if (pauses.has(sign)) return "pause"
    if (VOWELS.has(sign)) return "vowel"
    if (CONSONANTS.has(sign)) return "consonant"
  }
  return undefined
}

/**
 * How much a word's phonemes weigh where one of two neighbours loses its stress.
 *
 * @category accessors
 * @since 0.1.0
 */
export const weight = (phonemes: string): number => {
  let sum = 0
  for (const sign of phonemes) sum += LONG.has(sign) ? 2 : 1
  return sum
}

const beforeVowel = (phonemes: string, mark: string): string => {
  let at = 0
  for (const sign of phonemes) {
    if (VOWELS.has(sign)) return phonemes.slice(0, at) + mark + phonemes.slice(at)
    at += sign.length
  }
  return phonemes
}

/**
 * Changes the stress of a word: below -1 it loses all, at -1 and for a stressed word up to 0 the main stress becomes secondary,
 * from 0 an unstressed word gets secondary stress, from 1 secondary stress becomes the main one, above 1 an unstressed word
 * gets main stress. `undefined` changes nothing.
 *
 * @category mapping
 * @since 0.1.0
 */
export const apply = (phonemes: string, stress: number | undefined): string => {
  if (stress === undefined) return phonemes
  const primary = phonemes.includes(PRIMARY)
  const secondary = phonemes.includes(SECONDARY)
  if (stress < -1) return phonemes.replaceAll(PRIMARY, "").replaceAll(SECONDARY, "")
  if (stress === -1 || ((stress === 0 || stress === -0.5) && primary)) {
    return phonemes.replaceAll(SECONDARY, "").replaceAll(PRIMARY, SECONDARY)
  }
  if (!primary && !secondary) {
    if (stress >= 0 && stress <= 1) return beforeVowel(phonemes, SECONDARY)
    if (stress > 1) return beforeVowel(phonemes, PRIMARY)
  }
  return stress >= 1 && !primary && secondary ? phonemes.replaceAll(SECONDARY, PRIMARY) : phonemes
}
