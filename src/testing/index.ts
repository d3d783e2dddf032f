/**
 * Tools to test voice agents and providers: scripted users and engines, virtual time, invariants, a conformance suite.
 *
 * @since 0.1.0
 */
export * as Conformance from "./conformance/Conformance.ts"
export * as Invariants from "./recording/Invariants.ts"
export { Recorder } from "./recording/Recorder.ts"
export * as Recording from "./recording/Recording.ts"
export * as RandomScenario from "./scenario/RandomScenario.ts"
export * as Scenario from "./scenario/Scenario.ts"
export * as ScriptedUser from "./scenario/ScriptedUser.ts"
export * as SpokenAudio from "./scenario/SpokenAudio.ts"
export * as UserActions from "./scenario/UserActions.ts"
export * as VirtualTime from "./scenario/VirtualTime.ts"
export * as ScriptedCalls from "./scripted/ScriptedCalls.ts"
export * as ScriptedEngines from "./scripted/ScriptedEngines.ts"
export * as ScriptedLanguageModel from "./scripted/ScriptedLanguageModel.ts"
export * as ScriptedProvider from "./scripted/ScriptedProvider.ts"
export * as ScriptedRecogniser from "./scripted/ScriptedRecogniser.ts"
export * as ScriptedSpeechToSpeech from "./scripted/ScriptedSpeechToSpeech.ts"
