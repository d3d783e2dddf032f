/** A client whose calls say what a test has them say. */
import type { AudioDevices, CallOfStore, CallStoreClient, ConnectOptions } from "../../../src/client/index.ts"
import { parseServerMessage } from "../../../src/client/protocol/ClientProtocol.ts"
import type { CallEnded, VoiceClientEvents } from "../../../src/client/VoiceClientEvents.ts"
import { EventListeners } from "../../../src/client/VoiceClientEvents.ts"

export class ScriptedCall implements CallOfStore {
  readonly options: ConnectOptions
  readonly did: Array<string> = []
  readonly sessionId: string
  state: CallOfStore["state"] = "listening"
  connection: CallOfStore["connection"] = "connected"
  muted = false
  hasMicrophone: boolean
  playbackBlocked = false
  levels = { user: 0.5, agent: 0.25 }
  /** What the setters of devices do. */
  onDevice = (_deviceId: string): Promise<void> => Promise.resolve()
  /** What `sendText` does. */
  onText = (_text: string): void => {}
  readonly #listeners = new EventListeners()
  #seq = 0

  constructor(sessionId: string, options: ConnectOptions) {
    this.sessionId = sessionId
    this.options = options
    this.hasMicrophone = options.input !== false
  }

  /** The server says this. */
  say(type: string, fields: object = {}): void {
    const message = parseServerMessage(JSON.stringify({ type, seq: ++this.#seq, at_ms: 1, ...fields }))
    if (message === undefined) throw new Error(`no message: ${type}`)
    if (message.type === "session.state") this.state = message.state
    this.emit("message", message)
    this.emit(message.type, message)
  }

  emit<Type extends keyof VoiceClientEvents>(type: Type, event: VoiceClientEvents[Type]): void {
    this.#listeners.emit(type, event)
  }

  /** The connection is lost, or is there again. */
  change(state: "connected" | "reconnecting"): void {
    this.connection = state
    this.emit("connection", { state, attempt: 1, resumed: state === "connected" })
  }

  finish(ended: CallEnded): void {
    this.state = "closed"
    this.emit("connection", { state: "ended", attempt: 0, resumed: false })
    this.emit("ended", ended)
  }

  on<Type extends keyof VoiceClientEvents>(type: Type, listener: (event: VoiceClientEvents[Type]) => void): () => void {
    return this.#listeners.add(type, listener)
  }
  mute(): void {
    this.muted = true
    this.emit("muted", true)
  }
  unmute(): void {
    this.muted = false
    this.emit("muted", false)
  }
  setInputDevice(deviceId: string): Promise<void> {
    this.did.push(`input ${deviceId}`)
    return this.onDevice(deviceId)
  }
  setOutputDevice(deviceId: string): Promise<void> {
    this.did.push(`output ${deviceId}`)
    return this.onDevice(deviceId)
  }
  startPlayback(): void {
    this.did.push("playback")
  }
  sendText(text: string): void {
    this.onText(text)
    this.did.push(`text ${text}`)
  }
  interrupt(): void {
    this.did.push("interrupt")
  }
  end(): void {
    this.did.push("end")
    this.finish({ reason: "ended_by_user", error: undefined })
  }
}

/** Opens scripted calls, or does what `onConnect` does. */
export class ScriptedClient implements CallStoreClient {
  readonly calls: Array<ScriptedCall> = []
  listed: AudioDevices = { inputs: [], outputs: [], canChooseOutput: true }
  asked = 0
  onConnect = (_options: ConnectOptions): Promise<void> => Promise.resolve()

  /** The latest call. */
  get call(): ScriptedCall {
    const call = this.calls.at(-1)
    if (call === undefined) throw new Error("no call")
    return call
  }

  readonly connect = async (options: ConnectOptions): Promise<ScriptedCall> => {
    await this.onConnect(options)
    const call = new ScriptedCall(`ses_${this.calls.length + 1}`, options)
    this.calls.push(call)
    return call
  }

  readonly devices = async (): Promise<AudioDevices> => {
    this.asked++
    return this.listed
  }
}
