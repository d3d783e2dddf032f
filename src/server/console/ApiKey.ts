/**
 * The server's API key, where it wants one: asked for in a dialog, and kept for this tab only.
 *
 * @since 0.1.0
 */

const STORE = "effect-voice.api-key"

/**
 * The key of this tab; `undefined` when there is none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const recallKey = (): string | undefined => {
  try {
    return sessionStorage.getItem(STORE) ?? undefined
  } catch {
    return undefined
  }
}

const rememberKey = (key: string): void => {
  try {
    sessionStorage.setItem(STORE, key)
  } catch {
    // Where nothing may be stored, it is asked for with each load of the page.
  }
}

/**
 * Drops a key that the server does not take any more.
 *
 * @category mutations
 * @since 0.1.0
 */
export const forgetKey = (): void => {
  try {
    sessionStorage.removeItem(STORE)
  } catch {
    // Then it was never there.
  }
}

/**
 * The dialog's parts.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyDialogParts {
  readonly dialog: HTMLDialogElement
  readonly form: HTMLFormElement
  readonly input: HTMLInputElement
  readonly fault: HTMLElement
  readonly submit: HTMLButtonElement
  readonly cancel: HTMLButtonElement
}

/**
 * What became of a key that was tried.
 *
 * @category models
 * @since 0.1.0
 */
export type KeyVerdict = "accepted" | "refused" | "unreachable"

/**
 * Makes the question for a key: it stays until `check` accepts one, which is remembered, or the user gives up
 * (`undefined`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeKeyDialog = (parts: KeyDialogParts, check: (key: string) => Promise<KeyVerdict>) => {
  const { cancel, dialog, fault, form, input, submit } = parts
  const tell = (message: string) => {
    fault.textContent = message
    fault.hidden = message === ""
    input.setAttribute("aria-invalid", String(message !== ""))
  }
  return (message = ""): Promise<string | undefined> =>
    new Promise((resolve) => {
      let accepted: string | undefined
      cancel.onclick = () => dialog.close()
      dialog.onclose = () => {
        input.value = ""
        resolve(accepted)
      }
      input.oninput = () => tell("")
      form.onsubmit = async (event) => {
        event.preventDefault()
        if (submit.disabled) return
        const key = input.value.trim()
        // A header can carry nothing else.
        if (!/^[\x21-\x7e]+$/.test(key)) return tell("A key has letters, digits and signs, and no spaces.")
        submit.disabled = true
        const verdict = await check(key)
        submit.disabled = false
        if (!dialog.open) return
        if (verdict === "accepted") {
          rememberKey(key)
          accepted = key
          return dialog.close()
        }
        tell(
          verdict === "refused"
            ? "The server refused this key. Check it and try again."
            : "The server cannot be reached just now. Try again."
        )
        input.select()
        input.focus()
      }
      tell(message)
      dialog.showModal()
      input.focus()
    })
}
