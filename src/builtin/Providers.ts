/**
 * The built-in providers by name.
 *
 * @since 0.1.0
 */
import type { BackendProvider } from "../backend/provider/BackendProvider.ts"
import { provider as livekit } from "../providers/livekit/index.ts"
import { provider as local } from "../providers/local/index.ts"
import { provider as pipecat } from "../providers/pipecat/index.ts"
import { provider as telephony } from "../providers/telephony/index.ts"

/**
 * The providers that come with the package.
 *
 * @category tables
 * @since 0.1.0
 */
export const providers: { readonly [name: string]: BackendProvider["Service"] } = { local, livekit, pipecat, telephony }
