/**
 * A client whose own instructions and tools do not count (`client_settings: none`): the session has those that it began with.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import type { ClientSettings } from "../../../agent/tools/ClientTools.ts"
import type { RealtimeSession } from "../../../protocols/openai/RealtimeSession.ts"
import { clientChoice, clientTools } from "../../../protocols/openai/Tools.ts"
import type { SessionControl } from "../../../session/SessionControl.ts"
import type { FrameListener, MakeProtocol } from "../../../transport/websocket/WebSocketProtocol.ts"

const settings = new Set(["instructions", "tools", "tool_choice", "prompt"])

/**
 * A session object without instructions and tools.
 *
 * @category combinators
 * @since 0.1.0
 */
export const without = (session: Schema.JsonObject): Schema.JsonObject =>
  Object.fromEntries(Object.entries(session).filter(([key]) => !settings.has(key)))

const settingsOf = (session: RealtimeSession): ClientSettings => {
  if (session.type === "transcription") return {}
  const { instructions, tool_choice, tools } = session
  return {
    ...(instructions === "" ? {} : { instructions }),
    ...(tools.length === 0 ? {} : { tools: clientTools(tools) }),
    ...(tool_choice === "auto" ? {} : { toolChoice: clientChoice(tool_choice) })
  }
}

const fixedIn = (control: SessionControl, fixed: ClientSettings): SessionControl => {
  if (control._tag === "Client") return { _tag: "Client", settings: fixed }
  return control._tag === "Respond" ? { _tag: "Respond" } : control
}

/**
 * The same protocol, which asks the session for no other instructions and tools than these.
 *
 * @category combinators
 * @since 0.1.0
 */
export const make = (protocol: MakeProtocol, session: RealtimeSession): MakeProtocol => {
  const fixed = settingsOf(session)
  return (rates, reply) => {
    const inner = protocol(rates, reply)
    /** Of the connection's listener, which is always the same one. */
    let own: { readonly of: FrameListener; readonly listener: FrameListener } | undefined
    const listenerOf = (of: FrameListener): FrameListener => {
      if (own?.of === of) return own.listener
      const listener: FrameListener = {
        audio: (pcm) => of.audio(pcm),
        message: (message) => of.message(message),
        malformed: (reason) => of.malformed(reason),
        gap: (samples) => of.gap?.(samples),
        played: (epoch, playedMs) => of.played?.(epoch, playedMs),
        control: (control) => of.control?.(fixedIn(control, fixed))
      }
      own = { of, listener }
      return listener
    }
    return {
      ...inner,
      listening: (listener) => inner.listening?.(listenerOf(listener)),
      receive: (data, isBinary, listener) => inner.receive(data, isBinary, listenerOf(listener))
    }
  }
}
