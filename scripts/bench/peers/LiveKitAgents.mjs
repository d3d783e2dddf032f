/**
 * The other side: `AgentSession` of LiveKit Agents JS, unmodified, with engines that take no time, and no room.
 *
 * Plain JavaScript, because the package is fetched when the benchmark runs and its types are not here. Settings: no
 * endpointing delay (its default is 500 ms), no warm-up during which it can't be interrupted (3 s), interruption by voice
 * activity after 1 ms (500 ms); the rest is the package's default.
 */
import { pathToFileURL } from "node:url"
import { ReadableStream } from "node:stream/web"
import { answer, FRAME_MS, INPUT_RATE, isSpeech, OUTPUT_RATE, question } from "./Load.ts"

const { agents, rtc } = await import(pathToFileURL(process.env["EFFECT_VOICE_BENCH_PEER"] ?? "").href)
const { llm, stt, tts, VAD, VADEventType, VADStream, voice } = agents

class InstantVad extends VAD {
  label = "instant-vad"

  constructor(sink) {
    super({ updateInterval: FRAME_MS })
    this.sink = sink
  }

  stream() {
    return new InstantVadStream(this)
  }
}

class InstantVadStream extends VADStream {
  constructor(vad) {
    super(vad)
    void this.listen(vad.sink.meter)
  }

  async listen(meter) {
    let speaking = false
    let samplesIndex = 0
    let lastedMs = 0
    while (!this.closed) {
      const { done, value } = await this.inputReader.read()
      if (done) return
      if (typeof value === "symbol") continue
      samplesIndex += value.samplesPerChannel
      lastedMs += FRAME_MS
      const changed = isSpeech(value.data) !== speaking
      const spokeMs = lastedMs
      if (changed) {
        speaking = !speaking
        lastedMs = FRAME_MS
      }
      const event = (type, speechDuration) => ({
        type,
        samplesIndex,
        timestamp: Date.now(),
        speechDuration,
        silenceDuration: speaking ? 0 : lastedMs,
        frames: [value],
        probability: speaking ? 1 : 0,
        inferenceDuration: 0,
        speaking,
        rawAccumulatedSilence: speaking ? 0 : lastedMs,
        rawAccumulatedSpeech: speaking ? lastedMs : 0
      })
      if (changed && speaking) {
        meter.decided()
        this.sendVADEvent(event(VADEventType.START_OF_SPEECH, lastedMs))
      } else if (changed) {
        this.sendVADEvent(event(VADEventType.END_OF_SPEECH, spokeMs))
      }
      this.sendVADEvent(event(VADEventType.INFERENCE_DONE, speaking ? lastedMs : 0))
    }
  }
}

/** Gives the final transcript at the first silent frame. */
class InstantStt extends stt.STT {
  label = "instant-stt"

  constructor() {
    super({ streaming: true, interimResults: false })
  }

  stream() {
    return new InstantSttStream(this, INPUT_RATE)
  }
}

class InstantSttStream extends stt.SpeechStream {
  label = "instant-stt-stream"

  async run() {
    let speaking = false
    for await (const frame of this.input) {
      if (typeof frame === "symbol" || isSpeech(frame.data) === speaking) continue
      speaking = !speaking
      if (speaking) continue
      this.queue.put({
        type: stt.SpeechEventType.FINAL_TRANSCRIPT,
        requestId: "request",
        alternatives: [{ language: "en", text: question, startTime: 0, endTime: 0, confidence: 1 }]
      })
    }
  }
}

class InstantLlm extends llm.LLM {
  label() {
    return "instant-llm"
  }

  get model() {
    return "instant"
  }

  chat({ chatCtx, connOptions, toolCtx }) {
    const options = connOptions ?? { maxRetry: 0, retryIntervalMs: 0, timeoutMs: 10_000 }
    return new InstantLlmStream(this, { chatCtx, toolCtx, connOptions: options })
  }
}

class InstantLlmStream extends llm.LLMStream {
  async run() {
    this.queue.put({ id: "answer", delta: { role: "assistant", content: answer } })
  }
}

/** Gives all of a reply at its first words. */
class InstantTts extends tts.TTS {
  label = "instant-tts"

  constructor(load) {
    super(OUTPUT_RATE, 1, { streaming: true })
    this.load = load
  }

  stream() {
    return new InstantTtsStream(this)
  }
}

class InstantTtsStream extends tts.SynthesizeStream {
  label = "instant-tts-stream"

  constructor(owner) {
    super(owner)
    this.load = owner.load
  }

  async run() {
    const { chunkMs, replyMs } = this.load
    const samples = OUTPUT_RATE * chunkMs / 1000
    const count = Math.round(replyMs / chunkMs)
    let spoken = false
    for await (const text of this.input) {
      if (typeof text === "symbol" || spoken) continue
      spoken = true
      this.markStarted()
      for (let i = 0; i < count; i++) {
        const frame = new rtc.AudioFrame(new Int16Array(samples), OUTPUT_RATE, 1, samples)
        this.queue.put({ requestId: "request", segmentId: "segment", final: i === count - 1, frame })
      }
      this.queue.put(tts.SynthesizeStream.END_OF_STREAM)
    }
  }
}

class Microphone extends voice.AudioInput {
  constructor() {
    super()
    const start = (controller) => {
      this.controller = controller
    }
    this.multiStream.addInputStream(new ReadableStream({ start }, { highWaterMark: Number.MAX_SAFE_INTEGER }))
  }

  push(pcm) {
    this.controller.enqueue(new rtc.AudioFrame(pcm, INPUT_RATE, 1, pcm.length))
  }
}

/** Plays into the sink as the package's output for a room does: `captureFrame` waits while the sink is full. */
class Speaker extends voice.AudioOutput {
  constructor(sink, pause) {
    super(OUTPUT_RATE, undefined, { pause })
    this.sink = sink
    this.waiting = []
    this.silence()
  }

  silence() {
    this.segment = false
    this.started = false
    this.flushed = false
    this.playedMs = 0
  }

  async captureFrame(frame) {
    if (this.dropping) return
    await super.captureFrame(frame)
    if (!this.segment) {
      this.silence()
      this.segment = true
    }
    this.sink.take(frame.samplesPerChannel * 1000 / frame.sampleRate)
    this.start()
    while (this.sink.isFull && this.segment) await new Promise((resolve) => this.waiting.push(resolve))
  }

  start() {
    if (this.started || this.sink.paused) return
    this.started = true
    this.onPlaybackStarted(Date.now())
  }

  wake() {
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  finish(interrupted) {
    const playbackPosition = this.playedMs / 1000
    this.silence()
    this.wake()
    this.onPlaybackFinished({ playbackPosition, interrupted })
  }

  tick() {
    if (!this.segment || this.sink.paused) return
    this.start()
    this.playedMs += this.sink.play(FRAME_MS)
    if (!this.sink.isFull) this.wake()
    if (this.flushed && this.sink.queuedMs <= 0) this.finish(false)
  }

  flush() {
    super.flush()
    this.dropping = false
    if (!this.segment) return
    this.flushed = true
    if (this.sink.queuedMs <= 0) this.finish(false)
  }

  clearBuffer() {
    this.sink.clear()
    this.sink.paused = false
    if (!this.segment) return
    this.dropping = !this.flushed
    this.finish(true)
  }

  pause() {
    if (!this.sink.paused) this.sink.meter.cut()
    this.sink.paused = true
    super.pause()
  }

  resume() {
    this.sink.paused = false
    super.resume()
  }
}

/** @param {import("./Load.ts").Load} load */
export const connect = async (load) => {
  agents.initializeLogger({ pretty: false, level: "error" })
  process.setMaxListeners(0)
  const open = async (sink) => {
    const microphone = new Microphone()
    const speaker = new Speaker(sink, load.pause)
    const session = new voice.AgentSession({
      vad: new InstantVad(sink),
      stt: new InstantStt(),
      llm: new InstantLlm(),
      tts: new InstantTts(load),
      aecWarmupDuration: null,
      turnHandling: {
        turnDetection: "vad",
        endpointing: { mode: "fixed", minDelay: 0, maxDelay: 1 },
        interruption: {
          enabled: true,
          mode: "vad",
          minDuration: 1,
          minWords: 0,
          resumeFalseInterruption: load.pause
        }
      }
    })
    session.input.audio = microphone
    session.output.audio = speaker
    await session.start({ agent: new voice.Agent({ instructions: "You are a test." }) })
    return {
      sink,
      push: (pcm) => microphone.push(pcm),
      tick: () => speaker.tick(),
      close: () => session.close()
    }
  }
  return { open, close: () => Promise.resolve() }
}
