/**
 * ElevenLabs, hosted: needs a key.
 *
 * @since 0.1.0
 */
export { definition as speechToText, ElevenLabsScribeOptions, layer as layerSpeechToText } from "./SpeechToText.ts"
