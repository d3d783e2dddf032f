/**
 * OpenAI's speech engines.
 *
 * @since 0.1.0
 */
export { definition as speechToSpeech, layer as layerSpeechToSpeech, OpenAiRealtimeOptions } from "./SpeechToSpeech.ts"
