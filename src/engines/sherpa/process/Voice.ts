/**
 * Speaks the texts of all sessions, one after the other: a session asks for its next text when it has this one.
 *
 * @since 0.1.0
 */
import type { Reply, Request } from "./ChildProtocol.ts"
import type { OfflineTts } from "./Library.ts"

type Speak = Extract<Request, { readonly type: "speak" }>

const pcmOf = (samples: Float32Array): Int16Array => {
  const pcm = new Int16Array(samples.length)
  for (let i = 0; i < samples.length; i++) {
    const value = Math.round(samples[i]! * 32767)
    pcm[i] = value > 32767 ? 32767 : value < -32768 ? -32768 : value
  }
  return pcm
}

/** What the library says of a text that has nothing which the voice can say: signs, another script. */
const isNothing = (cause: unknown): boolean => /no audio/.test(String(cause))

/**
 * @category models
 * @since 0.1.0
 */
export class Voice {
  readonly #tts: OfflineTts
  readonly #post: (reply: Reply) => void
  readonly #waiting = new Map<number, Speak>()
  #current: number | undefined
  #cancelled = false

  constructor(tts: OfflineTts, post: (reply: Reply) => void) {
    this.#tts = tts
    this.#post = post
  }

  /** Speaks something once, so that a model on which the library ends its process does that at the start. */
  async warm(): Promise<void> {
    await this.#generate({ text: "Aha, no. 1", speaker: 0, speed: 1 }, () => 1).catch((cause: unknown) => {
      if (!isNothing(cause)) throw cause
    })
  }

  #generate(
    { speaker, speed, text }: Pick<Speak, "text" | "speaker" | "speed">,
    onPart: (samples: Float32Array) => number
  ) {
    return this.#tts.generateAsync({
      text,
      sid: speaker,
      speed,
      enableExternalBuffer: false,
      onProgress: ({ samples }) => onPart(samples)
    })
  }

  handle(request: Request): void {
    if (request.type === "speak") {
      this.#waiting.set(request.id, request)
      if (this.#current === undefined) this.#next()
    } else if (request.type === "cancel") {
      if (this.#current === request.id) this.#cancelled = true
      else this.#waiting.delete(request.id)
    }
  }

  #next(): void {
    const [request] = this.#waiting.values()
    if (request === undefined) return
    const { id } = request
    this.#waiting.delete(id)
    this.#current = id
    this.#cancelled = false
    this.#generate(request, (samples) => {
      if (this.#cancelled) return 0
      this.#post({ type: "sound", id, pcm: pcmOf(samples) })
      return 1
    }).then(
      () => this.#post({ type: "spoken", id }),
      (cause: unknown) =>
        this.#post(isNothing(cause) ? { type: "spoken", id } : { type: "failed", id, message: String(cause) })
    ).finally(() => {
      this.#current = undefined
      this.#next()
    })
  }
}
