/**
 * Answers with another agent when one fails before it has said a word.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import { AgentError, type BackendError, fromCause, Timeout } from "../BackendError.ts"
import type { EngineIncident, OnIncident } from "../EngineIncident.ts"
import type { Agent, AgentInput } from "./Agent.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface FallbackOptions {
  /** The name of the whole. Default: the first agent's. */
  readonly name?: string | undefined
  /**
   * How long each agent may take to its first words. Default: as long as it likes, so that only failures count; a
   * session still gives up after its own `timeout`, so this belongs well below it.
   */
  readonly timeout?: Duration.Input | undefined
  readonly onIncident?: OnIncident | undefined
}

/** Space alone is not a word. */
const words = /\S/u

/**
 * Makes one agent of several: each turn is answered by the first that gets as far as words. The next is asked when one
 * fails, passes its time or ends without a word. After the first words a failure passes through, because what was said
 * cannot be unsaid; the last agent's failure or silence passes through as well.
 *
 * An agent that acts (with tools) before it fails has acted: the next one does not know.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fallback = <R = never>(
  agents: Arr.NonEmptyReadonlyArray<Agent<R>>,
  options: FallbackOptions = {}
): Agent<R> => {
  const nameOf = (index: number) => agents[index]?.name ?? `agent ${index + 1}`
  const duration = options.timeout === undefined ? Duration.infinity : Duration.fromInputUnsafe(options.timeout)

  const respond = (input: AgentInput, index: number): Stream.Stream<string, BackendError, R> => {
    const agent = agents[index]
    if (agent === undefined) return Stream.empty
    const tell = (what: EngineIncident["what"], rest: Pick<EngineIncident, "error" | "to">) =>
      options.onIncident?.({ engine: nameOf(index), kind: "agent", what, sessionId: input.sessionId, ...rest })
    let spoken = false
    const next = (error: BackendError): Stream.Stream<string, BackendError, R> => {
      tell("failed", { error })
      tell("switched", { error, to: nameOf(index + 1) })
      return respond(input, index + 1)
    }
    const last = index === agents.length - 1
    const silent = () =>
      new AgentError({ op: "Agent.respond", message: `${nameOf(index)} said nothing`, retryable: true })

    const guarded = Stream.transformPull(Stream.suspend(() => agent.respond(input)), (pull) => {
      const held: Array<string> = []
      // everything up to the first words, within the time for it
      const begin: Pull.Pull<Arr.NonEmptyReadonlyArray<string>, BackendError> = Effect.gen(function*() {
        while (true) {
          const pieces = yield* pull
          held.push(...pieces)
          if (!held.some((piece) => words.test(piece))) continue
          spoken = true
          const [head = "", ...tail] = held
          return [head, ...tail]
        }
      })
      const first = begin.pipe(
        Effect.timeoutOrElse({
          duration,
          orElse: () =>
            Effect.fail(
              new Timeout({
                op: "Agent.respond",
                message: `${nameOf(index)} said nothing within ${Duration.format(duration)}`
              })
            )
        }),
        Pull.catchDone((): Pull.Pull<never, BackendError> => last ? Cause.done() : Effect.fail(silent()))
      )
      return Effect.succeed(Effect.suspend(() => spoken ? pull : first))
    })
    return guarded.pipe(
      Stream.catchCause((cause) => {
        if (Cause.hasInterruptsOnly(cause)) return Stream.fromEffect(Effect.interrupt)
        const error = failureOf(cause)
        if (!spoken && !last) return next(error)
        tell("failed", { error })
        return Stream.fail(error)
      })
    )
  }

  return { name: options.name ?? agents[0].name, respond: (input) => respond(input, 0) }
}

// an agent that dies is an agent that fails
const failureOf = (cause: Cause.Cause<BackendError>): BackendError => {
  const error = fromCause("Agent.respond", cause)
  return Cause.hasDies(cause) && error._tag === "PipelineError"
    ? new AgentError({ op: error.op, message: error.message, cause: error.cause, retryable: false })
    : error
}
