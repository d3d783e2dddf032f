/**
 * A page that talks to a server by OpenAI's own client over WebRTC, as its application would write it. What happens to it is kept for the
 * test.
 */
import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime"

/** Chromium has it; the types of TypeScript do not, which know it of workers alone. */
declare const MediaStreamTrackProcessor: new(init: { readonly track: MediaStreamTrack }) => {
  readonly readable: ReadableStream<AudioData>
}

/** The events of the protocol, in order: the type, what was said with it, and how much sound had been heard by then, in ms. */
const log: Array<readonly [type: string, text: string, heardMs: number]> = []
let heardMs = 0

/** Counts how much of the agent's voice comes out of the track. */
const listen = async (track: MediaStreamTrack): Promise<void> => {
  const reader = new MediaStreamTrackProcessor({ track }).readable.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const { numberOfFrames, sampleRate } = next.value
    const samples = new Float32Array(numberOfFrames)
    next.value.copyTo(samples, { planeIndex: 0, format: "f32-planar" })
    next.value.close()
    if (samples.some((sample) => Math.abs(sample) > 0.02)) heardMs += numberOfFrames * 1_000 / sampleRate
  }
}

const weather = tool({
  name: "weather",
  description: "The weather in a city now",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: true
  },
  strict: false,
  execute: (input) => {
    log.push(["tool", JSON.stringify(input), heardMs])
    return "clear"
  }
})

const textOf = (event: { readonly [name: string]: unknown }): string => {
  const { error, transcript } = event
  if (typeof transcript === "string") return transcript
  return error === undefined ? "" : JSON.stringify(error)
}

/** Connects with a client secret; the microphone is closed. */
const start = async (url: string, apiKey: string): Promise<string | undefined> => {
  const mediaStream = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }
  })
  // not by the session, which mutes what it is connected to
  for (const track of mediaStream.getAudioTracks()) track.enabled = false
  const audioElement = document.body.appendChild(document.createElement("audio"))
  const transport = new OpenAIRealtimeWebRTC({
    baseUrl: `${url}/v1/realtime/calls`,
    mediaStream,
    audioElement,
    changePeerConnection: (connection) => {
      connection.addEventListener("track", ({ track }) => void listen(track))
      return connection
    }
  })
  const agent = new RealtimeAgent({ name: "assistant", instructions: "Be brief.", tools: [weather] })
  const session = new RealtimeSession(agent, {
    transport,
    config: { audio: { input: { turnDetection: { type: "server_vad", silenceDurationMs: 300 } } } }
  })
  session.on("transport_event", (event) => log.push([event.type, textOf(event), heardMs]))
  transport.on("connection_change", (state) => log.push(["connection", state, heardMs]))
  Object.assign(globalThis, { session })
  await session.connect({ apiKey })
  return transport.callId
}

const wordsOf = (part: { readonly text?: string; readonly transcript?: string | null | undefined }): string =>
  part.text ?? part.transcript ?? ""

/** What the client's own history holds. */
const history = (): ReadonlyArray<readonly [role: string, text: string]> => {
  const { session }: { session: RealtimeSession } = globalThis as never
  return session.history.flatMap((item) =>
    item.type === "message"
      ? [[item.role, item.content.map(wordsOf).join("")]]
      : []
  )
}

Object.assign(globalThis, { openai: { start, log, history, heardMs: () => heardMs } })
