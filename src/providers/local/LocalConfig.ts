/**
 * The `provider_config` of the local provider.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { isIP } from "node:net"
import { withDefault } from "../../schema/Defaults.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { secret } from "../../schema/Secret.ts"
import type { TurnServer, WebRtcOptions } from "../../transport/webrtc/WebRtcConnection.ts"
import { RealtimeConfig } from "../clients/openai/RealtimeConfig.ts"

const iceUrl = /^(stuns?|turns?):(\[[\da-fA-F:.]+\]|[\w.-]{1,253})(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/

const IceUrl = Schema.String.check(
  Schema.makeFilter(
    (url: string) => iceUrl.test(url) || "expected stun:host:port or turn:host:port?transport=udp|tcp",
    {
      toJsonSchema: () => ({ pattern: iceUrl.source })
    }
  )
)

const Address = Schema.String.check(
  Schema.makeFilter((address: string) => isIP(address) !== 0 || "expected an IP address", {
    toJsonSchema: () => [{ anyOf: [{ format: "ipv4" }, { format: "ipv6" }] }, true]
  })
)

/**
 * A STUN or TURN server, as a browser's `RTCIceServer` has it.
 *
 * - `urls`: one address or several, such as `stun:stun.example.org:3478`.
 * - `username`: of a TURN server.
 * - `credential`: its password, a secret; the response to the creation of a session contains it.
 *
 * @category models
 * @since 0.1.0
 */
export const IceServer = Schema.Struct({
  urls: Schema.Union([IceUrl, Schema.Array(IceUrl)]),
  username: Schema.optionalKey(Schema.String),
  credential: Schema.optionalKey(secret())
})

const Port = Schema.Int.check(Schema.isBetween({ minimum: 1_024, maximum: 65_535 }))

/**
 * - `iceServers`: STUN and TURN servers for both sides of WebRTC. The response to the creation of a session contains them,
 *   with their credentials. Default: none.
 * - `udpPortRange`: the UDP ports of WebRTC, both ends included. Default: any.
 * - `udpPortRange.begin`: the first of the ports.
 * - `udpPortRange.end`: the last of them.
 * - `bindAddress`: the local address of WebRTC. Default: all; with `effect-voice serve` on a loopback address, that address.
 * - `announceAddress`: the public address of a 1:1 NAT, announced in ICE candidates instead of the local one.
 * - `maxConnectionsPerSession`: open connections of one session, replaced ones that still close included. 4.
 * - `openai`: what clients of OpenAI's Realtime API are served, where `server.protocols` has them.
 * - `openai.models`: models by the names that clients use, such as `gpt-realtime`. A name that is not listed is that of an agent; a name
 *   that is none either is answered by the backend's agent. Default: none.
 * - `openai.models.agent`: the agent that answers. Default: the agent of the model's name; where there is none, the backend's.
 * - `openai.models.pipelineType`: `s2s` passes the conversation through to the backend's speech-to-speech engine. Default: the backend's.
 * - `openai.clientSettings`: `none`: instructions and tools that a client sends are not used, only those of a client secret that was made
 *   with a key. Default: `all`.
 *
 * How users reach the server from outside is configured there (`server.public_url`): the provider only knows paths.
 *
 * @category models
 * @since 0.1.0
 */
export const LocalConfig = Schema.Struct({
  iceServers: Schema.Array(IceServer).pipe(withDefault([])),
  udpPortRange: Schema.optionalKey(
    Schema.Struct({ begin: Port, end: Port }).check(
      Schema.makeFilter(({ begin, end }: { readonly begin: number; readonly end: number }) =>
        begin <= end || "expected begin to be at most end"
      )
    )
  ),
  bindAddress: Schema.optionalKey(Address),
  announceAddress: Schema.optionalKey(Address),
  maxConnectionsPerSession: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 32 })).pipe(withDefault(4)),
  openai: RealtimeConfig.pipe(withDefault({}))
}).pipe(encodeKeys({
  iceServers: "ice_servers",
  udpPortRange: "udp_port_range",
  bindAddress: "bind_address",
  announceAddress: "announce_address",
  maxConnectionsPerSession: "max_connections_per_session"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type LocalConfig = typeof LocalConfig.Type

const toNative = (server: typeof IceServer.Type): ReadonlyArray<string | TurnServer> =>
  (typeof server.urls === "string" ? [server.urls] : server.urls).flatMap(
    (url): ReadonlyArray<string | TurnServer> => {
      const parts = iceUrl.exec(url)
      if (parts === null) return []
      const [, scheme = "", host = "", port, transport] = parts
      const secure = scheme.endsWith("s")
      // RFC 7064 §3.2, RFC 7065 §3.2.
      const number = port === undefined ? secure ? 5_349 : 3_478 : Number(port)
      if (scheme.startsWith("stun")) return [`${scheme}:${host}:${number}`]
      return [{
        hostname: host,
        port: number,
        ...(server.username === undefined ? {} : { username: server.username }),
        ...(server.credential === undefined ? {} : { password: Redacted.value(server.credential) }),
        relayType: secure ? "TurnTls" as const : transport === "tcp" ? "TurnTcp" as const : "TurnUdp" as const
      }]
    }
  )

/**
 * The servers as a browser's `RTCIceServer` has them, with their credentials, which are secrets of the user.
 *
 * @category conversions
 * @since 0.1.0
 */
export const browserIceServers = ({ iceServers }: Pick<LocalConfig, "iceServers">): ReadonlyArray<object> =>
  iceServers.map(({ credential, ...server }) =>
    credential === undefined ? server : { ...server, credential: Redacted.value(credential) }
  )

/**
 * The options of the WebRTC transport.
 *
 * @category conversions
 * @since 0.1.0
 */
export const webRtcOptions = (config: LocalConfig): WebRtcOptions => ({
  iceServers: config.iceServers.flatMap(toNative),
  bindAddress: config.bindAddress,
  portRange: config.udpPortRange,
  announce: config.announceAddress
})
