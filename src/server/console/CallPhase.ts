/**
 * The phases of a call as the page shows them, and their texts.
 *
 * @since 0.1.0
 */
import type { SessionState, VoiceClient } from "../../client/index.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type CallPhase =
  | "ready"
  | "connecting"
  | "listening"
  | "hearing"
  | "thinking"
  | "speaking"
  | "muted"
  | "reconnecting"
  | "failing"

/**
 * The texts of each phase.
 *
 * @category constants
 * @since 0.1.0
 */
export const labels: Readonly<Record<CallPhase, readonly [state: string, hint: string, button: string]>> = {
  ready: [
    "Ready when you are",
    matchMedia("(hover: none)").matches ? "Press the button" : "Press the button or the space bar",
    "Start talking"
  ],
  connecting: ["Connecting…", "Allow the microphone if the browser asks", "Cancel"],
  listening: ["Listening", "Say something; press to mute", "Mute"],
  hearing: ["Hearing you", "Pause when you are done", "Mute"],
  thinking: ["Thinking…", "The answer is on its way", "Mute"],
  speaking: ["Speaking", "Just talk to interrupt", "Mute"],
  muted: ["You are muted", "Press again to be heard", "Unmute"],
  reconnecting: ["Reconnecting…", "The call goes on when the connection is back", "Mute"],
  failing: ["Something is down", "The server is trying to recover", "Mute"]
}

/** Other states of a session look like listening. */
const byState = new Map<SessionState, CallPhase>([
  ["processing", "thinking"],
  ["speaking", "speaking"],
  ["error", "failing"]
])

/**
 * The phase of a call; `undefined` is none.
 *
 * @category conversions
 * @since 0.1.0
 */
export const phaseOf = (
  call: Pick<VoiceClient, "connection" | "muted" | "state"> | undefined,
  { connecting, userSpeaking }: { readonly connecting: boolean; readonly userSpeaking: boolean }
): CallPhase => {
  if (connecting) return "connecting"
  if (call === undefined) return "ready"
  if (call.connection === "reconnecting") return "reconnecting"
  const phase = byState.get(call.state)
  if (phase === "failing" || phase === "speaking") return phase
  if (call.muted) return "muted"
  if (userSpeaking) return "hearing"
  return phase ?? "listening"
}
