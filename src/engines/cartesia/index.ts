/**
 * Cartesia, hosted: needs a key.
 *
 * @since 0.1.0
 */
export { CartesiaVoiceOptions, definition as textToSpeech, layer as layerTextToSpeech } from "./TextToSpeech.ts"
