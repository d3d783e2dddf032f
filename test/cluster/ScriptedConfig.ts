/** The config of a process with the scripted engines that `ScriptedParts.ts` adds. */
export const scripted = {
  provider: "local",
  pipeline_type: "stt_tts",
  stt_provider: "scripted_stt",
  tts_provider: "scripted_tts",
  vad_provider: "scripted_vad",
  turn_detection_provider: "silence",
  agent: "builtin",
  conversation: { greeting: "" },
  engines: { scripted_tts: { ms_per_character: 50 } },
  // a machine that is busy with other tests is not what is tested
  overload: { max_lag: "10s" }
}
