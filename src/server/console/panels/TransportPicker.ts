/**
 * The choice of transport.
 *
 * @since 0.1.0
 */
import * as Preferences from "../Preferences.ts"

const radios = (): NodeListOf<HTMLInputElement> => document.querySelectorAll("input[name=transport]")

/**
 * The chosen transport. LiveKit counts as `websocket`: the session says itself that it is a room.
 *
 * @category accessors
 * @since 0.1.0
 */
export const chosen = (): "websocket" | "webrtc" =>
  document.querySelector<HTMLInputElement>("input[name=transport]:checked")?.value === "webrtc" ? "webrtc" : "websocket"

const select = (value: string) => {
  for (const radio of radios()) radio.checked = radio.value === value
}

/**
 * Offers what the server's provider has: a room where it is LiveKit, WebSocket and WebRTC otherwise.
 *
 * @category mutations
 * @since 0.1.0
 */
export const offer = (provider: string | undefined): void => {
  const inRoom = provider === "livekit"
  for (const radio of radios()) {
    radio.disabled = (radio.value === "livekit") !== inRoom
    radio.title = !radio.disabled
      ? ""
      : inRoom
      ? "This server connects its users in LiveKit rooms"
      : "This server does not use LiveKit"
  }
  select(inRoom ? "livekit" : Preferences.load("transport") || "websocket")
}

/**
 * Selects the remembered transport, and remembers every choice.
 *
 * @category mutations
 * @since 0.1.0
 */
export const start = (): void => {
  select(Preferences.load("transport") || "websocket")
  for (const radio of radios()) radio.onchange = () => Preferences.store("transport", radio.value)
}
