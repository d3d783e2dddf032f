/**
 * Users over real WebSockets: each says a recording every few seconds, in frames of 20 ms in real time, and notes when the
 * first sound of an answer comes.
 *
 * @since 0.1.0
 */
import { setTimeout as sleep } from "node:timers/promises"
import { WebSocket } from "ws"
import * as PipecatFrames from "../../../src/wire/PipecatFrames.ts"
import * as Recordings from "../../../test/engines/Recordings.ts"

/** Of each answer. */
export const REPLY_MS = 1_000
/** A turn begins every so often. */
const CYCLE = 300
const FRAME_MS = 20

/** A user's line to one side. */
interface Line {
  readonly send: (frame: Int16Array) => void
  readonly close: () => void
}

/** How a side is called: opens a line, and tells of each piece of audio that is no silence. */
export type Dial = (onSound: () => void) => Promise<Line>

const opened = (socket: WebSocket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once("open", () => resolve())
    socket.once("error", reject)
  })

/** A session of a server of ours. */
export const dialOurs = (base: string): Dial => async (onSound) => {
  const response = await fetch(`${base}/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user_id: "bench", transport: "websocket" })
  })
  const { connection_url: url, token }: { readonly connection_url: string; readonly token: string } = JSON.parse(
    await response.text()
  )
  const socket = new WebSocket(`${url}?input_rate=16000`, ["effect-voice.v1", `token.${token}`])
  socket.on("message", (_, binary) => {
    if (binary) onSound()
  })
  await opened(socket)
  return {
    send: (frame) => socket.send(new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength)),
    close: () => socket.terminate()
  }
}

/** A bot of Pipecat's runner, over its WebSocket transport and protobuf frames. */
export const dialPipecat = (url: string): Dial => async (onSound) => {
  const encode = PipecatFrames.audioEncoder(16_000)
  const socket = new WebSocket(url)
  socket.on("message", (data, binary) => {
    if (!binary || !Buffer.isBuffer(data)) return
    const frame = PipecatFrames.decode(data)
    if (frame._tag === "Success" && frame.success._tag === "Audio") onSound()
  })
  await opened(socket)
  return { send: (pcm) => socket.send(encode(pcm)), close: () => socket.terminate() }
}

/** In ms from the sending of the frame with the last of the speech; and how many turns had no answer. */
export interface Heard {
  readonly turns: number
  readonly unanswered: number
  readonly answerMs: ReadonlyArray<number>
}

/** Calls with so many users for so long; the first seconds are not counted. */
export const call = async (dial: Dial, users: number, warmSeconds: number, seconds: number): Promise<Heard> => {
  const speech = Recordings.frames(Recordings.load("ill-disposed")).filter((frame) => frame.length === 320)
  const silence = Recordings.frames(Recordings.room(1)).filter((frame) => frame.length === 320)
  const turns: Array<{ readonly over: number; first: number | undefined }> = []
  const callers: Array<
    { readonly line: Line; at: number; turn: { over: number; first: number | undefined } | undefined }
  > = []
  for (let i = 0; i < users; i++) {
    const line: Line = await dial(() => {
      const caller = callers[i]
      if (caller?.turn !== undefined) caller.turn.first ??= performance.now()
    })
    callers.push({ line, at: Math.floor(i * CYCLE / users), turn: undefined })
  }
  const began = performance.now()
  let given = 0
  while (performance.now() - began < 1000 * (warmSeconds + seconds)) {
    const now = performance.now()
    while (began + given * FRAME_MS / users <= now) {
      const caller = callers[given++ % users]!
      const at = caller.at++ % CYCLE
      if (at === 0) caller.turn = undefined
      caller.line.send(speech[at] ?? silence[at % silence.length]!)
      if (at !== speech.length - 1) continue
      caller.turn = { over: performance.now(), first: undefined }
      if (now - began > 1000 * warmSeconds) turns.push(caller.turn)
    }
    await sleep(1)
  }
  await sleep(3_000)
  for (const { line } of callers) line.close()
  // what was said last may have had no time
  const counted = turns.filter(({ over }) => over < began + 1000 * (warmSeconds + seconds - 3))
  const answered = counted.flatMap(({ first, over }) => first === undefined ? [] : [first - over])
  return { turns: counted.length, unanswered: counted.length - answered.length, answerMs: answered }
}
