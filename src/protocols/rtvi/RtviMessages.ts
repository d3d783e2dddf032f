/**
 * The conversation of an RTVI client with the bot that we are, in JSON: what the client's messages do, and what it is told. It is the
 * same whatever carries the JSON: protobuf frames, the text frames of a WebSocket, a data channel.
 *
 * Pure and synchronous; nothing throws, whatever arrives.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { msOf } from "../../audio/AudioFormat.ts"
import type { BackendError } from "../../BackendError.ts"
import * as ClientMessage from "../../session/ClientMessage.ts"
import { costOf, costOfAudio } from "../../session/FloodLimit.ts"
import type { SessionControl } from "../../session/SessionControl.ts"
import * as SessionEvent from "../../session/SessionEvent.ts"
import type { FrameListener } from "../../transport/websocket/WebSocketProtocol.ts"
import * as PipecatFrames from "../../wire/PipecatFrames.ts"
import * as Rtvi from "../../wire/Rtvi.ts"
import { BotMessages } from "./BotMessages.ts"
import * as ClientRequest from "./ClientRequest.ts"

/** So many messages are kept for a client that has not said that it is ready. */
const MAX_WAITING = 256

/**
 * What a control message costs, in ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const CONTROL_MS = costOf({ _tag: "Unknown", type: "" })

/**
 * Answers a message of the application's own, a `client-message`; `answer` is called once, or never when the connection has ended.
 *
 * @category models
 * @since 0.1.0
 */
export type AnswerRequest = (
  type: string,
  data: unknown,
  answer: (result: Result.Result<unknown, BackendError>) => void
) => void

/**
 * - `ready`: `waited_for`: the client gets nothing before it has said that it is ready; what it would have got follows then. `assumed`:
 *   it is ready from the beginning. Default: `waited_for`.
 * - `events`: whether the client gets the session's own events as well, each in a `server-message`. Default: no.
 * - `rawAudio`: whether the user's audio may come in JSON. Default: yes.
 * - `answer`: answers messages of the application's own. Default: they are refused.
 *
 * @category models
 * @since 0.1.0
 */
export interface RtviOptions {
  readonly ready?: "waited_for" | "assumed" | undefined
  readonly events?: boolean | undefined
  readonly rawAudio?: boolean | undefined
  readonly answer?: AnswerRequest | undefined
}

type Audio = PipecatFrames.PipecatFrame & { readonly _tag: "Audio" }

const majorOf = (version: string | undefined): number => {
  const major = version?.split(".", 1)[0] ?? ""
  return /^\d{1,3}$/.test(major) ? Number(major) : 0
}

const OURS = majorOf(Rtvi.VERSION)
/** Its `bot-output` is another one. */
const OLD = 1

/**
 * One connection. `inputSampleRate` is that of the user's audio; `send` sends the JSON of a message.
 *
 * @category models
 * @since 0.1.0
 */
export class RtviMessages {
  readonly #inputSampleRate: number
  readonly #send: (text: string) => void
  readonly #options: RtviOptions
  readonly #bot = new BotMessages()
  readonly #samplesOf = PipecatFrames.audioDecoder()
  /** What `client-ready` was answered with, or will be once the session has begun. */
  #greeting: Rtvi.RtviMessage | undefined
  #started = false
  #ready: boolean
  #waiting: Array<Rtvi.RtviMessage> = []
  #reportedRate: number | undefined
  #insertions = 0
  #textAlone = false
  #busy = false
  /** Hangs up, once the agent has finished. */
  #disconnect: (() => void) | undefined

  constructor(inputSampleRate: number, send: (text: string) => void, options: RtviOptions = {}) {
    this.#inputSampleRate = inputSampleRate
    this.#send = send
    this.#options = options
    this.#ready = options.ready === "assumed"
  }

  /** Whether the client takes audio and messages. */
  get isReady(): boolean {
    return this.#ready
  }

  /** The messages of an event, for a client that is ready; kept for one that is not yet. */
  event(event: SessionEvent.SessionEvent): ReadonlyArray<string> {
    const own = this.#options.events === true
      ? [{ type: "server-message", data: SessionEvent.toJsonValue(event) }]
      : []
    const messages = [...this.#bot.of(event), ...own]
    if (event.type === "session.started") {
      this.#started = true
      this.#greet()
    }
    if (event.type === "session.state") {
      this.#busy = event.state === "processing" || event.state === "speaking"
      if (!this.#busy) this.#hangUp()
    }
    if (this.#ready) return messages.map(Rtvi.encode)
    this.#waiting.push(...messages)
    this.#waiting.splice(0, this.#waiting.length - MAX_WAITING)
    return []
  }

  /** Takes the JSON of a message. Returns its cost in ms. */
  message(text: string, listener: FrameListener): number {
    const read = Rtvi.decode(text)
    if (Result.isFailure(read)) {
      listener.malformed(read.failure)
      return CONTROL_MS
    }
    const { id } = read.success
    const request = ClientRequest.read(read.success)
    if (Result.isSuccess(request)) return this.#take(request.success, id, listener)
    this.#refuse(id, request.failure)
    return CONTROL_MS
  }

  /** Takes the user's audio. Returns its cost in ms. */
  audio(frame: Audio, listener: FrameListener): number {
    if (frame.sampleRate !== this.#inputSampleRate) {
      // Reported once, not fifty times a second.
      if (frame.sampleRate !== this.#reportedRate) {
        this.#reportedRate = frame.sampleRate
        listener.malformed(
          `audio at ${frame.sampleRate} Hz on a connection for ${this.#inputSampleRate} Hz: connect with ?input_rate=${frame.sampleRate}`
        )
      }
      return CONTROL_MS
    }
    this.#reportedRate = undefined
    const pcm = this.#samplesOf(frame)
    listener.audio(pcm)
    return costOfAudio(msOf(pcm.length, this.#inputSampleRate))
  }

  /** Takes what the user typed. Returns its cost in ms. */
  typed(text: string, listener: FrameListener): number {
    const parsed = ClientMessage.decode({ type: "user.text", text })
    if (parsed._tag === "Message") listener.message(parsed.message)
    else if (parsed._tag === "Malformed") listener.malformed(parsed.reason)
    return costOf(parsed)
  }

  #text(
    { answered, role, spoken, text }: ClientRequest.ClientRequest & { readonly _tag: "Text" },
    id: string | undefined,
    listener: FrameListener
  ): number {
    const cost = costOf({ _tag: "Message", message: { type: "user.text", text } })
    if (!answered) {
      this.#control({ _tag: "Insert", id: id ?? `rtvi-${++this.#insertions}`, role, text }, id, listener)
      return cost
    }
    if (spoken === this.#textAlone) {
      if (!this.#control({ _tag: "Output", output: spoken ? "audio" : "text" }, id, listener)) return cost
      this.#textAlone = !spoken
    }
    listener.message({ type: "user.text", text })
    return cost
  }

  #take(request: ClientRequest.ClientRequest, id: string | undefined, listener: FrameListener): number {
    switch (request._tag) {
      case "Ready":
        this.#onReady(request.version, id)
        return CONTROL_MS
      case "Text":
        return this.#text(request, id, listener)
      case "Audio":
        if (this.#options.rawAudio === false) {
          this.#refuse(id, "the audio comes on its track")
          return CONTROL_MS
        }
        return request.frames.reduce((cost, frame) => cost + this.audio(frame, listener), CONTROL_MS)
      case "Messages":
        return this.#messages(request.messages, id, listener)
      case "Disconnect":
        this.#disconnect ??= () => listener.message({ type: "session.end" })
        if (!this.#busy) this.#hangUp()
        return CONTROL_MS
      case "Request":
        this.#request(request.type, request.data, id)
        return CONTROL_MS
      case "Unsupported":
        this.#refuse(id, request.why)
        return CONTROL_MS
    }
  }

  #messages(
    messages: (ClientRequest.ClientRequest & { readonly _tag: "Messages" })["messages"],
    id: string | undefined,
    listener: FrameListener
  ): number {
    let cost = 0
    for (const message of messages) {
      cost += costOf({ _tag: "Message", message })
      listener.message(message)
      // the keys of `dtmf` are answered by what they do
      if (message.type !== "user.dtmf") {
        this.#answer({ type: "server-response", id, data: { t: message.type, d: null } })
      }
    }
    return cost
  }

  #request(type: string, data: unknown, id: string | undefined): void {
    const { answer } = this.#options
    if (answer === undefined) return this.#refuse(id, "unsupported client-message")
    answer(type, data, (result) => {
      if (Result.isFailure(result)) this.#refuse(id, result.failure.message)
      else this.#answer({ type: "server-response", id, data: { t: type, d: result.success ?? null } })
    })
  }

  /** Asks something of the conversation; `false` when it was refused. */
  #control(control: SessionControl, id: string | undefined, listener: FrameListener): boolean {
    if (listener.control === undefined) {
      this.#refuse(id, "the session does not take this")
      return false
    }
    const refused = listener.control(control)
    if (refused !== undefined) this.#refuse(id, refused.message)
    return refused === undefined
  }

  #onReady(version: string | undefined, id: string | undefined): void {
    const major = majorOf(version)
    if (major !== OURS && major !== OLD) this.#refuse(id, `expected RTVI ${Rtvi.VERSION}; continuing`)
    this.#bot.major = major === OLD ? OLD : OURS
    this.#greeting = {
      type: "bot-ready",
      id,
      data: { version: major === OLD ? version : Rtvi.VERSION, about: { library: "effect-voice" } }
    }
    this.#greet()
  }

  #greet(): void {
    if (!this.#started || this.#greeting === undefined) return
    this.#answer(this.#greeting)
    this.#greeting = undefined
    this.#ready = true
    const waiting = this.#waiting
    this.#waiting = []
    waiting.forEach((message) => this.#answer(message))
  }

  #hangUp(): void {
    const disconnect = this.#disconnect
    this.#disconnect = undefined
    disconnect?.()
  }

  #refuse(id: string | undefined, error: string): void {
    this.#answer({ type: "error-response", id, data: { error } })
  }

  #answer(message: Rtvi.RtviMessage): void {
    this.#send(Rtvi.encode(message))
  }
}
