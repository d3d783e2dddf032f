/**
 * An application's answers to what its own page asks for beside the conversation, over a protocol that has such requests.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { BackendError } from "../BackendError.ts"

/**
 * What a client asks for: RTVI's `client-message`.
 *
 * - `type`, `data`: as the page has sent them (`t` and `d`): nothing of them was checked.
 * - `userId`, `tenant`: of the session, as the `AuthHook` has given them.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientRequest {
  readonly sessionId: string
  readonly userId: string
  readonly tenant?: string | undefined
  readonly type: string
  readonly data: unknown
}

/**
 * Provide this service to the layer of the backend to answer the requests of clients; without it, each is refused. An answer has 10 s;
 * 16 of a connection are worked on at once. The client gets the message of a `BackendError`, and of any other failure that there was one.
 *
 * @category services
 * @since 0.1.0
 */
export class ClientRequests extends Context.Service<ClientRequests, {
  /** Answers a request. */
  readonly answer: (request: ClientRequest) => Effect.Effect<Schema.Json, BackendError>
}>()("effect-voice/hooks/ClientRequests") {}
