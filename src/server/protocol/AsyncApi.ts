/**
 * The AsyncAPI 3.0 document of the sessions' WebSocket, made from the schemas that encode and decode its messages.
 *
 * Pure.
 *
 * @since 0.1.0
 */
import { maxSampleRate, minSampleRate } from "../../audio/AudioFormat.ts"
import { MAX_MESSAGE_BYTES } from "../../session/ClientMessage.ts"
import { closeCodes } from "../../transport/websocket/CloseCodes.ts"
import { SUBPROTOCOL } from "../../transport/websocket/WebSocketConnection.ts"
import { defaultRates } from "../../transport/websocket/WebSocketProtocol.ts"
import * as ProtocolMessages from "./ProtocolMessages.ts"

/**
 * A JSON document.
 *
 * @category models
 * @since 0.1.0
 */
export type Document = { readonly [key: string]: unknown }

/**
 * - `prefix`: where the server's routes are mounted, such as `/voice`. Default: at the root.
 * - `publicUrl`: how clients reach the root. Default: not in the document, since every request may name another.
 *
 * @category models
 * @since 0.1.0
 */
export interface AsyncApiOptions {
  readonly prefix?: string | undefined
  readonly publicUrl?: string | undefined
}

const FROM_SERVER = "audio.output"
const FROM_CLIENT = "audio.input"

/** References as AsyncAPI resolves them: in the document, not in the schema. */
const relocated = (node: unknown): unknown => {
  if (Array.isArray(node)) return node.map(relocated)
  if (!ProtocolMessages.isJsonSchema(node)) return node
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === "$ref" && typeof value === "string"
        ? value.replace("#/$defs/", "#/components/schemas/")
        : relocated(value)
    ])
  )
}

const textMessage = ({ description, payload, type }: ProtocolMessages.ProtocolMessage) =>
  [
    type,
    { name: type, title: type, summary: description, contentType: "application/json", payload: relocated(payload) }
  ] as const

const audioMessage = (name: string, summary: string, rate: number) =>
  [
    name,
    {
      name,
      title: name,
      summary,
      description: `A binary frame: signed 16-bit little-endian mono PCM in whole samples, at ${rate} Hz unless` +
        " `session.started` says otherwise. It has no header.",
      contentType: "application/octet-stream",
      payload: { type: "string", format: "binary", maxLength: MAX_MESSAGE_BYTES }
    }
  ] as const

const rate = (description: string, standard: number) => ({
  type: "integer",
  minimum: minSampleRate,
  maximum: maxSampleRate,
  default: standard,
  description
})

const closing = (): string =>
  Object.values(closeCodes).map(({ client, code, meaning }) =>
    `- ${code}: ${meaning} The client ${client === "stop" ? "stops" : "reconnects"}.`
  ).join("\n")

const serverOf = (publicUrl: string) => {
  const { host, pathname, protocol } = new URL(publicUrl)
  return {
    host,
    ...(pathname === "/" ? {} : { pathname }),
    protocol: protocol === "https:" ? "wss" : "ws"
  }
}

/**
 * Makes the document.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ prefix = "", publicUrl }: AsyncApiOptions = {}): Document => {
  const { definitions, events, messages } = ProtocolMessages.make()
  const sent = [
    ...events.map(textMessage),
    audioMessage(FROM_SERVER, "The agent's voice, at most 200 ms ahead of real time.", defaultRates.outputSampleRate)
  ]
  const received = [
    ...messages.map(textMessage),
    audioMessage(FROM_CLIENT, "The user's voice, in real time.", defaultRates.inputSampleRate)
  ]
  const all = Object.fromEntries([...sent, ...received])
  const ofChannel = (entries: ReadonlyArray<readonly [name: string, message: unknown]>) =>
    entries.map(([name]) => ({ $ref: `#/channels/session/messages/${name}` }))
  return {
    asyncapi: "3.0.0",
    info: {
      title: "effect-voice",
      version: "1",
      description: "A user's connection to a session. `POST /v1/sessions` creates the session, and answers with the" +
        " connection's URL and token; see `/openapi.json`. The same JSON travels over the `events` data channel of a" +
        " WebRTC call and as data of a LiveKit room, where audio is a track."
    },
    defaultContentType: "application/json",
    ...(publicUrl === undefined ? {} : { servers: { public: serverOf(publicUrl) } }),
    channels: {
      session: {
        address: `${prefix}/v1/sessions/{id}/audio`,
        title: "A session's WebSocket",
        description:
          `Clients offer the subprotocol \`${SUBPROTOCOL}\`. A handshake that is refused is answered with an` +
          " HTTP status and problem JSON (RFC 9457); a browser, which cannot read those, may send the same request" +
          ` without an upgrade.\n\nClose codes:\n\n${closing()}`,
        parameters: { id: { description: "The session's id." } },
        messages: Object.fromEntries(
          Object.keys(all).map((name) => [name, { $ref: `#/components/messages/${name}` }])
        ),
        bindings: {
          ws: {
            method: "GET",
            query: {
              type: "object",
              properties: {
                input_rate: rate("The sample rate of the user's audio in Hz.", defaultRates.inputSampleRate),
                output_rate: rate("The sample rate of the agent's audio in Hz.", defaultRates.outputSampleRate),
                chunk_ms: {
                  type: "integer",
                  minimum: 20,
                  maximum: 100,
                  default: 20,
                  description: "How much of the agent's audio comes in one binary frame, in milliseconds."
                },
                token: { type: "string", description: "The session's token, where it can be sent in no header." }
              }
            },
            bindingVersion: "0.1.0"
          }
        },
        "x-close-codes": Object.values(closeCodes)
      }
    },
    operations: {
      sendToClient: {
        action: "send",
        channel: { $ref: "#/channels/session" },
        summary: "What the server sends: events and the agent's audio.",
        security: [
          { $ref: "#/components/securitySchemes/subprotocol" },
          { $ref: "#/components/securitySchemes/bearer" },
          { $ref: "#/components/securitySchemes/query" }
        ],
        messages: ofChannel(sent)
      },
      receiveFromClient: {
        action: "receive",
        channel: { $ref: "#/channels/session" },
        summary: "What the server takes: messages and the user's audio. Unknown types are ignored.",
        security: [
          { $ref: "#/components/securitySchemes/subprotocol" },
          { $ref: "#/components/securitySchemes/bearer" },
          { $ref: "#/components/securitySchemes/query" }
        ],
        messages: ofChannel(received)
      }
    },
    components: {
      messages: all,
      schemas: Object.fromEntries(Object.entries(definitions).map(([name, schema]) => [name, relocated(schema)])),
      securitySchemes: {
        subprotocol: {
          type: "httpApiKey",
          in: "header",
          name: "Sec-WebSocket-Protocol",
          description: `The session's token as a second subprotocol: \`${SUBPROTOCOL}, token.<token>\`.`
        },
        bearer: { type: "http", scheme: "bearer", description: "The session's token." },
        query: {
          type: "httpApiKey",
          in: "query",
          name: "token",
          description: "The session's token; it is redacted in logs and spans."
        }
      }
    }
  }
}
