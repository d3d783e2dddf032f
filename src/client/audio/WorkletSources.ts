/**
 * The audio worklets as text, for pages whose bundler does not bring their files.
 *
 * Made by `npm run fix` from `CaptureWorklet.ts` and `PlaybackWorklet.ts`. Change those, not this file.
 *
 * @since 0.1.0
 */

/**
 * JavaScript modules.
 *
 * @category constants
 * @since 0.1.0
 */
export const worklets = {
  capture: `registerProcessor(
  "effect-voice-capture",
  class extends AudioWorkletProcessor {
    #block = new Float32Array(Math.round(sampleRate / 50))
    #filled = 0
    process(inputs) {
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
)`,
  playback: `const MAX_SEGMENTS = 64
export class PlaybackBuffer {
  #ring
  #prebuffer
  #fade
  #segments = []
  #read = 0
  #queued = 0
  #bufferingFor = 0
  #fadeAt
  #incoming = 0
  #playing = false
  #ranEmpty = false
  #turn = 0
  #played = 0
  #underruns = 0
  #refused = 0
  constructor(options) {
    const samples = (ms) => Math.max(1, Math.round((options.sampleRate * ms) / 1_000))
    this.#prebuffer = samples(options.prebufferMs ?? 60)
    this.#ring = new Float32Array(samples(options.capacityMs ?? 30_000))
    this.#fade = new Float32Array(samples(options.fadeMs ?? 5))
    this.#fadeAt = this.#fade.length
  }
  get playing() {
    return this.#playing
  }
  get queued() {
    return this.#queued
  }
  get turn() {
    return this.#turn
  }
  get played() {
    return this.#played
  }
  get underruns() {
    return this.#underruns
  }
  get refused() {
    return this.#refused
  }
  beginTurn(turn) {
    this.#incoming = turn
  }
  push(samples) {
    const taken = Math.min(samples.length, this.#ring.length - this.#queued)
    this.#refused += samples.length - taken
    if (taken === 0) return 0
    if (this.#ranEmpty && this.#incoming === this.#turn) this.#underruns++
    this.#ranEmpty = false
    let at = (this.#read + this.#queued) % this.#ring.length
    for (let i = 0; i < taken; i++) {
      this.#ring[at] = samples[i]
      at = at + 1 === this.#ring.length ? 0 : at + 1
    }
    this.#queued += taken
    const tail = this.#segments[this.#segments.length - 1]
    if (tail !== undefined && (tail.turn === this.#incoming || this.#segments.length >= MAX_SEGMENTS)) {
      tail.samples += taken
    } else this.#segments.push({ turn: this.#incoming, samples: taken })
    return taken
  }
  clear(turn) {
    let dropped = 0
    let kept = this.#segments
    while (kept[0] !== undefined && (turn === undefined || kept[0].turn <= turn)) {
      dropped += kept[0].samples
      kept = kept.slice(1)
    }
    if (dropped === 0) return 0
    if (this.#playing) this.#startFade(dropped)
    this.#segments = kept
    this.#read = (this.#read + dropped) % this.#ring.length
    this.#queued -= dropped
    this.#playing = false
    this.#ranEmpty = false
    this.#bufferingFor = 0
    return dropped
  }
  read(out) {
    let i = 0
    while (this.#fadeAt < this.#fade.length && i < out.length) out[i++] = this.#fade[this.#fadeAt++]
    if (!this.#playing) {
      if (this.#queued > 0) this.#bufferingFor += out.length
      if (this.#queued > 0 && (this.#queued >= this.#prebuffer || this.#bufferingFor >= 2 * this.#prebuffer)) {
        this.#playing = true
        this.#bufferingFor = 0
      }
    }
    while (this.#playing && i < out.length) {
      const segment = this.#segments[0]
      if (segment === undefined) {
        this.#playing = false
        this.#ranEmpty = true
        break
      }
      if (segment.turn !== this.#turn) {
        this.#turn = segment.turn
        this.#played = 0
      }
      const count = Math.min(segment.samples, out.length - i)
      for (let k = 0; k < count; k++) {
        out[i++] = this.#ring[this.#read]
        this.#read = this.#read + 1 === this.#ring.length ? 0 : this.#read + 1
      }
      this.#played += count
      this.#queued -= count
      segment.samples -= count
      if (segment.samples === 0) this.#segments.shift()
    }
    out.fill(0, i)
  }
  #startFade(available) {
    const length = this.#fade.length
    for (let i = 0; i < length; i++) {
      const sample = i < available ? this.#ring[(this.#read + i) % this.#ring.length] : 0
      this.#fade[i] = sample * (1 - i / length)
    }
    this.#fadeAt = 0
  }
}
if (typeof registerProcessor === "function") {
  registerProcessor(
    "effect-voice-playback",
    class extends AudioWorkletProcessor {
      #buffer = new PlaybackBuffer({ sampleRate })
      #sinceReport = 0
      #wasPlaying = false
      constructor() {
        super()
        this.port.onmessage = (event) => {
          const command = event.data
          if (command.type === "audio") this.#buffer.push(command.samples)
          else if (command.type === "turn") this.#buffer.beginTurn(command.turn)
          else {
            this.#buffer.clear(command.turn)
            this.#report()
          }
        }
      }
      process(_inputs, outputs) {
        const channel = outputs[0]?.[0]
        if (channel === undefined) return true
        this.#buffer.read(channel)
        this.#sinceReport += channel.length
        const playing = this.#buffer.playing
        if (playing !== this.#wasPlaying || (playing && this.#sinceReport >= sampleRate / 20)) this.#report()
        return true
      }
      #report() {
        this.#sinceReport = 0
        this.#wasPlaying = this.#buffer.playing
        const { playing, played, queued, turn, underruns } = this.#buffer
        const report = { turn, played, queued, playing, underruns }
        this.port.postMessage(report)
      }
    }
  )
}`
}
