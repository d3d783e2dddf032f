/** A user on a real WebSocket who speaks text encoded in audio in real time and records what the server sends, in order. */
import { WebSocket } from "ws"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as SessionEvent from "../../src/session/SessionEvent.ts"
import { encode, SpokenAudioReader } from "../../src/testing/scenario/SpokenAudio.ts"
import { whenThereIsRoom } from "./Room.ts"

const FRAME = 320
const quiet = new Int16Array(FRAME)

/** The response of `POST /v1/sessions`. */
export interface Created {
  readonly id: string
  readonly connection_url: string
  readonly token: string
}

export const create = (base: string, name: string): Promise<Response> =>
  whenThereIsRoom(() =>
    fetch(`${base}/v1/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user_id: name, transport: "websocket" })
    })
  )

export class WireUser {
  readonly events: Array<SessionEvent.SessionEvent> = []
  /** The words received before the socket closed. */
  readonly heard: Array<string> = []
  closed: { readonly code: number; readonly at: number } | undefined
  readonly #socket: WebSocket
  readonly #frames: Array<Int16Array> = []
  readonly #open: Promise<void>
  #microphone: NodeJS.Timeout | undefined
  #ear = new SpokenAudioReader((word) => this.heard.push(word.text))

  constructor({ connection_url, token }: Created) {
    this.#socket = new WebSocket(connection_url, ["effect-voice.v1", `token.${token}`])
    this.#socket.on("message", (data: Buffer, isBinary) => isBinary ? this.#audio(data) : this.#event(data.toString()))
    this.#socket.on("close", (code) => {
      this.closed = { code, at: performance.now() }
      clearInterval(this.#microphone)
    })
    this.#open = new Promise((resolve, reject) => {
      this.#socket.once("open", resolve)
      this.#socket.once("error", reject)
    })
  }

  static async call(base: string, name: string): Promise<WireUser> {
    const response = await create(base, name)
    if (response.status !== 201) throw new Error(`not created: ${response.status}`)
    return WireUser.of(await response.json() as Created)
  }

  /** The user of a session that was created. */
  static async of(created: Created): Promise<WireUser> {
    const user = new WireUser(created)
    await user.#open
    return user
  }

  #audio(data: Buffer): void {
    this.#ear.push(Pcm.toInt16(new Uint8Array(data)))
  }

  #event(text: string): void {
    const read = SessionEvent.fromJson(text)
    if (read._tag === "Failure") throw read.failure
    this.events.push(read.success)
    // the last word of a reply ends when no audio follows
    if (read.success.type === "agent.speech_stopped") this.#ear.cut()
    // a new reply starts a new encoding
    if (read.success.type === "agent.speech_started") {
      this.#ear = new SpokenAudioReader((word) => this.heard.push(word.text))
    }
  }

  /** Says a text in real time, then silence. */
  say(text: string): void {
    const pcm = encode(text)
    for (let at = 0; at < pcm.length; at += FRAME) {
      const frame = new Int16Array(FRAME)
      frame.set(pcm.subarray(at, at + FRAME))
      this.#frames.push(frame)
    }
    let last = performance.now()
    this.#microphone ??= setInterval(() => {
      // send all frames that are due, because timers are late on a busy machine
      for (; performance.now() - last >= 20; last += 20) {
        if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(Pcm.fromInt16(this.#frames.shift() ?? quiet))
      }
    }, 20)
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify(message))
  }

  get types(): ReadonlyArray<string> {
    return this.events.map((event) => event.type)
  }

  hangUp(): void {
    clearInterval(this.#microphone)
    this.#socket.terminate()
  }
}
