/**
 * ElevenLabs's hosted engines; they need an API key.
 *
 * @since 0.1.0
 */
export { definition as speechToText, ElevenLabsScribeOptions, layer as layerSpeechToText } from "./SpeechToText.ts"
export { definition as textToSpeech, ElevenLabsVoiceOptions, layer as layerTextToSpeech } from "./TextToSpeech.ts"
