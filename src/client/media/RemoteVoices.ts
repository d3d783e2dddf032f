/**
 * The voices of a call that come as WebRTC tracks: the agent's, and in a room those of other people, each with an audio
 * element of its own.
 *
 * Levels, and the silence after a cleared reply, are the agent's alone.
 *
 * @since 0.1.0
 */
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import type { PlaybackWatch } from "./PlaybackWatch.ts"
import { RemoteVoice } from "./RemoteVoice.ts"

/** How long the browser's jitter buffer may still play after a clear (30-40 ms measured, more on a bad network). */
const FLUSH_MS = 150
/** After this long nothing of the cleared reply is left, even when no new speech was announced. */
const MAX_MUTE_MS = 600

/** A voice is the agent's or somebody else's; who it is may become clear later. */
interface Entry {
  readonly voice: RemoteVoice
  readonly isAgent: () => boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export class RemoteVoices {
  readonly #watch: PlaybackWatch
  readonly #voices = new Map<string, Entry>()
  #deviceId = ""
  #muted = false
  #mutedAt = 0
  #unmuteTimer: ReturnType<typeof setTimeout> | undefined

  constructor(watch: PlaybackWatch) {
    this.#watch = watch
  }

  /** Plays a voice until it is removed; a former one of this id is removed. */
  add(id: string, stream: MediaStream, context: AudioContext, isAgent: () => boolean): void {
    this.remove(id)
    const voice = new RemoteVoice(stream, context, this.#watch, this.#deviceId)
    this.#voices.set(id, { voice, isAgent })
    if (this.#muted && isAgent()) voice.setMuted(true)
  }

  remove(id: string): void {
    this.#voices.get(id)?.voice.close()
    this.#voices.delete(id)
  }

  clear(): void {
    for (const id of Array.from(this.#voices.keys())) this.remove(id)
  }

  /** Measures all in another context. */
  measure(context: AudioContext): void {
    for (const { voice } of this.#voices.values()) voice.measure(context)
  }

  /** Mutes the agent when the server clears a reply, and unmutes it with the next one. */
  onMessage(message: ServerMessage): void {
    switch (message.type) {
      case "playout.clear":
        this.#mute()
        break
      case "agent.speech_started":
      case "agent.speech_resumed":
        this.#unmuteAfter(FLUSH_MS)
        break
    }
  }

  /** Plays all through this speaker, and those that come later. When one cannot, all keep the former. */
  async setOutputDevice(deviceId: string): Promise<void> {
    const former = this.#deviceId
    this.#deviceId = deviceId
    const voices = Array.from(this.#voices.values(), ({ voice }) => voice)
    try {
      // A page without any voice yet learns here, too, whether it may choose the speaker.
      if (voices.length === 0) await new Audio().setSinkId(deviceId)
      await Promise.all(voices.map((voice) => voice.setOutputDevice(deviceId)))
    } catch (error) {
      if (this.#deviceId === deviceId) this.#deviceId = former
      await Promise.allSettled(voices.map((voice) => voice.setOutputDevice(former)))
      throw error
    }
  }

  /** The RMS level of the agent's voice, 0..1. */
  get agentLevel(): number {
    let level = 0
    for (const { isAgent, voice } of this.#voices.values()) if (isAgent()) level = Math.max(level, voice.level)
    return level
  }

  close(): void {
    clearTimeout(this.#unmuteTimer)
    this.clear()
  }

  // A browser's jitter buffer cannot be emptied, so what it still holds is muted.
  #mute(): void {
    this.#setMuted(true)
    this.#mutedAt = performance.now()
    this.#unmuteAfter(MAX_MUTE_MS)
  }

  #unmuteAfter(afterMs: number): void {
    if (!this.#muted) return
    clearTimeout(this.#unmuteTimer)
    const waitMs = Math.max(0, this.#mutedAt + afterMs - performance.now())
    this.#unmuteTimer = setTimeout(() => this.#setMuted(false), waitMs)
  }

  #setMuted(muted: boolean): void {
    this.#muted = muted
    for (const { isAgent, voice } of this.#voices.values()) voice.setMuted(muted && isAgent())
  }
}
