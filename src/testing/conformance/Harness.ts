/**
 * What a provider supplies to be tested by the suite: itself, and how a scripted user connects over its real transport.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BackendProvider, SessionAccess } from "../../backend/provider/BackendProvider.ts"
import type { VoiceBackend } from "../../backend/VoiceBackend.ts"
import type { BackendError } from "../../BackendError.ts"
import type { Transport } from "../../session/SessionConfig.ts"
import type { SessionEvent } from "../../session/SessionEvent.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import type { RunOptions } from "./Case.ts"

/**
 * What the user's client receives. Synchronous, in the order of arrival.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listener {
  /** The agent's audio: mono PCM, 24 kHz. */
  readonly audio: (pcm: Int16Array) => void
  /** The user's client must drop what it has not played. The event `playout.clear` means the same. */
  readonly clear: () => void
  /** Receives every event of the session. */
  readonly event: (event: SessionEvent) => void
  /** The connection has ended, on either side. */
  readonly closed: (reason: string) => void
}

/**
 * The client side of a connection, over the provider's real transport.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientConnection {
  /** The user's microphone: 20 ms of mono PCM at 16 kHz. */
  readonly audio: (pcm: Int16Array) => void
  /** A message from the user's client: the JSON text of a `ClientMessage`, or malformed text. */
  readonly message: (text: string) => void
  /** Closes the connection normally. */
  readonly hangUp: Effect.Effect<void>
  /** Drops the connection without a close handshake, as a lost network does. */
  readonly drop: Effect.Effect<void>
}

/**
 * Connects a user to a session. When the provider refuses, fails with the error code that the client receives.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectClient = (call: {
  readonly id: string
  /** The session, if it is in this process; a provider over a network does not need it. */
  readonly session: VoiceSession | undefined
  readonly access: SessionAccess
  readonly listener: Listener
}) => Effect.Effect<ClientConnection, BackendError, Scope.Scope>

/**
 * What a row may require of a provider. A harness lists those that it does not support, each with a reason; rows that
 * require one are skipped with that reason.
 *
 * - `exactAudio`: samples arrive unchanged, so that text encoded in audio (`SpokenAudio`) can be decoded. False for codecs.
 * - `recovery`: users reach their session in another process, by its id and token.
 * - `admission`: connections pass `ProviderHost.admit`, where hooks and limits can refuse them.
 * - `s2s`: the provider supports speech-to-speech sessions.
 * - `multiUser`: the provider supports more than one session at a time.
 * - `orderedInput`: what a user types arrives after the audio sent before it. False where a bridge forwards them separately.
 *
 * @category models
 * @since 0.1.0
 */
export type Capability = "exactAudio" | "recovery" | "admission" | "s2s" | "multiUser" | "orderedInput"

/**
 * The provider under test and how its users connect.
 *
 * - `transport`: the transport that sessions are created with.
 * - `providerConfig`: the `provider_config`, encoded. Default: empty.
 * - `serve`: makes a running backend reachable (serves its routes, joins its room) until the scope closes, and returns how
 *   users connect to it. Called once for each backend.
 * - `unsupported`: the capabilities that the provider lacks, each with the reason.
 * - `provideTime`: runs a test with another clock. Default: the current clock. `virtualTime` makes the suite fast when the
 *   provider uses neither network nor timers of its own.
 * - `deadline`: how long a case may take in real time, whatever its clock is. Default: 4 minutes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Harness extends RunOptions {
  readonly name: string
  readonly provider: BackendProvider["Service"]
  readonly transport: Transport
  readonly providerConfig?: { readonly [key: string]: unknown } | undefined
  /** Makes a running backend reachable until the scope closes. */
  readonly serve: (backend: VoiceBackend["Service"]) => Effect.Effect<ConnectClient, BackendError, Scope.Scope>
  readonly unsupported?: { readonly [Key in Capability]?: string | undefined } | undefined
}
