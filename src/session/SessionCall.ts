/**
 * The call of a session, for its agent and its tools.
 *
 * @since 0.1.0
 */
import type { CallContext } from "../agent/CallContext.ts"
import type { SessionConfig } from "./SessionConfig.ts"
import type { UserConnection } from "./UserConnection.ts"

/**
 * What the session knows of its call. The functions are asked at each use.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallSource {
  readonly id: string
  readonly config: SessionConfig
  readonly provider: string
  readonly metadata: () => CallContext["metadata"]
  /** The present connection, else the last one; `undefined` before the first. */
  readonly connection: () => Pick<UserConnection, "transport" | "facts"> | undefined
  /** What the provider knows of the call itself, whatever its connection. */
  readonly callFacts: () => { readonly [name: string]: unknown } | undefined
}

/**
 * What a turn adds.
 *
 * @category models
 * @since 0.1.0
 */
export type CallTurn = Pick<CallContext, "turn" | "history" | "language">

const NO_FACTS = {}

/**
 * The call in one turn.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make =
  ({ callFacts, config, connection, id, metadata, provider }: CallSource) =>
  ({ history, language, turn }: CallTurn): CallContext => ({
    sessionId: id,
    userId: config.userId,
    tenant: config.tenant,
    provider,
    turn,
    history,
    language,
    get metadata() {
      return metadata()
    },
    get transport() {
      return connection()?.transport ?? config.transport
    },
    get facts() {
      return callFacts() ?? connection()?.facts ?? NO_FACTS
    }
  })
