/**
 * A page that talks to a server by Pipecat's own clients, as its application would write it: `client-js` with each of its transports, and
 * `client-react` for what is on the page. What happens to it is kept for the test.
 */
import { PipecatClient, type RTVIEventCallbacks } from "@pipecat-ai/client-js"
import {
  PipecatClientAudio,
  PipecatClientProvider,
  usePipecatClientTransportState,
  usePipecatConversation
} from "@pipecat-ai/client-react"
import { SmallWebRTCTransport, WavMediaManager as RtcMedia } from "@pipecat-ai/small-webrtc-transport"
import { WavMediaManager, WebSocketTransport } from "@pipecat-ai/websocket-transport"
import { createElement, Fragment } from "react"
import { createRoot } from "react-dom/client"

/** What the loudspeaker gets of a WebSocket's audio. */
const heard: Array<Int16Array> = []
class Loudspeaker extends WavMediaManager {
  override bufferBotAudio(data: ArrayBuffer | Int16Array, id?: string): Int16Array {
    heard.push(data instanceof Int16Array ? data.slice() : new Int16Array(data.slice(0)))
    return super.bufferBotAudio(data, id)
  }
}

/** The events, in order: a name, and the text that came with it. */
const log: Array<readonly [name: string, text: string]> = []
const note = (name: string, text = ""): void => void log.push([name, text])

const clientOf = (): PipecatClient => Reflect.get(globalThis, "client")

const callbacks: RTVIEventCallbacks = {
  onConnected: () => note("connected"),
  onDisconnected: () => note("disconnected"),
  onBotReady: ({ version }) => note("botReady", version),
  onUserStartedSpeaking: () => note("userStarted"),
  onUserStoppedSpeaking: () => {
    // one thing is said at a time: the microphone repeats itself
    clientOf().enableMic(false)
    note("userStopped")
  },
  onUserTranscript: ({ final, text }) => final ? note("user", text) : undefined,
  onBotTranscript: ({ text }) => note("bot", text),
  onBotStartedSpeaking: () => note("botStarted"),
  onBotStoppedSpeaking: () => note("botStopped"),
  onLLMFunctionCallStarted: ({ function_name }) => note("tool", function_name),
  onLLMFunctionCallStopped: ({ function_name }) => note("toolStopped", function_name),
  onError: ({ data }) => note("error", JSON.stringify(data)),
  onMessageError: ({ data }) => note("refused", JSON.stringify(data))
}

const makeTransport = {
  websocket: () => new WebSocketTransport({ mediaManager: new Loudspeaker(512, 16_000) }),
  webrtc: () => new SmallWebRTCTransport({ mediaManager: new RtcMedia() })
}

const Conversation = () => {
  const { messages } = usePipecatConversation()
  const state = usePipecatClientTransportState()
  return createElement(
    Fragment,
    null,
    createElement(PipecatClientAudio),
    createElement("output", { id: "state" }, state),
    createElement("output", { id: "messages" }, JSON.stringify(messages.map(({ parts, role }) => ({ role, parts }))))
  )
}

const start = async (url: string, transport: keyof typeof makeTransport, requestData: object): Promise<string> => {
  const client = new PipecatClient({
    transport: makeTransport[transport](),
    enableMic: false,
    enableCam: false,
    callbacks
  })
  const root = document.createElement("main")
  document.body.replaceChildren(root)
  createRoot(root).render(createElement(PipecatClientProvider, { client, children: createElement(Conversation) }))
  Object.assign(globalThis, { client })
  await client.initDevices()
  // this media manager opens the microphone's track whatever `enableMic` was
  client.enableMic(false)
  const { version } = await client.startBotAndConnect({
    endpoint: `${url}/start`,
    requestData: { transport, ...requestData }
  })
  return version
}

/** The loudest that WebRTC has brought, 0 to 1, and how many packets. */
const received = async (): Promise<readonly [level: number, packets: number]> => {
  const pc: RTCPeerConnection | undefined = Reflect.get(clientOf().transport, "pc")
  let [energy, packets] = [0, 0]
  for (const report of (await pc?.getStats())?.values() ?? []) {
    if (report.type !== "inbound-rtp" || report.kind !== "audio") continue
    energy = Math.max(energy, report.totalAudioEnergy ?? 0)
    packets = report.packetsReceived ?? 0
  }
  return [energy, packets]
}

/** The samples that a WebSocket has brought, in base64. */
const samples = (): string => {
  const bytes = heard.splice(0).flatMap((pcm) => Array.from(new Uint8Array(pcm.buffer)))
  let text = ""
  for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.slice(at, at + 8_192))
  return btoa(text)
}

Object.assign(globalThis, { rtvi: { start, log, received, samples } })
