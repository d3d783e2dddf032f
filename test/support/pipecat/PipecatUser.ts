/** A user's Pipecat client on a WebSocket: protobuf frames and RTVI, as Pipecat's own clients use them. */
import { Result } from "effect"
import { WebSocket } from "ws"
import * as SessionEvent from "../../../src/session/SessionEvent.ts"
import { encode, SpokenAudioReader } from "../../../src/testing/scenario/SpokenAudio.ts"
import * as PipecatFrames from "../../../src/wire/PipecatFrames.ts"
import * as Rtvi from "../../../src/wire/Rtvi.ts"

const FRAME = 320
const quiet = new Int16Array(FRAME)

/** A received frame and its time. */
export interface Arrived {
  readonly atMs: number
  readonly frame: PipecatFrames.PipecatFrame
}

export class PipecatUser {
  readonly arrived: Array<Arrived> = []
  readonly messages: Array<Rtvi.RtviMessage> = []
  readonly #heard: Array<string> = []
  closed: { readonly code: number; readonly atMs: number } | undefined
  readonly #socket: WebSocket
  readonly #frames: Array<Int16Array> = []
  #microphone: NodeJS.Timeout | undefined
  readonly #ear = new SpokenAudioReader((word) => this.#heard.push(word.text))
  readonly #samplesOf = PipecatFrames.audioDecoder()
  #lastAudioMs = 0

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#socket = new WebSocket(url, { headers })
    this.#socket.on("message", (data: Buffer) => this.#frame(data))
    this.#socket.on("close", (code) => {
      this.closed = { code, atMs: performance.now() }
      clearInterval(this.#microphone)
    })
  }

  static connect(url: string, headers: Record<string, string> = {}): Promise<PipecatUser> {
    const user = new PipecatUser(url, headers)
    return new Promise((resolve, reject) => {
      user.#socket.once("open", () => resolve(user))
      user.#socket.once("error", reject)
    })
  }

  #frame(data: Buffer): void {
    const frame = Result.getOrThrow(PipecatFrames.decode(data))
    if (frame._tag === "Unknown") throw new Error("an unknown frame")
    this.arrived.push({ atMs: performance.now(), frame })
    if (frame._tag === "Message") this.messages.push(Result.getOrThrow(Rtvi.decode(frame.data)))
    if (frame._tag === "Interruption") this.#ear.cut()
    if (frame._tag !== "Audio") return
    this.#ear.push(this.#samplesOf(frame))
    this.#lastAudioMs = performance.now()
  }

  /** The words received. */
  get heard(): ReadonlyArray<string> {
    // the last word of a reply ends when no audio follows
    if (performance.now() - this.#lastAudioMs > 300) this.#ear.cut()
    return this.#heard
  }

  /** Our own events among the messages. */
  get events(): ReadonlyArray<SessionEvent.SessionEvent> {
    return this.messages.filter(({ type }) => type === "server-message").map(({ data }) =>
      Result.getOrThrow(SessionEvent.fromJson(JSON.stringify(data)))
    )
  }

  /** The standard messages, by type. */
  get types(): ReadonlyArray<string> {
    return this.messages.map(({ type }) => type).filter((type) => type !== "server-message")
  }

  /** Frames with sound: the number of samples that are not zero, and the time. */
  get loud(): ReadonlyArray<{ readonly atMs: number; readonly samples: number }> {
    return this.arrived.flatMap(({ atMs, frame }) => {
      if (frame._tag !== "Audio") return []
      const samples = this.#samplesOf(frame).filter((sample) => sample !== 0).length
      return samples === 0 ? [] : [{ atMs, samples }]
    })
  }

  send(frame: PipecatFrames.PipecatFrame): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(PipecatFrames.encode(frame))
  }

  tell(message: Rtvi.RtviMessage): void {
    this.send({ _tag: "Message", data: Rtvi.encode(message) })
  }

  /** Plays PCM (16 kHz) into the microphone in real time, with silence before and after. */
  play(pcm: Int16Array): void {
    for (let at = 0; at < pcm.length; at += FRAME) {
      const frame = new Int16Array(FRAME)
      frame.set(pcm.subarray(at, at + FRAME))
      this.#frames.push(frame)
    }
    let last = performance.now()
    this.#microphone ??= setInterval(() => {
      // send all frames that are due, because timers are late on a busy machine
      for (; performance.now() - last >= 20; last += 20) {
        this.send(PipecatFrames.audio(this.#frames.shift() ?? quiet, 16_000))
      }
    }, 20)
  }

  say(text: string): void {
    this.play(encode(text))
  }

  hangUp(code = 1000): void {
    clearInterval(this.#microphone)
    this.#socket.close(code)
  }
}
