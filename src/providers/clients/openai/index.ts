/**
 * OpenAI's Realtime API as the local provider serves it, for OpenAI's own clients.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ProviderHost, ProviderRoute } from "../../../backend/provider/BackendProvider.ts"
import type { WebRtc } from "../../../transport/webrtc/WebRtcConnection.ts"
import type { SessionLinks } from "../../SessionLinks.ts"
import * as ClientSecretsRoute from "./ClientSecretsRoute.ts"
import * as RealtimeCalls from "./RealtimeCalls.ts"
import type { RealtimeConfig } from "./RealtimeConfig.ts"
import * as RealtimeProtocols from "./RealtimeProtocols.ts"
import * as RealtimeSecrets from "./RealtimeSecrets.ts"
import * as RealtimeSessions from "./RealtimeSessions.ts"
import * as RealtimeSocketRoute from "./RealtimeSocketRoute.ts"

/**
 * - `config`: the section `openai` of the provider's config.
 * - `longest`: how long a session lasts at most.
 *
 * @category models
 * @since 0.1.0
 */
export interface RealtimeOptions {
  readonly host: ProviderHost
  readonly links: SessionLinks
  readonly config: RealtimeConfig
  readonly longest: Duration.Duration
  readonly webRtc: Pick<WebRtc, "accept">
}

/**
 * The routes of the Realtime API.
 *
 * @category routes
 * @since 0.1.0
 */
export const routes = Effect.fnUntraced(function*(
  { config, host, links, longest, webRtc }: RealtimeOptions
): Effect.fn.Return<ReadonlyArray<ProviderRoute>> {
  const secrets = RealtimeSecrets.make(host)
  const sessions = RealtimeSessions.make({ host, links, secrets, config })
  const protocols = yield* RealtimeProtocols.make({ config, longestMs: () => Duration.toMillis(longest) })
  return [
    RealtimeSocketRoute.make({ links, protocols, sessions }),
    ...RealtimeCalls.make({ protocols, sessions, webRtc }),
    ClientSecretsRoute.make({ protocols, secrets, sessions })
  ]
})
