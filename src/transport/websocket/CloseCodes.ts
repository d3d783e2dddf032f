/**
 * The close codes of a user's WebSocket: all that the server sends, and what a client does about each.
 *
 * The one table of them. The connection sends them, `effect-voice/client` acts on them, `/asyncapi.json` and
 * `src/server/README.md` list them. A handshake that is refused has no close code: it is answered with an HTTP status and
 * problem JSON, before the upgrade.
 *
 * @since 0.1.0
 */

/**
 * - `code`: RFC 6455 §7.4; 4000 to 4999 are the application's.
 * - `reason`: the close frame's reason, where the server gives one.
 * - `client`: `stop` when the session cannot or must not be reached again, `reconnect` when it can be resumed.
 *
 * @category models
 * @since 0.1.0
 */
export interface CloseCode {
  readonly code: number
  readonly reason: string
  readonly meaning: string
  readonly client: "stop" | "reconnect"
}

/**
 * @category constants
 * @since 0.1.0
 */
export const closeCodes = {
  session_ended: {
    code: 1000,
    reason: "session_ended",
    meaning: "The session is over; `session.ended` says why.",
    client: "stop"
  },
  server_closed: {
    code: 1001,
    reason: "server_closed",
    meaning: "The server is going away. Another process, or this one after a restart, may continue the session.",
    client: "reconnect"
  },
  protocol_error: {
    code: 1002,
    reason: "",
    meaning: "The client violated the WebSocket protocol (RFC 6455).",
    client: "reconnect"
  },
  invalid_text: { code: 1007, reason: "", meaning: "A text frame was not valid UTF-8.", client: "reconnect" },
  too_big: { code: 1009, reason: "", meaning: "A frame was larger than 64 KiB.", client: "reconnect" },
  internal_error: {
    code: 1011,
    reason: "internal_error",
    meaning: "The server failed to process what the client sent.",
    client: "reconnect"
  },
  moved: {
    code: 4301,
    reason: "moved",
    meaning: "Another node has the session; `session.moved` says where.",
    client: "reconnect"
  },
  replaced: {
    code: 4408,
    reason: "replaced",
    meaning: "Another connection of the same user has taken over the session. Reconnecting would take it back.",
    client: "stop"
  },
  too_slow: {
    code: 4409,
    reason: "too_slow",
    meaning: "The client did not read: it accepted no audio for 10 s.",
    client: "reconnect"
  },
  rate_limited: {
    code: 4429,
    reason: "rate_limited",
    meaning: "The user has used up the audio that the server's rate limit allows.",
    client: "stop"
  }
} as const satisfies { readonly [name: string]: CloseCode }
