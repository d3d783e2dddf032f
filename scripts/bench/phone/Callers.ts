/**
 * Callers over real WebSockets, in real time: by the media stream of Twilio (8 kHz µ-law, JSON and base64, marks that come back when
 * what is before them has been played), or as users of the native WebSocket (16 kHz in, 24 kHz out). They send a frame every
 * 20 ms, speak for a second, and hear the answer for two.
 *
 * @since 0.1.0
 */
import { setTimeout as sleep } from "node:timers/promises"
import { WebSocket } from "ws"
import * as G711 from "../../../src/audio/G711.ts"

/** Of each answer. */
export const REPLY_MS = 2_000
const FRAME_MS = 20
/** A turn, in frames: speech, then silence. */
const CYCLE = 200
const SPEECH = 50

/** What the server's detector takes for speech: one look at a frame, so that it costs next to nothing. */
export const isSpeech = (pcm: Int16Array): boolean => (pcm[pcm.length >> 1] ?? 0) > 1_000

interface Line {
  /** 20 ms pass: the caller speaks, or does not, and hears. */
  readonly tick: (speech: boolean) => void
  readonly close: () => void
}

/** How a server is called; `onAudio` is told of each message with audio. */
export type Dial = (onAudio: () => void) => Promise<Line>

const opened = (socket: WebSocket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once("open", () => resolve())
    socket.once("error", reject)
  })

/** A session of the native WebSocket. */
export const native = (base: string): Dial => async (onAudio) => {
  const response = await fetch(`${base}/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user_id: "bench", transport: "websocket" })
  })
  const { connection_url: url, token }: { readonly connection_url: string; readonly token: string } = JSON.parse(
    await response.text()
  )
  const socket = new WebSocket(url, ["effect-voice.v1", `token.${token}`])
  socket.on("message", (_, isBinary) => {
    if (isBinary) onAudio()
  })
  await opened(socket)
  const frames = [new Int16Array(320), new Int16Array(320).fill(8_000)].map((pcm) => new Uint8Array(pcm.buffer))
  return { tick: (speech) => socket.send(frames[speech ? 1 : 0]!), close: () => socket.terminate() }
}

const payloads = [0, 8_000].map((level) =>
  Buffer.from(G711.encodeMuLaw(new Int16Array(160).fill(level))).toString("base64")
)

let streams = 0

/** A call by a media stream of Twilio. */
export const phone = (url: string): Dial => async (onAudio) => {
  const streamSid = `MZ${String(++streams).padStart(32, "0")}`
  const socket = new WebSocket(url)
  /** How much audio waits to be played, in frames, and the marks within it. */
  let waiting = 0
  let marks: Array<{ readonly name: unknown; readonly at: number }> = []
  let played = 0
  let sequence = 0
  const send = (message: object): void =>
    socket.send(JSON.stringify({ ...message, sequenceNumber: String(++sequence), streamSid }))
  const echo = (): void => {
    for (; marks[0] !== undefined && marks[0].at <= played; marks = marks.slice(1)) {
      send({ event: "mark", mark: { name: marks[0].name } })
    }
  }
  socket.on("message", (data: Buffer) => {
    // the first letters of the event
    if (data.toString("latin1", 10, 14) === "medi") {
      waiting++
      return onAudio()
    }
    const message = JSON.parse(data.toString())
    if (message.event === "clear") {
      played += waiting
      waiting = 0
    }
    if (message.event === "mark") marks.push({ name: message.mark.name, at: played + waiting })
    echo()
  })
  await opened(socket)
  socket.send(JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" }))
  send({
    event: "start",
    start: {
      accountSid: "AC00000000000000000000000000000001",
      streamSid,
      callSid: `CA${streamSid.slice(2)}`,
      tracks: ["inbound"],
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8_000, channels: 1 },
      customParameters: {}
    }
  })
  let chunk = 0
  return {
    tick: (speech) => {
      if (waiting > 0) {
        waiting--
        played++
        echo()
      }
      chunk++
      // as Twilio orders the keys
      socket.send(
        `{"event":"media","sequenceNumber":"${++sequence}","media":{"track":"inbound","chunk":"${chunk}",` +
          `"timestamp":"${chunk * FRAME_MS}","payload":"${payloads[speech ? 1 : 0]}"},"streamSid":"${streamSid}"}`
      )
    },
    close: () => socket.terminate()
  }
}

/** What the callers heard: from the sending of the first silent frame to the first audio, in ms; messages with audio a second. */
export interface Heard {
  readonly turns: number
  readonly answerMs: ReadonlyArray<number>
  readonly framesPerSecond: number
}

/** Calls with so many for so long. `counting` is called when the first seconds, which do not count, are over; and at the end. */
export const call = async (
  dial: Dial,
  count: number,
  warmSeconds: number,
  seconds: number,
  counting: () => void
): Promise<Heard> => {
  const turns: Array<{ readonly over: number; first: number | undefined }> = []
  let audio = 0
  const callers: Array<
    { readonly line: Line; at: number; turn: { over: number; first: number | undefined } | undefined }
  > = []
  for (let i = 0; i < count; i++) {
    const line: Line = await dial(() => {
      audio++
      const turn = callers[i]?.turn
      if (turn !== undefined) turn.first ??= performance.now()
    })
    callers.push({ line, at: Math.floor(i * CYCLE / count), turn: undefined })
  }
  const began = performance.now()
  let given = 0
  let counted = false
  let before = 0
  while (performance.now() - began < 1_000 * (warmSeconds + seconds)) {
    const now = performance.now()
    if (!counted && now - began > 1_000 * warmSeconds) {
      counted = true
      before = audio
      counting()
    }
    // each caller has a moment of its own within the 20 ms
    while (began + given * FRAME_MS / count <= now) {
      const caller = callers[given++ % count]!
      const at = caller.at++ % CYCLE
      if (at === 0) caller.turn = undefined
      if (at === SPEECH) {
        caller.turn = { over: performance.now(), first: undefined }
        if (counted) turns.push(caller.turn)
      }
      caller.line.tick(at < SPEECH)
    }
    await sleep(1)
  }
  counting()
  const heard = audio - before
  await sleep(1_000)
  for (const { line } of callers) line.close()
  const answered = turns.flatMap(({ first, over }) => first === undefined ? [] : [first - over])
  return { turns: turns.length, answerMs: answered, framesPerSecond: heard / count / seconds }
}
