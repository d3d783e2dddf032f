import { Effect } from "effect"
import { WebSocket } from "ws"
import type { Created } from "./TestServer.ts"

/** How a conversation went during an attack. */
export interface GuestReport {
  readonly turns: number
  /** From the last frame of speech to the first frame of the answer, in ms, including the silence that ends a turn. */
  readonly slowestAnswerMs: number
  /** The longest time between two frames of one answer, in ms. */
  readonly worstGapMs: number
  readonly closed: boolean
}

const SPEECH_FRAMES = 20
const speech = Buffer.from(new Int16Array(320).fill(8_000).buffer)
const silence = Buffer.alloc(640)

/**
 * A regular user: speaks 400 ms, listens to the answer, and speaks again, in real time, until the scope closes. `report`
 * covers the time since the last report.
 */
export const make = Effect.fnUntraced(function*(url: string, { id, token }: Created) {
  let turns = 0
  let slowestAnswerMs = 0
  let worstGapMs = 0
  let closed = false
  let speechEnd = 0
  let lastFrame = 0
  let waiting = false
  let answering = false
  let frames = 0
  const socket = yield* Effect.acquireRelease(
    Effect.callback<WebSocket>((resume) => {
      const socket = new WebSocket(`${url.replace("http", "ws")}/v1/sessions/${id}/audio`, [
        "effect-voice.v1",
        `token.${token}`
      ])
      socket.on("error", () => {})
      socket.on("open", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.terminate())
  )
  socket.on("close", () => {
    closed = true
  })
  socket.on("message", (data: Buffer, binary) => {
    const now = performance.now()
    if (!binary) {
      const event: unknown = JSON.parse(data.toString())
      const type = typeof event === "object" && event !== null && "type" in event ? event.type : undefined
      if (type === "agent.speech_stopped") {
        turns++
        answering = false
        frames = 0
      }
      return
    }
    if (waiting) {
      waiting = false
      answering = true
      slowestAnswerMs = Math.max(slowestAnswerMs, now - speechEnd)
    } else if (answering) worstGapMs = Math.max(worstGapMs, now - lastFrame)
    lastFrame = now
  })
  const tick = (): void => {
    if (closed) return
    const speaking = !answering && !waiting && frames < SPEECH_FRAMES
    socket.send(speaking ? speech : silence)
    if (speaking && ++frames === SPEECH_FRAMES) {
      waiting = true
      speechEnd = performance.now()
    }
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => setInterval(tick, 20)),
    (timer) => Effect.sync(() => clearInterval(timer))
  )
  return {
    report: (): GuestReport => {
      const report = { turns, slowestAnswerMs, worstGapMs, closed }
      turns = 0
      slowestAnswerMs = 0
      worstGapMs = 0
      return report
    },
    /** Completes when `count` more turns were answered. */
    answered: (count: number) =>
      Effect.callback<void>((resume) => {
        const until = turns + count
        const timer = setInterval(() => {
          if (turns < until) return
          clearInterval(timer)
          resume(Effect.void)
        }, 20)
        return Effect.sync(() => clearInterval(timer))
      }).pipe(Effect.timeout("15 seconds"))
  }
})
