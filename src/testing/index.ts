/**
 * Tools to test a voice agent: engines that do as they are told.
 *
 * @since 0.1.0
 */
export * as Acting from "./Acting.ts"
export * as Conformance from "./Conformance.ts"
export * as Invariants from "./Invariants.ts"
export * as RandomScenario from "./RandomScenario.ts"
export { Recorder } from "./Recorder.ts"
export * as Recording from "./Recording.ts"
export * as Scenario from "./Scenario.ts"
export * as ScriptedEngines from "./ScriptedEngines.ts"
export * as ScriptedHearing from "./ScriptedHearing.ts"
export * as ScriptedLanguageModel from "./ScriptedLanguageModel.ts"
export * as ScriptedProvider from "./ScriptedProvider.ts"
export * as ScriptedSpeechToSpeech from "./ScriptedSpeechToSpeech.ts"
export * as ScriptedUser from "./ScriptedUser.ts"
export * as SpokenAudio from "./SpokenAudio.ts"
export * as VirtualTime from "./VirtualTime.ts"
