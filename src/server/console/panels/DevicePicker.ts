/**
 * The choice of microphone and speaker.
 *
 * @since 0.1.0
 */
import type { AudioDevice, CallDevices } from "../../../client/index.ts"
import { find, html } from "../Elements.ts"
import * as Preferences from "../Preferences.ts"

const microphone = find("microphone", HTMLSelectElement)
const speaker = find("speaker", HTMLSelectElement)

const fill = (select: HTMLSelectElement, devices: ReadonlyArray<AudioDevice>, chosen: string) => {
  const named = devices.filter((device) => device.label !== "" && device.deviceId !== "default")
  select.replaceChildren(
    new Option("System default", ""),
    ...named.map((device) => new Option(device.label, device.deviceId))
  )
  select.value = named.some((device) => device.deviceId === chosen) ? chosen : ""
}

/**
 * What was chosen before, in this browser.
 *
 * @category accessors
 * @since 0.1.0
 */
export const remembered = (): { readonly input: string; readonly output: string } => ({
  input: Preferences.load("microphone"),
  output: Preferences.load("speaker")
})

let shown: CallDevices | undefined

/**
 * @category mutations
 * @since 0.1.0
 */
export const render = (devices: CallDevices): void => {
  if (devices === shown) return
  shown = devices
  fill(microphone, devices.inputs, devices.input)
  fill(speaker, devices.outputs, devices.output)
  speaker.disabled = !devices.canChooseOutput
  html("speaker-note").hidden = devices.canChooseOutput
}

/**
 * Remembers every choice, and calls back with it.
 *
 * @category mutations
 * @since 0.1.0
 */
export const onChoice = (apply: (which: "input" | "output", deviceId: string) => void): void => {
  microphone.onchange = () => {
    Preferences.store("microphone", microphone.value)
    apply("input", microphone.value)
  }
  speaker.onchange = () => {
    Preferences.store("speaker", speaker.value)
    apply("output", speaker.value)
  }
}
