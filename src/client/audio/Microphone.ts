/**
 * The user's microphone and the list of audio devices, with the browser's errors as sentences for users.
 *
 * The caller owns the stream that it opens, and stops it with `closeMicrophone`.
 *
 * @since 0.1.0
 */
import { VoiceClientError } from "../VoiceClientError.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface MicrophoneOptions {
  /** A `deviceId` of `VoiceClient.devices()`; default: the system's choice. */
  readonly deviceId?: string | undefined
  /** Default true: otherwise the speakers feed the agent's voice into the microphone, and it interrupts itself. */
  readonly echoCancellation?: boolean | undefined
  /** Default true. */
  readonly noiseSuppression?: boolean | undefined
  /** Default true. */
  readonly autoGainControl?: boolean | undefined
}

/**
 * The audio devices of this machine. Labels are empty until the user has allowed the microphone once.
 *
 * @category models
 * @since 0.1.0
 */
export interface AudioDevices {
  readonly inputs: ReadonlyArray<AudioDevice>
  readonly outputs: ReadonlyArray<AudioDevice>
  /** Whether a page can choose the speaker in this browser. */
  readonly canChooseOutput: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface AudioDevice {
  readonly deviceId: string
  readonly label: string
}

/**
 * Opens the microphone. Fails with `insecure_context`, `unsupported_browser`, `microphone_denied`,
 * `microphone_missing` or `microphone_failed`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openMicrophone = async (options: MicrophoneOptions): Promise<MediaStream> => {
  if (!globalThis.isSecureContext) {
    throw new VoiceClientError(
      "insecure_context",
      "Browsers only offer the microphone on https pages and on localhost. Open this page by https, or on the machine" +
        " that serves it."
    )
  }
  if (navigator.mediaDevices?.getUserMedia === undefined) {
    throw new VoiceClientError("unsupported_browser", "This browser cannot record from a microphone.")
  }
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: {
        echoCancellation: options.echoCancellation ?? true,
        noiseSuppression: options.noiseSuppression ?? true,
        autoGainControl: options.autoGainControl ?? true,
        channelCount: 1,
        ...(options.deviceId ? { deviceId: { exact: options.deviceId } } : {})
      }
    })
  } catch (cause) {
    throw microphoneError(cause)
  }
}

/**
 * Stops a stream's tracks, which turns the browser's recording indicator off.
 *
 * @category destructors
 * @since 0.1.0
 */
export const closeMicrophone = (stream: MediaStream | undefined): void => {
  for (const track of stream?.getTracks() ?? []) {
    track.onended = null
    track.onmute = null
    track.onunmute = null
    track.stop()
  }
}

/**
 * Lists the microphones and speakers; empty where the browser has no such list.
 *
 * @category accessors
 * @since 0.1.0
 */
export const listDevices = async (): Promise<AudioDevices> => {
  const found = (await navigator.mediaDevices?.enumerateDevices?.()) ?? []
  const pick = (kind: MediaDeviceKind): Array<AudioDevice> =>
    found.filter((device) => device.kind === kind && device.deviceId !== "").map(({ deviceId, label }) => ({
      deviceId,
      label
    }))
  return { inputs: pick("audioinput"), outputs: pick("audiooutput"), canChooseOutput: canChooseOutput() }
}

/**
 * Whether opening the microphone would ask the user nothing. True where the browser does not say.
 *
 * @category accessors
 * @since 0.1.0
 */
export const isMicrophoneAllowed = async (): Promise<boolean> => {
  try {
    const { state } = await navigator.permissions.query({ name: "microphone" })
    return state === "granted"
  } catch {
    return true
  }
}

/** Why the microphone was refused, as far as the browser says; Chromium says it in the error's message. */
const denied = (cause: unknown): VoiceClientError => {
  const message = cause instanceof Error || cause instanceof DOMException ? cause.message : ""
  const [reason, text] = /dismissed/i.test(message)
    ? ["dismissed", "The browser's question for the microphone was closed. Try again, and allow it."]
    : /by system/i.test(message)
    ? [
      "system",
      "The system does not let this browser use the microphone. Allow it in the system's privacy settings, and try again."
    ]
    : isForbiddenFrame()
    ? [
      "frame",
      "The page that this one is part of does not let it use the microphone: its iframe needs allow=\"microphone\"."
    ]
    : [
      "blocked",
      "The microphone is blocked for this page. Allow it in the browser's site settings, beside the address, and try again."
    ]
  return new VoiceClientError("microphone_denied", text, { cause, details: { reason } })
}

/** Whether the permissions policy forbids it; false where the browser does not say. */
const isForbiddenFrame = (): boolean => {
  const page:
    | (object & { readonly featurePolicy?: { readonly allowsFeature: (name: string) => boolean } })
    | undefined = globalThis.document
  return page?.featurePolicy?.allowsFeature("microphone") === false
}

const canChooseOutput = (): boolean =>
  typeof HTMLMediaElement !== "undefined" && "setSinkId" in HTMLMediaElement.prototype

/**
 * Converts what `getUserMedia` throws.
 *
 * @category conversions
 * @since 0.1.0
 */
export const microphoneError = (cause: unknown): VoiceClientError => {
  // Those of older browsers are neither an `Error` nor a `DOMException`.
  const name = typeof cause === "object" && cause !== null && "name" in cause ? cause.name : ""
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return denied(cause)
    case "NotFoundError":
    case "OverconstrainedError":
      return new VoiceClientError(
        "microphone_missing",
        "No microphone was found. Plug one in, or choose another, and try again.",
        { cause }
      )
    default:
      return new VoiceClientError(
        "microphone_failed",
        "The microphone could not be started. Another program may be using it.",
        { cause }
      )
  }
}
