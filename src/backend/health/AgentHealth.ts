/**
 * Watches how the agents of a backend answer. They are not probed: a request to a model costs money, so the answers that
 * sessions ask for tell.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { Agent } from "../../agent/Agent.ts"
import * as AgentAnswer from "../../agent/AgentAnswer.ts"
import { type BackendError, ConnectionFailed, messageForUsers } from "../../BackendError.ts"
import type { HealthSource } from "../../HealthSource.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"

/** As many failures in a row are no accident. */
const FAILURES = 2
/** What failed longer ago says nothing about now. */
const TOLD_MS = 60_000
/** Agents are few; a program may make any number of them. */
const MAX_AGENTS = 100

/**
 * @category models
 * @since 0.1.0
 */
export interface AgentHealth {
  /** The agent, its answers watched; the same one for the same agent. */
  readonly watch: (agent: Agent) => Agent
  readonly source: HealthSource
}

interface Failures {
  readonly count: number
  readonly error: BackendError
  readonly atMs: number
}

/**
 * Starts to watch. `onChange` runs when an agent has failed for the second time in a row, and when it answers again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  onChange: Effect.Effect<unknown>
): Effect.fn.Return<AgentHealth> {
  const clock = yield* Clock.Clock
  const watched = new WeakMap<Agent, Agent>()
  const failing = new Map<string, Failures>()

  const note = (name: string, exit: Exit.Exit<unknown, BackendError>): Effect.Effect<unknown> =>
    Effect.suspend(() => {
      const before = failing.get(name)?.count ?? 0
      if (Exit.isSuccess(exit)) {
        failing.delete(name)
        return before < FAILURES ? Effect.void : onChange
      }
      const reason = exit.cause.reasons.find((reason) => reason._tag === "Fail")
      // an answer that was interrupted says nothing
      if (reason === undefined || Cause.hasInterruptsOnly(exit.cause)) return Effect.void
      if (before === 0 && failing.size >= MAX_AGENTS) return Effect.void
      failing.set(name, { count: before + 1, error: reason.error, atMs: MonotonicTime.nowMs(clock) })
      return before + 1 === FAILURES ? onChange : Effect.void
    })

  const watch = (agent: Agent): Agent => {
    const known = watched.get(agent)
    if (known !== undefined) return known
    const name = agent.name ?? "without a name"
    // whatever else it has stays its own
    const own: Agent = Object.create(agent, {
      name: { value: agent.name, enumerable: true },
      respond: {
        enumerable: true,
        value: (input: Parameters<Agent["respond"]>[0]) =>
          Stream.onExit(AgentAnswer.make(() => agent.respond(input)), (exit) => note(name, exit))
      }
    })
    watched.set(agent, own)
    watched.set(own, own)
    return own
  }

  return {
    watch,
    source: {
      name: "agent",
      what: "the agent",
      probe: Effect.suspend(() => {
        const now = MonotonicTime.nowMs(clock)
        for (const [name, { atMs, count, error }] of failing) {
          if (count < FAILURES || now - atMs > TOLD_MS) continue
          return Effect.fail(
            new ConnectionFailed({
              op: "VoiceBackend.healthCheck",
              message: `the last ${count} answers of the agent ${name} failed: ${error.code}: ${
                messageForUsers(error)
              }`,
              details: { part: "agent" }
            })
          )
        }
        return Effect.void
      })
    }
  }
})
