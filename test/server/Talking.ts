import { Effect, Layer, Queue, Schema } from "effect"
import { WebSocket } from "ws"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as Local from "../../src/providers/local/index.ts"
import type * as SessionEvent from "../../src/session/SessionEvent.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import { echo } from "../session/Harness.ts"
import { call, neverOverloaded } from "./support.ts"

/** A backend of scripted engines that answers what is typed. */
export const talking = VoiceBackend.layerSttTts({ agent: echo, config: { overload: neverOverloaded } }).pipe(
  Layer.provide([
    Local.layer,
    ScriptedEngines.layerVad(),
    ScriptedEngines.layerStt(["hello"]),
    ScriptedEngines.layerTts()
  ])
)

/** Creates a session below a URL. */
export const session = (url: string, transport = "websocket", headers: Record<string, string> = {}) =>
  call(`${url}/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ user_id: "ada", transport })
  })

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

/** The events of a connection until one of this type, with what is sent at its beginning. */
export const until = Effect.fnUntraced(
  function*(socket: WebSocket, type: SessionEvent.SessionEvent["type"], text: string) {
    const messages = yield* Queue.unbounded<string>()
    socket.on("message", (data: Buffer, isBinary) => isBinary || Queue.offerUnsafe(messages, data.toString()))
    socket.on("open", () => socket.send(text))
    while (true) {
      const event = yield* decode(yield* Queue.take(messages))
      if (event["type"] === type) return event
    }
  }
)

/** Opens the connection of a session, which is cut off at the end of the scope. */
export const connect = (json: { readonly [key: string]: unknown }, query = "") =>
  Effect.acquireRelease(
    Effect.sync(() =>
      new WebSocket(
        `${json["connection_url"]}${query}`,
        query === "" ? ["effect-voice.v1", `token.${json["token"]}`] : ["effect-voice.v1"]
      ).on("error", () => {})
    ),
    (socket) => Effect.sync(() => socket.terminate())
  )

/** Says good morning in a session, and gives what the agent answered. */
export const talk = (json: { readonly [key: string]: unknown }, query = "") =>
  Effect.gen(function*() {
    const socket = yield* connect(json, query)
    const { text } = yield* until(
      socket,
      "agent.transcript",
      JSON.stringify({ type: "user.text", text: "good morning" })
    )
    return String(text)
  }).pipe(Effect.scoped)
