/**
 * The microphone's audio worklet: posts blocks of 20 ms at the context's rate to the page.
 *
 * Loaded by `audioWorklet.addModule`. It imports nothing, so that a bundler can copy it as an asset.
 *
 * @since 0.1.0
 */
declare const sampleRate: number
declare class AudioWorkletProcessor {
  readonly port: MessagePort
}
declare function registerProcessor(name: string, processor: new() => AudioWorkletProcessor): void

registerProcessor(
  "effect-voice-capture",
  class extends AudioWorkletProcessor {
    #block = new Float32Array(Math.round(sampleRate / 50))
    #filled = 0

    process(inputs: ReadonlyArray<ReadonlyArray<Float32Array>>): boolean {
      const channel = inputs[0]?.[0]
      if (channel === undefined) return true
      for (const sample of channel) {
        this.#block[this.#filled++] = sample
        if (this.#filled === this.#block.length) {
          const full = this.#block
          this.#block = new Float32Array(full.length)
          this.#filled = 0
          this.port.postMessage(full, [full.buffer])
        }
      }
      return true
    }
  }
)
