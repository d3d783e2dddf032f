/**
 * Shows the state of the call: phase, hints, and which controls can be used.
 *
 * @since 0.1.0
 */
import type { VoiceClient } from "../../../client/index.ts"
import { labels, phaseOf } from "../CallPhase.ts"
import { button, html } from "../Elements.ts"

/**
 * - `locked`: the server asks for a key that this tab does not have.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallPanelState {
  readonly call: VoiceClient | undefined
  readonly connecting: boolean
  readonly locked: boolean
  readonly serverUp: boolean
  readonly userSpeaking: boolean
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
export const renderCall = ({ call, connecting, locked, serverUp, userSpeaking }: CallPanelState): void => {
  const phase = phaseOf(call, { connecting, userSpeaking })
  const [state, hint, label] = labels[phase]
  document.body.dataset["phase"] = phase
  const typing = call !== undefined && !call.hasMicrophone
  document.body.toggleAttribute("data-typing", typing)
  html("state").textContent = typing && phase === "listening" ? "Connected" : state
  html("hint").textContent = phase === "ready" && !serverUp
    ? "The server is away"
    : phase === "ready" && locked
    ? "This server asks for a key first"
    : typing && (phase === "listening" || phase === "speaking")
    ? "Type to talk; press the button to use the microphone"
    : phase === "speaking" && call?.muted
    ? "You are muted"
    : hint
  talkLabel.textContent = typing ? "Use microphone" : call?.muted ? "Unmute" : label
  mute.disabled = call === undefined || typing
  mute.setAttribute("aria-pressed", String(call?.muted === true))
  interrupt.disabled = call === undefined || (phase !== "speaking" && phase !== "thinking")
  end.disabled = call === undefined && !connecting
  html("transport-note").hidden = call === undefined
}
