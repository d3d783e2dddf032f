/**
 * Where the WebRTC of a server's own provider listens: like the server, on loopback.
 *
 * @since 0.1.0
 */
import { isIP } from "node:net"
import { isRecord, type JsonRecord } from "../schema/Json.ts"
import { isLoopback, type ServerConfig } from "./ServerConfig.ts"

/**
 * The raw config of a backend that is served at `host`; `ConfigSource.load` takes it as `complete`. Where `host` is loopback, the
 * WebRTC of provider `local` binds to loopback too, so that a default install opens no port to the network. Its `bind_address`
 * overrides that, and so does whatever says that users come from elsewhere: a `public_url` of the server, an `announce_address`.
 *
 * It is done here because a provider does not know who mounts its routes, nor the server what its provider opens.
 *
 * @category config
 * @since 0.1.0
 */
export const bindLikeServer = (
  raw: JsonRecord,
  { host, publicUrl }: Pick<ServerConfig, "host" | "publicUrl">
): JsonRecord => {
  const { provider, provider_config: options = {} } = raw
  const isLocal = isLoopback(host) && (publicUrl === undefined || isLoopback(new URL(publicUrl).hostname))
  if (provider !== "local" || !isLocal || !isRecord(options)) return raw
  if (["bind_address", "announce_address"].some((name) => options[name] !== undefined)) return raw
  const bare = host.replace(/^\[|\]$/g, "")
  return { ...raw, provider_config: { ...options, bind_address: isIP(bare) === 0 ? "127.0.0.1" : bare } }
}
