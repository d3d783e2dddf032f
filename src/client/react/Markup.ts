/**
 * What the components have in common: their class names, and text for screen readers alone.
 *
 * @since 0.1.0
 */
import type { CSSProperties } from "react"

/**
 * The component's own class, which `styles.css` knows, and the page's.
 *
 * @category accessors
 * @since 0.1.0
 */
export const classNames = (name: string, className: string | undefined): string =>
  className === undefined ? `effect-voice-${name}` : `effect-voice-${name} ${className}`

/**
 * Read aloud, and not seen.
 *
 * @category constants
 * @since 0.1.0
 */
export const onlyForReaders: CSSProperties = {
  position: "absolute",
  width: 1,
  height: 1,
  margin: -1,
  padding: 0,
  border: 0,
  overflow: "hidden",
  clipPath: "inset(50%)",
  whiteSpace: "nowrap"
}

/**
 * Whether a click is the second of a double click: what the first has changed, it must not change back.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSecond = ({ detail }: { readonly detail: number }): boolean => detail > 1
