/**
 * Shows the state of the call: what the agent does, hints, and which controls can be used.
 *
 * @since 0.1.0
 */
import type { CallState } from "../../../client/index.ts"
import { button, html } from "../Elements.ts"

/**
 * What the panel shows beside the call.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallPanelOptions {
  /** A call is being set up, or a key for it asked for. */
  readonly starting: boolean
  /** The server asks for a key that this tab does not have. */
  readonly locked: boolean
  readonly serverUp: boolean
}

type Shown =
  | "ready"
  | "connecting"
  | "listening"
  | "hearing"
  | "thinking"
  | "speaking"
  | "muted"
  | "reconnecting"
  | "failing"

const labels: Readonly<Record<Shown, readonly [state: string, hint: string, button: string]>> = {
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

const shownOf = ({ agent, muted, phase }: CallState, starting: boolean): Shown => {
  if (starting) return "connecting"
  if (phase === "reconnecting") return "reconnecting"
  if (phase !== "connected") return "ready"
  if (agent === "failing" || agent === "speaking") return agent
  if (muted) return "muted"
  if (agent === "hearing") return "hearing"
  return agent === "processing" ? "thinking" : "listening"
}

const talkLabel = html("talk-label")
const mute = button("mute")
const interrupt = button("interrupt")
const end = button("end")

/**
 * Renders it.
 *
 * @category mutations
 * @since 0.1.0
 */
export const renderCall = (call: CallState, { locked, serverUp, starting }: CallPanelOptions): void => {
  const shown = shownOf(call, starting)
  const [state, hint, label] = labels[shown]
  const hasCall = call.sessionId !== undefined
  document.body.dataset["phase"] = shown
  const typing = hasCall && !call.hasMicrophone
  document.body.toggleAttribute("data-typing", typing)
  html("state").textContent = typing && shown === "listening" ? "Connected" : state
  html("hint").textContent = shown === "ready" && !serverUp
    ? "The server is away"
    : shown === "ready" && locked
    ? "This server asks for a key first"
    : typing && (shown === "listening" || shown === "speaking")
    ? "Type to talk; press the button to use the microphone"
    : shown === "speaking" && call.muted
    ? "You are muted"
    : hint
  talkLabel.textContent = typing ? "Use microphone" : call.muted ? "Unmute" : label
  mute.disabled = !hasCall || typing
  mute.setAttribute("aria-pressed", String(call.muted))
  interrupt.disabled = !hasCall || (shown !== "speaking" && shown !== "thinking")
  end.disabled = !hasCall && !starting
  html("transport-note").hidden = !hasCall
}
