/**
 * What a provider supplies to be put through the suite: itself, and a way for a scripted user to come in by its own door.
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

/**
 * What a line brings to the user's ear. Synchronous, in the order of arrival.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listener {
  /** The agent's audio: mono PCM, 24 kHz. */
  readonly audio: (pcm: Int16Array) => void
  /** The user's client is to drop what it has not played. `playout.clear` among the events means the same. */
  readonly clear: () => void
  readonly event: (event: SessionEvent) => void
  /** The line is gone, whoever ended it. */
  readonly closed: (reason: string) => void
}

/**
 * The user's end of a connection, over the provider's real transport.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  /** The user's microphone: 20 ms of mono PCM at 16 kHz. */
  readonly audio: (pcm: Int16Array) => void
  /** A message of the user's client: the JSON text of a `ClientMessage`, or something that is none. */
  readonly message: (text: string) => void
  /** The user leaves in good order. */
  readonly hangUp: Effect.Effect<void>
  /** The network is gone, without a word. */
  readonly drop: Effect.Effect<void>
}

/**
 * Connects a user to a session. Fails as the provider refuses: with the code that the user's client is told.
 *
 * @category models
 * @since 0.1.0
 */
export type Dial = (call: {
  readonly id: string
  /** The session, where it lives in this process; a provider over a network has no use for it. */
  readonly session: VoiceSession | undefined
  readonly access: SessionAccess
  readonly ear: Listener
}) => Effect.Effect<Line, BackendError, Scope.Scope>

/**
 * What a harness may be unable to do, each with the reason that is told of the tests which need it.
 *
 * - `words`: audio comes through unchanged, so that spelt speech (`SpokenAudio`) can be read back. A codec does not.
 * - `recovery`: users find their session in another process, by its id and token.
 * - `admission`: a connection passes `ProviderHost.admit`, where hooks and limits may refuse it.
 * - `s2s`: the provider takes speech-to-speech sessions.
 * - `multiUser`: more than one session at a time.
 *
 * @category models
 * @since 0.1.0
 */
export type Need = "words" | "recovery" | "admission" | "s2s" | "multiUser"

/**
 * - `transport`: what sessions are asked for.
 * - `providerConfig`: the `provider_config`, encoded. Default: empty.
 * - `reach`: makes a running backend reachable (serves its routes, joins its room) for as long as the scope, and gives the
 *   way in. Called once for each backend.
 * - `lacks`: what it cannot do, with reasons.
 * - `time`: puts a test into its time. Default: the present one, real or a test's; `VirtualTime` makes the suite quick
 *   where nothing real is touched.
 *
 * @category models
 * @since 0.1.0
 */
export interface Harness {
  readonly name: string
  readonly provider: BackendProvider["Service"]
  readonly transport: Transport
  readonly providerConfig?: { readonly [key: string]: unknown } | undefined
  readonly reach: (backend: VoiceBackend["Service"]) => Effect.Effect<Dial, BackendError, Scope.Scope>
  readonly unsupported?: { readonly [Key in Need]?: string | undefined } | undefined
  readonly time?: (<A, E>(test: Effect.Effect<A, E>) => Effect.Effect<A, E>) | undefined
}
