/**
 * The files that are made from others: from the wire protocol's schemas, from the AsyncAPI document, and from the client's audio worklets.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { MAX_TEXT_BYTES } from "../../src/conversation/History.ts"
import { TOPIC } from "../../src/providers/livekit/text/TextOutbox.ts"
import * as AsyncApi from "../../src/server/protocol/AsyncApi.ts"
import * as ProtocolMessages from "../../src/server/protocol/ProtocolMessages.ts"
import { MAX_MESSAGE_BYTES, MAX_TEXT_LENGTH } from "../../src/session/ClientMessage.ts"
import { LABEL } from "../../src/transport/webrtc/EventsChannel.ts"
import { closeCodes } from "../../src/transport/websocket/CloseCodes.ts"
import { MOVED_SUBPROTOCOL, SUBPROTOCOL } from "../../src/transport/websocket/WebSocketConnection.ts"
import { defaultRates } from "../../src/transport/websocket/WebSocketProtocol.ts"
import * as ClientTypes from "./ClientTypes.ts"
import * as ProtocolDocs from "./ProtocolDocs.ts"
import * as PythonMessages from "./PythonMessages.ts"
import * as WorkletSources from "./WorkletSources.ts"

/**
 * A file and the text that it should have.
 *
 * @category models
 * @since 0.1.0
 */
export interface WireFile {
  readonly file: string
  readonly text: string
}

const constants: ReadonlyArray<ClientTypes.Constant> = [
  {
    name: "SUBPROTOCOL",
    description: "The WebSocket subprotocol that both sides speak; the token is offered beside it as `token.<token>`.",
    value: SUBPROTOCOL
  },
  {
    name: "MOVED_SUBPROTOCOL",
    description:
      "The subprotocol that a client offers beside it when it follows `session.moved`. A server that selects it" +
      " sends that event alone.",
    value: MOVED_SUBPROTOCOL
  },
  {
    name: "EVENTS_CHANNEL",
    description: "The label of the WebRTC data channel that carries events and messages; the client creates it.",
    value: LABEL
  },
  { name: "LIVEKIT_TOPIC", description: "The topic of events and messages in a LiveKit room.", value: TOPIC },
  {
    name: "MAX_MESSAGE_BYTES",
    description: "The largest text message that the server accepts; it closes the socket of a larger one with 1009.",
    value: MAX_MESSAGE_BYTES
  },
  {
    name: "MAX_TEXT_LENGTH",
    description: "The longest text of a `user.text` message, in UTF-16 code units.",
    value: MAX_TEXT_LENGTH
  },
  {
    name: "MAX_TEXT_BYTES",
    description:
      "The longest text of a `user.text` message, in bytes of JSON; only control characters make it the limit.",
    value: MAX_TEXT_BYTES
  },
  {
    name: "DEFAULT_RATES",
    description: "The sample rates of a session that asks for no others, in Hz, as the server takes and sends them.",
    value: { input: defaultRates.inputSampleRate, output: defaultRates.outputSampleRate }
  }
]

/** Those that mean something where there is a WebSocket only. */
const pythonConstants = constants.filter(({ name }) => !/^(?:EVENTS_CHANNEL|LIVEKIT_TOPIC)$/u.test(name))

const formatted = (name: string, text: string): string => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [
    "node_modules/dprint/bin.cjs",
    "fmt",
    "--stdin",
    name
  ], {
    input: text,
    encoding: "utf8"
  })
  if (status !== 0) throw new Error(`dprint could not format ${name}: ${stderr}`)
  return stdout
}

/**
 * Makes them. Reads the page, whose text outside of the markers stays.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): ReadonlyArray<WireFile> => {
  const protocol = ProtocolMessages.make()
  const codes = Object.values(closeCodes)
  const page = "src/server/README.md"
  return [
    WorkletSources.make(formatted),
    {
      file: "src/client/protocol/WireProtocol.ts",
      text: formatted("WireProtocol.ts", ClientTypes.make(protocol, codes, constants))
    },
    {
      file: "scripts/clients/python/effect_voice/messages.py",
      text: PythonMessages.make(AsyncApi.make(), pythonConstants)
    },
    { file: page, text: ProtocolDocs.fill(readFileSync(page, "utf8").replaceAll("\r\n", "\n"), protocol, codes) }
  ]
}
