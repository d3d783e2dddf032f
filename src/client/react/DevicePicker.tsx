/**
 * The choice of a microphone or a speaker.
 *
 * @since 0.1.0
 */
import { type ComponentPropsWithoutRef, type ReactElement, useId } from "react"
import { useDevices } from "./hooks.ts"
import { classNames } from "./Markup.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface DevicePickerProps extends Omit<ComponentPropsWithoutRef<"div">, "children"> {
  readonly kind: "microphone" | "speaker"
  /**
   * Default: the kind; "System default"; "The browser does not let this page use the microphone." and "This browser plays on the
   * system's speaker." beside what cannot be chosen.
   */
  readonly labels?: { readonly label?: string; readonly system?: string; readonly note?: string } | undefined
}

const defaults = {
  microphone: { label: "Microphone", note: "The browser does not let this page use the microphone." },
  speaker: { label: "Speaker", note: "This browser plays on the system's speaker." }
}

/**
 * A labelled `select` of the microphones or speakers; a choice counts at once, also in a call. Devices have names once the user
 * has allowed the microphone. It takes the attributes of a `div`.
 *
 * @category components
 * @since 0.1.0
 */
export const DevicePicker = ({ className, kind, labels, ...rest }: DevicePickerProps): ReactElement => {
  const id = useId()
  const { canChooseOutput, input, inputs, output, outputs, permission, setInput, setOutput } = useDevices()
  const [all, chosen, choose] = kind === "microphone" ? [inputs, input, setInput] : [outputs, output, setOutput]
  const devices = all.filter(({ deviceId, label }) => label !== "" && deviceId !== "default")
  const isListed = inputs.length + outputs.length > 0
  const isClosed = isListed && (kind === "microphone" ? permission === "denied" : !canChooseOutput)
  return (
    <div {...rest} className={classNames("device-picker", className)}>
      <label htmlFor={id}>{labels?.label ?? defaults[kind].label}</label>
      <select
        id={id}
        value={devices.some(({ deviceId }) => deviceId === chosen) ? chosen : ""}
        disabled={kind === "speaker" && isClosed}
        aria-describedby={isClosed ? `${id}-note` : undefined}
        onChange={({ currentTarget }) => void choose(currentTarget.value)}
      >
        <option value="">{labels?.system ?? "System default"}</option>
        {devices.map(({ deviceId, label }) => <option key={deviceId} value={deviceId}>{label}</option>)}
      </select>
      {isClosed && <p id={`${id}-note`} className="effect-voice-note">{labels?.note ?? defaults[kind].note}</p>}
    </div>
  )
}
