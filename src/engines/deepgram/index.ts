/**
 * Deepgram's hosted engines; they need an API key.
 *
 * @since 0.1.0
 */
export { DeepgramOptions, definition as speechToText, layer as layerSpeechToText } from "./SpeechToText.ts"
export { DeepgramVoiceOptions, definition as textToSpeech, layer as layerTextToSpeech } from "./TextToSpeech.ts"
