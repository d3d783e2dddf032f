/**
 * Loads the audio worklets into a context.
 *
 * A bundler neither finds nor copies the files of worklets reliably, so this module has their text and loads it as a Blob.
 * Where the page's content security policy forbids that, they are loaded as files.
 *
 * @since 0.1.0
 */
import { VoiceClientError } from "../VoiceClientError.ts"
import { worklets } from "./WorkletSources.ts"

/**
 * Where the files of the worklets are: the folder of `CaptureWorklet.js` and `PlaybackWorklet.js`, or each of them.
 *
 * @category models
 * @since 0.1.0
 */
export type WorkletUrl = string | URL | { readonly capture: string | URL; readonly playback: string | URL }

type Name = keyof typeof worklets

const names: ReadonlyArray<Name> = ["capture", "playback"]

const fileNames = { capture: "CaptureWorklet.js", playback: "PlaybackWorklet.js" }

const fileUrl = (base: WorkletUrl, name: Name): URL =>
  typeof base === "string" || base instanceof URL
    ? new URL(fileNames[name], new URL(base, document.baseURI))
    : new URL(base[name], document.baseURI)

/** A variable, or bundlers would take the folder for a file to bring along. */
const moduleUrl: string = import.meta.url

const addBlob = async (context: AudioContext, name: Name): Promise<void> => {
  const url = URL.createObjectURL(new Blob([worklets[name]], { type: "text/javascript" }))
  try {
    await context.audioWorklet.addModule(url)
  } finally {
    URL.revokeObjectURL(url)
  }
}

const addFiles = (context: AudioContext, base: WorkletUrl): Promise<ReadonlyArray<void>> =>
  Promise.all(names.map((name) => context.audioWorklet.addModule(fileUrl(base, name))))

/**
 * Loads them: from `workletUrl` if given, else from their text, and should that be forbidden from the folder of this module.
 * Rejects with `connection_failed`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const addWorklets = async (context: AudioContext, workletUrl: WorkletUrl | undefined): Promise<void> => {
  if (workletUrl !== undefined) {
    try {
      await addFiles(context, workletUrl)
      return
    } catch (cause) {
      throw new VoiceClientError(
        "connection_failed",
        "The page's audio files could not be loaded: CaptureWorklet.js and PlaybackWorklet.js are not where workletUrl" +
          " says, or the page's content security policy (script-src) forbids them.",
        { cause, details: { reason: "worklets" } }
      )
    }
  }
  try {
    await Promise.all(names.map((name) => addBlob(context, name)))
  } catch (cause) {
    try {
      // In an unbundled page they are beside this module.
      await addFiles(context, new URL("./", moduleUrl))
    } catch {
      throw new VoiceClientError(
        "connection_failed",
        "The audio worklets could not be loaded. If the page's content security policy forbids blob: scripts, allow them" +
          " (script-src blob:), or serve CaptureWorklet.js and PlaybackWorklet.js of effect-voice/client and pass workletUrl.",
        { cause, details: { reason: "worklets" } }
      )
    }
  }
}
