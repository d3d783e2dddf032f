/**
 * Opens the call of a store: asks the page how to connect, and does without a remembered microphone that is not there.
 *
 * @since 0.1.0
 */
import type { ConnectOptions } from "../ConnectOptions.ts"
import { firstOf, orAborted } from "../Sleep.ts"
import { VoiceClientError } from "../VoiceClientError.ts"
import type { CallOfStore, CallStoreClient, CallStoreOptions } from "./CallStoreOptions.ts"

/** How long the application may take to say how to connect. */
const OPTIONS_TIMEOUT_MS = 30_000

const givenBy = (
  connect: NonNullable<CallStoreOptions["connect"]>,
  signal: AbortSignal
): ConnectOptions | Promise<ConnectOptions> => {
  if (typeof connect !== "function") return connect
  const given = connect(signal)
  if (!(given instanceof Promise)) return given
  const late = new AbortController()
  const timer = setTimeout(
    () => late.abort(new VoiceClientError("connection_timeout", "The page did not get a session in time.")),
    OPTIONS_TIMEOUT_MS
  )
  return orAborted(given, firstOf(signal, late.signal), () => undefined).finally(() => clearTimeout(timer))
}

/**
 * Rejects as `VoiceClient.connect` does, and with what the page's own function fails with. Runs to the opening of the audio at
 * once where the page says at once how to connect. `onFallback` is called when the chosen microphone is not there and the
 * system's is used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openCall = async (
  { client, connect = {} }: CallStoreOptions & { readonly client: CallStoreClient },
  chosen: { readonly input: string; readonly output: string; readonly microphone: boolean },
  own: AbortSignal,
  onFallback: () => void
): Promise<CallOfStore> => {
  const given = givenBy(connect, own)
  const options = given instanceof Promise ? await given : given
  const inputOptions = options.input || {}
  const signal = options.signal === undefined ? own : firstOf(own, options.signal)
  const open = (deviceId: string | undefined) =>
    client.connect({
      ...options,
      signal,
      input: chosen.microphone && options.input !== false ? { ...inputOptions, deviceId } : false,
      output: { deviceId: chosen.output || options.output?.deviceId }
    })
  try {
    return await open(chosen.input || inputOptions.deviceId)
  } catch (error) {
    // A remembered device may have been unplugged: then the system's default is better than none.
    const isMissing = error instanceof VoiceClientError && error.code === "microphone_missing"
    if (!isMissing || chosen.input === "" || own.aborted) throw error
    onFallback()
    return await open(undefined)
  }
}
