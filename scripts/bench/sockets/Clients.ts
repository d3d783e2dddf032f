/**
 * Users of one server by three protocols over WebSockets: our own, OpenAI's Realtime API, and Pipecat's RTVI, each with the messages
 * of its official client: 20 ms of audio, 16 ms for RTVI.
 *
 * @since 0.1.0
 */
import { WebSocket } from "ws"
import * as PipecatFrames from "../../../src/wire/PipecatFrames.ts"
import * as Rtvi from "../../../src/wire/Rtvi.ts"
import type { Dial } from "./Users.ts"

/** Bytes of payload that the users have sent and received. */
export interface Traffic {
  sent: number
  received: number
}

const opened = (socket: WebSocket, traffic: Traffic): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.on("message", (data) => {
      if (Buffer.isBuffer(data)) traffic.received += data.length
    })
    socket.once("open", () => resolve())
    socket.once("error", reject)
  })

const counted = (socket: WebSocket, traffic: Traffic) => (data: string | Uint8Array): void => {
  traffic.sent += data.length
  socket.send(data)
}

const bytesOf = (pcm: Int16Array): Uint8Array => new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength)

const post = async (url: string, body: object): Promise<{ readonly [key: string]: string }> => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body)
  })
  return JSON.parse(await response.text())
}

/** A session of our own protocol. */
export const native = (base: string, traffic: Traffic): Dial => async (onSound) => {
  const { connection_url: url, token } = await post(`${base}/v1/sessions`, { user_id: "bench", transport: "websocket" })
  const socket = new WebSocket(`${url}?input_rate=16000`, ["effect-voice.v1", `token.${token}`])
  socket.on("message", (_, binary) => {
    if (binary) onSound()
  })
  await opened(socket, traffic)
  const send = counted(socket, traffic)
  return { send: (frame) => send(bytesOf(frame)), close: () => socket.terminate() }
}

/** 16 kHz as 24 kHz, by straight lines: two samples become three. */
const at24 = (frame: Int16Array): Int16Array => {
  const out = new Int16Array(frame.length * 3 / 2)
  for (let i = 0; i < out.length; i++) {
    const at = i * 2 / 3
    const low = Math.floor(at)
    const from = frame[low] ?? 0
    out[i] = from + (at - low) * ((frame[low + 1] ?? from) - from)
  }
  return out
}

/** A session of OpenAI's Realtime API. */
export const openai = (base: string, traffic: Traffic): Dial => async (onSound) => {
  const socket = new WebSocket(`${base.replace(/^http/, "ws")}/v1/realtime?model=bench`, ["realtime"])
  const isReady = new Promise<void>((resolve) => {
    socket.on("message", (data) => {
      const text = Buffer.isBuffer(data) ? data.toString("latin1", 0, 80) : ""
      if (text.includes("response.output_audio.delta")) onSound()
      else if (text.includes("session.created")) resolve()
    })
  })
  await opened(socket, traffic)
  await isReady
  const send = counted(socket, traffic)
  return {
    send: (frame) => {
      const audio = Buffer.from(bytesOf(at24(frame))).toString("base64")
      send(JSON.stringify({ type: "input_audio_buffer.append", audio }))
    },
    close: () => socket.close(1000)
  }
}

/** A session of an RTVI client. */
export const rtvi = (base: string, traffic: Traffic): Dial => async (onSound) => {
  const { token, wsUrl } = await post(`${base}/start`, { transport: "websocket" })
  const socket = new WebSocket(`${wsUrl}?token=${token}`)
  socket.on("message", (data) => {
    if (!Buffer.isBuffer(data)) return
    const frame = PipecatFrames.decode(data)
    if (frame._tag === "Success" && frame.success._tag === "Audio") onSound()
  })
  await opened(socket, traffic)
  const send = counted(socket, traffic)
  send(PipecatFrames.encode({
    _tag: "Message",
    data: Rtvi.encode({ type: "client-ready", id: "1", data: { version: Rtvi.VERSION, about: { library: "bench" } } })
  }))
  const encode = PipecatFrames.audioEncoder(16_000)
  return { send: (frame) => send(encode(frame)), close: () => socket.close() }
}
