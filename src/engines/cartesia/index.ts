/**
 * Cartesia's hosted engines; they need an API key.
 *
 * @since 0.1.0
 */
export { CartesiaVoiceOptions, definition as textToSpeech, layer as layerTextToSpeech } from "./TextToSpeech.ts"
