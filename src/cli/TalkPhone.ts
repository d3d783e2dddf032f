/**
 * A telephone line in front of a connection of `talk`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { PhoneLine, RATE } from "../audio/phone/PhoneLine.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import type { Line, Rates } from "./TalkConnection.ts"

/**
 * How bad the line is.
 *
 * - `jitterMs`: by how much packets may be late, in ms.
 * - `lossPercent`: of 100 packets, how many are lost.
 *
 * @category models
 * @since 0.1.0
 */
export interface PhoneOptions {
  readonly jitterMs: number
  readonly lossPercent: number
}

/**
 * 20 ms of jitter, and one packet of 200 lost.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: PhoneOptions = { jitterMs: 20, lossPercent: 0.5 }

/**
 * The rates of a caller.
 *
 * @category constants
 * @since 0.1.0
 */
export const RATES: Rates = { input: RATE, output: RATE }

/** How often it is looked whether packets have reached the server. */
const pollMs = 5

/**
 * @category models
 * @since 0.1.0
 */
export interface Phone {
  /** The agent speaks: mono PCM at 8 kHz. */
  readonly send: (pcm: Int16Array) => void
  /** The agent was interrupted. */
  readonly clear: () => void
  /** The line of the caller, over one that takes 8 kHz. Each 20 ms that are sent are 20 ms of the call. */
  readonly over: (line: Line) => Effect.Effect<Line, never, Scope.Scope>
}

/**
 * A telephone line. `heard` takes what the caller hears of the call, from its start: pieces of 20 ms, valid only during the call.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: PhoneOptions, heard: (pcm: Int16Array) => void) {
  const random = yield* Random.Random
  const clock = yield* Clock.Clock
  const now = () => MonotonicTime.nowMs(clock)
  let deliver = (_pcm: Int16Array): void => {}
  const phone = new PhoneLine({
    jitterMs: options.jitterMs,
    loss: options.lossPercent / 100,
    random: () => random.nextDoubleUnsafe(),
    onSpeech: (pcm) => deliver(pcm),
    onHeard: heard
  })
  return {
    send: (pcm) => phone.send(pcm),
    clear: () => phone.clear(),
    over: Effect.fnUntraced(function*(line) {
      deliver = line.send
      yield* Effect.sync(() => phone.arrive(now())).pipe(
        Effect.andThen(Effect.sleep(pollMs)),
        Effect.forever,
        Effect.forkScoped
      )
      return { send: (pcm) => phone.tick(pcm, now()), hangup: line.hangup }
    })
  } satisfies Phone as Phone
})
