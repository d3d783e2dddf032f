/** A turn for an agent that is asked outside of a session. */
import { Effect } from "effect"
import type * as Agent from "../../src/agent/index.ts"

export const agentInput: Agent.AgentInput = {
  transcript: "hello",
  history: [],
  sessionId: "s",
  userId: "u",
  turn: 1,
  metadata: {},
  provider: "local",
  transport: "memory",
  facts: {},
  committed: Effect.void
}
