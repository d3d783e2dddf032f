/**
 * The choice of microphone and speaker.
 *
 * @since 0.1.0
 */
import { type AudioDevice, VoiceClient } from "../../../client/index.ts"
import { find, html } from "../Elements.ts"
import * as Preferences from "../Preferences.ts"

/**
 * @category accessors
 * @since 0.1.0
 */
export const microphone = find("microphone", HTMLSelectElement)

/**
 * @category accessors
 * @since 0.1.0
 */
export const speaker = find("speaker", HTMLSelectElement)

const fill = (select: HTMLSelectElement, devices: ReadonlyArray<AudioDevice>, key: string) => {
  const chosen = select.value || Preferences.load(key)
  const named = devices.filter((device) => device.label !== "" && device.deviceId !== "default")
  select.replaceChildren(
    new Option("System default", ""),
    ...named.map((device) => new Option(device.label, device.deviceId))
  )
  select.value = named.some((device) => device.deviceId === chosen) ? chosen : ""
}

/**
 * Lists the devices anew.
 *
 * @category mutations
 * @since 0.1.0
 */
export const refresh = async (): Promise<void> => {
  const { canChooseOutput, inputs, outputs } = await VoiceClient.devices()
  fill(microphone, inputs, "microphone")
  fill(speaker, outputs, "speaker")
  speaker.disabled = !canChooseOutput
  html("speaker-note").hidden = canChooseOutput
}

/**
 * Remembers every choice, and calls back with it.
 *
 * @category mutations
 * @since 0.1.0
 */
export const onChoice = (apply: (which: "microphone" | "speaker", deviceId: string) => void): void => {
  microphone.onchange = () => {
    Preferences.store("microphone", microphone.value)
    apply("microphone", microphone.value)
  }
  speaker.onchange = () => {
    Preferences.store("speaker", speaker.value)
    apply("speaker", speaker.value)
  }
  navigator.mediaDevices?.addEventListener("devicechange", () => void refresh())
}
