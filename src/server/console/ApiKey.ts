/**
 * The server's API key, where it asks for one: entered in a dialog, and stored for this tab only.
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
export const loadKey = (): string | undefined => {
  try {
    return sessionStorage.getItem(STORE) ?? undefined
  } catch {
    return undefined
  }
}

const storeKey = (key: string): void => {
  try {
    sessionStorage.setItem(STORE, key)
  } catch {
    // Where nothing may be stored, the key is asked for with each load of the page.
  }
}

/**
 * Removes a key that the server does not accept any more.
 *
 * @category mutations
 * @since 0.1.0
 */
export const removeKey = (): void => {
  try {
    sessionStorage.removeItem(STORE)
  } catch {
    // Then there was none.
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
 * The result of trying a key.
 *
 * @category models
 * @since 0.1.0
 */
export type KeyVerdict = "accepted" | "refused" | "unreachable"

/**
 * Makes the dialog that asks for a key: it stays open until `check` accepts one, which is stored, or the user cancels
 * (`undefined`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeKeyDialog = (parts: KeyDialogParts, check: (key: string) => Promise<KeyVerdict>) => {
  const { cancel, dialog, fault, form, input, submit } = parts
  const showFault = (message: string) => {
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
      input.oninput = () => showFault("")
      form.onsubmit = async (event) => {
        event.preventDefault()
        if (submit.disabled) return
        const key = input.value.trim()
        // A header value cannot hold anything else.
        if (!/^[\x21-\x7e]+$/.test(key)) return showFault("A key has letters, digits and signs, and no spaces.")
        submit.disabled = true
        const verdict = await check(key)
        submit.disabled = false
        if (!dialog.open) return
        if (verdict === "accepted") {
          storeKey(key)
          accepted = key
          return dialog.close()
        }
        showFault(
          verdict === "refused"
            ? "The server refused this key. Check it and try again."
            : "The server cannot be reached just now. Try again."
        )
        input.select()
        input.focus()
      }
      showFault(message)
      dialog.showModal()
      input.focus()
    })
}
