/**
 * The call of a session as the tools of its agent see it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { AgentCall } from "../../agent/AgentCall.ts"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { State } from "../../conversation/ConversationState.ts"
import * as UtteranceQueue from "../UtteranceQueue.ts"
import * as CallCommand from "./CallCommand.ts"
import * as DigitCollection from "./DigitCollection.ts"
import type { SessionPhone } from "./SessionPhone.ts"

/**
 * What it uses of its session.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentPhoneOptions {
  readonly dispatch: (event: ConversationInput) => void
  readonly state: () => State
  readonly isClosed: () => boolean
  /** Runs in the session's scope; a former effect of the name is interrupted. */
  readonly run: (name: string, effect: Effect.Effect<unknown>) => void
}

/** How the agent reads what came of a collection; what the user has said instead is their turn already. */
const turnOf = (result: DigitCollection.CollectedDigits): string | undefined => {
  switch (result._tag) {
    case "collected":
      return `The caller entered ${[...result.digits].join(" ")}.`
    case "too_short":
      return result.digits === ""
        ? "The caller entered no digits."
        : `The caller entered only ${[...result.digits].join(" ")}.`
    case "no_input":
      return "The caller entered no digits in time."
    case "spoken":
      return undefined
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (phone: SessionPhone, { dispatch, isClosed, run, state }: AgentPhoneOptions): AgentCall => {
  const command = (op: string, asked: CallCommand.CallCommand): Effect.Effect<void, BackendError> =>
    Effect.suspend(() =>
      isClosed()
        ? Effect.fail(new InvalidConfig({ op, message: "the call is over" }))
        : Effect.flatMap(CallCommand.check(op, asked), (checked) => phone.run(op, checked))
    )

  const collect = (op: string, asked: DigitCollection.DigitCollection): Effect.Effect<void> =>
    phone.keypad.collect(op, asked, false).pipe(
      Effect.map((result) => {
        const text = turnOf(result)
        if (text !== undefined && !isClosed() && !UtteranceQueue.isFullOfTexts(state(), text)) {
          dispatch({ _tag: "UserText", text })
        }
      }),
      // the session has ended
      Effect.ignore
    )

  return {
    sendDtmf: (digits) => command("Agent.sendDtmf", { action: "send_dtmf", digits }),
    transfer: (target, options) => command("Agent.transfer", CallCommand.transfer(target, options)),
    hangUp: command("Agent.hangUp", { action: "hang_up" }),
    hold: (on) => command("Agent.hold", { action: "hold", on }),
    askDigits: (options) =>
      Effect.flatMap(
        DigitCollection.make("Agent.collectDigits", options),
        (asked) =>
          Effect.suspend((): Effect.Effect<void, BackendError> => {
            if (phone.keypad.isCollecting) {
              const message = "the user is being asked for digits already"
              return Effect.fail(new InvalidConfig({ op: "Agent.collectDigits", message }))
            }
            return Effect.sync(() => run("collect-digits", collect("Agent.collectDigits", asked)))
          })
      )
  }
}
