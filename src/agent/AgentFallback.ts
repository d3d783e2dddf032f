/**
 * Answers with another agent when one fails before its first word.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import { AgentError, type BackendError, Timeout } from "../BackendError.ts"
import type { EngineIncident, OnIncident } from "../EngineIncident.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import * as ThrownValue from "../ThrownValue.ts"
import type { Agent, AgentInput } from "./Agent.ts"
import * as AgentAnswer from "./AgentAnswer.ts"
import * as AgentThoughts from "./AgentThoughts.ts"
import * as LanguageModelErrors from "./LanguageModelErrors.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface FallbackOptions {
  /** The name of the combined agent. Default: the first agent's. */
  readonly name?: string | undefined
  /**
   * How long each agent may take to its first word. Default: no limit, so only failures count. The session's own `timeout`
   * still applies, so this should be well below it.
   */
  readonly timeout?: Duration.Input | undefined
  readonly onIncident?: OnIncident | undefined
}

/** White space alone is not a word. */
const word = /\S/u

/**
 * Combines several agents: each turn is answered by the first that produces a word. The next agent is asked when one fails,
 * times out or ends without a word. A failure after the first word is passed on, because that word may have been played. The
 * last agent's failure or silence is passed on as well.
 *
 * The next agent does not know of tools that an agent called before it failed. White space before an agent's first word is
 * dropped; the empty texts by which it shows that it works are passed on. A thought is no word.
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
    const report = (what: EngineIncident["what"], rest: Pick<EngineIncident, "error" | "to">): Effect.Effect<void> =>
      Effect.try({
        try: () =>
          options.onIncident?.({ engine: nameOf(index), kind: "agent", what, sessionId: input.sessionId, ...rest }),
        catch: Cause.die
      }).pipe(
        Effect.catch((cause) => Effect.logError("onIncident threw", ThrownValue.loggable(cause))),
        Effect.asVoid
      )
    let hasSpoken = false
    const next = (error: BackendError): Stream.Stream<string, BackendError, R> =>
      Stream.fromEffectDrain(
        Effect.logWarning(
          `${nameOf(index)} failed: ${nameOf(index + 1)} answers`,
          ThrownValue.loggable(Cause.fail(error))
        ).pipe(
          Effect.annotateLogs({ agent: nameOf(index) }),
          Effect.andThen(report("failed", { error })),
          Effect.andThen(report("switched", { error, to: nameOf(index + 1) }))
        )
      ).pipe(Stream.concat(respond(input, index + 1)))
    const isLast = index === agents.length - 1
    const noAnswer = () =>
      new AgentError({ op: "Agent.respond", message: `${nameOf(index)} ended without an answer`, retryable: true })

    const guarded = Stream.transformPull(AgentThoughts.passOn(AgentAnswer.make(() => agent.respond(input))), (pull) => {
      let untilMs: number | undefined
      // until there is a word, an empty text only shows that the agent works, as while it waits for a tool
      const first: Pull.Pull<Arr.NonEmptyReadonlyArray<string>, BackendError> = Effect.clockWith((clock) => {
        const nowMs = MonotonicTime.nowMs(clock)
        untilMs ??= nowMs + Duration.toMillis(duration)
        return pull.pipe(
          Effect.timeoutOrElse({
            duration: Duration.millis(Math.max(0, untilMs - nowMs)),
            orElse: () =>
              Effect.fail(
                new Timeout({
                  op: "Agent.respond",
                  message: `${nameOf(index)} had no answer within ${Duration.format(duration)}`
                })
              )
          }),
          Effect.map((pieces): Arr.NonEmptyReadonlyArray<string> => {
            hasSpoken = pieces.some((piece) => word.test(piece))
            return hasSpoken ? pieces : [""]
          }),
          Pull.catchDone((): Pull.Pull<never, BackendError> => isLast ? Cause.done() : Effect.fail(noAnswer()))
        )
      })
      return Effect.succeed(Effect.suspend(() => hasSpoken ? pull : first))
    })
    return guarded.pipe(
      Stream.catchCause((cause) => {
        const error = LanguageModelErrors.fromCause(cause)
        if (!hasSpoken && !isLast) return next(error)
        return Stream.fromEffect(Effect.andThen(report("failed", { error }), Effect.fail(error)))
      })
    )
  }

  const { greeting, name } = agents[0]
  return { name: options.name ?? name, greeting, respond: (input) => respond(input, 0) }
}
