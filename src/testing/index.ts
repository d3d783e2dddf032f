/**
 * Tools to test a voice agent: engines that do as they are told.
 *
 * @since 0.1.0
 */
export * as ScriptedEngines from "./ScriptedEngines.ts"
export * as ScriptedSpeechToSpeech from "./ScriptedSpeechToSpeech.ts"
