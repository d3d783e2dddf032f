import { Effect, Result } from "effect"
import { WebSocket } from "ws"
import type * as Errors from "../../src/BackendError.ts"
import { provider } from "../../src/providers/pipecat/index.ts"
import * as SessionEvent from "../../src/session/SessionEvent.ts"
import type * as Conformance from "../../src/testing/conformance/Conformance.ts"
import * as PipecatFrames from "../../src/wire/PipecatFrames.ts"
import * as Rtvi from "../../src/wire/Rtvi.ts"
import { errorOf, serve } from "./LocalHarness.ts"

/** Translates a message of our client into one of a Pipecat client; malformed text is sent as it is. */
const toMessage = (text: string): string => {
  try {
    const { type, ...fields }: { type: string } = JSON.parse(text)
    return typeof type === "string"
      ? Rtvi.encode({ type: "client-message", id: "1", data: { t: type, d: fields } })
      : text
  } catch {
    return text
  }
}

const samplesOf = PipecatFrames.audioDecoder()

/** A scripted bridge or Pipecat client, with the frames that the real ones send and read. */
export const connectPipecat = (url: string, token: string | undefined, listener: Conformance.Listener) =>
  Effect.acquireRelease(
    Effect.callback<WebSocket, Errors.BackendError>((resume) => {
      const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } })
      socket.on("error", () => {})
      socket.on("message", (data: Buffer, binary) => {
        if (!binary) throw new Error(`a text frame: ${data.toString()}`)
        const frame = Result.getOrThrow(PipecatFrames.decode(data))
        if (frame._tag === "Audio") {
          if (frame.sampleRate !== 24_000 || frame.channels !== 1) throw new Error(`audio at ${frame.sampleRate} Hz`)
          return listener.audio(samplesOf(frame))
        }
        if (frame._tag === "Interruption") return listener.clear()
        if (frame._tag !== "Message") throw new Error(`a frame type that no bot sends: ${frame._tag}`)
        const message = Result.getOrThrow(Rtvi.decode(frame.data))
        if (message.type !== "server-message") return
        listener.event(Result.getOrThrow(SessionEvent.fromJson(JSON.stringify(message.data))))
      })
      socket.once("close", (code) => listener.closed(String(code)))
      socket.once("open", () => resume(Effect.succeed(socket)))
      socket.once("unexpected-response", (_, response) => {
        let text = ""
        response.on("data", (chunk: Buffer) => text += chunk.toString())
        response.on("end", () => resume(Effect.fail(errorOf(response.statusCode, text))))
      })
    }),
    (socket) => Effect.sync(() => socket.terminate())
  ).pipe(Effect.map((socket): Conformance.ClientConnection => ({
    audio: (pcm) => socket.send(PipecatFrames.encode(PipecatFrames.audio(pcm, 16_000))),
    message: (text) => socket.send(PipecatFrames.encode({ _tag: "Message", data: toMessage(text) })),
    hangUp: Effect.sync(() => socket.close(1000)),
    drop: Effect.sync(() => socket.terminate())
  })))

/** Provider `pipecat` behind the real server, on loopback, with a scripted bridge. */
export const pipecat: Conformance.Harness = {
  name: "pipecat",
  provider,
  transport: "websocket",
  serve: (backend) =>
    Effect.map(
      serve(backend),
      ({ url }) => ({ access, listener }) =>
        connectPipecat(new URL(access.connectionUrl, url.replace(/^http/u, "ws")).href, access.token, listener)
    )
}
