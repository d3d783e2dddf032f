/**
 * The error of the browser client, with a code for programs and a sentence for users.
 *
 * @since 0.1.0
 */

/**
 * What went wrong. Beside these, any code of the backend may appear (`session_limit_exceeded`, `invalid_config`, …):
 *
 * - `microphone_denied` the user or a policy refused the microphone; `details.reason` says who, as far as the browser does:
 *   `blocked` the page's settings, `dismissed` the question was closed, `system`, `frame` the page around this one;
 *   `microphone_missing` there is none;
 *   `microphone_failed` it could not be started, mostly because another program uses it; `microphone_silenced` the system
 *   gives silence, as during a phone call
 * - `speaker_missing` the chosen speaker is gone
 * - `playback_blocked` the browser keeps the sound off until the user clicks, taps or presses a key
 * - `insecure_context` the page is served by plain http from another machine: browsers then offer no microphone
 * - `unsupported_browser` the browser lacks what the call needs
 * - `connection_failed` the server could not be reached; with `details.reason` `origin_not_allowed` it answers, but not to
 *   pages of this origin; `connection_timeout` it did not answer in time;
 *   `connection_lost` the connection was lost and not restored within the resume window
 * - `session_not_found` the session is over or unknown; `session_replaced` it continues in another tab or device
 * - `authentication_failed` the token or key was rejected
 * - `aborted` the caller's `AbortSignal` fired, or `end` was called while connecting
 *
 * @category models
 * @since 0.1.0
 */
export type VoiceClientErrorCode =
  | "microphone_denied"
  | "microphone_missing"
  | "microphone_failed"
  | "microphone_silenced"
  | "speaker_missing"
  | "playback_blocked"
  | "insecure_context"
  | "unsupported_browser"
  | "connection_failed"
  | "connection_timeout"
  | "connection_lost"
  | "session_not_found"
  | "session_replaced"
  | "authentication_failed"
  | "aborted"
  | (string & {})

/**
 * Thrown by `VoiceClient.connect` and by the device setters, and carried by the `ended` event.
 *
 * @category errors
 * @since 0.1.0
 */
export class VoiceClientError extends Error {
  override readonly name = "VoiceClientError"
  readonly code: VoiceClientErrorCode
  /** What the server's problem JSON said beyond code and message. */
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(
    code: VoiceClientErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> | undefined } = {}
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details
  }
}

/**
 * The error of a call whose session another connection has taken over.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sessionReplaced = (): VoiceClientError =>
  new VoiceClientError("session_replaced", "This conversation continues in another window or device.")

/**
 * The error of a session that is over or unknown; `reason` is the server's, if it said one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sessionNotFound = (reason?: string): VoiceClientError =>
  new VoiceClientError("session_not_found", "This conversation is over. Start a new one.", {
    details: reason === undefined ? undefined : { reason }
  })

/**
 * Whether another attempt to connect is of no use. Everything else may pass: the server restarts, the network changes.
 *
 * @category guards
 * @since 0.1.0
 */
export const isFinal = (error: VoiceClientError): boolean =>
  ["session_not_found", "session_replaced", "authentication_failed", "authorization_failed", "aborted"].includes(
    error.code
  )

/**
 * The error of what an aborted signal has ended: its reason, where that says how the call ended, or `aborted`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const abortError = (signal: AbortSignal, cause?: unknown): VoiceClientError =>
  signal.reason instanceof VoiceClientError
    ? signal.reason
    : new VoiceClientError("aborted", "The call was cancelled.", { cause })

/**
 * @category guards
 * @since 0.1.0
 */
export const throwIfAborted = (signal: AbortSignal): void => {
  if (signal.aborted) throw abortError(signal)
}
