/**
 * A vendor's times as positions of the session. Plain synchronous code.
 *
 * @since 0.1.0
 */
import type { TranscriptEvent } from "../../../speech/SpeechToText.ts"
import { TIMELINE_RATE } from "../../../speech/VoiceActivityDetector.ts"
import type { SttMessage } from "./SttProtocol.ts"

/** The silences that are remembered: as many may lie within the words of one turn. */
const MAX_PADDINGS = 64

/**
 * One connection's times: a vendor counts ms from the first audio of its connection, silence that was added included. A
 * stream counts samples at 16 kHz from its own first.
 *
 * @category models
 * @since 0.1.0
 */
export class VendorTimeline {
  readonly #sampleRate: number
  readonly #paddings: Array<{ readonly atMs: number; readonly ms: number }> = []
  #base = 0
  #sent = 0

  /** `sampleRate` in Hz, of the audio that is sent. */
  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate
  }

  /** The connection begins after so many samples of the stream, at the engine's rate. */
  begin(pushed: number): void {
    this.#base = Math.round(pushed * TIMELINE_RATE / this.#sampleRate)
  }

  /** So many samples were sent, the last `padding` of them silence that the user did not make. */
  sent(samples: number, padding = 0): void {
    if (padding > 0) {
      this.#paddings.push({
        atMs: this.#ms(this.#sent + samples - padding),
        ms: this.#ms(padding)
      })
      if (this.#paddings.length > MAX_PADDINGS) {
        const oldest = this.#paddings.shift()
        this.#base -= Math.round((oldest?.ms ?? 0) * TIMELINE_RATE / 1_000)
      }
    }
    this.#sent += samples
  }

  /** The position of a time of the vendor's. */
  position(ms: number): number {
    let own = ms
    for (const padding of this.#paddings) if (padding.atMs < ms) own -= padding.ms
    return this.#base + Math.round(own * TIMELINE_RATE / 1_000)
  }

  /** A final transcript with its words on the stream's timeline. */
  transcript({ confidence, language, text, words }: SttMessage & { readonly _tag: "Final" }): TranscriptEvent {
    return {
      _tag: "Final",
      text,
      ...(confidence === undefined ? {} : { confidence }),
      ...(language === undefined ? {} : { language }),
      ...(words === undefined ? {} : {
        words: words.map((word) => ({
          text: word.text,
          startSample: this.position(word.startMs),
          endSample: this.position(word.endMs),
          ...(word.confidence === undefined ? {} : { confidence: word.confidence })
        }))
      })
    }
  }

  #ms(samples: number): number {
    return samples * 1_000 / this.#sampleRate
  }
}
