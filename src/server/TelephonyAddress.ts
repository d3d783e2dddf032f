/**
 * Where carriers reach a server.
 *
 * @since 0.1.0
 */
import { isRecord, type JsonRecord } from "../schema/Json.ts"
import type { ServerConfig } from "./ServerConfig.ts"

/**
 * The raw config of a backend that is served at `publicUrl`; `ConfigSource.load` takes it as `complete`. The provider `telephony` gives its
 * carriers URLs of this server: without a `public_url` of its own it has the server's.
 *
 * It is done here because a provider does not know who mounts its routes.
 *
 * @category config
 * @since 0.1.0
 */
export const reachLikeServer = (raw: JsonRecord, { publicUrl }: Pick<ServerConfig, "publicUrl">): JsonRecord => {
  const { provider, provider_config: options = {} } = raw
  if (provider !== "telephony" || publicUrl === undefined || !isRecord(options)) return raw
  return options["public_url"] === undefined ? { ...raw, provider_config: { ...options, public_url: publicUrl } } : raw
}
