/**
 * The buttons of a call: start and end it, mute it.
 *
 * @since 0.1.0
 */
import type { ComponentPropsWithoutRef, MouseEvent, ReactElement } from "react"
import { useVoiceCall } from "./hooks.ts"
import { classNames, isSecond } from "./Markup.ts"

type ButtonProps = Omit<ComponentPropsWithoutRef<"button">, "children" | "type">

/** Runs the page's own handler, which may prevent ours. */
const onPress = (own: ButtonProps["onClick"], run: () => void) => (event: MouseEvent<HTMLButtonElement>) => {
  own?.(event)
  if (!event.defaultPrevented && !isSecond(event)) run()
}

/**
 * @category models
 * @since 0.1.0
 */
export interface CallButtonProps extends ButtonProps {
  /** `false` for a call in which the user only types; default: with the microphone. */
  readonly microphone?: boolean | undefined
  /** Default: "Start call", "Cancel" and "End call". */
  readonly labels?: { readonly start?: string; readonly cancel?: string; readonly end?: string } | undefined
}

/**
 * Starts a call and ends it; its label says which. It takes the attributes of a `button`; `data-phase` is the phase of the call.
 *
 * @category components
 * @since 0.1.0
 */
export const CallButton = ({ className, labels, microphone, onClick, ...rest }: CallButtonProps): ReactElement => {
  const { hangUp, phase, start } = useVoiceCall()
  const isOver = phase === "idle" || phase === "ended"
  const label = isOver
    ? labels?.start ?? "Start call"
    : phase === "connecting"
    ? labels?.cancel ?? "Cancel"
    : labels?.end ?? "End call"
  return (
    <button
      {...rest}
      type="button"
      className={classNames("call-button", className)}
      data-phase={phase}
      onClick={onPress(onClick, () => isOver ? void start({ microphone }) : hangUp())}
    >
      {label}
    </button>
  )
}

/**
 * @category models
 * @since 0.1.0
 */
export interface MuteButtonProps extends ButtonProps {
  /** Default: "Mute". It stays the same, because `aria-pressed` says whether the microphone is muted. */
  readonly label?: string | undefined
}

/**
 * Mutes the microphone and sends it again; disabled where there is none. It takes the attributes of a `button`.
 *
 * @category components
 * @since 0.1.0
 */
export const MuteButton = (
  { className, disabled, label = "Mute", onClick, ...rest }: MuteButtonProps
): ReactElement => {
  const { hasMicrophone, mute, muted } = useVoiceCall()
  return (
    <button
      {...rest}
      type="button"
      className={classNames("mute-button", className)}
      aria-pressed={muted}
      disabled={disabled === true || !hasMicrophone}
      onClick={onPress(onClick, () => mute(!muted))}
    >
      {label}
    </button>
  )
}
