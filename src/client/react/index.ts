"use client"
/**
 * A voice call in React, `effect-voice/react`: hooks over the call store of `effect-voice/client`, and unstyled components that
 * are accessible. It needs `react` 18 or later, and nothing else.
 *
 * @since 0.1.0
 */
export { AudioBars, type AudioBarsProps } from "./AudioBars.tsx"
export { CallButton, type CallButtonProps, MuteButton, type MuteButtonProps } from "./CallButton.tsx"
export { ConnectionBanner, type ConnectionBannerLabels, type ConnectionBannerProps } from "./ConnectionBanner.tsx"
export { DevicePicker, type DevicePickerProps } from "./DevicePicker.tsx"
export {
  type Devices,
  type Incidents,
  type Latency,
  useAgentState,
  useCallState,
  useDevices,
  useIncidents,
  useLatency,
  useTranscript,
  useVoiceCall,
  type VoiceCall
} from "./hooks.ts"
export { Transcript, type TranscriptProps } from "./Transcript.tsx"
export { useCallStore, VoiceCallProvider, type VoiceCallProviderProps } from "./VoiceCallProvider.tsx"
