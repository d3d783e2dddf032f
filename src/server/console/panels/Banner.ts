/**
 * The banner below the page's header: one sentence at a time, with an action where there is one.
 *
 * @since 0.1.0
 */
import { button, html } from "../Elements.ts"

/** How long good news stay. */
const GOOD_NEWS_MS = 5_000

const banner = html("banner")
const action = button("banner-action")
let timer: ReturnType<typeof setTimeout> | undefined

/**
 * Hides the banner.
 *
 * @category mutations
 * @since 0.1.0
 */
export const hide = (): void => {
  clearTimeout(timer)
  banner.hidden = true
}

/**
 * Shows a sentence until it is dismissed or replaced; good news hide by themselves.
 *
 * @category mutations
 * @since 0.1.0
 */
export const show = (
  kind: "good" | "warn" | "bad",
  message: string,
  offer?: { readonly label: string; readonly run: () => void }
): void => {
  clearTimeout(timer)
  banner.dataset["kind"] = kind
  html("banner-text").textContent = message
  action.hidden = offer === undefined
  action.textContent = offer?.label ?? ""
  action.onclick = offer === undefined ? null : () => {
    hide()
    offer.run()
  }
  banner.hidden = false
  if (kind === "good") timer = setTimeout(hide, GOOD_NEWS_MS)
}

button("banner-close").onclick = hide
