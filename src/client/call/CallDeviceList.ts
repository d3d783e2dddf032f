/**
 * The list of devices and the permission for the microphone, kept current while somebody looks at it.
 *
 * @since 0.1.0
 */
import type { AudioDevice, AudioDevices } from "../audio/Microphone.ts"
import type { MicrophonePermission } from "./CallState.ts"

type Found = Partial<AudioDevices & { readonly permission: MicrophonePermission }>

const sameDevices = (a: ReadonlyArray<AudioDevice>, b: ReadonlyArray<AudioDevice>): boolean =>
  a.length === b.length && a.every(({ deviceId, label }, at) => b[at]?.deviceId === deviceId && b[at].label === label)

/**
 * Whether two lists are of the same devices.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSameList = (a: AudioDevices, b: AudioDevices): boolean =>
  a.canChooseOutput === b.canChooseOutput && sameDevices(a.inputs, b.inputs) && sameDevices(a.outputs, b.outputs)

/**
 * Watches between `start` and `stop`, which may follow each other as often as a page likes.
 *
 * @category models
 * @since 0.1.0
 */
export class CallDeviceList {
  readonly #list: () => Promise<AudioDevices>
  readonly #onFound: (found: Found) => void
  /** Aborted when nobody looks any more. */
  #watching: AbortController | undefined
  #listing: Promise<void> | undefined
  #listAgain = false

  constructor(list: () => Promise<AudioDevices>, onFound: (found: Found) => void) {
    this.#list = list
    this.#onFound = onFound
  }

  start(): void {
    if (this.#watching !== undefined) return
    const { signal } = this.#watching = new AbortController()
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.refresh(), { signal })
    void this.#watchPermission(signal)
    void this.refresh()
  }

  stop(): void {
    this.#watching?.abort()
    this.#watching = undefined
  }

  /** Lists the devices anew. Of calls that come meanwhile, one is enough. */
  refresh(): Promise<void> {
    if (this.#listing !== undefined) this.#listAgain = true
    return this.#listing ??= this.#refreshAll().finally(() => {
      this.#listing = undefined
    })
  }

  async #refreshAll(): Promise<void> {
    do {
      this.#listAgain = false
      try {
        this.#onFound(await this.#list())
      } catch {
        // a browser that lists nothing has the system's devices only
      }
    } while (this.#listAgain)
  }

  async #watchPermission(signal: AbortSignal): Promise<void> {
    try {
      const status = await navigator.permissions.query({ name: "microphone" })
      if (signal.aborted) return
      this.#onFound({ permission: status.state })
      status.addEventListener("change", () => {
        this.#onFound({ permission: status.state })
        // the labels come with the permission
        void this.refresh()
      }, { signal })
    } catch {
      // the browser does not say
    }
  }
}
