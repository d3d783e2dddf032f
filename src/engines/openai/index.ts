/**
 * OpenAI's speech engines.
 *
 * @since 0.1.0
 */
export { definition as speechToSpeech, layer as layerSpeechToSpeech, OpenAiRealtimeOptions } from "./SpeechToSpeech.ts"
export { definition as speechToText, layer as layerSpeechToText, OpenAiTranscriptionOptions } from "./SpeechToText.ts"
export { definition as textToSpeech, layer as layerTextToSpeech, OpenAiVoiceOptions } from "./TextToSpeech.ts"
