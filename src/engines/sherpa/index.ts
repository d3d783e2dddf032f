/**
 * Recognisers and voices of the user's own, through `sherpa-onnx-node`.
 *
 * @since 0.1.0
 */
export { definition as speechToText, layer as layerSpeechToText, SherpaSttOptions } from "./SpeechToText.ts"
export { definition as textToSpeech, layer as layerTextToSpeech, SherpaTtsOptions } from "./TextToSpeech.ts"
