/**
 * The header's list of what the server runs.
 *
 * @since 0.1.0
 */
import { html } from "../Elements.ts"

/**
 * Shows labels with their values.
 *
 * @category mutations
 * @since 0.1.0
 */
export const showChips = (chips: ReadonlyArray<readonly [label: string, value: string]>): void =>
  html("engines").replaceChildren(...chips.map(([label, value]) => {
    const chip = document.createElement("li")
    const name = document.createElement("b")
    name.textContent = value
    chip.append(`${label} `, name)
    return chip
  }))
