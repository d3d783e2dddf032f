/**
 * Decodes whole utterances, for a model that does not hear continuously. The engine limits how many it sends at once.
 *
 * @since 0.1.0
 */
import type { Reply, Request } from "./ChildProtocol.ts"
import type { OfflineRecognizer } from "./Library.ts"

const RATE = 16_000

/**
 * @category models
 * @since 0.1.0
 */
export class Utterances {
  readonly #recognizer: OfflineRecognizer
  readonly #post: (reply: Reply) => void

  constructor(recognizer: OfflineRecognizer, post: (reply: Reply) => void) {
    this.#recognizer = recognizer
    this.#post = post
  }

  async decode(samples: Float32Array): Promise<string> {
    const stream = this.#recognizer.createStream()
    stream.acceptWaveform({ sampleRate: RATE, samples })
    return (await this.#recognizer.decodeAsync(stream)).text.trim()
  }

  handle(request: Request): void {
    if (request.type !== "decode") return
    const { id, samples } = request
    this.decode(samples).then(
      (text) => this.#post({ type: "text", id, text }),
      (cause: unknown) => this.#post({ type: "failed", id, message: String(cause) })
    )
  }
}
