/**
 * The events of a page that may change what a call hears and sends: it comes back to the foreground or out of the
 * back/forward cache, the network is back, devices come and go, the user presses something.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface PageHandlers {
  /** The page is visible or focused again, was restored, or the network is back. */
  readonly returned: () => void
  /** Microphones or speakers were added or removed. */
  readonly devicesChanged: () => void
}

/**
 * Calls the handlers until the returned function is called.
 *
 * @category constructors
 * @since 0.1.0
 */
export const watchPage = (handlers: PageHandlers): () => void => {
  const listeners = new AbortController()
  const { signal } = listeners
  const onVisible = () => {
    if (document.visibilityState === "visible") handlers.returned()
  }
  globalThis.document?.addEventListener("visibilitychange", onVisible, { signal })
  for (const type of ["focus", "pageshow", "online"]) {
    globalThis.addEventListener?.(type, handlers.returned, { signal })
  }
  globalThis.navigator?.mediaDevices?.addEventListener?.("devicechange", handlers.devicesChanged, { signal })
  return () => listeners.abort()
}

/**
 * What browsers count as a user's gesture: a finger counts when it is lifted, a mouse button when it is pressed.
 */
const gestures = ["pointerdown", "pointerup", "touchend", "click", "keydown"]

/**
 * Calls the handler within each of the user's gestures, also where the page stops an event, until the returned function is
 * called.
 *
 * @category constructors
 * @since 0.1.0
 */
export const watchGestures = (handler: () => void): () => void => {
  const listeners = new AbortController()
  for (const type of gestures) {
    globalThis.addEventListener?.(type, handler, { signal: listeners.signal, capture: true, passive: true })
  }
  return () => listeners.abort()
}
