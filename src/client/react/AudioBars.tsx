/**
 * Bars that move with a voice.
 *
 * @since 0.1.0
 */
import { type ComponentPropsWithoutRef, type ReactElement, useEffect, useRef } from "react"
import { useCallState } from "./hooks.ts"
import { classNames } from "./Markup.ts"
import { useCallStore } from "./VoiceCallProvider.tsx"

/** -60 dB is no bar, -6 dB a full one, so that speech fills the middle. */
const scale = (rms: number): number => Math.max(0, Math.min(1, (20 * Math.log10(Math.max(rms, 1e-6)) + 60) / 54))

/** Falls by a half in 90 ms at 60 frames a second, as a meter on a mixing desk does. */
const FALL = 0.88
/** A voice that is louder is shown to somebody who wants no motion. */
const VOICE = 0.3

/**
 * @category models
 * @since 0.1.0
 */
export interface AudioBarsProps extends Omit<ComponentPropsWithoutRef<"span">, "children"> {
  /** Whose voice; default: the agent's. */
  readonly voice?: "agent" | "user" | undefined
  /** How many bars, 1 to 64; default 5. */
  readonly bars?: number | undefined
}

/**
 * Bars whose `--effect-voice-level`, 0 to 1, follows a voice in every animation frame; `styles.css` makes their height of it. No
 * component renders for it. With `prefers-reduced-motion` they only show whether there is a voice. Hidden from screen readers,
 * which hear the voice. It takes the attributes of a `span`.
 *
 * @category components
 * @since 0.1.0
 */
export const AudioBars = ({ bars = 5, className, voice = "agent", ...rest }: AudioBarsProps): ReactElement => {
  const store = useCallStore()
  const isOn = useCallState(({ sessionId }) => sessionId !== undefined)
  const box = useRef<HTMLSpanElement>(null)
  const count = Math.max(1, Math.min(64, Math.floor(bars)))
  useEffect(() => {
    const all = Array.from(box.current?.children ?? []).filter((bar) => bar instanceof HTMLElement)
    const show = (level: number) =>
      all.forEach((bar, at) => {
        // the bars in the middle are the highest
        const part = level * Math.sin((Math.PI * (at + 1)) / (all.length + 1))
        bar.style.setProperty("--effect-voice-level", part.toFixed(3))
      })
    if (!isOn) return show(0)
    const still = matchMedia("(prefers-reduced-motion: reduce)")
    let level = 0
    let shown = -1
    const draw = () => {
      level = Math.max(scale(store.levels()[voice]), level * FALL)
      const next = still.matches ? (level > VOICE ? 0.6 : 0) : level
      if (Math.abs(next - shown) > 0.002) show(shown = next)
      frame = requestAnimationFrame(draw)
    }
    let frame = requestAnimationFrame(draw)
    return () => cancelAnimationFrame(frame)
  }, [store, voice, isOn, count])
  return (
    <span {...rest} ref={box} className={classNames("audio-bars", className)} data-voice={voice} aria-hidden="true">
      {Array.from({ length: count }, (_, at) => <span key={at} className="effect-voice-bar" />)}
    </span>
  )
}
