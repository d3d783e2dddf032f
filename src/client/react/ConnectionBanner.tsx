/**
 * What the user should know of the call: that it is lost, silent, over, or that something failed.
 *
 * @since 0.1.0
 */
import { type ComponentPropsWithoutRef, type ReactElement, useEffect } from "react"
import { useIncidents, useVoiceCall } from "./hooks.ts"
import { classNames } from "./Markup.ts"

/** How long good news stay. */
const GOOD_NEWS_MS = 5_000

/**
 * The texts that are the banner's own; others come from the server and the client.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionBannerLabels {
  /** Default: "The connection is lost. Reconnecting…" */
  readonly reconnecting?: string | undefined
  /** Default: "The browser keeps the sound off." */
  readonly silent?: string | undefined
  /** Default: "Turn the sound on". */
  readonly startPlayback?: string | undefined
  /** Default: "Try again". */
  readonly again?: string | undefined
  /** Default: "Dismiss". */
  readonly dismiss?: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ConnectionBannerProps extends Omit<ComponentPropsWithoutRef<"div">, "children"> {
  readonly labels?: ConnectionBannerLabels | undefined
}

interface Notice {
  readonly kind: "good" | "warn" | "bad"
  readonly text: string
  readonly action?: { readonly label: string; readonly run: () => void } | undefined
}

const useNotice = (labels: ConnectionBannerLabels): Notice | undefined => {
  const { ended, phase, playbackBlocked, start, startPlayback } = useVoiceCall()
  const { dismiss, incidents } = useIncidents()
  const latest = incidents.findLast(({ kind }) => kind !== "note")
  const goodNews = latest?.kind === "good" ? latest.id : undefined
  useEffect(() => {
    if (goodNews === undefined) return
    const timer = setTimeout(() => dismiss(goodNews), GOOD_NEWS_MS)
    return () => clearTimeout(timer)
  }, [dismiss, goodNews])

  if (phase === "ended" && ended?.error !== undefined && ended.error.code !== "aborted") {
    return { kind: "bad", text: ended.text, action: { label: labels.again ?? "Try again", run: () => void start() } }
  }
  if (phase === "ended") {
    return ended === undefined || ended.reason === "ended_by_user" || ended.error !== undefined
      ? undefined
      : { kind: "warn", text: ended.text }
  }
  if (phase === "reconnecting") {
    return { kind: "warn", text: labels.reconnecting ?? "The connection is lost. Reconnecting…" }
  }
  if (playbackBlocked) {
    return {
      kind: "warn",
      text: labels.silent ?? "The browser keeps the sound off.",
      action: { label: labels.startPlayback ?? "Turn the sound on", run: startPlayback }
    }
  }
  if (latest === undefined || latest.kind === "note") return undefined
  const { id, kind, text } = latest
  return { kind, text, action: { label: labels.dismiss ?? "Dismiss", run: () => dismiss(id) } }
}

/**
 * One sentence at a time, with a button where something can be done. Screen readers are told at once what has failed
 * (`role="alert"`), and the rest when they are idle (`role="status"`). It is always on the page, as such regions must be; while
 * there is nothing to say, it has no `data-kind`. It takes the attributes of a `div`.
 *
 * @category components
 * @since 0.1.0
 */
export const ConnectionBanner = ({ className, labels = {}, ...rest }: ConnectionBannerProps): ReactElement => {
  const notice = useNotice(labels)
  return (
    <div {...rest} className={classNames("banner", className)} data-kind={notice?.kind}>
      <div role="status">{notice?.kind !== "bad" && notice?.text}</div>
      <div role="alert">{notice?.kind === "bad" && notice.text}</div>
      {notice?.action !== undefined && <button type="button" onClick={notice.action.run}>{notice.action.label}</button>}
    </div>
  )
}
