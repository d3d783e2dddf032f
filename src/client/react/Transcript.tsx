/**
 * The conversation in words.
 *
 * @since 0.1.0
 */
import { type ComponentPropsWithoutRef, type ReactElement, useEffect, useRef } from "react"
import { useTranscript } from "./hooks.ts"
import { classNames, onlyForReaders } from "./Markup.ts"

/** So near to its end a list follows what is added, in pixels. */
const NEAR = 40

/**
 * @category models
 * @since 0.1.0
 */
export interface TranscriptProps extends Omit<ComponentPropsWithoutRef<"div">, "children"> {
  /** Default: "You", "Agent", "Conversation" and "not heard:", which screen readers say before words that are struck out. */
  readonly labels?:
    | { readonly user?: string; readonly agent?: string; readonly conversation?: string; readonly unheard?: string }
    | undefined
}

/**
 * The words of both as a log, which scrolls along while its end is seen. What nobody has heard of an interrupted answer is
 * struck out. Screen readers are told lines that are finished, and not each word. It takes the attributes of a `div`; an entry
 * has `data-role` and, while its words may change, `data-interim`.
 *
 * @category components
 * @since 0.1.0
 */
export const Transcript = ({ className, labels, ...rest }: TranscriptProps): ReactElement => {
  const entries = useTranscript().filter(({ text, unheard }) => text !== "" || unheard !== "")
  const names = { user: labels?.user ?? "You", agent: labels?.agent ?? "Agent" }
  const log = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  useEffect(() => {
    if (follows.current && log.current !== null) log.current.scrollTop = log.current.scrollHeight
  })
  const told = entries.findLast(({ final, text }) => final && text !== "")
  return (
    <div {...rest} className={classNames("transcript", className)}>
      <div
        ref={log}
        className="effect-voice-log"
        role="log"
        aria-live="off"
        aria-label={labels?.conversation ?? "Conversation"}
        // who has no mouse scrolls it with the arrow keys
        tabIndex={0}
        onScroll={({ currentTarget: { clientHeight, scrollHeight, scrollTop } }) => {
          follows.current = scrollHeight - scrollTop - clientHeight < NEAR
        }}
      >
        <ol>
          {entries.map(({ final, id, role, text, unheard }) => (
            <li key={id} className="effect-voice-entry" data-role={role} data-interim={final ? undefined : ""}>
              <span className="effect-voice-speaker">{names[role]}</span>{" "}
              <span className="effect-voice-words">{text}</span>
              {unheard !== "" && (
                <del className="effect-voice-unheard">
                  <span style={onlyForReaders}>{labels?.unheard ?? "not heard:"}</span> {unheard}
                </del>
              )}
            </li>
          ))}
        </ol>
      </div>
      <p style={onlyForReaders} aria-live="polite">{told !== undefined && `${names[told.role]}: ${told.text}`}</p>
    </div>
  )
}
