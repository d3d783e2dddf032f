/**
 * At which rate a recogniser is given the user's audio.
 *
 * @since 0.1.0
 */
import type { SpeechToText } from "./SpeechToText.ts"

/**
 * The rate of the audio as it comes (in Hz), where the engine takes it; else the engine's own.
 *
 * @category accessors
 * @since 0.1.0
 */
export const rateFor = (
  { sampleRate, sampleRates }: Pick<SpeechToText["Service"], "sampleRate" | "sampleRates">,
  comesAs: number | undefined
): number => comesAs !== undefined && sampleRates?.includes(comesAs) === true ? comesAs : sampleRate
